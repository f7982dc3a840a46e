//! Listening: shared and taken ports, connections, and the errors that pass.

use std::collections::HashSet;
use std::error::Error as _;
use std::net::TcpStream as StdStream;

use super::*;
use crate::sys::drain;

const ONE: NonZeroUsize = NonZeroUsize::MIN;

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn two() -> NonZeroUsize {
    NonZeroUsize::new(2).unwrap()
}

#[test]
fn workers_share_the_port_that_the_first_was_given() {
    let listeners = bind(loopback(0), two()).unwrap();
    let addrs: HashSet<_> = listeners.iter().map(|one| one.local_addr().unwrap()).collect();
    assert_eq!((listeners.len(), addrs.len()), (2, 1), "two listeners, one address");

    let addr = listeners[0].local_addr().unwrap();
    let clients: Vec<_> = (0..64).map(|_| StdStream::connect(addr).unwrap()).collect();
    let shares: Vec<_> =
        listeners.iter().map(|one| std::iter::from_fn(|| one.accept().ok()).count()).collect();
    assert_eq!(shares.iter().sum::<usize>(), clients.len());
    assert!(shares.iter().all(|share| *share > 0), "the kernel spreads connections: {shares:?}");
}

#[test]
fn a_taken_port_is_refused_whoever_has_it() {
    let plain = StdListener::bind(loopback(0)).unwrap();
    let ours = bind(loopback(0), two()).unwrap();
    let shared = socket(loopback(0)).unwrap();
    shared.set_reuse_port(true).unwrap();
    shared.bind(&loopback(0).into()).unwrap();
    shared.listen(1).unwrap();
    let shared = StdListener::from(shared);

    for holder in [&plain, &ours[0], &shared] {
        let addr = holder.local_addr().unwrap();
        for taken in [addr, SocketAddr::from(([0, 0, 0, 0], addr.port()))] {
            let error = bind(taken, two()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "cannot listen on {taken}: something else listens there, perhaps another sideray"
                )
            );
            assert!(error.source().is_some(), "the cause is kept");
        }
    }
}

#[test]
fn a_rival_that_was_about_to_listen_loses() {
    let rival = socket(loopback(0)).unwrap();
    rival.bind(&loopback(0).into()).unwrap();
    let addr = rival.local_addr().unwrap().as_socket().unwrap();
    let _ours = bind(addr, two()).unwrap();
    assert_eq!(rival.listen(1).unwrap_err().kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn a_strangers_address_is_refused() {
    // TEST-NET-1, which no machine has. Source: RFC 5737.
    let error = bind(SocketAddr::from(([192, 0, 2, 1], 0)), ONE).unwrap_err();
    assert_eq!(error.to_string(), "cannot listen on 192.0.2.1:0: this machine has no such address");
}

#[test]
fn a_port_can_be_taken_again_while_old_connections_live() {
    let listeners = bind(loopback(0), two()).unwrap();
    let addr = listeners[0].local_addr().unwrap();
    let _client = StdStream::connect(addr).unwrap();
    let accepted: Vec<_> = listeners.iter().filter_map(|one| one.accept().ok()).collect();
    assert_eq!(accepted.len(), 1);
    drop(listeners);
    bind(addr, two()).unwrap();
}

#[tokio::test]
async fn connections_are_served_until_the_phase() {
    let listener = bind(loopback(0), ONE).unwrap().remove(0);
    let addr = listener.local_addr().unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    let (drain, observer) = drain::channel();
    let counters = Arc::new(Counters::default());
    let (served, mut conns) = tokio::sync::mpsc::channel(8);

    let serve = move |conn| served.try_send(conn).unwrap();
    let accepting = accept(listener, observer, Phase::Aborting, Arc::clone(&counters), serve);
    let clients = async {
        for _ in 0..2 {
            let client = TcpStream::connect(addr).await.unwrap();
            let conn = conns.recv().await.unwrap();
            assert_eq!(conn.peer, client.local_addr().unwrap());
            assert!(conn.io.nodelay().unwrap());
            drain.advance(Phase::Draining);
        }
        drain.advance(Phase::Aborting);
    };
    tokio::join!(accepting, clients);

    assert_eq!(counters.accepted.load(Ordering::Relaxed), 2);
    assert_eq!(counters.accept_errors.load(Ordering::Relaxed), 0);
}

#[test]
fn only_a_connections_own_errors_are_passed_over() {
    for (errno, lost) in [
        (Errno::CONNABORTED, true),
        (Errno::PROTO, true),
        (Errno::PERM, true),
        (Errno::MFILE, false),
        (Errno::NFILE, false),
        (Errno::NOBUFS, false),
        (Errno::NOMEM, false),
        (Errno::BADF, false),
    ] {
        assert_eq!(concerns_one_connection(&errno.into()), lost, "{errno:?}");
    }
    assert!(!concerns_one_connection(&io::Error::other("not the kernel's")));
}

#[test]
fn the_wait_doubles_up_to_a_second() {
    let mut backoff = Backoff::default();
    let waits: Vec<_> = (0..7).map(|_| backoff.next().as_millis()).collect();
    assert_eq!(waits, [50, 100, 200, 400, 800, 1000, 1000]);
}

#[tokio::test(start_paused = true)]
async fn warnings_are_let_through_once_in_a_while() {
    let mut warnings = Occasions::every(Duration::from_secs(10));
    let mut said = Vec::new();
    for _ in 0..25 {
        said.push(warnings.now().await);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let when: Vec<_> = (0..25).filter(|second| said[*second]).collect();
    assert_eq!(when, [0, 10, 20]);
}
