//! The daemon over UDP: resolves its address, and accounts for each datagram as exactly as UDP
//! allows.
//!
//! Datagrams leave many in one call where the kernel knows how (`pack`), else one by one.
//!
//! On a connected socket the answer "port closed" to one call is reported by the next. So what one
//! call sent is kept in limbo: it counts as sent once the next call went out without such a report,
//! or, at the end of a batch, once the socket has no error to tell. A report that comes later than
//! that, from a distant daemon, finds its datagrams counted as sent.

mod pack;

use std::io;
use std::io::ErrorKind;
use std::io::IoSlice;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::UdpSocket as StdUdpSocket;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::ControlMessage;
use nix::sys::socket::MsgFlags;
use nix::sys::socket::sendmsg;
use socket2::Domain;
use socket2::Protocol;
use socket2::SockRef;
use socket2::Socket;
use socket2::Type;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use self::pack::Load;
use self::pack::Packer;
use crate::emit::counters::Counters;
use crate::emit::counters::DropReason;
use crate::sys::clock::Clock;
use crate::trace::document::Batch;
use crate::trace::time::Stamp;

/// How long a batch waits for room in the socket's buffer before it drops. Loopback makes room at
/// once; a device that is stuck for longer will not be waited out.
const ROOM_WITHIN: Duration = Duration::from_millis(100);

/// How long resolving may hold a batch up; the queue gathers documents meanwhile.
const RESOLVE_WITHIN: Duration = Duration::from_secs(2);

/// How long after a failure to get a socket the next attempt is made.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How long an address is trusted: a daemon that moves is found again within this.
const RESOLVE_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Asked of the system as room for datagrams on their way; it grants up to its own limit
/// (`net.core.wmem_max`). It holds a batch of the largest documents.
const SEND_BUFFER: usize = 4 * 1024 * 1024;

/// Longest datagram that any route is trusted to carry whole, headers aside: Ethernet's frames,
/// less room for tunnels. Loopback carries all sizes.
const UNFRAGMENTED: usize = 1_400;

/// One worker's socket to the daemon.
#[derive(Debug)]
pub struct UdpSink {
    /// As `host:port`.
    address: Box<str>,
    clock: Arc<dyn Clock>,
    link: Link,
    packer: Packer,
    /// What went wrong in the last batch, for the log.
    fault: Option<io::Error>,
}

#[derive(Debug)]
enum Link {
    /// Never tried.
    New,
    /// No socket; when that was found.
    Down(Stamp),
    /// A socket, and when its address was last resolved.
    Up(Connected, Stamp),
}

#[derive(Debug)]
struct Connected {
    socket: UdpSocket,
    peer: SocketAddr,
    /// Whether the kernel cuts long buffers into datagrams, as far as is known.
    cutting: Cutting,
    /// Whose fate the next call will tell.
    limbo: Option<Sent>,
}

/// Documents, and their bytes.
#[derive(Clone, Copy, Debug)]
struct Sent {
    documents: u64,
    bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cutting {
    Works,
    /// It was refused once: some routes and older kernels do.
    Refused,
}

impl UdpSink {
    /// A sink that resolves `address`, a `host:port`, when it first has something to send.
    #[must_use]
    pub fn new(address: &str, clock: Arc<dyn Clock>) -> Self {
        Self {
            address: address.into(),
            clock,
            link: Link::New,
            packer: Packer::default(),
            fault: None,
        }
    }

    /// What last went wrong in the last batch.
    pub(in crate::emit) const fn fault(&self) -> Option<&io::Error> {
        self.fault.as_ref()
    }

    /// Sends each document of `batch`, or counts it as dropped.
    pub(in crate::emit) async fn send(&mut self, batch: &Batch, counters: &Counters) {
        self.fault = None;
        if batch.is_empty() {
            return;
        }
        self.ready().await;
        let Link::Up(connected, _) = &mut self.link else {
            return counters.drop_documents(DropReason::Unresolved, batch.len() as u64);
        };
        let longest = if connected.peer.ip().is_loopback() { usize::MAX } else { UNFRAGMENTED };
        self.packer.pack(batch, longest);
        let mut room = Room::Awaited;
        for load in self.packer.loads() {
            if let Some(fault) = connected.deliver(load, &mut room, counters).await {
                self.fault = Some(fault);
            }
        }
        if let Some(fault) = connected.settle(counters) {
            self.fault = Some(fault);
        }
    }

    /// Resolves the address and connects, if it is time to.
    async fn ready(&mut self) {
        let now = self.clock.now();
        let due = match &self.link {
            Link::New => true,
            Link::Down(failed) => now.since(*failed) >= RETRY_AFTER,
            Link::Up(_, resolved) => now.since(*resolved) >= RESOLVE_AGAIN_AFTER,
        };
        if !due {
            return;
        }
        let found = resolve(&self.address).await;
        self.link = match (std::mem::replace(&mut self.link, Link::New), found) {
            (Link::Up(connected, _), Ok(peer)) if connected.peer == peer => {
                Link::Up(connected, now)
            }
            (Link::New | Link::Down(_) | Link::Up(..), Ok(peer)) => match connect(peer) {
                Ok(socket) => Link::Up(Connected::new(socket, peer), now),
                Err(fault) => self.down(now, fault),
            },
            // The name service is ill: the old address is the best there is.
            (Link::Up(connected, _), Err(fault)) => {
                self.fault = Some(fault);
                Link::Up(connected, now)
            }
            (Link::New | Link::Down(_), Err(fault)) => self.down(now, fault),
        };
    }

