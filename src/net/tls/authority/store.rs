//! A CA on disk: where its two files are, and how they are written.

use std::fs;
use std::path::Path;

use crate::net::tls::authority::ca::Ca;
use crate::net::tls::authority::files;
use crate::net::tls::authority::files::Readers;
use crate::net::tls::authority::files::WriteError;
use crate::net::tls::options::CaFiles;

/// What happens to files that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// They stay, and nothing is written.
    Keep,
    /// They are overwritten.
    Overwrite,
}

/// The files of the CA in `dir`, whether they are there or not.
#[must_use]
pub fn files_in(dir: &Path) -> CaFiles {
    CaFiles { cert: dir.join("ca.pem"), key: dir.join("ca.key") }
}

/// Writes the certificate and the key, whose file nobody but the owner can read at any moment, and
/// the directory around them if it is not there, which nobody but the owner can enter. Blocks.
///
/// # Errors
///
/// If one is there already and is to be kept, or cannot be written: then neither is.
pub fn save(ca: &Ca, files: &CaFiles, existing: Existing) -> Result<(), WriteError> {
    let dir = files.key.parent().unwrap_or(Path::new("."));
    files::make_dir(dir, Readers::Owner)?;
    let (key, cert) = (ca.key_pem(), ca.pem());
    match existing {
        Existing::Keep => {
            if fs::symlink_metadata(&files.cert).is_ok() {
                return Err(WriteError::Exists { path: files.cert.clone() });
            }
            files::create(&files.key, key.as_bytes(), Readers::Owner)?;
            let saved = files::create(&files.cert, cert.as_bytes(), Readers::Everybody);
            saved.inspect_err(|_| drop(fs::remove_file(&files.key)))
        }
        Existing::Overwrite => {
            files::replace(&files.key, key.as_bytes(), Readers::Owner)?;
            save_certificate(ca, files)
        }
    }
}

/// Writes the certificate alone, in place of the one that is there. Blocks.
///
/// # Errors
///
/// If it cannot be written; the old one stays then.
pub fn save_certificate(ca: &Ca, files: &CaFiles) -> Result<(), WriteError> {
    files::replace(&files.cert, ca.pem().as_bytes(), Readers::Everybody)
}
