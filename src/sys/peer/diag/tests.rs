//! Tests against the kernel.

use std::net::Shutdown;
use std::net::TcpListener;
use std::net::TcpStream;

use super::*;

fn inode(socket: &TcpStream) -> u64 {
    rustix::fs::fstat(socket).unwrap().st_ino
}

/// The far end of a connection.
fn far(diag: &mut Diag, near: &TcpStream) -> Option<Socket> {
    diag.socket(near.peer_addr().unwrap(), near.local_addr().unwrap()).unwrap()
}

/// A listener, and a connection to it, at these addresses.
fn pair(listen: &str, connect: &str) -> (TcpListener, TcpStream) {
    let listener = TcpListener::bind(listen).unwrap();
    let port = listener.local_addr().unwrap().port();
    let near = TcpStream::connect((connect, port)).unwrap();
    (listener, near)
}

const PATHS: [(&str, &str); 6] = [
    ("127.0.0.1:0", "127.0.0.1"),
    ("0.0.0.0:0", "127.0.0.2"),
    ("[::1]:0", "::1"),
    ("[::]:0", "::1"),
    ("[::]:0", "127.0.0.1"),
    ("[::]:0", "::ffff:127.0.0.1"),
];

#[test]
fn a_socket_has_no_inode_until_it_is_accepted() {
    let mut diag = Diag::open().unwrap();
    for (listen, connect) in PATHS {
        let (listener, near) = pair(listen, connect);
        let waiting = far(&mut diag, &near).unwrap();
        assert!(!waiting.is_accepted(), "{listen} {connect}");
        let (accepted, _) = listener.accept().unwrap();
        let found = far(&mut diag, &near).unwrap();
        assert_eq!(found.inode, inode(&accepted), "{listen} {connect}");
        assert_eq!(found.uid, rustix::process::geteuid().as_raw());
    }
}

#[test]
fn addresses_of_either_form_name_the_same_socket() {
    let mut diag = Diag::open().unwrap();
    let mapped = |address: SocketAddr| match address.ip() {
        std::net::IpAddr::V4(ip) => SocketAddr::from((ip.to_ipv6_mapped(), address.port())),
        std::net::IpAddr::V6(_) => address,
    };
    for listen in ["127.0.0.1:0", "[::]:0"] {
        let (listener, near) = pair(listen, "127.0.0.1");
        let (accepted, _) = listener.accept().unwrap();
        let local = near.peer_addr().unwrap();
        let remote = near.local_addr().unwrap();
        for (local, remote) in
            [(local, remote), (mapped(local), mapped(remote)), (local, mapped(remote))]
        {
            let found = diag.socket(local, remote).unwrap().unwrap();
            assert_eq!(found.inode, inode(&accepted), "{local} {remote}");
        }
    }
}

#[test]
fn there_is_no_socket_where_none_is() {
    let mut diag = Diag::open().unwrap();
    let (listener, near) = pair("127.0.0.1:0", "127.0.0.1");
    let at = listener.local_addr().unwrap();
    let nobody = SocketAddr::from(([127, 0, 0, 9], 9));
    assert_eq!(diag.socket(at, nobody).unwrap(), None, "who listens is no connection");
    let six = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 9));
    assert_eq!(diag.socket(at, six).unwrap(), None, "of two versions");
    let (accepted, _) = listener.accept().unwrap();
    drop(accepted);
    assert_eq!(far(&mut diag, &near), None, "closed by its process, yet known to the kernel");
}

