//! Sockets: listening, connecting, TLS both ways, and blind tunnels.

pub mod tls;
