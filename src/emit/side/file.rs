//! The file of JSON lines: appended to, and opened again when it has failed.

use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::emit::side::Chunk;
use crate::emit::side::FileCounters;
use crate::sys::clock::Clock;
use crate::sys::throttle::Throttle;
use crate::trace::time::Stamp;

/// How long after a failure the file is tried again: a full disk is not made better by haste.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A file that documents are appended to.
pub(super) struct JsonLines {
    path: PathBuf,
    state: State,
    counters: Arc<FileCounters>,
    clock: Arc<dyn Clock>,
    start: Stamp,
    warnings: Throttle,
}

enum State {
    Open(File),
    /// A write failed then, perhaps within a line.
    Failed(Stamp),
}

impl JsonLines {
    /// Opens `path` for appending and makes it if need be.
    pub(super) fn open(
        path: &Path,
        clock: Arc<dyn Clock>,
        counters: Arc<FileCounters>,
    ) -> io::Result<Self> {
        let state = State::Open(append(path)?);
        let warnings = Throttle::new(Throttle::WARNINGS);
        Ok(Self { path: path.into(), state, counters, start: clock.now(), clock, warnings })
    }

    /// Appends `chunk` in one write, or counts its documents as dropped.
    pub(super) fn append(&mut self, chunk: &Chunk) {
        let now = self.clock.now();
        if matches!(&self.state, State::Failed(then) if now.since(*then) < RETRY_AFTER) {
            self.counters.dropped.fetch_add(chunk.documents, Ordering::Relaxed);
            return;
        }
        match self.try_append(&chunk.lines) {
            Ok(()) => {
                self.counters.written.fetch_add(chunk.documents, Ordering::Relaxed);
            }
            Err(error) => {
                self.counters.dropped.fetch_add(chunk.documents, Ordering::Relaxed);
                self.state = State::Failed(now);
                if let Some(suppressed) = self.warnings.allow(now.since(self.start)) {
                    let path = self.path.display();
                    tracing::warn!(%path, %error, suppressed, "cannot append documents to the file");
                }
            }
        }
    }

    fn try_append(&mut self, lines: &[u8]) -> io::Result<()> {
        if let State::Open(file) = &mut self.state {
            return file.write_all(lines);
        }
        let mut file = append(&self.path)?;
        // The failed write may have left half a line: end it, so that it spoils no other.
        file.write_all(b"\n")?;
        file.write_all(lines)?;
        self.state = State::Open(file);
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).open(path)
}
