//! Which certificate is shown, and which are trusted.

use std::path::PathBuf;

/// The certificate of a listener, `[ingress.tls]` in `proxy.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// PEM file with the certificate chain, leaf first.
    pub cert: PathBuf,
    /// PEM file with the leaf's private key.
    pub key: PathBuf,
}

/// Whom we trust when we connect, `[ingress.upstream_tls]` and `[egress.tls]` in `proxy.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientOptions {
    /// PEM file with certificates to trust besides the system's.
    pub roots: Option<PathBuf>,
}
