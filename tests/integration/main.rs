//! The whole sidecar in process, between real sockets: an origin behind it, a strict UDP daemon
//! beside it, clients in front of it. One binary, one module a subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    missing_docs,
    unreachable_pub,
    reason = "a test's way to fail is to panic, and it may use the world as it is"
)]

mod access;
mod admin;
mod annotate;
mod api;
mod attribution;
mod central;
mod commands;
mod continues;
mod egress;
mod emission;
mod errors;
mod faults;
mod headers;
mod http2;
mod ingress;
mod intercept;
mod lifecycle;
mod load;
mod machine;
mod names;
mod pool;
mod relay;
mod sampling;
mod snapshots;
mod streaming;
mod support;
mod timeouts;
mod tls;
mod tunnel;
mod upgrade;
