//! The messages of `NETLINK_SOCK_DIAG` as bytes: what is asked, and what came back.
//!
//! Source: `sock_diag(7)`, `netlink(7)`; `linux/inet_diag.h`, `linux/netlink.h`. Netlink speaks in
//! the machine's byte order, addresses and ports in the network's.

use std::net::IpAddr;
use std::net::SocketAddr;

use super::Socket;

/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// `struct nlmsghdr` and `struct inet_diag_req_v2`.
const REQUEST: usize = HEADER + 56;
/// `struct inet_diag_msg`, without the attributes that may follow.
const REPLY: usize = 72;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const SOCK_DIAG_BY_FAMILY: u16 = 20;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_DUMP: u16 = 0x300;

const IPPROTO_TCP: u8 = 6;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// The state of a TCP connection, as the kernel counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(u8);

impl State {
    pub(super) const ESTABLISHED: Self = Self(1);
    pub(super) const SYN_RECEIVED: Self = Self(3);
    pub(super) const CLOSE_WAIT: Self = Self(8);
    pub(super) const LISTEN: Self = Self(10);

    const fn bit(self) -> u32 {
        match self.0 {
            0..=31 => 1 << self.0,
            _ => 0,
        }
    }

    /// Whether a socket in this state that nobody has open waits to be accepted. In any other its
    /// process has closed it.
    pub(super) fn awaits_accept(self) -> bool {
        [Self::ESTABLISHED, Self::SYN_RECEIVED, Self::CLOSE_WAIT].contains(&self)
    }
}

/// The version of IP that a socket was made for. One made for version 6 may speak 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    const fn number(self) -> u8 {
        match self {
            Self::V4 => AF_INET,
            Self::V6 => AF_INET6,
        }
    }
}

/// One socket of an answer. Addresses of version 4 are told as such, whatever the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) state: State,
    pub(super) socket: Socket,
}

/// One message of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Socket(Found),
    /// The end of a dump.
    Done,
    /// A fault, by its number.
    Error(i32),
    /// The table changed so much during the dump that it has to be asked for anew.
    Interrupted,
    /// Something we did not ask for.
    Other,
}

/// Asks for the one socket with this `local` and `remote` address. None where one address is of
/// version 4 and the other of version 6.
///
/// The kernel looks sockets that speak version 4 up by that, whichever version they were made for.
pub(super) fn exact(sequence: u32, local: SocketAddr, remote: SocketAddr) -> Option<[u8; REQUEST]> {
    let family = match (local.ip().to_canonical(), remote.ip().to_canonical()) {
        (IpAddr::V4(_), IpAddr::V4(_)) => Family::V4,
        (IpAddr::V6(_), IpAddr::V6(_)) => Family::V6,
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
    };
    let mut request = Writer::start(NLM_F_REQUEST, sequence);
    request.query(family, u32::MAX);
    request.ports(local.port(), remote.port());
    request.address(local.ip());
    request.address(remote.ip());
    request.put(&interface(local, remote).to_ne_bytes());
    // INET_DIAG_NOCOOKIE
    request.put(&[0xff; 8]);
    Some(request.bytes)
}

/// Asks for all sockets of a local port in one of `states`, made for this version of IP.
pub(super) fn dump(sequence: u32, family: Family, port: u16, states: &[State]) -> [u8; REQUEST] {
    let mut request = Writer::start(NLM_F_REQUEST | NLM_F_DUMP, sequence);
    request.query(family, states.iter().fold(0, |bits, state| bits | state.bit()));
    request.ports(port, 0);
    request.bytes
}

/// Link-local addresses belong to an interface.
fn interface(local: SocketAddr, remote: SocketAddr) -> u32 {
    [local, remote]
        .into_iter()
        .filter_map(|address| match address {
            SocketAddr::V6(address) => Some(address.scope_id()),
            SocketAddr::V4(_) => None,
        })
        .find(|scope| *scope != 0)
        .unwrap_or(0)
}

/// A request, filled from its start. What does not fit is left out, which the tests would see.
struct Writer {
    bytes: [u8; REQUEST],
    at: usize,
}

