//! Connecting, to listeners of its own and to nobody.

use std::future::pending;

use socket2::Domain;
use socket2::Socket;
use socket2::Type;
use tokio::net::TcpListener;

use super::*;

const LONG: Duration = Duration::from_secs(3600);

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// An address where nobody listens, as long as what is returned is held.
fn closed() -> (impl Sized, SocketAddr) {
    let socket = socket();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, addr)
}

/// A listener whose backlog is full, so that the kernel leaves further connections unanswered. What
/// is returned keeps it so.
fn mute() -> (impl Sized, SocketAddr) {
    let socket = socket();
    socket.listen(0).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    let filler = std::net::TcpStream::connect(addr).unwrap();
    ((socket, filler), addr)
}

fn socket() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket
}

async fn unasked(_: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
    panic!("an address needs no look-up");
}

#[tokio::test]
async fn names_and_literals_connect_without_delay() {
    let (_listener, addr) = listener().await;
    for host in ["127.0.0.1", "localhost"] {
        let stream = connect(host, addr.port(), LONG).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr, "{host}");
        assert!(stream.nodelay().unwrap());
    }
    connect_with("127.0.0.1", addr.port(), LONG, unasked).await.unwrap();
}

#[tokio::test]
async fn ipv6_literals_are_addresses_with_and_without_brackets() {
    let port = closed().1.port();
    for host in ["::1", "[::1]"] {
        // Whether the machine has IPv6 or not, nobody answers there and nobody is asked.
        let error = connect_with(host, port, LONG, unasked).await.unwrap_err();
        assert!(error.to_string().contains(&format!("[::1]:{port}")), "{error}");
    }
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let (_held, addr) = closed();
    let error = connect("127.0.0.1", addr.port(), LONG).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{addr} refused the connection"));
    assert_eq!((error.kind(), error.is_timeout()), ("ConnectionRefused", false));
}

#[tokio::test(start_paused = true)]
async fn silence_times_out() {
    let (_held, addr) = mute();
    let error = connect("127.0.0.1", addr.port(), Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{addr} did not answer within 5s"));
    assert_eq!((error.kind(), error.is_timeout()), ("ConnectTimeout", true));
}

#[tokio::test(start_paused = true)]
async fn the_timeout_covers_the_name() {
    let lookup = async |_: &str, _: u16| pending().await;
    let error = connect_with("example.com", 443, Duration::from_secs(5), lookup).await.unwrap_err();
    assert_eq!(error.to_string(), "example.com:443 did not answer within 5s");
}

#[tokio::test]
async fn a_name_without_an_address_is_a_dns_failure() {
    // A name that the system's resolver refuses by itself, so that no name server is asked.
    let error = connect("a\0b", 80, LONG).await.unwrap_err();
    assert_eq!(error.kind(), "DnsFailure");

    let nothing = async |_: &str, _: u16| Err(io::Error::other("no such name"));
    let error = connect_with("example.com", 80, LONG, nothing).await.unwrap_err();
    assert_eq!(error.to_string(), "the host name of example.com:80 could not be resolved");
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses_or_is_silent() {
    let (_listener, open) = listener().await;
    let (_held, closed) = closed();
    let (_mute, silent) = mute();
    for first in [closed, silent] {
        let lookup = async |_: &str, _: u16| Ok(vec![first, open]);
        let stream = connect_with("example.com", 1, LONG, lookup).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open, "after {first}");
    }
}

#[tokio::test]
async fn when_all_fail_the_last_error_is_told() {
    let (_held, closed) = closed();
    let addrs = vec![closed, closed];
    let lookup = async |_: &str, _: u16| Ok(addrs);
    let error = connect_with("example.com", 80, LONG, lookup).await.unwrap_err();
    assert_eq!(error.to_string(), "example.com:80 refused the connection");
}

#[test]
fn errors_of_the_kernel_have_kinds() {
    for (errno, kind) in [
        (Errno::CONNREFUSED, "ConnectionRefused"),
        (Errno::HOSTUNREACH, "HostUnreachable"),
        (Errno::NETUNREACH, "HostUnreachable"),
        (Errno::TIMEDOUT, "HostUnreachable"),
        (Errno::ADDRNOTAVAIL, "ConnectFailed"),
        (Errno::MFILE, "ConnectFailed"),
    ] {
        assert_eq!(ConnectError::connecting("a:1".into(), errno.into()).kind(), kind, "{errno:?}");
    }
}

#[test]
fn families_take_turns() {
    for (given, wanted) in [
        ("", ""),
        ("4a", "4a"),
        ("6a 6b 4a 4b", "6a 4a 6b 4b"),
        ("4a 6a 6b 6c", "4a 6a 6b 6c"),
        ("6a 6b 6c 4a", "6a 4a 6b 6c"),
    ] {
        let addrs = given.split_whitespace().map(address).collect();
        let wanted: Vec<_> = wanted.split_whitespace().map(address).collect();
        assert_eq!(interleave(addrs), wanted, "{given}");
    }
}

/// `4a` is an IPv4 address that ends in 10, `6b` an IPv6 one that ends in 11.
fn address(short: &str) -> SocketAddr {
    let last = u8::from_str_radix(&short[1..], 16).unwrap();
    let ip: IpAddr = match &short[..1] {
        "4" => [127, 0, 0, last].into(),
        _ => [0, 0, 0, 0, 0, 0, 0, u16::from(last)].into(),
    };
    SocketAddr::new(ip, 80)
}
