//! The file of a CA's private key: nobody but its owner reads it.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use rcgen::KeyPair;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroize;
use zeroize::Zeroizing;

/// What everybody may do, in a mode.
const EVERYBODY: u32 = 0o007;

/// What the group may do, in a mode.
const GROUP: u32 = 0o070;

/// Most bytes of a key file: an RSA key of 16,384 bits has 13,000.
const MOST_BYTES: u64 = 65_536;

/// A key file that cannot be used. Nothing of the key is in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Everybody on the machine can read it, or even change it.
    #[error(
        "{} can be read or changed by everybody (mode {mode:03o}): run `chmod 600 {}`, and if \
         somebody may have read it make a new one with `sideray ca renew --new-key`",
        path.display(),
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds no key that can be used.
    #[error(
        "{} holds no unencrypted private key in PEM form as PKCS #8 (-----BEGIN PRIVATE KEY-----)",
        path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Reads a key. One that a group can read is logged and used: that is how Kubernetes mounts secrets
/// for a service that is not root.
pub(super) fn load(path: &Path) -> Result<KeyPair, KeyFileError> {
    let unreadable = |source| KeyFileError::Read { path: path.into(), source };
    let file = File::open(path).map_err(unreadable)?;
    // Of the open file, so that it cannot be another one by now.
    let mode = file.metadata().map_err(unreadable)?.mode() & 0o777;
    if mode & EVERYBODY != 0 {
        return Err(KeyFileError::Exposed { path: path.into(), mode });
    }
    if mode & GROUP != 0 {
        let (path, mode) = (path.display(), format!("{mode:03o}"));
        tracing::warn!(%path, mode, "the CA's key can be read by its group");
    }
    let mut text = Zeroizing::new(Vec::new());
    file.take(MOST_BYTES).read_to_end(&mut text).map_err(unreadable)?;
    let no_key = || KeyFileError::NoKey { path: path.into() };
    let mut der = PrivatePkcs8KeyDer::from_pem_slice(&text).map_err(|_| no_key())?;
    let key = KeyPair::try_from(der.secret_pkcs8_der()).map_err(|_| no_key());
    der.zeroize();
    key
}

/// The permissions of a key file; none if there is no file.
///
/// # Errors
///
/// If everybody can read or change it, or nothing can be known of it.
pub fn mode(path: &Path) -> Result<Option<u32>, KeyFileError> {
    match fs::metadata(path).map(|metadata| metadata.mode() & 0o777) {
        Ok(mode) if mode & EVERYBODY != 0 => Err(KeyFileError::Exposed { path: path.into(), mode }),
        Ok(mode) => Ok(Some(mode)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeyFileError::Read { path: path.into(), source }),
    }
}
