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

/// So many connections in a row that one process alone has, and the next are looked for in the
/// files of all its fellows
const TRUST: u32 = 100;

/// only every so often: that takes as much time as all else.
const SAMPLE: u32 = 16;

/// Most files of a process that are looked through for each call.
const FILES: usize = 128;

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
    /// Under which number each process had the last one that it accepted. The next has the same, as
    /// a rule, where one is closed before the next is accepted.
    last: HashMap<Pid, Fd, FixedState>,
    /// Connections in a row that no two processes had.
    alone: u32,
}

/// Where a connection is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Among {
    /// First among those that had one before, which have the next, as a rule: to look at all
    /// processes of the machine takes milliseconds.
    Usual,
    /// All processes.
    All,
}

/// A connection whose place is not known.
#[derive(Clone, Copy, Debug)]
struct New<I> {
    id: I,
    link: Link,
    socket: Socket,
}

impl Known {
    pub(super) fn new(diag: Diag, processes: Processes) -> Self {
        Self { diag, processes, places: HashMap::default(), last: HashMap::default(), alone: 0 }
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
        match self.place(link, socket) {
            Some(Place { pid, fd, .. }) => End::Owned(pid, fd),
            None => self.find(link, socket, Among::Usual).unwrap_or(End::Unclear),
        }
    }

    /// Where the far end was found before, if it is there still.
    fn place(&self, link: Link, socket: Socket) -> Option<Place> {
        // The addresses may be those of a connection that is gone, the inode is not.
        let place = self.places.get(&link).copied().filter(|place| place.inode == socket.inode);
        place.filter(|place| self.processes.still(place.pid, place.fd, place.inode))
    }

    fn find(&mut self, link: Link, socket: Socket, among: Among) -> io::Result<End> {
        let owner = match among {
            Among::Usual => self.processes.owner_among(self.processes.recent(), socket.inode),
            Among::All => Owner::Unsure,
        };
        let owner = match owner {
            Owner::Nobody | Owner::Unsure => self.processes.owner(socket)?,
            Owner::One(..) | Owner::Several => owner,
        };
        let Owner::One(pid, fd) = owner else {
            if owner == Owner::Several {
                self.alone = 0;
            }
            return Ok(End::Unclear);
        };
        self.alone = self.alone.saturating_add(1);
        self.keep(link, Place { inode: socket.inode, pid, fd });
        Ok(End::Owned(pid, fd))
    }

    fn keep(&mut self, link: Link, place: Place) {
        if self.places.len() >= MOST {
            self.places.clear();
            self.last.clear();
        }
        self.places.insert(link, place);
    }

    /// Whether the far end is still what this thread has open under that number: numbers are given
    /// anew, and a thread can have files of its own.
    pub(super) fn is_of(&self, link: Link, tid: Tid, fd: Fd) -> bool {
        let place = self.places.get(&link);
        place.is_some_and(|place| self.processes.still(Pid(tid.0), fd, place.inode))
    }

    /// Whether another process than this was found to have it, and has the same socket still. The
    /// connection is ours, so that it is no other by the same addresses.
    fn is_elsewhere(&self, pid: Pid, link: Link) -> bool {
        let place = self.places.get(&link).filter(|place| place.pid != pid);
        place.is_some_and(|place| self.processes.still(place.pid, place.fd, place.inode))
    }

    /// Of these connections, those whose far end this process has, and how many are queued. None if
    /// it cannot be told of one of them.
    pub(super) fn accepted<I: Copy>(
        &mut self,
        pid: Pid,
        links: &[(I, Link)],
    ) -> Option<(Vec<I>, usize)> {
        let links: Vec<_> =
            links.iter().copied().filter(|(_, link)| !self.is_elsewhere(pid, *link)).collect();
        let pairs: Vec<_> = links.iter().map(|(_, link)| (link.far, link.near)).collect();
        let sockets = self.diag.sockets(&pairs).ok()?;
        let (mut accepted, mut new, mut queued) = (Vec::new(), Vec::new(), 0);
        for ((id, link), socket) in links.into_iter().zip(sockets) {
            let Some(socket) = socket else { continue };
            if !socket.is_accepted() {
                queued += 1;
                continue;
            }
            match self.place(link, socket) {
                Some(place) if place.pid == pid => accepted.push((id, link)),
                Some(_) => {}
                None => new.push(New { id, link, socket }),
            }
        }
        if !new.is_empty() {
            self.accepted_newly(pid, &new, &mut accepted)?;
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

    /// The same for connections that are accepted, nobody knows by whom. None if it cannot be told.
    fn accepted_newly<I: Copy>(
        &mut self,
        pid: Pid,
        new: &[New<I>],
        accepted: &mut Vec<(I, Link)>,
    ) -> Option<()> {
        // The first that a process has may be its parent's.
        let among = if self.last.contains_key(&pid) { Among::Usual } else { Among::All };
        let trusted = among == Among::Usual && self.alone >= TRUST;
        let own = if trusted { self.among(pid, new) } else { None };
        for New { id, link, socket } in new.iter().copied() {
            let inode = socket.inode;
            let fd = own.as_ref().map(|own| own.iter().find(|(of, _)| *of == inode));
            let end = match fd {
                // Of the others it need not be known who has them.
                Some(None) => continue,
                Some(Some((_, fd))) if self.is_alone(pid, *fd, inode) => {
                    self.keep(link, Place { inode, pid, fd: *fd });
                    self.alone = self.alone.saturating_add(1);
                    End::Owned(pid, *fd)
                }
                Some(Some(_)) | None => self.find(link, socket, among).unwrap_or(End::Unclear),
            };
            match end {
                End::Owned(owner, fd) if owner == pid => {
                    self.last.insert(pid, fd);
                    accepted.push((id, link));
                }
                End::Owned(..) | End::Closed | End::Queued => {}
                End::Unclear => return None,
            }
        }
        Some(())
    }

    /// Which of these a process has open, and under which number. None if that takes too long.
    fn among<I>(&self, pid: Pid, new: &[New<I>]) -> Option<Vec<(u64, Fd)>> {
        let inodes: Vec<_> = new.iter().map(|new| new.socket.inode).collect();
        if let ([inode], Some(fd)) = (&*inodes, self.last.get(&pid))
            && self.processes.still(pid, *fd, *inode)
        {
            return Some(vec![(*inode, *fd)]);
        }
        self.processes.among(pid, &inodes, FILES)
    }

    /// Whether it may be taken that no other process has this file of a process. A child that has it
    /// from its parent has it under the same number; whether it came any other way is looked at now
    /// and then only, by the full search.
    fn is_alone(&self, pid: Pid, fd: Fd, inode: u64) -> bool {
        let mut others = self.processes.recent().iter().filter(|other| **other != pid);
        let sampled = self.alone.is_multiple_of(SAMPLE);
        !sampled && !others.any(|other| self.processes.still(*other, fd, inode))
    }

    /// Whether a process has one thread only.
    pub(super) fn is_single(&self, pid: Pid) -> bool {
        self.processes.threads(pid).is_ok_and(|threads| threads == 1)
    }
}
