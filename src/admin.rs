//! The admin port: health, readiness, metrics, drain, and the traces of the embedded collector.
//!
//! It has a listener of its own, on loopback by default. All of it is read-only but for
//! `POST /drain` and for what programs tell of their own requests below `/v1`.

mod exposition;
pub mod metrics;
mod reply;
pub mod server;
pub mod v1;
