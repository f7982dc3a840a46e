//! Files that appear whole or not at all, in directories that others cannot have prepared.

use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::Permissions;
use std::io;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use crate::sys::entropy::Entropy;
use crate::sys::entropy::SystemEntropy;

/// The permission of everybody to write, in a mode.
const OTHERS_WRITE: u32 = 0o002;

/// A directory or file that cannot be written, or should not.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The directory cannot be made or looked at.
    #[error("the directory {} cannot be made", path.display())]
    Dir {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is there already, and was not to be overwritten.
    #[error("{} is there already; --force overwrites it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("{} cannot be written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The directory stands where everybody can put one, and somebody else did: what is read from
    /// it later may be theirs.
    #[error(
        "{} was put there by another user ({uid}); remove it, or choose another directory",
        path.display()
    )]
    Planted {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
}

/// Who may read a file that is written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Everybody, whatever the umask says.
    Everybody,
    /// Its owner alone, from the moment it exists.
    Owner,
}

impl Readers {
    const fn file(self) -> u32 {
        match self {
            Self::Everybody => 0o644,
            Self::Owner => 0o600,
        }
    }

    const fn dir(self) -> u32 {
        match self {
            Self::Everybody => 0o755,
            Self::Owner => 0o700,
        }
    }
}

/// Makes a directory unless it is there, with those above it.
///
/// Where everybody may create files beside it, as in `/tmp`, one that is there must be ours or
/// root's and no symbolic link: anybody could have made it to have us write, or our clients read,
/// what they like.
///
/// # Errors
///
/// If it cannot be made, or somebody else has.
pub fn make_dir(path: &Path, readers: Readers) -> Result<(), WriteError> {
    let fault = |source| WriteError::Dir { path: path.into(), source };
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    fs::create_dir_all(above).map_err(fault)?;
    match DirBuilder::new().mode(readers.dir()).create(path) {
        Ok(()) if readers == Readers::Everybody => {
            fs::set_permissions(path, Permissions::from_mode(readers.dir())).map_err(fault)
        }
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_public = fs::metadata(above).map_err(fault)?.mode() & OTHERS_WRITE != 0;
            if is_public { must_be_ours(path) } else { must_be_dir(path) }
        }
        Err(source) => Err(fault(source)),
    }
}

fn must_be_dir(path: &Path) -> Result<(), WriteError> {
    let fault = |source| WriteError::Dir { path: path.into(), source };
    if fs::metadata(path).map_err(fault)?.is_dir() {
        return Ok(());
    }
    Err(fault(io::ErrorKind::NotADirectory.into()))
}

fn must_be_ours(path: &Path) -> Result<(), WriteError> {
    let fault = |source| WriteError::Dir { path: path.into(), source };
    let found = fs::symlink_metadata(path).map_err(fault)?;
    let uid = found.uid();
    if uid != 0 && uid != rustix::process::geteuid().as_raw() {
        return Err(WriteError::Planted { path: path.into(), uid });
    }
    if found.is_dir() { Ok(()) } else { Err(fault(io::ErrorKind::NotADirectory.into())) }
}

/// Writes a file that must not be there yet.
///
/// # Errors
///
/// If it is there, even as a symbolic link, or cannot be written; nothing is left of it then.
pub fn create(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), WriteError> {
    write(path, bytes, readers).map_err(|source| {
        let path = path.into();
        if source.kind() == io::ErrorKind::AlreadyExists {
            WriteError::Exists { path }
        } else {
            WriteError::File { path, source }
        }
    })
}

/// Writes a file in place of the one that is there, if one is. Whoever reads it meanwhile reads the
/// old one or the new one, whole.
///
/// # Errors
///
/// If it cannot be written; the old one stays then.
pub fn replace(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), WriteError> {
    // Beside it, because a rename does not leave its file system.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}", SystemEntropy::default().bits()));
    let beside = path.with_file_name(name);
    let replaced = write(&beside, bytes, readers)
        .and_then(|()| fs::rename(&beside, path).inspect_err(|_| remove(&beside)));
    replaced.map_err(|source| WriteError::File { path: path.into(), source })
}

/// Writes a new file, through no link, and leaves nothing behind when that fails.
fn write(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let mode = readers.file();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    fill(&mut file, bytes, readers).inspect_err(|_| remove(path))
}

fn fill(file: &mut File, bytes: &[u8], readers: Readers) -> io::Result<()> {
    if readers == Readers::Everybody {
        file.set_permissions(Permissions::from_mode(readers.file()))?;
    }
    file.write_all(bytes)?;
    file.sync_all()
}

/// Removes what is left over; that it cannot be is less than what went wrong before.
fn remove(path: &Path) {
    drop(fs::remove_file(path));
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    /// A directory in which everybody may create files, as `/tmp`.
    fn shared() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o1777)).unwrap();
        dir
    }

    #[test]
    fn a_directory_is_made_with_its_mode_and_used_again() {
        let shared = shared();
        for (readers, want) in [(Readers::Everybody, 0o755), (Readers::Owner, 0o700)] {
            let dir = shared.path().join(format!("{want}/deep/er"));
            make_dir(&dir, readers).unwrap();
            assert_eq!(mode(&dir), want);
            make_dir(&dir, readers).unwrap();
            let top = shared.path().join(format!("top-{want}"));
            make_dir(&top, readers).unwrap();
            make_dir(&top, readers).unwrap();
        }
    }

    #[test]
    fn what_stands_in_the_place_of_the_directory_is_refused() {
        let shared = shared();
        let real = shared.path().join("real");
        fs::create_dir(&real).unwrap();
        let link = shared.path().join("link");
        symlink(&real, &link).unwrap();
        let file = shared.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [&link, &file] {
            let error = make_dir(path, Readers::Everybody).unwrap_err();
            assert!(matches!(error, WriteError::Dir { .. }), "{error}");
        }
        // Where nobody else could have put it, a link is the owner's choice.
        let private = tempfile::tempdir().unwrap();
        let link = private.path().join("link");
        symlink(&real, &link).unwrap();
        make_dir(&link, Readers::Everybody).unwrap();
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused_in_a_shared_place() {
        let shared = shared();
        let theirs = shared.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        if std::os::unix::fs::chown(&theirs, Some(4_242), None).is_err() {
            return; // Only root can give files away.
        }
        let error = make_dir(&theirs, Readers::Everybody).unwrap_err();
        assert!(matches!(error, WriteError::Planted { uid: 4_242, .. }), "{error}");
    }

    #[test]
    fn files_are_whole_have_their_mode_and_follow_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let victim = dir.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        for (readers, want) in [(Readers::Everybody, 0o644), (Readers::Owner, 0o600)] {
            let path = dir.path().join(format!("file-{want}"));
            create(&path, b"one", readers).unwrap();
            assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"one".to_vec(), want));
            let error = create(&path, b"two", readers).unwrap_err();
            assert!(matches!(error, WriteError::Exists { .. }), "{error}");
            replace(&path, b"two", readers).unwrap();
            assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"two".to_vec(), want));

            fs::remove_file(&path).unwrap();
            symlink(&victim, &path).unwrap();
            assert!(create(&path, b"three", readers).is_err());
            replace(&path, b"three", readers).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"three");
        }
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "nothing is left beside them");
    }
}
