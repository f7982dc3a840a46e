//! The admin port: health, readiness, metrics, drain, and the traces of the embedded collector.
//!
//! It has a listener of its own, on loopback by default. All of it is read-only but for
//! `POST /drain`.

mod exposition;
pub mod metrics;
pub mod server;
