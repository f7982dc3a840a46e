//! Asks the kernel for sockets by their addresses, over `NETLINK_SOCK_DIAG`.
//!
//! Needs nothing but to be in the same network namespace. What the kernel answers is there as soon
//! as the question was sent, so nothing here waits.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::AddressFamily;
use rustix::net::RecvFlags;
use rustix::net::SendFlags;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use rustix::net::netlink;
use rustix::net::netlink::SocketAddrNetlink;

use super::SOCKETS_MAX;
use super::Socket;
use super::wire;
use super::wire::Family;
use super::wire::Found;
use super::wire::Message;
use super::wire::State;

/// Room for one datagram of an answer: the kernel fills no more than this at once.
const DATAGRAM: usize = 32 * 1024;

/// Datagrams of one answer, at most: each holds some hundred sockets.
const DATAGRAMS_MAX: usize = 1_024;

/// Most questions that are sent at once: so many answers fit the line, whatever its bounds.
const AT_ONCE: usize = 32;

/// How often a dump that the table changed under is made anew.
const ATTEMPTS: usize = 3;

/// A line to the kernel's table of TCP sockets.
#[derive(Debug)]
pub struct Diag {
    line: OwnedFd,
    sequence: u32,
    datagram: Box<[u8]>,
}

impl Diag {
    /// Opens the line.
    ///
    /// # Errors
    ///
    /// The kernel has no such thing, or a filter of system calls forbids it. That it opens does not
    /// mean that it answers: see `Capabilities`.
    pub fn open() -> io::Result<Self> {
        Ok(Self { line: line()?, sequence: 0, datagram: vec![0; DATAGRAM].into_boxed_slice() })
    }

    /// The TCP socket with exactly this `local` and `remote` address, as its own end sees them: for
    /// the far end of one of our connections, our remote and local address. It may be of version 4,
    /// 6, or of 6 and speak 4; addresses of either form do. None if there is none (any more): a
    /// socket that its process has closed is none, even while the kernel still sends its rest.
    ///
    /// Sockets bound to a device (`SO_BINDTODEVICE`) are not found.
    ///
    /// # Errors
    ///
    /// The kernel refused, or said something that makes no sense.
    pub fn socket(&mut self, local: SocketAddr, remote: SocketAddr) -> io::Result<Option<Socket>> {
        self.sockets(&[(local, remote)]).map(|found| found.into_iter().flatten().next())
    }

    /// The same for each of these pairs, in their order: half the price of one after the other.
    ///
    /// # Errors
    ///
    /// The same, for any of them.
    pub fn sockets(
        &mut self,
        pairs: &[(SocketAddr, SocketAddr)],
    ) -> io::Result<Vec<Option<Socket>>> {
        let mut found = Vec::with_capacity(pairs.len());
        for some in pairs.chunks(AT_ONCE) {
            let asked = self.ask_exact(some, &mut found);
            self.settle(asked)?;
        }
        Ok(found)
    }

    fn ask_exact(
        &mut self,
        pairs: &[(SocketAddr, SocketAddr)],
        found: &mut Vec<Option<Socket>>,
    ) -> io::Result<()> {
        let (mut requests, mut sequences) = (Vec::new(), Vec::with_capacity(pairs.len()));
        for (local, remote) in pairs {
            self.sequence = self.sequence.wrapping_add(1);
            let request = wire::exact(self.sequence, *local, *remote);
            sequences.push(request.map(|_| self.sequence));
            requests.extend(request.into_iter().flatten());
        }
        if !requests.is_empty() {
            rustix::net::send(&self.line, &requests, SendFlags::DONTWAIT)?;
        }
        for (sequence, (local, remote)) in sequences.into_iter().zip(pairs) {
            let answer = sequence.map(|sequence| self.exact(sequence)).transpose()?.flatten();
            let pair = (wire::plain(*local), wire::plain(*remote));
            // Without a connection by this name the kernel shows who listens there instead.
            let answer = answer.filter(|found| (found.local, found.remote) == pair);
            found.push(answer.and_then(alive));
        }
        Ok(())
    }

    /// The answer to a question for one socket.
    fn exact(&mut self, sequence: u32) -> io::Result<Option<Found>> {
        let mut answer = None;
        self.hear(sequence, &mut |message| match message {
            Message::Socket(found) => {
                answer = Some(found);
                Ok(Turn::Last)
            }
            Message::Error(code) if code == Errno::NOENT.raw_os_error() => Ok(Turn::Last),
            Message::Error(code) => Err(io::Error::from_raw_os_error(code)),
            Message::Done | Message::Interrupted | Message::Other => Err(nonsense()),
        })?;
        Ok(answer)
    }

