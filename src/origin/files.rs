//! Small files of the system, which may well not be there.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Most bytes of a file that are looked at.
const MOST: u64 = 256 << 10;

/// The beginning of the file at `path` below `root`, if it is a file that can be read. Blocks.
pub(super) fn read(root: &Path, path: &str) -> Option<String> {
    let path = root.join(path);
    // A pipe would never come to an end.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The same without what surrounds it.
pub(super) fn word(root: &Path, path: &str) -> Option<String> {
    read(root, path).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The host name, as the kernel has it for this container.
pub(super) fn host_name(root: &Path) -> Option<String> {
    word(root, "proc/sys/kernel/hostname")
}

/// Does what blocks on a thread that may.
pub(super) async fn beside<T: Send + 'static>(
    look: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    tokio::task::spawn_blocking(look).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_far_as_it_goes() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(read(root.path(), "a"), None, "it is not there");
        std::fs::write(root.path().join("a"), " b\n").unwrap();
        assert_eq!(word(root.path(), "a").as_deref(), Some("b"));
        std::fs::write(root.path().join("a"), " \n").unwrap();
        assert_eq!(word(root.path(), "a"), None);
        let most = usize::try_from(MOST).unwrap();
        std::fs::write(root.path().join("a"), vec![b'x'; most + 1]).unwrap();
        assert_eq!(read(root.path(), "a").unwrap().len(), most);
        assert_eq!(read(root.path(), ""), None, "a directory");
    }
}
