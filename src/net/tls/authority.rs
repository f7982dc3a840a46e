//! Our own certificate authority, by whose leaves calls over TLS are looked into.
//!
//! [`ca`] is the authority's certificate and key, [`store`] where they lie on disk, [`leaves`] what is
//! minted with them for each host, [`public`] what clients read to trust it. The key is in [`ca::Ca`]
//! and in its file, and nowhere else.

pub mod ca;
pub mod facts;
pub mod files;
pub mod key;
pub mod leaves;
pub mod public;
pub mod store;
mod truststore;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;

use crate::net::tls::authority::ca::Ca;
use crate::net::tls::authority::ca::CaError;
use crate::net::tls::authority::files::WriteError;
use crate::net::tls::authority::leaves::Leaves;
use crate::net::tls::authority::leaves::MintError;
use crate::net::tls::authority::public::PublicFiles;
use crate::net::tls::options::AuthorityOptions;
use crate::net::tls::provider;
use crate::sys::clock::Clock;

/// Most hosts whose leaves are kept. One with its TLS state takes some four kilobytes.
const MOST_HOSTS: usize = 1_024;

/// A certificate authority in use, shared by all workers. Its `Debug` does not show the key.
pub struct Authority {
    clock: Arc<dyn Clock>,
    pem: String,
    leaves: Leaves,
    files: PublicFiles,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("files", &self.files).finish_non_exhaustive()
    }
}

/// An authority that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Its certificate or key cannot be made or read.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The system has no chance to give.
    #[error("session tickets cannot be made")]
    Tickets(#[source] rustls::Error),
    /// What clients are to read cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Authority {
    /// Loads the CA, or makes one that lives in memory, and writes what clients are to read. Blocks
    /// on files.
    ///
    /// # Errors
    ///
    /// If the CA's files cannot be used, or the public ones cannot be written.
    pub fn open(
        options: &AuthorityOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, AuthorityError> {
        let now = clock.now().wall();
        let ca = match &options.files {
            Some(files) => Ca::load(files, now)?,
            None => Ca::ephemeral(now)?,
        };
        let authority = Self::new(ca, PublicFiles::of(&options.dir), clock, MOST_HOSTS)?;
        authority.also_trust(&[])?;
        Ok(Arc::new(authority))
    }

    /// The CA's certificate in PEM form, and those above it if there are any.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.pem
    }

    /// What clients are to read.
    #[must_use]
    pub const fn files(&self) -> &PublicFiles {
        &self.files
    }

    /// How many leaves have been minted, for the metrics.
    #[must_use]
    pub fn minted(&self) -> u64 {
        self.leaves.minted()
    }

    /// Writes the public files again, with the certificates in `extra` among those to trust: files
    /// in PEM form, or directories of such. What of them cannot be read is logged and left out.
    /// Blocks on files.
    ///
    /// # Errors
    ///
    /// If a file cannot be written; those before it have been.
    pub fn also_trust(&self, extra: &[PathBuf]) -> Result<(), WriteError> {
        self.files.write(self.leaves.ca().chain(), extra)
    }

    /// The server side of TLS for `host`, a DNS name or an IP address (IPv6 with or without
    /// brackets), that offers exactly `alpn`, TLS 1.2 and 1.3, and resumption.
    ///
    /// Its certificate is for `host` alone. It is minted once, whoever else asks for it meanwhile,
    /// which takes some hundred microseconds; then it is kept for a day, or until so many other
    /// hosts have been asked for that it has to go.
    ///
    /// # Errors
    ///
    /// If `host` is no valid name; else only if the system has no chance to give.
    pub fn server(&self, host: &str, alpn: &[&[u8]]) -> Result<Arc<ServerConfig>, MintError> {
        self.leaves.server(host, alpn, self.clock.now().wall().whole_seconds())
    }

    fn new(
        ca: Ca,
        files: PublicFiles,
        clock: Arc<dyn Clock>,
        most: usize,
    ) -> Result<Self, AuthorityError> {
        let pem = ca.pem();
        let leaves = Leaves::new(ca, most, provider()).map_err(AuthorityError::Tickets)?;
        Ok(Self { clock, pem, leaves, files })
    }
}

#[cfg(test)]
mod tests;
