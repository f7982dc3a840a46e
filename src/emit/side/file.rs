//! The file of JSON lines: appended to, and opened again when it has failed or was moved away.

use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::emit::options::LinesTo;
use crate::emit::side::Chunk;
use crate::emit::side::FileCounters;
use crate::emit::side::StartError;
use crate::sys::clock::Clock;
use crate::sys::throttle::Throttle;
use crate::trace::time::Stamp;

/// How long after a failure the file is tried again: a full disk is not made better by haste.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How often it is looked whether the file is still the one of that name.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What lines are appended to.
pub(super) struct JsonLines {
    to: LinesTo,
    state: State,
    /// When it was last looked whether the file was moved away.
    looked: Stamp,
    counters: Arc<FileCounters>,
    clock: Arc<dyn Clock>,
    start: Stamp,
    warnings: Throttle,
}

enum State {
    /// Standard output needs no opening.
    Stdout,
    Open(File),
    /// A write failed then, perhaps within a line.
    Failed(Stamp),
}

impl JsonLines {
    /// Opens `to` for appending and makes it if need be.
    pub(super) fn open(
        to: &LinesTo,
        clock: Arc<dyn Clock>,
        counters: Arc<FileCounters>,
    ) -> Result<Self, StartError> {
        let state = match to {
            LinesTo::Stdout => State::Stdout,
            LinesTo::File(path) => State::Open(
                append(path).map_err(|source| StartError::Open { path: path.clone(), source })?,
            ),
        };
        let (to, warnings, start) = (to.clone(), Throttle::new(Throttle::WARNINGS), clock.now());
        Ok(Self { to, state, looked: start, counters, start, clock, warnings })
    }

    /// Appends `chunk` in one write, or counts its documents as dropped.
    pub(super) fn append(&mut self, chunk: &Chunk) {
        let now = self.clock.now();
        if matches!(&self.state, State::Failed(then) if now.since(*then) < RETRY_AFTER) {
            self.counters.dropped.fetch_add(chunk.documents, Ordering::Relaxed);
            return;
        }
        match self.try_append(&chunk.lines, now) {
            Ok(()) => {
                self.counters.written.fetch_add(chunk.documents, Ordering::Relaxed);
            }
            Err(error) => {
                self.counters.dropped.fetch_add(chunk.documents, Ordering::Relaxed);
                self.state = State::Failed(now);
                if let Some(suppressed) = self.warnings.allow(now.since(self.start)) {
                    let to = &self.to;
                    tracing::warn!(?to, %error, suppressed, "cannot append lines");
                }
            }
        }
    }

    fn try_append(&mut self, lines: &[u8], now: Stamp) -> io::Result<()> {
        let LinesTo::File(path) = &self.to else {
            let mut out = io::stdout();
            out.write_all(lines)?;
            return out.flush();
        };
        if now.since(self.looked) >= LOOK_EVERY {
            self.looked = now;
            if let State::Open(file) = &self.state
                && !is_at(file, path)
            {
                self.state = State::Open(append(path)?);
            }
        }
        if let State::Open(file) = &mut self.state {
            return file.write_all(lines);
        }
        let mut file = append(path)?;
        // The failed write may have left half a line: end it, so that it spoils no other.
        file.write_all(b"\n")?;
        file.write_all(lines)?;
        self.state = State::Open(file);
        Ok(())
    }
}

/// Whether an open file is still the one at `path`. It is not once it was moved away, as log
/// rotation does.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |data: Metadata| (data.dev(), data.ino());
    let same = file.metadata().map(identity).ok();
    same.is_some() && same == path.metadata().map(identity).ok()
}

fn append(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).open(path)
}
