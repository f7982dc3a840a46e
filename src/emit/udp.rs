//! The daemon over UDP: resolves its address, and accounts for each datagram as exactly as UDP
//! allows.
//!
//! On a connected socket the answer "port closed" to one datagram is reported by the next call.
//! So one datagram at a time is kept in limbo: it counts as sent once the next one went out
//! without such a report, or, at the end of a batch, once the socket has no error to tell. A
//! report that comes later than that, from a distant daemon, finds its datagram counted as sent.

use std::io;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::UdpSocket as StdUdpSocket;
use std::sync::Arc;
use std::time::Duration;

use socket2::Domain;
use socket2::Protocol;
use socket2::SockRef;
use socket2::Socket;
use socket2::Type;
use tokio::net::UdpSocket;
use tokio::time::timeout;

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

/// One worker's socket to the daemon.
#[derive(Debug)]
pub struct UdpSink {
    /// As `host:port`.
    address: Box<str>,
    clock: Arc<dyn Clock>,
    link: Link,
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
    /// Length of the datagram whose fate the next call will tell.
    limbo: Option<usize>,
}

impl UdpSink {
    /// A sink that resolves `address`, a `host:port`, when it first has something to send.
    #[must_use]
    pub fn new(address: &str, clock: Arc<dyn Clock>) -> Self {
        Self { address: address.into(), clock, link: Link::New, fault: None }
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
        let mut room = Room::Awaited;
        for datagram in batch.datagrams() {
            if let Err((reason, fault)) = connected.send(datagram, &mut room, counters).await {
                counters.drop_documents(reason, 1);
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
                Ok(socket) => Link::Up(Connected { socket, peer, limbo: None }, now),
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
    /// Hands one datagram to the system, which leaves it in limbo.
    async fn send(
        &mut self,
        datagram: &[u8],
        room: &mut Room,
        counters: &Counters,
    ) -> Result<(), (DropReason, io::Error)> {
        let mut result = self.try_send(datagram, room).await;
        if let Err(fault) = &result
            && fault.kind() == ErrorKind::ConnectionRefused
            && self.limbo.take().is_some()
        {
            // It speaks of the datagram before; this one has not been tried yet.
            counters.drop_documents(DropReason::Refused, 1);
            result = self.try_send(datagram, room).await;
        }
        match result {
            Ok(()) => {
                if let Some(before) = self.limbo.replace(datagram.len()) {
                    counters.send(1, before);
                }
                Ok(())
            }
            Err(fault) if fault.kind() == ErrorKind::ConnectionRefused => {
                Err((DropReason::Refused, fault))
            }
            Err(fault) => Err((DropReason::Socket, fault)),
        }
    }

    async fn try_send(&self, datagram: &[u8], room: &mut Room) -> io::Result<()> {
        loop {
            match self.socket.try_send(datagram) {
                Ok(_) => return Ok(()),
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

    /// Decides over the datagram in limbo by what the socket has to tell.
    fn settle(&mut self, counters: &Counters) -> Option<io::Error> {
        let datagram = self.limbo.take()?;
        let fault = SockRef::from(&self.socket).take_error().unwrap_or_else(Some);
        match &fault {
            None => counters.send(1, datagram),
            Some(fault) if fault.kind() == ErrorKind::ConnectionRefused => {
                counters.drop_documents(DropReason::Refused, 1);
            }
            Some(_) => counters.drop_documents(DropReason::Socket, 1),
        }
        fault
    }
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