impl Writer {
    fn start(flags: u16, sequence: u32) -> Self {
        let mut writer = Self { bytes: [0; REQUEST], at: 0 };
        writer.put(&u32::try_from(REQUEST).unwrap_or(0).to_ne_bytes());
        writer.put(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        writer.put(&flags.to_ne_bytes());
        writer.put(&sequence.to_ne_bytes());
        // The sender's number, which the kernel knows.
        writer.put(&[0; 4]);
        writer
    }

    fn query(&mut self, family: Family, states: u32) {
        self.put(&[family.number(), IPPROTO_TCP, 0, 0]);
        self.put(&states.to_ne_bytes());
    }

    fn ports(&mut self, local: u16, remote: u16) {
        self.put(&local.to_be_bytes());
        self.put(&remote.to_be_bytes());
    }

    fn address(&mut self, address: IpAddr) {
        let mut octets = [0; 16];
        match address.to_canonical() {
            IpAddr::V4(address) => {
                for (to, from) in octets.iter_mut().zip(address.octets()) {
                    *to = from;
                }
            }
            IpAddr::V6(address) => octets = address.octets(),
        }
        self.put(&octets);
    }

    fn put(&mut self, field: &[u8]) {
        if let Some(place) = self.bytes.get_mut(self.at..self.at + field.len()) {
            place.copy_from_slice(field);
        }
        self.at += field.len();
    }
}

/// The messages in one datagram that answer `sequence`. It ends at whatever is no message.
pub(super) fn messages(datagram: &[u8], sequence: u32) -> impl Iterator<Item = Message> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        loop {
            let length = usize::try_from(u32::from_ne_bytes(chunk(rest, 0)?)).ok()?;
            let kind = u16::from_ne_bytes(chunk(rest, 4)?);
            let flags = u16::from_ne_bytes(chunk(rest, 6)?);
            let answers = u32::from_ne_bytes(chunk(rest, 8)?) == sequence;
            let payload = rest.get(HEADER..length)?;
            // Messages begin at multiples of four; the last may lack its padding.
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
            if answers {
                return Some(message(kind, flags, payload));
            }
        }
    })
}

fn message(kind: u16, flags: u16, payload: &[u8]) -> Message {
    if flags & NLM_F_DUMP_INTR != 0 {
        return Message::Interrupted;
    }
    let read = match kind {
        SOCK_DIAG_BY_FAMILY => found(payload).map(Message::Socket),
        NLMSG_DONE => Some(match fault(payload) {
            Some(code) if code > 0 => Message::Error(code),
            _ => Message::Done,
        }),
        NLMSG_ERROR => fault(payload).map(Message::Error),
        _ => None,
    };
    read.unwrap_or(Message::Other)
}

/// Faults travel with their sign turned.
fn fault(payload: &[u8]) -> Option<i32> {
    chunk(payload, 0).map(|code| i32::from_ne_bytes(code).saturating_neg())
}

/// Reads a `struct inet_diag_msg`.
fn found(payload: &[u8]) -> Option<Found> {
    let payload = payload.get(..REPLY)?;
    let [family, state] = chunk(payload, 0)?;
    let address = |at: usize, port: usize| {
        let port = u16::from_be_bytes(chunk(payload, port)?);
        let ip = match family {
            AF_INET => IpAddr::from(chunk::<4>(payload, at)?),
            AF_INET6 => IpAddr::from(chunk::<16>(payload, at)?).to_canonical(),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    };
    Some(Found {
        local: address(8, 4)?,
        remote: address(24, 6)?,
        state: State(state),
        socket: Socket {
            uid: u32::from_ne_bytes(chunk(payload, 64)?),
            inode: u64::from(u32::from_ne_bytes(chunk(payload, 68)?)),
            unread: u32::from_ne_bytes(chunk(payload, 56)?),
        },
    })
}

fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// `address` as answers tell it: version 4 as such, and nothing but the address and its port.
pub(super) fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Whether a socket bound to `local` is one of those meant by `wanted`, whose address may be the
/// unspecified one for any.
pub(super) fn is_local(wanted: SocketAddr, local: SocketAddr) -> bool {
    let ip = wanted.ip().to_canonical();
    wanted.port() == local.port() && (ip.is_unspecified() || ip == local.ip())
}

#[cfg(test)]
mod tests;
