//! Which threads of a process wait for something to read from which of its files, by
//! `/proc/PID/task/TID/syscall`.
//!
//! It needs the right to attach to the process as a debugger would. One pass answers for all files
//! that someone asks about. The files are kept open: that makes a read three times as fast.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::Fd;
use super::Pass;
use super::Pid;
use super::Tid;
use super::processes::count;
use super::procfs;
use super::procfs::Walk;
use super::text;
use super::text::Calls;
use super::text::Doing;

/// Longest line of a `syscall` file: nine numbers.
const LINE: usize = 256;

/// Most threads of one process that are listed.
const LISTED_MAX: usize = 32_768;

/// The system calls of this machine, where we know them.
pub(super) const CALLS: Option<Calls> = if cfg!(target_arch = "x86_64") {
    Some(text::X86_64)
} else if cfg!(target_arch = "aarch64") {
    Some(text::AARCH64)
} else {
    None
};

/// The threads of one process. It means this process alone: one that gets its number later is not
/// taken for it.
#[derive(Debug)]
pub struct Threads {
    process: OwnedFd,
    task: OwnedFd,
    calls: Calls,
    limit: usize,
    /// How many there were when they were listed last.
    listed: usize,
    files: BTreeMap<Tid, OwnedFd>,
    /// The memory of the process, once a thread that polls was met.
    memory: Option<OwnedFd>,
}

impl Threads {
    /// The threads of `pid`, of which `limit` at most are looked at: for each one a file is kept
    /// open, so take what our own limit of open files can spare.
    ///
    /// # Errors
    ///
    /// The process is gone (`NotFound`), or this is no machine whose system calls we know
    /// (`Unsupported`). Whether we may look shows in the first pass.
    pub fn open(pid: Pid, limit: usize) -> io::Result<Self> {
        let calls = CALLS.ok_or(io::ErrorKind::Unsupported)?;
        let process = procfs::directory(rustix::fs::CWD, format!("/proc/{}", pid.0))?;
        let task = procfs::directory(&process, "task")?;
        let files = BTreeMap::new();
        Ok(Self { process, task, calls, limit, listed: 0, files, memory: None })
    }

    /// Reports each thread that is blocked in a system call that reads exactly one file, and that
    /// file: in `read`, `readv`, `recvfrom` or `recvmsg`, or in `poll` or `ppoll` of this file
    /// alone with a wish to read. Threads that wait for several files, or otherwise, are not
    /// reported, nor are those that run.
    ///
    /// New threads are noticed in each pass. What is reported was so at one moment of the pass.
    ///
    /// # Errors
    ///
    /// The process is gone (`NotFound`), or we may not look (`PermissionDenied`).
    pub fn blocked(&mut self, report: &mut dyn FnMut(Tid, Fd)) -> io::Result<Pass> {
        if count(&self.task).map_err(found)? != self.listed {
            self.list().map_err(found)?;
        }
        let mut running = 0;
        let gone = self.look(&[], report, &mut running)?;
        if !gone.is_empty() {
            // As many may have come as went.
            self.files.retain(|tid, _| !gone.contains(tid));
            let known: Vec<Tid> = self.files.keys().copied().collect();
            self.list().map_err(found)?;
            self.look(&known, report, &mut running)?;
        }
        let seen = self.files.len();
        Ok(Pass { seen, beyond: self.listed.saturating_sub(seen), running })
    }

    /// Lists the threads, opens the files of new ones and drops those of old ones.
    fn list(&mut self) -> Result<(), Errno> {
        let mut listed = Vec::with_capacity(self.listed);
        // The one that is kept open would go on where the last walk ended.
        procfs::numbers(procfs::directory(&self.process, "task")?, &mut |tid| {
            listed.push(Tid(tid));
            Ok(if listed.len() < LISTED_MAX { Walk::On } else { Walk::Stop })
        })?;
        self.listed = listed.len();
        listed.sort_unstable();
        self.files.retain(|tid, _| listed.binary_search(tid).is_ok());
        for tid in listed {
            if self.files.len() >= self.limit {
                break;
            }
            if self.files.contains_key(&tid) {
                continue;
            }
            match procfs::file(&self.task, format!("{}/syscall", tid.0)) {
                Err(error) if procfs::is_gone(error) => {}
                // Our own limit of open files came first.
                Err(Errno::MFILE | Errno::NFILE) => break,
                file => drop(self.files.insert(tid, file?)),
            }
        }
        Ok(())
    }

    /// Looks at all threads but those `known`. Returns the ones that are gone.
    fn look(
        &mut self,
        known: &[Tid],
        report: &mut dyn FnMut(Tid, Fd),
        running: &mut usize,
    ) -> io::Result<Vec<Tid>> {
        let mut gone = Vec::new();
        for (tid, file) in &self.files {
            if known.binary_search(tid).is_ok() {
                continue;
            }
            match waits_for(file, &self.calls, &self.process, &mut self.memory) {
                Ok(Waits::For(fd)) => report(*tid, fd),
                Ok(Waits::Not) => *running += 1,
                Ok(Waits::Else) => {}
                Err(error) if procfs::is_gone(error) => gone.push(*tid),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(gone)
    }
}

/// What a thread waits for.
enum Waits {
    /// This file.
    For(Fd),
    /// Something else.
    Else,
    /// Nothing: it runs.
    Not,
}

/// What the thread with this `syscall` file waits for.
fn waits_for(
    file: &OwnedFd,
    calls: &Calls,
    process: &OwnedFd,
    memory: &mut Option<OwnedFd>,
) -> Result<Waits, Errno> {
    let mut room = [0; LINE];
    let line = procfs::read(file, &mut room)?;
    match text::doing(line, calls) {
        Doing::Reads(fd) => Ok(Waits::For(Fd(fd))),
        Doing::Runs => Ok(Waits::Not),
        Doing::Else => Ok(Waits::Else),
        Doing::PollsAt(address) => {
            let pollfd = pollfd(process, memory, address);
            // What was read is what it polls, if it polls there still.
            let mut room = [0; LINE];
            let same = procfs::read(file, &mut room)? == line;
            let polled = pollfd.filter(|_| same).and_then(text::polled);
            Ok(polled.map_or(Waits::Else, |fd| Waits::For(Fd(fd))))
        }
    }
}

/// Reads eight bytes of the memory of a process, or nothing. A process that has become another
/// program has another memory.
fn pollfd(process: &OwnedFd, memory: &mut Option<OwnedFd>, address: u64) -> Option<[u8; 8]> {
    let mut room = [0; 8];
    let mut read = |memory: &OwnedFd| {
        matches!(rustix::io::pread(memory, &mut room[..], address), Ok(8)).then_some(room)
    };
    if let Some(pollfd) = memory.as_ref().and_then(&mut read) {
        return Some(pollfd);
    }
    *memory = procfs::file(process, "mem").ok();
    memory.as_ref().and_then(read)
}

/// One way to say that a process is gone.
fn found(error: Errno) -> io::Error {
    if procfs::is_gone(error) { io::ErrorKind::NotFound.into() } else { error.into() }
}

#[cfg(test)]
mod tests;
