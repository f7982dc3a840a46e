//! Our side of the TLS that we ask for: whom we trust, and what went wrong in words.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::AlertDescription;
use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::net::tls::H2;
use crate::net::tls::HTTP1;
use crate::net::tls::TlsFileError;
use crate::net::tls::certificates;
use crate::net::tls::options::ClientOptions;
use crate::net::tls::provider;
use crate::net::tls::read;

/// Whom we trust, and the sessions that can be resumed. Cheap to clone and shared by all workers.
#[derive(Clone, Debug)]
pub struct Client {
    http: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
    /// Whether there is any root certificate, for a better word than "unknown issuer".
    trust: Trust,
}

/// What we offer to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    /// HTTP/2 or, failing that, HTTP/1.1.
    Http,
    /// HTTP/1.1 alone, as upgrades need it.
    Http1,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Negotiated {
    /// HTTP/2.
    H2,
    /// HTTP/1.1, also where the server knows no ALPN.
    Http1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Nobody,
    Somebody,
}

/// A handshake that failed.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The server's certificate does not prove that it is `host`.
    #[error("the certificate of {host} is not valid: {reason}")]
    Certificate {
        /// Who was asked.
        host: Box<str>,
        /// Why, in plain words.
        reason: &'static str,
        /// What rustls said.
        source: io::Error,
    },
    /// The two sides did not agree, or the connection broke.
    #[error("the TLS handshake with {host} failed: {reason}")]
    Handshake {
        /// Who was asked.
        host: Box<str>,
        /// Why, in plain words.
        reason: &'static str,
        /// What rustls or the operating system said.
        source: io::Error,
    },
}

impl Client {
    /// Trusts the system's root certificates and those of the options' file. Blocks on files. A
    /// system without root certificates is a warning and no fault, because plain HTTP needs none;
    /// connecting to anybody then fails and says why.
    ///
    /// # Errors
    ///
    /// If the options' file cannot be read or used.
    pub fn load(options: &ClientOptions) -> Result<Self, TlsFileError> {
        let mut roots = system_roots();
        if let Some(path) = &options.roots {
            add(&mut roots, path)?;
        }
        Ok(Self::trusting(roots))
    }

    /// Trusts the certificates of a PEM file and nobody else. Blocks on the file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or used.
    pub fn trusting_only(path: &Path) -> Result<Self, TlsFileError> {
        let mut roots = RootCertStore::empty();
        add(&mut roots, path)?;
        Ok(Self::trusting(roots))
    }

    /// Speaks TLS to `host`, a name or an IP address (IPv6 with or without brackets), over a fresh
    /// connection to it. Has no timeout of its own: the caller's connect timeout covers it.
    ///
    /// # Errors
    ///
    /// If the certificate is not valid for the host, the two do not agree, or the connection breaks.
    pub async fn handshake(
        &self,
        tcp: TcpStream,
        host: &str,
        alpn: Alpn,
    ) -> Result<(TlsStream<TcpStream>, Negotiated), TlsError> {
        let config = match alpn {
            Alpn::Http => &self.http,
            Alpn::Http1 => &self.http1,
        };
        let stream = TlsConnector::from(Arc::clone(config))
            .connect(server_name(host)?, tcp)
            .await
            .map_err(|source| TlsError::new(host, self.trust, source))?;
        let negotiated = match stream.get_ref().1.alpn_protocol() {
            Some(H2) => Negotiated::H2,
            _ => Negotiated::Http1,
        };
        Ok((stream, negotiated))
    }

    /// Trusts `roots` and nobody else.
    pub(super) fn trusting(roots: RootCertStore) -> Self {
        let trust = if roots.is_empty() { Trust::Nobody } else { Trust::Somebody };
        let mut http1 = config(roots);
        http1.alpn_protocols = vec![HTTP1.to_vec()];
        let mut http = http1.clone();
        http.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
        Self { http: Arc::new(http), http1: Arc::new(http1), trust }
    }
}

impl TlsError {
    /// The kind, as the type of the exception that documents record.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Certificate { .. } => "CertificateInvalid",
            Self::Handshake { .. } => "TlsHandshakeFailed",
        }
    }

    fn new(host: &str, trust: Trust, source: io::Error) -> Self {
        let host = host.into();
        match source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(error)) => {
                let reason = certificate_reason(error, trust);
                Self::Certificate { host, reason, source }
            }
            Some(error) => {
                let reason = handshake_reason(error);
                Self::Handshake { host, reason, source }
            }
            None => Self::Handshake { host, reason: "the connection broke", source },
        }
    }
}

/// Adds every certificate of a file.
fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsFileError> {
    for certificate in certificates(path, &read(path)?)? {
        roots
            .add(certificate)
            .map_err(|source| TlsFileError::Unusable { path: path.into(), source })?;
    }
    Ok(())
}

fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(bare.to_owned()).map_err(|error| TlsError::Handshake {
        host: host.into(),
        reason: "this is neither a host name nor an IP address",
        source: io::Error::new(io::ErrorKind::InvalidInput, error),
    })
}

fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "some root certificates of the system were left out");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!("the system has no root certificates, install ca-certificates");
    }
    roots
}

#[expect(clippy::expect_used, reason = "ring's own suites support rustls's default versions")]
fn config(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring supports TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is rustls's, and grows")]
fn certificate_reason(error: &CertificateError, trust: Trust) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name"
        }
        CertificateError::UnknownIssuer if trust == Trust::Nobody => {
            "there are no root certificates to check it against"
        }
        CertificateError::UnknownIssuer => "nobody whom we trust has issued it",
        CertificateError::Revoked => "it has been revoked",
        CertificateError::BadSignature => "its signature is wrong",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for servers"
        }
        _ => "it is malformed, or uses what we do not support",
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is rustls's, and grows")]
fn handshake_reason(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::AlertReceived(AlertDescription::HandshakeFailure)
        | rustls::Error::PeerIncompatible(_) => "no TLS version or cipher suits both",
        rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            "the server speaks none of the protocols we offered"
        }
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            "the server does not know this name"
        }
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate,
        ) => "the server wants a certificate of ours",
        rustls::Error::AlertReceived(_) => "the server broke it off",
        rustls::Error::InvalidMessage(_) => "the server's answer is not TLS",
        _ => "the server broke the protocol",
    }
}
