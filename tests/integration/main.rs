//! The whole sidecar in process, between real sockets: an origin behind it, a strict UDP daemon
//! beside it, clients in front of it. One binary, one module a subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    missing_docs,
    unreachable_pub,
    reason = "a test's way to fail is to panic, and it may use the world as it is"
)]

mod attribution;
mod commands;
mod emission;
mod faults;
mod headers;
mod ingress;
mod lifecycle;
mod load;
mod sampling;
mod snapshots;
mod support;
