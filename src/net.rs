//! Sockets: listening, connecting, TLS both ways, and blind tunnels.
//!
//! Nothing here knows HTTP or tracing. [`listen`] brings connections in, [`connect`] makes them,
//! [`tls`] wraps either, [`stream::Stream`] is what HTTP is then spoken over, and [`tunnel`] is for
//! what must not be looked into.

pub mod connect;
pub mod listen;
pub mod rewind;
pub mod stream;
pub mod tls;
pub mod tunnel;
