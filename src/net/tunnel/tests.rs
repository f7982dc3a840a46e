//! Tunnels over pipes and over sockets, however they end.

use tokio::io::AsyncWriteExt;
use tokio::io::DuplexStream;
use tokio::io::duplex;
use tokio::io::empty;
use tokio::io::join;
use tokio::io::repeat;
use tokio::io::sink;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::sys::drain;
use crate::sys::drain::Drain;

const IDLE: Duration = Duration::from_secs(60);
const PIPE: usize = 1024;

/// A tunnel under way, and the ends that the service and the remote hold.
fn tunnel() -> (impl Future<Output = TunnelFacts>, DuplexStream, DuplexStream, Drain) {
    let (drain, observer) = drain::channel();
    let (service, near) = duplex(PIPE);
    let (remote, far) = duplex(PIPE);
    (copy(near, far, IDLE, observer.watch()), service, remote, drain)
}

fn facts(bytes_sent: u64, bytes_received: u64, ended_by: TunnelEnd) -> TunnelFacts {
    TunnelFacts { bytes_sent, bytes_received, ended_by }
}

#[tokio::test]
async fn a_half_close_is_passed_on_and_the_answer_still_comes() {
    for (first, expected) in [
        (TunnelEnd::Service, facts(4, 9, TunnelEnd::Service)),
        (TunnelEnd::Remote, facts(9, 4, TunnelEnd::Remote)),
    ] {
        let (copying, service, remote, _drain) = tunnel();
        let (mut one, mut other) =
            if first == TunnelEnd::Service { (service, remote) } else { (remote, service) };
        let talk = async {
            one.write_all(b"ping").await.unwrap();
            one.shutdown().await.unwrap();
            let mut heard = Vec::new();
            other.read_to_end(&mut heard).await.unwrap();
            other.write_all(b"pong pong").await.unwrap();
            other.shutdown().await.unwrap();
            let mut answer = Vec::new();
            one.read_to_end(&mut answer).await.unwrap();
            (heard, answer)
        };
        let (seen, (heard, answer)) = tokio::join!(copying, talk);
        assert_eq!(seen, expected);
        assert_eq!((heard.as_slice(), answer.as_slice()), (&b"ping"[..], &b"pong pong"[..]));
    }
}

#[tokio::test]
async fn much_passes_both_ways_at_once() {
    const MUCH: usize = 1 << 20;
    let (copying, service, remote, _drain) = tunnel();
    let bytes: Vec<u8> = (0..MUCH).map(|at| (at % 251) as u8).collect();
    let end = async |io: DuplexStream| {
        let (mut from, mut to) = tokio::io::split(io);
        let mut heard = Vec::new();
        let send = async {
            to.write_all(&bytes).await.unwrap();
            to.shutdown().await.unwrap();
        };
        let (_, read) = tokio::join!(send, from.read_to_end(&mut heard));
        read.unwrap();
        assert!(heard == bytes, "what came out is what went in");
    };
    let (seen, (), ()) = tokio::join!(copying, end(service), end(remote));
    assert_eq!((seen.bytes_sent, seen.bytes_received), (MUCH as u64, MUCH as u64));
}

#[tokio::test]
async fn a_reset_ends_both_ways_and_is_laid_at_its_door() {
    for culprit in [TunnelEnd::Service, TunnelEnd::Remote] {
        let (near, service) = connection().await;
        let (far, remote) = connection().await;
        let (_drain, observer) = drain::channel();
        let (resetting, mut other) =
            if culprit == TunnelEnd::Service { (service, remote) } else { (remote, service) };
        resetting.set_zero_linger().unwrap();
        let mut heard = Vec::new();
        let reset = async {
            drop(resetting);
            other.read_to_end(&mut heard).await
        };
        let (seen, closed) = tokio::join!(copy(near, far, IDLE, observer.watch()), reset);
        assert_eq!(seen, facts(0, 0, culprit));
        closed.unwrap();
    }
}

#[tokio::test]
async fn a_remote_that_takes_nothing_more_is_what_ended_it() {
    let (copying, mut service, remote, _drain) = tunnel();
    service.write_all(b"too late").await.unwrap();
    drop(remote);
    assert_eq!(copying.await, facts(0, 0, TunnelEnd::Remote));
}

#[tokio::test(start_paused = true)]
async fn a_way_that_never_waits_is_passed_in_turns() {
    const MUCH: u64 = 1 << 20;
    let (_drain, observer) = drain::channel();
    let service = join(repeat(7).take(MUCH), sink());
    let copying = copy(service, join(empty(), sink()), IDLE, observer.watch());
    // Paused time moves only when nobody has anything to do.
    let seen = timeout(Duration::from_millis(1), copying).await;
    assert_eq!(seen, Ok(facts(MUCH, 0, TunnelEnd::Remote)), "it never waits for a timer");
}

/// Both ends of a TCP connection.
async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (listener.accept().await.unwrap().0, client)
}

#[tokio::test(start_paused = true)]
async fn silence_ends_it_and_bytes_keep_it_open() {
    let (copying, mut service, _remote, _drain) = tunnel();
    let mut copying = pin!(copying);
    for _ in 0..5 {
        service.write_all(b".").await.unwrap();
        let early = timeout(IDLE - Duration::from_secs(1), &mut copying).await;
        assert!(early.is_err(), "a byte had passed less than the idle timeout ago");
    }
    service.write_all(b".").await.unwrap();
    let early = timeout(IDLE - Duration::from_millis(2), &mut copying).await;
    assert!(early.is_err(), "not before the idle timeout");
    let seen = timeout(Duration::from_millis(4), &mut copying).await;
    assert_eq!(seen, Ok(facts(6, 0, TunnelEnd::IdleTimeout)), "nor after it");
}

#[tokio::test(start_paused = true)]
async fn a_half_close_before_the_silence_is_what_ended_it() {
    let (copying, mut service, _remote, _drain) = tunnel();
    service.shutdown().await.unwrap();
    let seen = timeout(IDLE + Duration::from_millis(4), copying).await;
    assert_eq!(seen, Ok(facts(0, 0, TunnelEnd::Service)));
}

#[tokio::test(start_paused = true)]
async fn draining_leaves_it_and_aborting_ends_it() {
    let (copying, mut service, mut remote, drain) = tunnel();
    let told = async {
        drain.advance(Phase::Draining);
        let mut byte = [0];
        service.write_all(b"x").await.unwrap();
        remote.read_exact(&mut byte).await.unwrap();
        drain.advance(Phase::Aborting);
    };
    let (seen, ()) = tokio::join!(copying, told);
    assert_eq!(seen, facts(1, 0, TunnelEnd::Shutdown), "it passed bytes while draining");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stalls_stalls_the_writer() {
    let (copying, mut service, _remote, _drain) = tunnel();
    let mut written = 0;
    let flood = async {
        loop {
            written += service.write(&[0; PIPE]).await.unwrap();
        }
    };
    // The flood never ends by itself: the tunnel's idle timeout ends the test.
    let seen = tokio::select! {
        seen = copying => seen,
        () = flood => unreachable!("a loop"),
    };
    assert_eq!(seen, facts(PIPE as u64, 0, TunnelEnd::IdleTimeout), "what the remote's pipe holds");
    assert!(written <= PIPE + BUFFER + PIPE, "{written} bytes were taken in");
    assert!(written >= PIPE + PIPE, "{written} bytes were taken in");
}
