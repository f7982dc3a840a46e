//! Our side of the TLS that others ask for: the certificate we show, and its renewal.

use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem;
use rustls::pki_types::pem::PemObject;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use crate::net::tls::H2;
use crate::net::tls::HTTP1;
use crate::net::tls::TlsFileError;
use crate::net::tls::certificates;
use crate::net::tls::options::ServerOptions;
use crate::net::tls::provider;
use crate::net::tls::read;

/// The certificate of a listener, shared by all workers, replaceable while they run.
#[derive(Debug)]
pub struct Server {
    options: ServerOptions,
    current: ArcSwap<Pair>,
}

/// What a reload found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// A new pair, which new connections are shown.
    Changed,
    /// The pair in use.
    Same,
}

#[derive(Debug)]
struct Pair {
    /// Of the two files' bytes, to tell a changed pair without keeping the key's text.
    fingerprint: u64,
    config: Arc<ServerConfig>,
}

impl Server {
    /// Reads the pair. Blocks on the two files.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or used, or the key is not the certificate's.
    pub fn load(options: &ServerOptions) -> Result<Arc<Self>, TlsFileError> {
        let pair = Files::read(options)?.pair(options)?;
        let current = ArcSwap::from_pointee(pair);
        Ok(Arc::new(Self { options: options.clone(), current }))
    }

    /// What ends the TLS of one connection, with the certificate of this moment. HTTP/2 is
    /// preferred to HTTP/1.1; a client that offers neither is refused, one without ALPN is not.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.load().config))
    }

    /// Reads the pair again. Blocks on the two files. Open connections keep what they were shown.
    ///
    /// # Errors
    ///
    /// As [`Server::load`]; the pair in use stays then, so that a half-written one does no harm.
    pub fn reload(&self) -> Result<Reloaded, TlsFileError> {
        let files = Files::read(&self.options)?;
        if files.fingerprint() == self.current.load().fingerprint {
            return Ok(Reloaded::Same);
        }
        self.current.store(Arc::new(files.pair(&self.options)?));
        Ok(Reloaded::Changed)
    }

    /// Reloads when the files have changed, looking `every` so often and when `told`, and logs what
    /// it did: a change, and a fault once however long it stays. Reads the contents, because modification
    /// times do not tell the truth where files are swapped by symbolic link. Never ends: the caller
    /// drops it.
    pub async fn watch_files(self: Arc<Self>, every: Duration, told: Arc<Notify>) {
        let mut fault = None;
        loop {
            // An error says that the time has passed without a word.
            drop(tokio::time::timeout(every, told.notified()).await);
            let server = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || server.reload()).await {
                Ok(outcome) => fault = self.log(outcome, fault.as_deref()),
                Err(error) => tracing::error!(%error, "the certificate's reload panicked"),
            }
        }
    }

    /// Logs the news in `outcome`, and returns the fault that there is now.
    fn log(&self, outcome: Result<Reloaded, TlsFileError>, known: Option<&str>) -> Option<String> {
        let cert = self.options.cert.display();
        match outcome {
            Ok(Reloaded::Changed) => {
                tracing::info!(%cert, "the certificate has changed and is in use");
                None
            }
            Ok(Reloaded::Same) => None,
            Err(error) => {
                let fault = error.to_string();
                if known != Some(fault.as_str()) {
                    let cause = std::error::Error::source(&error).map(tracing::field::display);
                    tracing::warn!(%cert, %error, cause, "the old certificate stays in use");
                }
                Some(fault)
            }
        }
    }
}

/// The bytes of both files.
#[derive(Hash)]
struct Files {
    cert: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(options: &ServerOptions) -> Result<Self, TlsFileError> {
        Ok(Self { cert: read(&options.cert)?, key: read(&options.key)? })
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    fn pair(&self, options: &ServerOptions) -> Result<Pair, TlsFileError> {
        let chain = certificates(&options.cert, &self.cert)?;
        let key = private_key(&options.key, &self.key)?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(chain, key))
            .map_err(|source| unusable(options, source))?;
        config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
        Ok(Pair { fingerprint: self.fingerprint(), config: Arc::new(config) })
    }
}

fn private_key(path: &Path, text: &[u8]) -> Result<PrivateKeyDer<'static>, TlsFileError> {
    PrivateKeyDer::from_pem_slice(text).map_err(|source| {
        let path = path.into();
        if matches!(source, pem::Error::NoItemsFound) {
            TlsFileError::NoKey { path }
        } else {
            TlsFileError::Pem { path, source }
        }
    })
}

/// Tells which of the two files rustls complains of.
#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is rustls's, and grows")]
fn unusable(options: &ServerOptions, source: rustls::Error) -> TlsFileError {
    let ServerOptions { cert, key } = options.clone();
    match source {
        rustls::Error::InconsistentKeys(_) => TlsFileError::Mismatch { cert, key },
        rustls::Error::InvalidCertificate(_) => TlsFileError::Unusable { path: cert, source },
        _ => TlsFileError::Unusable { path: key, source },
    }
}
