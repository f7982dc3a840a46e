//! Bringing connections in: one listener a worker on a shared port, and the loop that accepts.
//!
//! What is done with a connection is the caller's: the loop is given a function that starts it,
//! and waits for none.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::net::TcpListener as StdListener;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use rustix::io::Errno;
use socket2::Domain;
use socket2::Protocol;
use socket2::Socket;
use socket2::Type;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::time::Interval;
use tokio::time::MissedTickBehavior;

use crate::sys::drain::Observer;
use crate::sys::drain::Phase;

/// Connections that the kernel keeps for a listener until they are accepted. The kernel itself
/// lowers it to `net.core.somaxconn`.
const BACKLOG: i32 = 1024;

/// At most one warning about failing accepts in this time, for each worker.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// A port that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr}{}", hint(.source))]
pub struct BindError {
    /// The address that was asked for.
    pub addr: SocketAddr,
    /// What the operating system said.
    pub source: io::Error,
}

/// A connection that was accepted, with `TCP_NODELAY` set.
#[derive(Debug)]
pub struct Conn {
    /// The connection.
    pub io: TcpStream,
    /// Who connected.
    pub peer: SocketAddr,
}

/// What the accept loops of one port have counted, shared by its workers.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Accepts that failed.
    pub accept_errors: AtomicU64,
}

/// Listens on `addr`, once for each worker, all on the same port; for port 0 the first listener
/// decides which. The kernel spreads connections over them (`SO_REUSEPORT`, socket(7)). The
/// listeners are non-blocking, as tokio wants them.
///
/// Nobody else may listen there, another such group of our own user included: two sidecars on one
/// port would silently share its requests. So the first socket binds and listens *alone*, which the
/// kernel refuses when the port is taken, and only then opens the port to the others. No moment is
/// left in which a second sidecar that does the same could slip in.
///
/// # Errors
///
/// If the port is taken, forbidden, or not on this machine.
pub fn bind(addr: SocketAddr, workers: NonZeroUsize) -> Result<Vec<StdListener>, BindError> {
    bind_group(addr, workers).map_err(|source| BindError { addr, source })
}

/// Accepts connections and hands each to `serve`, which must not block, until the shutdown has come
/// to the phase `until`. The listener is closed then.
///
/// An error of one connection costs only that connection. When the machine is short of something
/// (file descriptors, memory), the loop warns, waits a while and tries again: the connections wait
/// in the backlog meanwhile.
pub async fn accept(
    listener: TcpListener,
    mut observer: Observer,
    until: Phase,
    counters: Arc<Counters>,
    serve: impl Fn(Conn),
) {
    let mut stop = pin!(observer.reached(until));
    let mut backoff = Backoff::default();
    let mut warnings = Occasions::every(WARN_EVERY);
    loop {
        // Both arms are cancel-safe: a connection that is not accepted stays in the backlog.
        let accepted = tokio::select! {
            biased;
            () = &mut stop => return,
            accepted = listener.accept() => accepted,
        };
        let error = match accepted {
            Ok((io, peer)) => {
                backoff = Backoff::default();
                counters.accepted.fetch_add(1, Ordering::Relaxed);
                no_delay(&io);
                serve(Conn { io, peer });
                continue;
            }
            Err(error) => error,
        };
        counters.accept_errors.fetch_add(1, Ordering::Relaxed);
        if concerns_one_connection(&error) {
            tracing::debug!(%error, "a connection was lost before it was accepted");
            continue;
        }
        let wait = backoff.next();
        if warnings.now().await {
            tracing::warn!(%error, ?wait, "cannot accept connections, trying again");
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

fn bind_group(addr: SocketAddr, workers: NonZeroUsize) -> io::Result<Vec<StdListener>> {
    let first = socket(addr)?;
    first.bind(&addr.into())?;
    first.listen(BACKLOG)?;
    // socket(7) asks for the option before `bind`, on every socket. What it buys is to share, and
    // the kernel looks at it anew whenever another socket comes, so that late is early enough.
    first.set_reuse_port(true)?;
    let first = StdListener::from(first);
    let addr = first.local_addr()?;

    let mut listeners = vec![first];
    for _ in 1..workers.get() {
        let socket = socket(addr)?;
        socket.set_reuse_port(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        listeners.push(socket.into());
    }
    Ok(listeners)
}

/// A socket for `addr` that does not mind the remains of closed connections on its port, so that
/// a sidecar can be restarted at once. IPv6 wildcards take IPv4 too where the system says so.
fn socket(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Small writes leave at once: HTTP heads and TLS records must not wait for acknowledgements. The
/// option can only fail on a connection that is already dead, which its next read will tell.
fn no_delay(io: &TcpStream) {
    if let Err(error) = io.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
}

/// Whether a failed accept tells of the connection that was to be accepted, not of us. Source:
/// accept(2), which passes errors of the new connection's network on, and a firewall's `EPERM`.
/// What is not listed may come back at once, and is waited for.
fn concerns_one_connection(error: &io::Error) -> bool {
    const LOST: [Errno; 13] = [
        Errno::CONNABORTED,
        Errno::CONNRESET,
        Errno::HOSTDOWN,
        Errno::HOSTUNREACH,
        Errno::INTR,
        Errno::NETDOWN,
        Errno::NETUNREACH,
        Errno::NONET,
        Errno::NOPROTOOPT,
        Errno::OPNOTSUPP,
        Errno::PERM,
        Errno::PROTO,
        Errno::TIMEDOUT,
    ];
    Errno::from_io_error(error).is_some_and(|errno| LOST.contains(&errno))
}

fn hint(source: &io::Error) -> &'static str {
    match Errno::from_io_error(source) {
        Some(Errno::ADDRINUSE) => ": something else listens there, perhaps another sideray",
        Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT) => ": this machine has no such address",
        Some(Errno::ACCESS) => ": permission denied; ports below 1024 need CAP_NET_BIND_SERVICE",
        Some(_) | None => "",
    }
}

/// How long to wait before the next accept: longer each time, up to a second.
#[derive(Debug, Default)]
struct Backoff(Duration);

impl Backoff {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(1);

    fn next(&mut self) -> Duration {
        self.0 = (self.0 * 2).clamp(Self::FIRST, Self::LONGEST);
        self.0
    }
}

/// Says yes at most once in a period, by the runtime's own timer: the loop has no clock.
struct Occasions(Interval);

impl Occasions {
    fn every(period: Duration) -> Self {
        let mut interval = tokio::time::interval(period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(interval)
    }

    async fn now(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.0.poll_tick(cx).is_ready())).await
    }
}

#[cfg(test)]
mod tests;
