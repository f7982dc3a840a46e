//! Making connections: names, addresses, and which of several to use.

use std::future::Future;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::ToSocketAddrs;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout as within;

/// How long an attempt may be pending before the next address is tried beside it. Source: RFC 8305
/// section 8, "Connection Attempt Delay".
const STAGGER: Duration = Duration::from_millis(250);

/// Most name look-ups at once, for the whole process. Each holds a thread until the system's
/// resolver answers, which a dead name server can delay for half a minute; whoever finds them all
/// taken waits within its own timeout.
const MAX_LOOKUPS: usize = 64;

static LOOKUPS: Semaphore = Semaphore::const_new(MAX_LOOKUPS);

/// A connection that could not be made. Each names where it was to go, as `host:port`.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host's name has no address, or could not be looked up.
    #[error("the host name of {to} could not be resolved")]
    Dns {
        /// Where the connection was to go.
        to: Box<str>,
        /// What the resolver said.
        source: io::Error,
    },
    /// We could not even try: the machine is short of ports, descriptors or permission.
    #[error("a connection to {to} could not be made")]
    Io {
        /// Where the connection was to go.
        to: Box<str>,
        /// What the operating system said.
        source: io::Error,
    },
    /// Nobody listens there.
    #[error("{to} refused the connection")]
    Refused {
        /// Where the connection was to go.
        to: Box<str>,
    },
    /// It did not answer in time.
    #[error("{to} did not answer within {after:?}")]
    Timeout {
        /// Where the connection was to go.
        to: Box<str>,
        /// How long was waited, name look-up included.
        after: Duration,
    },
    /// There is no way there.
    #[error("{to} cannot be reached")]
    Unreachable {
        /// Where the connection was to go.
        to: Box<str>,
        /// What the operating system said.
        source: io::Error,
    },
}

impl ConnectError {
    /// The kind, as the type of the exception that documents record.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dns { .. } => "DnsFailure",
            Self::Io { .. } => "ConnectFailed",
            Self::Refused { .. } => "ConnectionRefused",
            Self::Timeout { .. } => "ConnectTimeout",
            Self::Unreachable { .. } => "HostUnreachable",
        }
    }

    /// Whether it was the time that ran out.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    fn connecting(to: Box<str>, source: io::Error) -> Self {
        match Errno::from_io_error(&source) {
            Some(Errno::CONNREFUSED) => Self::Refused { to },
            Some(Errno::HOSTUNREACH | Errno::NETDOWN | Errno::NETUNREACH | Errno::TIMEDOUT) => {
                Self::Unreachable { to, source }
            }
            Some(_) | None => Self::Io { to, source },
        }
    }
}

/// Connects to `host`, a name or an IP address (IPv6 with or without brackets), and sets
/// `TCP_NODELAY`. `timeout` covers all of it, the name look-up included.
///
/// Of a name with several addresses the first that answers is used: the families take turns, and
/// the next address is tried when the last attempt fails or has been pending for 250 ms (after
/// RFC 8305, "Happy Eyeballs", with one look-up for both families). When none answers, the error is
/// the last one's.
///
/// # Errors
///
/// If the name has no address, none can be connected to, or time runs out.
pub async fn connect(host: &str, port: u16, timeout: Duration) -> Result<TcpStream, ConnectError> {
    connect_telling(host, port, timeout, || {}).await
}

/// The same, which tells `looked_up` when the name has been looked up, if there is one.
///
/// # Errors
///
/// As of [`connect`].
pub async fn connect_telling(
    host: &str,
    port: u16,
    timeout: Duration,
    looked_up: impl FnOnce(),
) -> Result<TcpStream, ConnectError> {
    let resolve = async |host: &str, port| {
        let addrs = resolve(host, port).await;
        looked_up();
        addrs
    };
    connect_with(host, port, timeout, resolve).await
}

async fn connect_with(
    host: &str,
    port: u16,
    timeout: Duration,
    resolve: impl AsyncFnOnce(&str, u16) -> io::Result<Vec<SocketAddr>>,
) -> Result<TcpStream, ConnectError> {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let attempt = async {
        let addrs = match host.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, port)],
            Err(_) if is_localhost(host) => LOOPBACK.map(|ip| SocketAddr::new(ip, port)).into(),
            Err(_) => resolve(host, port)
                .await
                .map_err(|source| ConnectError::Dns { to: display(host, port), source })?,
        };
        first_of(interleave(addrs))
            .await
            .map_err(|source| ConnectError::connecting(display(host, port), source))
    };
    match within(timeout, attempt).await {
        Ok(outcome) => outcome,
        Err(_) => Err(ConnectError::Timeout { to: display(host, port), after: timeout }),
    }
}

/// This machine, by either family. IPv4 first, because that is what most servers listen on.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Whether a name stands for this machine: `localhost`, and all names below it, which resolvers
/// need not know. Source: RFC 6761 section 6.3.
fn is_localhost(host: &str) -> bool {
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next();
    last.is_some_and(|label| label.eq_ignore_ascii_case("localhost"))
}

/// `host:port` as a person writes it.
fn display(host: &str, port: u16) -> Box<str> {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }.into()
}

/// Asks the system's resolver, on a thread of its own because it blocks. The permit goes with the
/// thread, so that look-ups whose caller has given up still count.
async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let permit = LOOKUPS.acquire().await.map_err(io::Error::other)?;
    let host = host.to_owned();
    let lookup = move || {
        let _permit = permit;
        (host.as_str(), port).to_socket_addrs().map(Vec::from_iter)
    };
    let addrs = tokio::task::spawn_blocking(lookup).await.map_err(io::Error::other)??;
    if addrs.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addrs)
}

/// Lets the families take turns, beginning with the resolver's favourite, and keeps the resolver's
/// order within each. Source: RFC 8305 section 4.
fn interleave(addrs: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let favourite = addrs.first().is_some_and(SocketAddr::is_ipv6);
    let (one, other): (Vec<_>, Vec<_>) =
        addrs.into_iter().partition(|addr| addr.is_ipv6() == favourite);
    let mut other = other.into_iter();
    let mut turns: Vec<_> = one.into_iter().flat_map(|addr| [Some(addr), other.next()]).collect();
    turns.extend(other.map(Some));
    turns.into_iter().flatten().collect()
}

type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// The first connection of those tried in turn; the attempts that lost are dropped.
async fn first_of(addrs: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addrs.into_iter();
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    loop {
        match waiting.next() {
            Some(addr) => attempts.push(Box::pin(TcpStream::connect(addr))),
            None if attempts.is_empty() => return Err(last),
            None => {}
        }
        let patience = if waiting.len() == 0 { Duration::MAX } else { STAGGER };
        match within(patience, any(&mut attempts)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
    }
}

/// What the first attempt that finishes came to; it is taken out. Cancel-safe.
async fn any(attempts: &mut Vec<Attempt>) -> io::Result<TcpStream> {
    poll_fn(|cx| {
        for (at, attempt) in attempts.iter_mut().enumerate() {
            if let Poll::Ready(outcome) = attempt.as_mut().poll(cx) {
                drop(attempts.swap_remove(at));
                return Poll::Ready(outcome);
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests;
