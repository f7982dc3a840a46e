//! The one who looks.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use crate::attribution::caller::Caller;
use crate::attribution::caller::Process;
use crate::attribution::caller::Thread;
use crate::sys::clock::Clock;
use crate::sys::peer::Fd;
use crate::sys::peer::Pid;
use crate::sys::peer::Threads;
use crate::sys::peer::Tid;
use crate::witness::job::Calling;
use crate::witness::job::Job;
use crate::witness::job::Reading;
use crate::witness::known::End;
use crate::witness::known::Known;

/// How long it rests between two looks.
const REST: Duration = Duration::from_micros(100);

/// Most processes whose threads are watched, and most threads of each. Each holds a file open.
const PROCESSES: usize = 32;
const THREADS: usize = 256;

/// So many looks in a row have found a request read and nobody waiting for its end: whoever read it
/// does not wait.
const IDLE: u32 = 8;

/// Looks for as long as somebody waits for what is seen.
#[derive(Debug)]
pub(super) struct Watcher {
    jobs: mpsc::Receiver<Job>,
    known: Known,
    clock: Arc<dyn Clock>,
    /// None if threads may not be watched.
    threads: Option<HashMap<Pid, Threads>>,
    reading: Vec<Reading>,
    calling: Vec<Calling>,
}

/// Who was seen to wait for what, in one look.
type Waiting = HashMap<(Pid, Fd), Tid>;

impl Watcher {
    pub(super) fn new(
        jobs: mpsc::Receiver<Job>,
        known: Known,
        threads: bool,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let threads = threads.then(HashMap::new);
        Self { jobs, known, clock, threads, reading: Vec::new(), calling: Vec::new() }
    }

    /// Looks until nobody can ask any more.
    pub(super) fn run(mut self) {
        loop {
            let idle = self.reading.is_empty() && self.calling.is_empty();
            let job = if idle {
                self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                self.jobs.recv_timeout(REST)
            };
            match job {
                Ok(job) => self.take(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Ok(job) = self.jobs.try_recv() {
                self.take(job);
            }
            self.look();
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Read(reading) => self.reading.push(reading),
            Job::Call(calling) => self.calling.push(calling),
        }
    }

    /// One look at everything that is waited for.
    fn look(&mut self) {
        let now = self.clock.now().monotonic();
        self.reading.retain(|reading| !reading.tell.is_closed());
        self.calling.retain(|calling| !calling.tell.is_closed());
        for calling in std::mem::take(&mut self.calling) {
            self.see_processes(calling);
        }
        let ends: Vec<_> =
            self.reading.iter().map(|reading| self.known.end(reading.link)).collect();
        let callers = self.calling.iter().map(|calling| self.known.end(calling.link));
        let mut pids: Vec<_> = ends.iter().copied().chain(callers).filter_map(owner).collect();
        pids.sort_unstable();
        pids.dedup();
        let waiting = self.waiting(&pids);
        self.tell_readers(&ends, &waiting, now);
        self.tell_callers(&waiting, now);
    }

    /// What processes tell of a call, once; it then waits on for its thread, if it has several.
    fn see_processes(&mut self, mut calling: Calling) {
        if calling.seen.is_some() {
            self.calling.push(calling);
            return;
        }
        let Some((pid, _)) = owner_and_fd(self.known.end(calling.link)) else {
            drop(calling.tell.send(Caller::default()));
            return;
        };
        let single = self.known.is_single(pid);
        let accepted = self.known.accepted(pid, &calling.requests);
        let process = accepted.map(|(accepted, queued)| Process { single, accepted, queued });
        let caller = Caller { process, thread: None };
        if single {
            let thread = Some(Thread { process: pid.0, id: pid.0 });
            drop(calling.tell.send(Caller { thread, ..caller }));
        } else if self.threads.is_none() {
            drop(calling.tell.send(caller));
        } else {
            calling.seen = Some(caller);
            self.calling.push(calling);
        }
    }

    /// Who waits for what in these processes.
    fn waiting(&mut self, pids: &[Pid]) -> Waiting {
        let mut waiting = Waiting::new();
        let Some(threads) = &mut self.threads else { return waiting };
        for pid in pids {
            if threads.len() >= PROCESSES && !threads.contains_key(pid) {
                threads.clear();
            }
            let Ok(of) = open(threads, *pid) else { continue };
            let mut shared = Vec::new();
            let seen = of.blocked(&mut |tid, fd| {
                if waiting.insert((*pid, fd), tid).is_some_and(|other| other != tid) {
                    shared.push(fd);
                }
            });
            // Two that wait for the same: it cannot be told which will get it.
            for fd in shared {
                waiting.remove(&(*pid, fd));
            }
            if seen.is_err() {
                threads.remove(pid);
            }
        }
        waiting
    }

    fn tell_readers(&mut self, ends: &[End], waiting: &Waiting, now: Duration) {
        let mut ends = ends.iter();
        let mut still = Vec::new();
        for mut reading in std::mem::take(&mut self.reading) {
            let end = ends.next().copied().unwrap_or(End::Unclear);
            let thread = owner_and_fd(end).and_then(|(pid, fd)| {
                let tid = waiting.get(&(pid, fd))?;
                Some(Thread { process: pid.0, id: tid.0 })
            });
            let done = match end {
                End::Unclear => true,
                End::Queued => false,
                End::Owned(..) if thread.is_some() => true,
                End::Owned(..) => {
                    let read = self.known.socket(reading.link).is_none_or(|s| s.unread == 0);
                    reading.idle = if read { reading.idle + 1 } else { 0 };
                    reading.idle >= IDLE
                }
            };
            if done || now >= reading.until {
                // Whoever asked may have gone.
                let _ = reading.tell.send(thread);
            } else {
                still.push(reading);
            }
        }
        self.reading = still;
    }

    fn tell_callers(&mut self, waiting: &Waiting, now: Duration) {
        for calling in std::mem::take(&mut self.calling) {
            let end = owner_and_fd(self.known.end(calling.link));
            let thread = end.and_then(|(pid, fd)| {
                let tid = waiting.get(&(pid, fd))?;
                Some(Thread { process: pid.0, id: tid.0 })
            });
            if thread.is_some() || end.is_none() || now >= calling.until {
                let seen = calling.seen.unwrap_or_default();
                drop(calling.tell.send(Caller { thread, ..seen }));
            } else {
                self.calling.push(calling);
            }
        }
    }
}

/// The watched threads of a process.
fn open(threads: &mut HashMap<Pid, Threads>, pid: Pid) -> std::io::Result<&mut Threads> {
    use std::collections::hash_map::Entry;
    match threads.entry(pid) {
        Entry::Occupied(entry) => Ok(entry.into_mut()),
        Entry::Vacant(entry) => Ok(entry.insert(Threads::open(pid, THREADS)?)),
    }
}

fn owner(end: End) -> Option<Pid> {
    owner_and_fd(end).map(|(pid, _)| pid)
}

const fn owner_and_fd(end: End) -> Option<(Pid, Fd)> {
    match end {
        End::Owned(pid, fd) => Some((pid, fd)),
        End::Queued | End::Unclear => None,
    }
}
