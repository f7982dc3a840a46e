//! TLS both ways, by rustls with ring: [`server`] shows our certificate, [`client`] checks theirs.

pub mod authority;
pub mod client;
pub mod options;
pub mod server;

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem;
use rustls::pki_types::pem::PemObject;

/// HTTP/2, as ALPN names it. Source: RFC 9113 section 3.1.
const H2: &[u8] = b"h2";

/// HTTP/1.1, as ALPN names it. Source: RFC 7301 section 6.
const HTTP1: &[u8] = b"http/1.1";

/// A certificate or key file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFileError {
    /// Each file is in order, but they do not belong together.
    #[error("{} is not the key of {}", key.display(), cert.display())]
    Mismatch {
        /// The file with the certificate.
        cert: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// The file holds no certificate.
    #[error("{} holds no certificate in PEM form", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no private key, or one that is encrypted.
    #[error("{} holds no unencrypted private key in PEM form", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The file is not whole PEM.
    #[error("{} is not a whole PEM file", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is PEM, but what it holds cannot be used.
    #[error("{} cannot be used", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What rustls said.
        source: rustls::Error,
    },
}

/// The cryptography, named explicitly everywhere: rustls's process-wide default would be a hidden
/// order of start-up.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn read(path: &Path) -> Result<Vec<u8>, TlsFileError> {
    std::fs::read(path).map_err(|source| TlsFileError::Read { path: path.into(), source })
}

/// Every certificate of a PEM file, at least one.
fn certificates(path: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|source| TlsFileError::Pem { path: path.into(), source })?;
    if found.is_empty() {
        return Err(TlsFileError::NoCertificate { path: path.into() });
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
