//! What clients read to trust the authority: its certificate, alone and among the system's roots,
//! as PEM files and as a Java truststore. Nothing here has seen the key.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use rustls::pki_types::CertificateDer;

use crate::net::tls::authority::ca::pem;
use crate::net::tls::authority::files::Readers;
use crate::net::tls::authority::files::WriteError;
use crate::net::tls::authority::files::make_dir;
use crate::net::tls::authority::files::replace;
use crate::net::tls::authority::truststore::truststore;

/// The password that Java's tools take by default. The truststore has none, so any will do.
pub const PASSWORD: &str = "changeit";

/// Where Linux systems keep their roots: Debian, Alpine and Arch; Red Hat and Amazon; SUSE; others.
const USUAL_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Where clients find what they are to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicFiles {
    /// The authority's certificate in PEM form, for clients that add it to what they trust.
    pub ca: PathBuf,
    /// The system's roots and the authority's certificate in PEM form, for clients that trust
    /// one file alone.
    pub bundle: PathBuf,
    /// The same as [`PublicFiles::bundle`] as a PKCS #12 truststore, for Java.
    pub truststore: PathBuf,
}

impl PublicFiles {
    /// Their names in `dir`, whether they are there or not.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        Self {
            ca: dir.join("ca.pem"),
            bundle: dir.join("bundle.pem"),
            truststore: dir.join("truststore.p12"),
        }
    }

    /// Removes them, and their directory if nothing else is in it: at the end of a process whose
    /// authority ends with it. What cannot be removed stays.
    pub fn remove(&self) {
        for file in [&self.ca, &self.bundle, &self.truststore] {
            drop(fs::remove_file(file));
        }
        if let Some(dir) = self.ca.parent() {
            drop(fs::remove_dir(dir));
        }
    }

    /// Writes them: `own` is the authority's certificates, and `extra` names files and directories
    /// with certificates to trust besides. What of those cannot be read is logged and left out.
    pub(super) fn write(
        &self,
        own: &[CertificateDer<'static>],
        extra: &[PathBuf],
    ) -> Result<(), WriteError> {
        let dir = self.ca.parent().unwrap_or(Path::new("."));
        make_dir(dir, Readers::Everybody)?;
        let mut trusted = own.to_vec();
        trusted.extend(system_roots());
        trusted.extend(extra.iter().flat_map(|path| certificates_at(path)));
        let mut seen = HashSet::new();
        trusted.retain(|certificate| seen.insert(certificate.clone()));
        let ca: String = own.iter().map(pem).collect();
        replace(&self.ca, ca.as_bytes(), Readers::Everybody)?;
        let bundle: String = trusted.iter().map(pem).collect();
        replace(&self.bundle, bundle.as_bytes(), Readers::Everybody)?;
        let named: Vec<_> = trusted
            .into_iter()
            .enumerate()
            .map(|(number, certificate)| (format!("sideray-{number}"), certificate))
            .collect();
        replace(&self.truststore, &truststore(&named), Readers::Everybody)
    }
}

/// The roots that OpenSSL would trust, which are those of `SSL_CERT_FILE` where it is set, and the
/// system's all the same: not every client of the bundle heeds that variable.
fn system_roots() -> Vec<CertificateDer<'static>> {
    let mut found = rustls_native_certs::load_native_certs();
    let usual = USUAL_ROOTS.into_iter().map(Path::new).find(|path| path.exists());
    let usual = rustls_native_certs::load_certs_from_paths(usual, None);
    found.certs.extend(usual.certs);
    found.errors.extend(usual.errors);
    for error in &found.errors {
        tracing::debug!(%error, "some root certificates of the system were left out");
    }
    if found.certs.is_empty() {
        tracing::warn!("the system has no root certificates, install ca-certificates");
    }
    found.certs
}

/// The certificates of a file, or of the files in a directory.
fn certificates_at(path: &Path) -> Vec<CertificateDer<'static>> {
    let (file, dir) = if path.is_dir() { (None, Some(path)) } else { (Some(path), None) };
    let found = rustls_native_certs::load_certs_from_paths(file, dir);
    for error in &found.errors {
        tracing::warn!(%error, "certificates that are to be trusted cannot be read");
    }
    found.certs
}
