//! The only thing a proxy handler knows of tracing.
//!
//! A [`recorder::Recorder`] opens an [`inbound::Inbound`] or an [`outbound::Outbound`] for each
//! exchange. That value *is* the open segment or subsegment: closing consumes it, and dropping it
//! records that the exchange was cancelled, so none can be forgotten. Nothing here waits or fails:
//! what goes wrong costs a document, which is counted, never a request.

mod access;
pub mod attempts;
pub mod central;
pub mod counters;
pub mod evidence;
pub mod inbound;
pub mod inside;
pub mod keep;
pub mod local;
pub mod naming;
pub mod options;
pub mod outbound;
pub mod pieces;
mod progress;
pub mod recorder;
pub mod runtime;
pub mod sampler;
pub mod told;
