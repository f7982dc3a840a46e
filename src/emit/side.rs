//! What can block, the file and the embedded collector, on one thread for all workers.
//!
//! Workers hand over chunks of JSON lines without waiting; the thread appends each chunk to the
//! file in one write, so that nothing is left in a buffer when it is idle, and shows the collector
//! document after document.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::emit::options::LinesTo;
use crate::emit::side::file::JsonLines;
use crate::sys::clock::Clock;
use crate::trace::document::Batch;

mod file;
mod lines;

pub use crate::emit::side::lines::Lines;

/// A chunk is closed once it has this many bytes, so it has fewer than twice as many, whatever
/// the sizes of its documents.
const CHUNK: usize = 64 * 1024;

/// Most chunks that may wait: with [`CHUNK`], at most 64 MiB.
const WAITING: usize = 512;

/// Takes documents on the side thread, one a call.
pub type Consumer = Box<dyn FnMut(&[u8]) + Send>;

/// Why the side thread could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The file could not be opened for appending.
    #[error("cannot append documents to {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system gave no thread.
    #[error("cannot start the thread that stores documents")]
    Thread(#[source] io::Error),
}

/// What became of the documents meant for the file, all workers together.
#[derive(Debug, Default)]
pub struct FileCounters {
    written: AtomicU64,
    dropped: AtomicU64,
}

impl FileCounters {
    /// Documents appended to the file.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Documents that were not, or only in part: the thread could not keep up, or a write failed.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// A worker's end. The thread ends when all of them are gone and everything is stored.
#[derive(Clone, Debug)]
pub struct SideSender {
    chunks: mpsc::SyncSender<Chunk>,
    /// Of the file, if there is one.
    file: Option<Arc<FileCounters>>,
}

/// The thread.
#[derive(Debug)]
pub struct SideHandle {
    thread: thread::JoinHandle<()>,
    /// Disconnected when the thread ends.
    ended: mpsc::Receiver<()>,
    file: Option<Arc<FileCounters>>,
}

/// JSON lines, back to back.
#[derive(Default)]
struct Chunk {
    lines: Vec<u8>,
    documents: u64,
}

/// Documents that were handed over, and their bytes as JSON lines.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::emit) struct Taken {
    pub(in crate::emit) documents: u64,
    pub(in crate::emit) bytes: usize,
}

/// Starts the thread that appends documents to `file` and shows them to `consumer`.
///
/// # Errors
///
/// If the file cannot be opened for appending now, or there is no thread to be had. A file that
/// fails later is opened again after a while, and costs documents meanwhile.
pub fn start(
    file: Option<&LinesTo>,
    consumer: Option<Consumer>,
    clock: Arc<dyn Clock>,
) -> Result<(SideSender, SideHandle), StartError> {
    let counters = file.map(|_| Arc::<FileCounters>::default());
    let lines = match file.zip(counters.as_ref()) {
        Some((to, counters)) => Some(JsonLines::open(to, clock, Arc::clone(counters))?),
        None => None,
    };
    let (sender, chunks) = mpsc::sync_channel(WAITING);
    let (alive, ended) = mpsc::sync_channel(1);
    let thread = thread::Builder::new()
        .name("sideray-side".into())
        .spawn(move || {
            store(&chunks, lines, consumer);
            drop(alive);
        })
        .map_err(StartError::Thread)?;
    let sender = SideSender { chunks: sender, file: counters.clone() };
    Ok((sender, SideHandle { thread, ended, file: counters }))
}

fn store(
    chunks: &mpsc::Receiver<Chunk>,
    mut file: Option<JsonLines>,
    mut consumer: Option<Consumer>,
) {
    for chunk in chunks {
        if let Some(file) = &mut file {
            file.append(&chunk);
        }
        if let Some(consumer) = &mut consumer {
            let lines = chunk.lines.split(|byte| *byte == b'\n');
            lines.filter(|line| !line.is_empty()).for_each(consumer);
        }
    }
}

impl SideSender {
    /// Hands over the documents of `batch`, as many as there is room for. Never waits.
    pub(in crate::emit) fn offer(&self, batch: &Batch) -> Taken {
        let mut taken = Taken::default();
        let mut chunk = Chunk::default();
        for document in batch.documents() {
            chunk.lines.extend_from_slice(document);
            chunk.lines.push(b'\n');
            chunk.documents += 1;
            if chunk.lines.len() >= CHUNK {
                self.hand_over(std::mem::take(&mut chunk), &mut taken);
            }
        }
        if chunk.documents > 0 {
            self.hand_over(chunk, &mut taken);
        }
        taken
    }

    fn hand_over(&self, chunk: Chunk, taken: &mut Taken) {
        let (documents, bytes) = (chunk.documents, chunk.lines.len());
        // Full, or the thread is gone: lost either way.
        if self.chunks.try_send(chunk).is_ok() {
            taken.documents += documents;
            taken.bytes += bytes;
        } else if let Some(file) = &self.file {
            file.dropped.fetch_add(documents, Ordering::Relaxed);
        }
    }
}

impl SideHandle {
    /// The counters of the file, if there is one.
    #[must_use]
    pub fn file_counters(&self) -> Option<&Arc<FileCounters>> {
        self.file.as_ref()
    }

    /// Waits at most `deadline` for the thread to store what it was handed and end, which it does
    /// once every [`SideSender`] is gone. False if it did not, or had panicked. It blocks the
    /// calling thread, so it is called when the workers have ended.
    #[must_use]
    pub fn join(self, deadline: Duration) -> bool {
        match self.ended.recv_timeout(deadline) {
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => self.thread.join().is_ok(),
            Err(mpsc::RecvTimeoutError::Timeout) => false,
        }
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("bytes", &self.lines.len())
            .field("documents", &self.documents)
            .finish()
    }
}

#[cfg(test)]
mod tests;
