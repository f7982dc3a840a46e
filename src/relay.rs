//! The place of an X-Ray daemon for a program that has an SDK of its own: its documents pass, and
//! join ours where they tell of the same request; its questions about sampling go on to the daemon.
//!
//! ```text
//! SDK ──UDP──▶ documents ─▶ join: header line, JSON       pure
//!                 │  a segment below a request of ours ─▶ record::recorder::Shared::recognise
//!                 │      ─▶ join: a subsegment of that request
//!                 └─▶ emit::queue ─▶ the daemon, the collector, the file, as with our own
//! SDK ──TCP──▶ calls ─▶ ask ─▶ the daemon
//! ```

pub mod ask;
pub mod calls;
pub mod counters;
pub mod documents;
pub mod join;
pub mod options;
pub mod port;
