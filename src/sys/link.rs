//! One of our connections by its two addresses.

use std::net::SocketAddr;

/// A TCP connection that has one end here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// Our own end.
    pub near: SocketAddr,
    /// The other end.
    pub far: SocketAddr,
}
