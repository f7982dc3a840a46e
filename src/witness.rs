//! Who is at the other end of our connections: which process of the service has accepted a request,
//! which makes a call, and which of its threads waits for it.
//!
//! To ask the operating system may block, so one thread of ours does it, for all workers, and only
//! while somebody waits for an answer.

mod job;
mod known;
mod watcher;

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::trace;

use crate::attribution::caller::Caller;
use crate::attribution::caller::Hold;
use crate::attribution::caller::Reader;
use crate::sys::clock::Clock;
use crate::sys::link::Link;
use crate::sys::peer::Diag;
use crate::sys::peer::Processes;
use crate::trace::id::SegmentId;
use crate::witness::job::Calling;
use crate::witness::job::Job;
use crate::witness::job::Reading;
use crate::witness::known::Known;
use crate::witness::watcher::Watcher;

/// How long a call waits to be seen, at most. A thread that waits for the answer is there from the
/// moment it has sent the request, give or take some turns of a busy machine's scheduler; where no
/// thread runs that could come to wait, it is over at once.
const PATIENCE: Duration = Duration::from_millis(20);

/// Most questions that wait to be taken up. One more is answered at once: nothing was seen.
const QUESTIONS: usize = 1_024;

/// The way to whoever looks. To clone it gives another to the same.
#[derive(Clone, Debug)]
pub struct Witness {
    jobs: mpsc::SyncSender<Job>,
    clock: Arc<dyn Clock>,
}

impl Witness {
    /// Starts to look when asked. `threads` says whether threads may be watched.
    ///
    /// # Errors
    ///
    /// If the kernel has no way to ask, or no thread to give.
    pub fn start(threads: bool, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let known = Known::new(Diag::open()?, Processes::open()?);
        let (sender, jobs) = mpsc::sync_channel(QUESTIONS);
        let watcher = Watcher::new(jobs, known, threads, Arc::clone(&clock));
        thread::Builder::new().name("witness".to_owned()).spawn(move || watcher.run())?;
        Ok(Self { jobs: sender, clock })
    }

    /// Who reads the connection `link` to the service: the thread that waits for what is still to
    /// come, once one does; nobody if it is plain that none will, or none has within the `limit`.
    /// With patience, that is counted from when somebody has begun to read; ten seconds at most.
    pub async fn reader(&self, link: Link, hold: Hold, limit: Duration) -> Reader {
        let (tell, told) = oneshot::channel();
        let now = self.clock.now().monotonic();
        let reading = Reading::new(link, hold, (now, limit), tell);
        if self.jobs.try_send(Job::Read(reading)).is_err() {
            return Reader::Queued;
        }
        let reader = told.await.unwrap_or(Reader::Queued);
        trace!(?link, ?reader, "who reads");
        reader
    }

    /// Who waits for the answer to a call that came over `link`, and which of `requests`, each with
    /// its connection to the service, are accepted by whom. Twenty milliseconds at most.
    pub async fn caller(&self, link: Link, requests: Vec<(SegmentId, Link)>) -> Caller {
        let (tell, told) = oneshot::channel();
        let until = self.clock.now().monotonic() + PATIENCE;
        let job = Job::Call(Calling::new(link, requests, until, tell));
        if self.jobs.try_send(job).is_err() {
            return Caller::default();
        }
        let caller = told.await.unwrap_or_default();
        trace!(?link, ?caller, "who calls");
        caller
    }
}
