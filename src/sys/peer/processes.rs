//! Finds the process that has a socket open, by looking through `/proc/PID/fd`.
//!
//! A look through all of them costs some microseconds per open file of the machine, so it is made
//! once per connection, by someone who can wait. What it found is checked with one readlink.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;

use rustix::fs::AtFlags;
use rustix::fs::Stat as FileStat;
use rustix::io::Errno;

use super::Fd;
use super::LINKS_MAX;
use super::Owner;
use super::Pid;
use super::Socket;
use super::procfs;
use super::procfs::Walk;
use super::text;
use super::text::Stat;

/// Most processes that one question looks at.
const PROCESSES_MAX: usize = 16_384;

/// Processes that are kept in mind as owners.
const RECENT: usize = 32;

/// Room for `stat` and `status` of a process.
const STATUS: usize = 4 * 1024;

/// The processes of the machine, as far as we see them.
#[derive(Debug)]
pub struct Processes {
    root: OwnedFd,
    own: Pid,
    /// Who owned sockets before, the latest first.
    recent: Vec<Pid>,
}

/// What a search has come to so far.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// Who has it: the first that was found.
    pub(super) holder: Option<(Pid, Fd)>,
    several: bool,
    /// Who could not be looked into.
    pub(super) closed: Vec<Pid>,
    /// There was more to look at than the bounds allow.
    cut: bool,
}

impl Processes {
    /// Opens `/proc`.
    ///
    /// # Errors
    ///
    /// It is not there, or it is that of a PID namespace in which we are not.
    pub fn open() -> io::Result<Self> {
        let root = procfs::root()?;
        let own = procfs::own(&root)?;
        Ok(Self { root, own, recent: Vec::new() })
    }

    /// Who has `socket` open, of all processes: [`Owner::One`] says that nobody else has.
    ///
    /// Processes of other users that we may not look into are taken to have no part in a socket
    /// whose owner was found; so are those of its user that are older than its owner, since a
    /// socket is inherited downwards. It cannot know of a process that inherits or is handed the
    /// socket after, or while, it looked.
    ///
    /// # Errors
    ///
    /// `/proc` itself cannot be read.
    pub fn owner(&mut self, socket: Socket) -> io::Result<Owner> {
        let search = self.search(socket.inode)?;
        let owner = self.judge(&search, socket.uid);
        if let Owner::One(pid, _) = owner {
            self.recent.retain(|other| *other != pid);
            self.recent.truncate(RECENT - 1);
            self.recent.insert(0, pid);
        }
        Ok(owner)
    }

    /// Who has the socket open, of these processes alone: [`Owner::One`] says nothing about others.
    #[must_use]
    pub fn owner_among(&self, pids: &[Pid], inode: u64) -> Owner {
        let mut search = Search::default();
        let mut links = LINKS_MAX;
        for pid in pids {
            self.look(*pid, inode, &mut links, &mut search);
        }
        match search {
            Search { several: true, .. } => Owner::Several,
            Search { cut: true, .. } => Owner::Unsure,
            Search { closed, .. } if !closed.is_empty() => Owner::Unsure,
            Search { holder: Some((pid, fd)), .. } => Owner::One(pid, fd),
            Search { holder: None, .. } => Owner::Nobody,
        }
    }

    /// Which of these sockets a process has open, and under which number: all from one look through
    /// its files. None if it may not be looked into, or has more of them than `limit`.
    #[must_use]
    pub fn among(&self, pid: Pid, inodes: &[u64], limit: usize) -> Option<Vec<(u64, Fd)>> {
        let (mut links, mut found) = (limit.min(LINKS_MAX), Vec::new());
        let walked = procfs::sockets(&self.root, pid, &mut links, &mut |inode, fd| {
            if inodes.contains(&inode) && !found.iter().any(|(other, _)| *other == inode) {
                found.push((inode, fd));
            }
            if found.len() < inodes.len() { Walk::On } else { Walk::Stop }
        });
        walked.is_ok().then_some(found)
    }

    /// The processes that owned sockets before, the latest first: 32 at most. The next socket is
    /// likely theirs.
    #[must_use]
    pub fn recent(&self) -> &[Pid] {
        &self.recent
    }