    /// The sockets that listen at `local`.
    pub(super) fn listeners(&mut self, local: SocketAddr) -> io::Result<Vec<Socket>> {
        let mut listeners = Vec::new();
        self.dump(local, &[State::LISTEN], &mut |found| listeners.push(found.socket))?;
        Ok(listeners)
    }

    fn dump(
        &mut self,
        local: SocketAddr,
        states: &[State],
        each: &mut dyn FnMut(Found),
    ) -> io::Result<()> {
        // Of a server of version 6 the sockets that speak 4 are of version 6 all the same.
        for family in [Family::V4, Family::V6] {
            if family == Family::V4 && wire::plain(local).is_ipv6() && !local.ip().is_unspecified()
            {
                continue;
            }
            for found in self.dump_settled(family, local.port(), states)? {
                if wire::is_local(local, found.local) {
                    each(found);
                }
            }
        }
        Ok(())
    }

    /// All sockets of a port, from one dump that the table did not change under.
    fn dump_settled(
        &mut self,
        family: Family,
        port: u16,
        states: &[State],
    ) -> io::Result<Vec<Found>> {
        for _ in 0..ATTEMPTS {
            self.sequence = self.sequence.wrapping_add(1);
            let request = wire::dump(self.sequence, family, port, states);
            let mut all = Vec::new();
            let asked = self.ask(&request, &mut |message| match message {
                Message::Socket(_) if all.len() >= SOCKETS_MAX => Err(too_many()),
                Message::Socket(found) => {
                    all.push(found);
                    Ok(Turn::More)
                }
                Message::Done => Ok(Turn::Last),
                // A kernel without version 6 has no sockets of it.
                Message::Error(code) if code == Errno::NOENT.raw_os_error() => Ok(Turn::Last),
                Message::Error(code) => Err(io::Error::from_raw_os_error(code)),
                Message::Interrupted => Err(changing()),
                Message::Other => Err(nonsense()),
            });
            match self.settle(asked) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                settled => return settled.map(|()| all),
            }
        }
        Err(changing())
    }

    /// Sends `request` and hands on what is answered, until `each` has heard the last of it.
    fn ask(
        &mut self,
        request: &[u8],
        each: &mut dyn FnMut(Message) -> io::Result<Turn>,
    ) -> io::Result<()> {
        rustix::net::send(&self.line, request, SendFlags::DONTWAIT)?;
        self.hear(self.sequence, each)
    }

    /// Hands on what is answered to a question that was sent, until `each` has heard the last of it.
    fn hear(
        &mut self,
        sequence: u32,
        each: &mut dyn FnMut(Message) -> io::Result<Turn>,
    ) -> io::Result<()> {
        for _ in 0..DATAGRAMS_MAX {
            let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
            let (_, length) = rustix::net::recv(&self.line, &mut *self.datagram, flags)?;
            let datagram = self.datagram.get(..length).ok_or_else(nonsense)?;
            for message in wire::messages(datagram, sequence) {
                if each(message)? == Turn::Last {
                    return Ok(());
                }
            }
        }
        Err(too_many())
    }

    /// After a question that failed, the line may hold the rest of its answer: a new one does not.
    fn settle(&mut self, asked: io::Result<()>) -> io::Result<()> {
        if asked.is_err() {
            self.line = line()?;
        }
        asked
    }
}

/// Whether an answer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    More,
    Last,
}

fn line() -> io::Result<OwnedFd> {
    let line = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )?;
    // From here on nobody but the kernel can put anything into it.
    rustix::net::connect(&line, &SocketAddrNetlink::new(0, 0))?;
    Ok(line)
}

/// What is found without an inode has either no process yet, or none any more.
fn alive(found: Found) -> Option<Socket> {
    let alive = found.socket.is_accepted() || found.state.awaits_accept();
    alive.then_some(found.socket)
}

fn nonsense() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the answer of NETLINK_SOCK_DIAG makes no sense")
}

fn too_many() -> io::Error {
    io::Error::new(io::ErrorKind::QuotaExceeded, "there are too many sockets to list them")
}

fn changing() -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, "the table of sockets does not hold still")
}

#[cfg(test)]
mod tests;
