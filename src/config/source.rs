//! What a configuration is made of: a file, the environment, the flags.

use std::fs::File as OpenFile;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use crate::config::env::Env;
use crate::config::fault::Fault;
use crate::config::fault::Faults;
use crate::config::fault::Place;

/// The file that is read when none is named and it is there.
pub const DEFAULT_FILE: &str = "proxy.toml";

/// Most bytes of a file that is read whole. A thousand sampling rules take a tenth of it.
const LARGEST: u64 = 1 << 20;

/// Everything a configuration is made of.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file, if there is one.
    pub file: Option<File>,
    /// The environment.
    pub env: Env,
    /// The flags of the command line.
    pub flags: Flags,
}

/// A configuration file, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path, as the user wrote it; only shown.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// What the command line says, word for word: it is parsed as the file is, and beats it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--admin-listen`, for `admin.listen`.
    pub admin_listen: Option<String>,
    /// `--daemon`, for `emit.daemon`.
    pub daemon: Option<String>,
    /// `--egress-listen`, for `egress.listen`.
    pub egress_listen: Option<String>,
    /// `--ingress-listen`, for `ingress.listen`.
    pub ingress_listen: Option<String>,
    /// `--name`, for `service.name`.
    pub name: Option<String>,
    /// `--upstream`, for `ingress.upstream`.
    pub upstream: Option<String>,
    /// `--workers`, for `runtime.workers`.
    pub workers: Option<String>,
}

impl File {
    /// Reads the file at `named`, which must be there; without it [`DEFAULT_FILE`], if it is there.
    ///
    /// # Errors
    ///
    /// One fault, when the file cannot be read or is no text.
    pub fn find(named: Option<&Path>) -> Result<Option<Self>, Faults> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match read(path) {
            Ok(text) => Ok(Some(Self { path: path.to_owned(), text })),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Faults::one(Fault {
                place: Place::Flag("--config"),
                key: "".into(),
                value: Some(format!("{:?}", path.display().to_string()).into_boxed_str()),
                message: format!("cannot be read: {error}").into_boxed_str(),
            })),
        }
    }
}

/// The text of a file of at most a mebibyte.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let size = OpenFile::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if u64::try_from(size).is_ok_and(|size| size <= LARGEST) {
        return Ok(text);
    }
    Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_file_must_be_there_and_be_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let missing = File::find(Some(&path)).unwrap_err().to_string();
        assert!(missing.starts_with("--config: \""), "{missing}");
        assert!(missing.contains("a.toml\": cannot be read: No such file"), "{missing}");

        std::fs::write(&path, "[log]").unwrap();
        let file = File::find(Some(&path)).unwrap().unwrap();
        assert_eq!((file.path, &*file.text), (path.clone(), "[log]"));

        std::fs::write(&path, [0xff]).unwrap();
        assert!(File::find(Some(&path)).is_err(), "not UTF-8");
        assert!(File::find(Some(folder.path())).is_err(), "a directory");
    }

    #[test]
    fn the_size_of_a_file_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let largest = usize::try_from(LARGEST).unwrap();
        std::fs::write(&path, "#".repeat(largest)).unwrap();
        assert_eq!(read(&path).unwrap().len(), largest);
        std::fs::write(&path, "#".repeat(largest + 1)).unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
