//! Whose the far ends of our connections are: found once for each, and looked after while it lasts.

use std::collections::HashMap;
use std::io;

use foldhash::fast::FixedState;

use crate::sys::link::Link;
use crate::sys::peer::Diag;
use crate::sys::peer::Fd;
use crate::sys::peer::Owner;
use crate::sys::peer::Pid;
use crate::sys::peer::Processes;
use crate::sys::peer::Socket;
use crate::sys::peer::Tid;

/// Most connections that are remembered. When there are more, all are found anew.
const MOST: usize = 4_096;

/// The far end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// This process has it open under this number, and no other has it.
    Owned(Pid, Fd),
    /// No process has taken it from the queue yet.
    Queued,
    /// It is closed: whoever had it is done with it.
    Closed,
    /// Nothing certain can be said of it.
    Unclear,
}

/// A place that was found.
#[derive(Clone, Copy, Debug)]
struct Place {
    inode: u64,
    pid: Pid,
    fd: Fd,
}

/// What was found so far.
#[derive(Debug)]
pub(super) struct Known {
    diag: Diag,
    processes: Processes,
    places: HashMap<Link, Place, FixedState>,
}

impl Known {
    pub(super) fn new(diag: Diag, processes: Processes) -> Self {
        Self { diag, processes, places: HashMap::default() }
    }

    /// The far end's socket, as it is now.
    pub(super) fn socket(&mut self, link: Link) -> Option<Socket> {
        self.diag.socket(link.far, link.near).ok().flatten()
    }

    /// Whose the far end is.
    pub(super) fn end(&mut self, link: Link) -> End {
        let socket = match self.socket(link) {
            None => return End::Closed,
            Some(socket) if !socket.is_accepted() => return End::Queued,
            Some(socket) => socket,
        };
        // The addresses may be those of a connection that is gone, the inode is not.
        let place = self.places.get(&link).copied().filter(|place| place.inode == socket.inode);
        match place {
            Some(Place { inode, pid, fd }) if self.processes.still(pid, fd, inode) => {
                End::Owned(pid, fd)
            }
            Some(_) | None => self.find(link, socket).unwrap_or(End::Unclear),
        }
    }

    fn find(&mut self, link: Link, socket: Socket) -> io::Result<End> {
        // Those that had a connection before have the next, as a rule; to look at all processes of
        // the machine takes milliseconds.
        let usual = self.processes.recent().to_vec();
        let owner = match self.processes.owner_among(&usual, socket.inode) {
            Owner::Nobody | Owner::Unsure => self.processes.owner(socket)?,
            owner @ (Owner::One(..) | Owner::Several) => owner,
        };
        let Owner::One(pid, fd) = owner else { return Ok(End::Unclear) };
        if self.places.len() >= MOST {
            self.places.clear();
        }
        self.places.insert(link, Place { inode: socket.inode, pid, fd });
        Ok(End::Owned(pid, fd))
    }

    /// Whether the far end is still what this thread has open under that number: numbers are given
    /// anew, and a thread can have files of its own.
    pub(super) fn is_of(&self, link: Link, tid: Tid, fd: Fd) -> bool {
        let place = self.places.get(&link);
        place.is_some_and(|place| self.processes.still(Pid(tid.0), fd, place.inode))
    }

    /// Of these connections, those whose far end this process has, and how many are queued. None if
    /// it cannot be told of one of them.
    pub(super) fn accepted<I: Copy>(
        &mut self,
        pid: Pid,
        links: &[(I, Link)],
    ) -> Option<(Vec<I>, usize)> {
        let (mut accepted, mut queued) = (Vec::new(), 0);
        for (id, link) in links {
            match self.end(*link) {
                End::Owned(owner, _) if owner == pid => accepted.push((*id, *link)),
                End::Owned(..) | End::Closed => {}
                End::Queued => queued += 1,
                End::Unclear => return None,
            }
        }
        if accepted.len() > 1 {
            // One whose response has come, and was not read by us yet, is done.
            let mut waits = |link: Link| {
                let near = self.diag.socket(link.near, link.far).ok().flatten();
                near.is_none_or(|socket| socket.unread == 0)
            };
            accepted.retain(|(_, link)| waits(*link));
        }
        Some((accepted.into_iter().map(|(id, _)| id).collect(), queued))
    }

    /// Whether a process has one thread only.
    pub(super) fn is_single(&self, pid: Pid) -> bool {
        self.processes.threads(pid).is_ok_and(|threads| threads == 1)
    }
}
