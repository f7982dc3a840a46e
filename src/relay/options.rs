//! What the relay may be told.

use std::net::SocketAddr;

/// Options of the relay, `[relay]` in `proxy.toml`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Where SDKs find their daemon, over UDP and TCP. Without, there is no relay.
    pub listen: Option<SocketAddr>,
}
