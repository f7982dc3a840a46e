//! The relay's port: one number, over UDP and over TCP.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::num::NonZeroUsize;

use socket2::Domain;
use socket2::Protocol;
use socket2::Socket;
use socket2::Type;

use crate::net::listen;
use crate::net::listen::BindError;

/// Asked of the system as room for datagrams that have come; it grants up to its own limit
/// (`net.core.rmem_max`).
const RECEIVE_BUFFER: usize = 4 << 20;

/// How often another port is tried, where the system chooses one that is taken over UDP.
const ATTEMPTS: usize = 8;

/// Both sockets, non-blocking.
#[derive(Debug)]
pub struct Port {
    /// Where they listen.
    pub address: SocketAddr,
    /// For documents.
    pub udp: UdpSocket,
    /// For questions.
    pub tcp: TcpListener,
}

impl Port {
    /// Listens on `wanted`; for port 0 on one that is free for both.
    ///
    /// # Errors
    ///
    /// If either is taken, forbidden, or not on this machine.
    pub fn bind(wanted: SocketAddr) -> Result<Self, BindError> {
        let mut attempt = 1;
        loop {
            match Self::bind_once(wanted) {
                Err(error) if wanted.port() == 0 && attempt < ATTEMPTS && is_taken(&error) => {
                    attempt += 1;
                }
                bound => return bound,
            }
        }
    }

    fn bind_once(wanted: SocketAddr) -> Result<Self, BindError> {
        let at = |addr| move |source| BindError { addr, source };
        let tcp = listen::bind(wanted, NonZeroUsize::MIN)?.swap_remove(0);
        let address = tcp.local_addr().map_err(at(wanted))?;
        let udp = udp(address).map_err(at(address))?;
        Ok(Self { address, udp, tcp })
    }
}

fn is_taken(error: &BindError) -> bool {
    error.source.kind() == io::ErrorKind::AddrInUse
}

fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // With less room a burst is lost sooner, as it would be with the daemon.
    drop(socket.set_recv_buffer_size(RECEIVE_BUFFER));
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_have_one_number_and_nobody_else_gets_it() {
        let port = Port::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        assert_eq!(port.udp.local_addr().unwrap(), port.address);
        assert_eq!(port.tcp.local_addr().unwrap(), port.address);
        let taken = Port::bind(port.address).unwrap_err();
        assert!(is_taken(&taken), "{taken}");

        let Port { address, tcp, udp } = port;
        drop(tcp);
        let taken = Port::bind(address).unwrap_err();
        assert!(is_taken(&taken), "{taken}");
        drop(udp);
        Port::bind(address).unwrap();
    }
}
