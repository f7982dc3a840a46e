//! Ports that are not simply there: UDP ports that a daemon comes to and leaves, TCP ports of a
//! given number.

use std::net::SocketAddr;
use std::net::UdpSocket;
use std::time::Instant;

use socket2::Domain;
use socket2::Protocol;
use socket2::Socket;
use socket2::Type;
use tokio::net::TcpListener;

use super::DEADLINE;
use super::daemon::Callers;
use super::daemon::Daemon;

/// A UDP port that is ours, and closed while no daemon listens at it: what is sent there is
/// refused, and no other test can come by the port.
#[derive(Debug)]
pub struct Port {
    /// Connected to a peer that never speaks, so that it takes no other's datagrams.
    held: UdpSocket,
}

impl Port {
    pub fn closed() -> Self {
        let held = bind(SocketAddr::from(([127, 0, 0, 1], 0)));
        held.connect(held.local_addr().unwrap()).unwrap();
        Self { held }
    }

    pub fn address(&self) -> SocketAddr {
        self.held.local_addr().unwrap()
    }

    /// A daemon comes to the port. Dropping it closes the port again.
    pub fn daemon(&self, callers: Callers) -> Daemon {
        Daemon::on(self.socket(), callers)
    }

    /// A socket at the port, open while it is kept.
    pub fn socket(&self) -> UdpSocket {
        bind(self.address())
    }
}

fn bind(address: SocketAddr) -> UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
    // Two sockets may have the port; of the two, the one that is not connected gets what comes.
    socket.set_reuse_address(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.into()
}

/// A listener on this very port of the loopback address, for tests whose documents name it.
pub async fn listener(port: u16) -> TcpListener {
    let socket = closed(port).await;
    socket.listen(64).unwrap();
    socket.set_nonblocking(true).unwrap();
    TcpListener::from_std(socket.into()).unwrap()
}

/// This very port of the loopback address, closed: it refuses connections for as long as the
/// socket is kept, and nobody else can have it. Waits while another run of the same test does.
pub async fn closed(port: u16) -> Socket {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let end = Instant::now() + DEADLINE;
    loop {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
        // For those that the last run left in TIME_WAIT; a listener still keeps others away.
        socket.set_reuse_address(true).unwrap();
        match socket.bind(&address.into()) {
            Ok(()) => return socket,
            Err(error) => assert!(Instant::now() < end, "port {port}: {error}"),
        }
        tokio::task::yield_now().await;
    }
}
