//! Which certificate is shown, and which are trusted.

use std::path::Path;
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

/// Our own certificate authority for calls that are looked into, `[egress.intercept]` in
/// `proxy.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityOptions {
    /// Directory that `ca.pem`, `bundle.pem` and `truststore.p12` are written to, for clients.
    pub dir: PathBuf,
    /// A CA made by `sideray ca create`; none is an ephemeral one, whose key is in memory alone.
    pub files: Option<CaFiles>,
}

/// A certificate authority on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaFiles {
    /// PEM file with its certificate, and those above it if there are any.
    pub cert: PathBuf,
    /// PEM file with its private key, PKCS #8.
    pub key: PathBuf,
}

/// Where an authority's public files go by default: a directory of this user's own. `runtime` is
/// `XDG_RUNTIME_DIR`, which counts where it is absolute; without it, it is `/tmp/sideray-UID`,
/// which [`Authority::open`] refuses to use when somebody else has made it.
///
/// [`Authority::open`]: crate::net::tls::authority::Authority::open
#[must_use]
pub fn default_dir(runtime: Option<&Path>) -> PathBuf {
    match runtime.filter(|dir| dir.is_absolute()) {
        Some(dir) => dir.join("sideray"),
        None => PathBuf::from(format!("/tmp/sideray-{}", rustix::process::geteuid().as_raw())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_directory_is_the_users_own() {
        let runtime = default_dir(Some(Path::new("/run/user/1000")));
        assert_eq!(runtime, Path::new("/run/user/1000/sideray"));
        for none in [None, Some(Path::new("")), Some(Path::new("run"))] {
            let dir = default_dir(none);
            assert!(dir.to_string_lossy().starts_with("/tmp/sideray-"), "{}", dir.display());
        }
    }
}
