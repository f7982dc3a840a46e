//! Who is at the other end of our connections: which process of the service has accepted a request,
//! which makes a call, and which of its threads waits for it.
//!
//! To ask the operating system may block, so one thread of ours does it, for all workers, and only
//! while somebody waits for an answer.

mod job;
mod known;
mod pulse;
mod sight;
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
use crate::sys::clock::SystemClock;
use crate::sys::link::Link;
use crate::sys::peer::Diag;
use crate::sys::peer::Processes;
use crate::sys::peer::capabilities::Capabilities;
use crate::trace::id::SegmentId;
use crate::witness::job::Calling;
use crate::witness::job::Job;
use crate::witness::job::Reading;
use crate::witness::known::Known;
use crate::witness::pulse::Pulse;
use crate::witness::sight::Sight;
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
    sight: Arc<Sight>,
    /// The machine's own: what it waits for are the turns of the machine's scheduler.
    clock: Arc<SystemClock>,
    pulse: Arc<Pulse>,
}

impl Witness {
    /// Starts to look when asked. `threads` says whether threads are to be watched. When it first is
    /// asked, it says in the log what can be seen of the service on `port`.
    ///
    /// # Errors
    ///
    /// If the kernel has no way to ask, or no thread to give.
    pub fn start(threads: bool, port: Option<u16>) -> io::Result<Self> {
        let clock = Arc::new(SystemClock::start());
        let known = Known::new(Diag::open()?, Processes::open()?);
        let (sender, jobs) = mpsc::sync_channel(QUESTIONS);
        let found = Capabilities::probe(None);
        let sight = Arc::<Sight>::default();
        sight.found(&found);
        let threads = threads && found.threads.is_ok();
        let pulse = Arc::<Pulse>::default();
        let watcher = Watcher::new(jobs, known, threads, (Arc::clone(&clock), Arc::clone(&pulse)));
        let seen = Arc::clone(&sight);
        let look = move || {
            watcher.run(move || {
                let found = Capabilities::probe(port);
                seen.found(&found);
                sight::say(&found);
            });
        };
        thread::Builder::new().name("witness".to_owned()).spawn(look)?;
        Ok(Self { jobs: sender, sight, clock, pulse })
    }

    /// What can be seen: the sockets at the far end of connections, the processes that have them,
    /// the threads of those. As far as was tried: of the service once it has been asked about.
    pub fn sight(&self) -> impl Iterator<Item = (&'static str, bool)> + use<> {
        self.sight.parts()
    }

    /// Who reads the connection `link` to the service: the thread that waits for what is still to
    /// come, once one does; nobody if it is plain that none will, or none has within the `limit`.
    /// With patience, that is counted from when somebody has begun to read; ten seconds at most.
    /// If nobody looks, as when the kernel keeps whoever should, that is so after half a second.
    pub async fn reader(&self, link: Link, hold: Hold, limit: Duration) -> Reader {
        let now = self.clock.now().monotonic();
        let read = |tell| Job::Read(Reading::new(link, hold, (now, limit), tell));
        let reader = self.ask(read).await.unwrap_or(Reader::Queued);
        trace!(?link, ?reader, "who reads");
        reader
    }

    /// Who waits for the answer to a call that came over `link`, and which of `requests`, each with
    /// its connection to the service, are accepted by whom. Twenty milliseconds at most; if nobody
    /// looks, half a second.
    pub async fn caller(&self, link: Link, requests: Vec<(SegmentId, Link)>) -> Caller {
        let until = self.clock.now().monotonic() + PATIENCE;
        let call = |tell| Job::Call(Calling::new(link, requests, until, tell));
        let caller = self.ask(call).await.unwrap_or_default();
        trace!(?link, ?caller, "who calls");
        caller
    }

    /// Puts a question and waits for its answer. None if there is none, and at once where nobody
    /// has looked for a while.
    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Option<T> {
        if self.pulse.is_stuck() {
            return None;
        }
        let (tell, told) = oneshot::channel();
        self.jobs.try_send(job(tell)).ok()?;
        self.pulse.wait(told).await
    }
}

#[cfg(test)]
mod tests;