#[test]
fn many_are_asked_for_at_once() {
    let mut diag = Diag::open().unwrap();
    let (listener, first) = pair("127.0.0.1:0", "127.0.0.1");
    let at = listener.local_addr().unwrap();
    let mut near = vec![first];
    near.extend((1..100).map(|_| TcpStream::connect(at).unwrap()));
    let accepted: Vec<_> = (0..50).map(|_| listener.accept().unwrap()).collect();
    let nobody = SocketAddr::from(([127, 0, 0, 9], 9));
    let six = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 9));
    let mut pairs: Vec<_> = near.iter().map(|near| (at, near.local_addr().unwrap())).collect();
    let mut expected: Vec<_> = (0..100)
        .map(|place| Some(accepted.get(place).map_or(0, |(socket, _)| inode(socket))))
        .collect();
    for place in [0, 31, 32, 77, 100] {
        pairs.insert(place, (at, if place % 2 == 0 { nobody } else { six }));
        expected.insert(place, None);
    }
    let found = diag.sockets(&pairs).unwrap();
    let found: Vec<_> = found.into_iter().map(|found| found.map(|found| found.inode)).collect();
    assert_eq!(found, expected);
    assert_eq!(diag.sockets(&[]).unwrap(), []);
}

#[test]
fn a_socket_closed_on_one_way_is_one_still() {
    let mut diag = Diag::open().unwrap();
    let (listener, near) = pair("127.0.0.1:0", "127.0.0.1");
    near.shutdown(Shutdown::Write).unwrap();
    assert_eq!(far(&mut diag, &near).map(Socket::is_accepted), Some(false), "in the queue");
    let (accepted, _) = listener.accept().unwrap();
    assert_eq!(far(&mut diag, &near).map(|found| found.inode), Some(inode(&accepted)));

    let (listener, near) = pair("127.0.0.1:0", "127.0.0.1");
    let (accepted, _) = listener.accept().unwrap();
    accepted.shutdown(Shutdown::Write).unwrap();
    assert_eq!(far(&mut diag, &near).map(|found| found.inode), Some(inode(&accepted)));
}

#[test]
fn a_dump_lists_the_connections_of_one_server() {
    let mut diag = Diag::open().unwrap();
    for (listen, connect) in PATHS {
        let (listener, first) = pair(listen, connect);
        let port = listener.local_addr().unwrap().port();
        let mut near = vec![first];
        near.extend((1..70).map(|_| TcpStream::connect((connect, port)).unwrap()));
        let accepted: Vec<_> = (0..35).map(|_| listener.accept().unwrap()).collect();
        let mut expected: Vec<_> = near
            .iter()
            .enumerate()
            .map(|(at, near)| {
                let inode = accepted.get(at).map_or(0, |(socket, _)| inode(socket));
                (wire::plain(near.local_addr().unwrap()), inode)
            })
            .collect();
        expected.sort_unstable();
        for at in [listen, "0.0.0.0:0", "[::]:0"] {
            let mut at: SocketAddr = at.parse().unwrap();
            at.set_port(port);
            let mut all = Vec::new();
            let states = [State::ESTABLISHED, State::CLOSE_WAIT];
            diag.dump(at, &states, &mut |found| all.push((found.remote, found.socket.inode)))
                .unwrap();
            all.sort_unstable();
            assert_eq!(all, expected, "{listen} {connect} {at}");
        }
    }
}

#[test]
fn a_dump_leaves_other_servers_out() {
    let mut diag = Diag::open().unwrap();
    let (listener, _near) = pair("127.0.0.1:0", "127.0.0.1");
    let port = listener.local_addr().unwrap().port();
    let other = SocketAddr::from(([127, 0, 0, 9], port));
    assert_eq!(diag.listeners(listener.local_addr().unwrap()).unwrap().len(), 1);
    assert_eq!(diag.listeners(other).unwrap(), []);
}

#[test]
fn the_line_is_good_after_a_question_that_failed() {
    let mut diag = Diag::open().unwrap();
    let (listener, near) = pair("127.0.0.1:0", "127.0.0.1");
    let (accepted, _) = listener.accept().unwrap();
    diag.sequence += 1;
    let at = listener.local_addr().unwrap();
    let request = wire::dump(diag.sequence, Family::V4, at.port(), &[State::ESTABLISHED]);
    let failed = diag.ask(&request, &mut |_| Err(nonsense()));
    assert!(diag.settle(failed).is_err());
    assert_eq!(far(&mut diag, &near).map(|found| found.inode), Some(inode(&accepted)));
}