    fn down(&mut self, now: Stamp, fault: io::Error) -> Link {
        self.fault = Some(fault);
        Link::Down(now)
    }
}

/// Whether a batch may still wait for room in the socket's buffer. It does so in vain once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Awaited,
    Lacking,
}

impl Connected {
    const fn new(socket: UdpSocket, peer: SocketAddr) -> Self {
        Self { socket, peer, cutting: Cutting::Works, limbo: None }
    }

    /// Sends a load, or counts what of it was dropped; says what went wrong last.
    async fn deliver(
        &mut self,
        load: Load<'_>,
        room: &mut Room,
        counters: &Counters,
    ) -> Option<io::Error> {
        if load.documents > 1 && self.cutting == Cutting::Works {
            match self.send(load, room, counters).await {
                Err(fault) if is_refusal_to_cut(&fault) => self.cutting = Cutting::Refused,
                Err(fault) => return Some(lost(load.documents, fault, counters)),
                Ok(()) => return None,
            }
        }
        let mut last = None;
        for one in load.apart() {
            let sent = self.send(one, room, counters).await;
            last = sent.err().map(|fault| lost(1, fault, counters)).or(last);
        }
        last
    }

    /// Hands a load to the system in one call, which leaves it in limbo.
    async fn send(
        &mut self,
        load: Load<'_>,
        room: &mut Room,
        counters: &Counters,
    ) -> io::Result<()> {
        let mut result = self.try_send(load, room).await;
        if let Err(fault) = &result
            && fault.kind() == ErrorKind::ConnectionRefused
            && let Some(before) = self.limbo.take()
        {
            // It speaks of the call before; this one has not been tried yet.
            counters.drop_documents(DropReason::Refused, before.documents);
            result = self.try_send(load, room).await;
        }
        result?;
        let sent = Sent { documents: load.documents, bytes: load.bytes.len() };
        if let Some(before) = self.limbo.replace(sent) {
            counters.send(before.documents, before.bytes);
        }
        Ok(())
    }

    async fn try_send(&self, load: Load<'_>, room: &mut Room) -> io::Result<()> {
        loop {
            let transmit = || transmit(&self.socket, load);
            match self.socket.try_io(Interest::WRITABLE, transmit) {
                Ok(()) => return Ok(()),
                Err(fault) if fault.kind() != ErrorKind::WouldBlock || *room == Room::Lacking => {
                    return Err(fault);
                }
                Err(_) => {
                    if timeout(ROOM_WITHIN, self.socket.writable()).await.is_err() {
                        *room = Room::Lacking;
                    }
                }
            }
        }
    }

    /// Decides over what is in limbo by what the socket has to tell.
    fn settle(&mut self, counters: &Counters) -> Option<io::Error> {
        let Sent { documents, bytes } = self.limbo.take()?;
        match SockRef::from(&self.socket).take_error().unwrap_or_else(Some) {
            None => {
                counters.send(documents, bytes);
                None
            }
            Some(fault) => Some(lost(documents, fault, counters)),
        }
    }
}

/// Counts documents as lost to `fault`.
fn lost(documents: u64, fault: io::Error, counters: &Counters) -> io::Error {
    let refused = fault.kind() == ErrorKind::ConnectionRefused;
    let reason = if refused { DropReason::Refused } else { DropReason::Socket };
    counters.drop_documents(reason, documents);
    fault
}

/// Whether the kernel or the route refuses to cut, rather than to send: `EINVAL` where the option
/// is unknown or a datagram would need fragments, `EIO` where the device cannot do checksums.
fn is_refusal_to_cut(fault: &io::Error) -> bool {
    let refusals = [Errno::EINVAL, Errno::EIO, Errno::EOPNOTSUPP].map(|errno| errno as i32);
    fault.raw_os_error().is_some_and(|errno| refusals.contains(&errno))
}

/// One system call; the kernel cuts a load of several datagrams. Source: udp(7), `UDP_SEGMENT`.
fn transmit(socket: &UdpSocket, load: Load<'_>) -> io::Result<()> {
    let segment = u16::try_from(load.segment).ok().filter(|_| load.documents > 1);
    let cut = segment.as_ref().map(ControlMessage::UdpGsoSegments);
    let (fd, bytes) = (socket.as_fd().as_raw_fd(), [IoSlice::new(load.bytes)]);
    sendmsg::<()>(fd, &bytes, cut.as_slice(), MsgFlags::empty(), None)?;
    Ok(())
}

/// The first address of `host:port`, an IPv4 one if there is: the daemon listens on IPv4 unless
/// told otherwise, and `localhost` often means `::1` first.
async fn resolve(address: &str) -> io::Result<SocketAddr> {
    let lookup = timeout(RESOLVE_WITHIN, tokio::net::lookup_host(address));
    let found: Vec<SocketAddr> = lookup.await.map_err(io::Error::from)??.collect();
    let first = found.iter().find(|address| address.is_ipv4()).or_else(|| found.first());
    first.copied().ok_or_else(|| io::Error::new(ErrorKind::NotFound, "the name has no address"))
}

/// A non-blocking socket that speaks to `peer` only.
fn connect(peer: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match peer {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = Socket::new(Domain::for_address(peer), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // A smaller buffer than asked for drops sooner, which is counted; it is no reason to stop.
    drop(socket.set_send_buffer_size(SEND_BUFFER));
    socket.bind(&any.into())?;
    socket.connect(&peer.into())?;
    UdpSocket::from_std(StdUdpSocket::from(socket))
}

#[cfg(test)]
mod tests;