    /// Whether `fd` of a process is this socket now. The number of a thread does for `pid` as well:
    /// threads can, but hardly ever do, have a table of files of their own.
    #[must_use]
    pub fn still(&self, pid: Pid, fd: Fd, inode: u64) -> bool {
        let link = procfs::socket_link(&self.root, format!("{pid}/fd/{}", fd.0));
        inode != 0 && link == Ok(Some(inode))
    }

    /// How many threads a process has.
    ///
    /// # Errors
    ///
    /// It is gone.
    pub fn threads(&self, pid: Pid) -> io::Result<usize> {
        let task = format!("{pid}/task");
        Ok(threads(rustix::fs::statat(&self.root, task, AtFlags::empty())?))
    }

    /// Our own process, which is skipped in all searches.
    pub(super) const fn own(&self) -> Pid {
        self.own
    }

    /// Looks through all processes for those that have a socket open.
    pub(super) fn search(&self, inode: u64) -> io::Result<Search> {
        let mut search = Search::default();
        if inode == 0 {
            return Ok(search);
        }
        let mut links = LINKS_MAX;
        let mut processes = PROCESSES_MAX;
        // A directory that is kept open would go on where the last walk ended.
        procfs::numbers(procfs::root()?, &mut |pid| {
            search.cut |= processes == 0;
            processes = processes.saturating_sub(1);
            self.look(Pid(pid), inode, &mut links, &mut search);
            Ok(if search.several || search.cut { Walk::Stop } else { Walk::On })
        })?;
        Ok(search)
    }

    /// Looks for a socket in one process.
    fn look(&self, pid: Pid, inode: u64, links: &mut usize, search: &mut Search) {
        if pid == self.own || search.cut || search.several {
            return;
        }
        let walked = procfs::sockets(&self.root, pid, links, &mut |found, fd| {
            if found != inode {
                return Walk::On;
            }
            search.several = search.holder.is_some_and(|(other, _)| other != pid);
            search.holder.get_or_insert((pid, fd));
            Walk::Stop
        });
        match walked {
            Ok(()) => {}
            Err(error) if procfs::is_denied(error) => search.closed.push(pid),
            // The bound, or our own limit of open files.
            Err(_) => search.cut = true,
        }
    }

    /// What a full search says, with what it could not see taken into account.
    fn judge(&self, search: &Search, uid: u32) -> Owner {
        if search.several {
            return Owner::Several;
        }
        if search.cut {
            return Owner::Unsure;
        }
        let Some((pid, fd)) = search.holder else {
            let closed = search.closed.iter().any(|pid| self.may_have_files(*pid));
            return if closed { Owner::Unsure } else { Owner::Nobody };
        };
        let since = self.stat(pid).map(|stat| stat.started);
        let may_share = search.closed.iter().any(|closed| self.may_share(*closed, uid, since));
        if may_share { Owner::Unsure } else { Owner::One(pid, fd) }
    }

    /// Whether a process that we could not look into has files at all: threads of the kernel, and
    /// those that are gone, have none.
    fn may_have_files(&self, pid: Pid) -> bool {
        self.stat(pid).is_some_and(|stat| !stat.kernel)
    }

    /// Whether a process that we could not look into may share a socket of this user's process that
    /// started at `since`.
    pub(super) fn may_share(&self, pid: Pid, uid: u32, since: Option<u64>) -> bool {
        let Some(stat) = self.stat(pid) else { return false };
        let older = since.is_some_and(|since| stat.started < since);
        if stat.kernel || older {
            return false;
        }
        // The owner that the directory has says less: of a process that forbids to be looked into
        // it is root.
        let mut room = [0; STATUS];
        procfs::read_at(&self.root, format!("{pid}/status"), &mut room)
            .ok()
            .and_then(|status| text::status(status, "Uid"))
            .is_none_or(|uids| text::has_uid(uids, uid))
    }

    fn stat(&self, pid: Pid) -> Option<Stat> {
        let mut room = [0; STATUS];
        let stat = procfs::read_at(&self.root, format!("{pid}/stat"), &mut room).ok()?;
        text::stat(stat)
    }
}

/// How many threads a process has, by its `task` directory: each is a directory in it, which counts
/// as a link to it, besides the two that all directories have.
pub(super) fn count(task: impl AsFd) -> Result<usize, Errno> {
    rustix::fs::fstat(task).map(threads)
}

fn threads(task: FileStat) -> usize {
    usize::try_from(task.st_nlink).unwrap_or(usize::MAX).saturating_sub(2)
}

#[cfg(test)]
mod tests;
