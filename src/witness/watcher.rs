//! The one who looks.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use crate::attribution::caller::Caller;
use crate::attribution::caller::Process;
use crate::attribution::caller::Reader;
use crate::attribution::caller::Thread;
use crate::sys::clock::Clock;
use crate::sys::clock::SystemClock;
use crate::sys::link::Link;
use crate::sys::peer::Fd;
use crate::sys::peer::Pid;
use crate::sys::peer::Threads;
use crate::sys::peer::Tid;
use crate::witness::job::Calling;
use crate::witness::job::Job;
use crate::witness::job::Reading;
use crate::witness::known::End;
use crate::witness::known::Known;
use crate::witness::pulse::Pulse;

/// How long it rests between two looks.
const REST: Duration = Duration::from_micros(100);

/// Most processes whose threads are watched, and most threads of each. Each holds a file open.
const PROCESSES: usize = 32;
const THREADS: usize = 256;

/// So many looks in a row have found nobody at work who could yet come to wait for it: nobody will.
const IDLE: u32 = 4;

/// How long a request that is queued is left alone before it is looked at again: each time longer.
const QUEUED: Duration = Duration::from_micros(250);
const QUEUED_LONG: Duration = Duration::from_millis(2);

/// Looks for as long as somebody waits for what is seen.
#[derive(Debug)]
pub(super) struct Watcher {
    jobs: mpsc::Receiver<Job>,
    known: Known,
    clock: Arc<SystemClock>,
    pulse: Arc<Pulse>,
    /// None if threads may not be watched.
    threads: Option<HashMap<Pid, Threads>>,
    reading: Vec<Reading>,
    calling: Vec<Calling>,
}

/// What was seen in one look.
#[derive(Debug, Default)]
struct Scene {
    /// Who waits for what.
    waiting: HashMap<(Pid, Fd), Tid>,
    /// Processes in which some thread runs, and may yet come to wait.
    running: Vec<Pid>,
}

impl Watcher {
    pub(super) fn new(
        jobs: mpsc::Receiver<Job>,
        known: Known,
        threads: bool,
        (clock, pulse): (Arc<SystemClock>, Arc<Pulse>),
    ) -> Self {
        let threads = threads.then(HashMap::new);
        Self { jobs, known, clock, pulse, threads, reading: Vec::new(), calling: Vec::new() }
    }

    /// Looks until nobody can ask any more. `first` is done when somebody first does.
    pub(super) fn run(mut self, first: impl FnOnce()) {
        let Ok(job) = self.jobs.recv() else { return };
        self.take(job);
        first();
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
        self.pulse.beat();
        let now = self.clock.now().monotonic();
        self.reading.retain(|reading| !reading.tell.is_closed());
        self.calling.retain(|calling| !calling.tell.is_closed());
        for calling in std::mem::take(&mut self.calling) {
            self.see_processes(calling);
        }
        for reading in &mut self.reading {
            if now >= reading.again {
                reading.end = self.known.end(reading.link);
                let queued = reading.end == End::Queued;
                reading.rest = match queued {
                    true => (reading.rest * 2).clamp(QUEUED, QUEUED_LONG),
                    false => Duration::ZERO,
                };
                reading.again = now + reading.rest;
            }
        }
        let ends = self.reading.iter().map(|reading| reading.end);
        let ends = ends.chain(self.calling.iter().map(|calling| calling.end));
        let mut pids: Vec<_> = ends.filter_map(owner).map(|(pid, _)| pid).collect();
        pids.sort_unstable();
        pids.dedup();
        let scene = self.scene(&pids);
        self.tell_readers(&scene, now);
        self.tell_callers(&scene, now);
    }

    /// What processes tell of a call, once; it then waits on for its thread, if it has several.
    fn see_processes(&mut self, mut calling: Calling) {
        if calling.seen.is_some() {
            self.calling.push(calling);
            return;
        }
        calling.end = self.known.end(calling.link);
        let Some((pid, _)) = owner(calling.end) else {
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
    fn scene(&mut self, pids: &[Pid]) -> Scene {
        let mut scene = Scene::default();
        let Some(threads) = &mut self.threads else { return scene };
        for pid in pids {
            if threads.len() >= PROCESSES && !threads.contains_key(pid) {
                threads.clear();
            }
            let Ok(of) = open(threads, *pid) else { continue };
            let mut shared = Vec::new();
            let pass = of.blocked(&mut |tid, fd| {
                if scene.waiting.insert((*pid, fd), tid).is_some_and(|other| other != tid) {
                    shared.push(fd);
                }
            });
            // Two that wait for the same: it cannot be told which will get it.
            for fd in shared {
                scene.waiting.remove(&(*pid, fd));
            }
            match pass {
                Ok(pass) if pass.running > 0 || pass.beyond > 0 => scene.running.push(*pid),
                Ok(_) => {}
                Err(_) => drop(threads.remove(pid)),
            }
        }
        scene
    }

    /// The thread that waits for the far end of this connection.
    fn thread(&self, scene: &Scene, link: Link, (pid, fd): (Pid, Fd)) -> Option<Thread> {
        let tid = *scene.waiting.get(&(pid, fd))?;
        let thread = Thread { process: pid.0, id: tid.0 };
        self.known.is_of(link, tid, fd).then_some(thread)
    }

    fn tell_readers(&mut self, scene: &Scene, now: Duration) {
        for mut reading in std::mem::take(&mut self.reading) {
            let seen = self.see_reader(&mut reading, scene, now);
            match seen {
                Some(reader) => {
                    // Whoever asked may have gone.
                    let _ = reading.tell.send(reader);
                }
                None => self.reading.push(reading),
            }
        }
    }

    /// Who reads a request, once that is plain or the time is over.
    fn see_reader(
        &mut self,
        reading: &mut Reading,
        scene: &Scene,
        now: Duration,
    ) -> Option<Reader> {
        let (pid, fd) = match reading.end {
            End::Owned(pid, fd) => (pid, fd),
            End::Closed | End::Unclear => return Some(Reader::Nobody),
            End::Queued => {
                reading.waits(now);
                return reading.is_over(now).then_some(Reader::Queued);
            }
        };
        if let Some(thread) = self.thread(scene, reading.link, (pid, fd)) {
            return Some(Reader::Thread(thread));
        }
        if self.known.socket(reading.link).is_some_and(|socket| socket.unread > 0) {
            reading.waits(now);
            return reading.is_over(now).then_some(Reader::Queued);
        }
        let idle = !scene.running.contains(&pid);
        reading.idle = if idle { reading.idle + 1 } else { 0 };
        (reading.idle >= IDLE || reading.is_over(now)).then_some(Reader::Nobody)
    }

    fn tell_callers(&mut self, scene: &Scene, now: Duration) {
        for mut calling in std::mem::take(&mut self.calling) {
            let place = owner(calling.end);
            let thread = place.and_then(|place| self.thread(scene, calling.link, place));
            let idle = place.is_none_or(|(pid, _)| !scene.running.contains(&pid));
            calling.idle = if idle { calling.idle + 1 } else { 0 };
            if thread.is_some() || calling.idle >= IDLE || now >= calling.until {
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

const fn owner(end: End) -> Option<(Pid, Fd)> {
    match end {
        End::Owned(pid, fd) => Some((pid, fd)),
        End::Queued | End::Closed | End::Unclear => None,
    }
}
