//! When the address is resolved, and what a socket's errors are taken for.

use super::*;
use crate::emit::testing::ManualClock;
use crate::emit::testing::document;
use crate::trace::document::Batch;
use crate::trace::site::Surroundings;

/// A sink, and the second at which its link was last tried.
struct Rig {
    sink: UdpSink,
    clock: Arc<ManualClock>,
    counters: Counters,
}

impl Rig {
    fn new(address: &str) -> Self {
        let clock = Arc::<ManualClock>::default();
        let sink = UdpSink::new(address, Arc::clone(&clock) as _);
        Self { sink, clock, counters: Counters::default() }
    }

    /// Sends one document `seconds` later.
    async fn send_after(&mut self, seconds: u64) -> &Link {
        self.clock.advance(seconds);
        let mut batch = Batch::default();
        batch.encode(document(1), &Surroundings::default());
        self.counters.offer();
        self.sink.send(&batch, &self.counters).await;
        &self.sink.link
    }
}

/// A moment as the manual clock tells it.
fn second(seconds: u64) -> Stamp {
    let clock = ManualClock::default();
    clock.advance(seconds);
    clock.now()
}

#[tokio::test]
async fn an_address_that_is_none_is_tried_again_after_five_seconds() {
    let mut rig = Rig::new("no-port");
    for (wait, tried) in [(0, 0), (4, 0), (1, 5), (4, 5), (7, 16)] {
        let link = rig.send_after(wait).await;
        assert!(matches!(link, Link::Down(at) if *at == second(tried)), "{link:?}, not {tried}");
    }
    let counts = rig.counters.counts();
    assert_eq!((counts.dropped(DropReason::Unresolved), counts.outstanding()), (5, 0));
}

#[tokio::test]
async fn an_address_is_resolved_again_after_a_minute_and_the_socket_kept() {
    let daemon = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut rig = Rig::new(&daemon.local_addr().unwrap().to_string());
    let mut ports = Vec::new();
    for (wait, resolved) in [(0, 0), (59, 0), (1, 60), (59, 60), (1, 120)] {
        let Link::Up(connected, at) = rig.send_after(wait).await else { panic!("no socket") };
        assert_eq!(*at, second(resolved));
        ports.push(connected.socket.local_addr().unwrap().port());
    }
    ports.dedup();
    assert_eq!(ports.len(), 1, "the same address needs no new socket");
    assert_eq!(rig.counters.counts().sent, 5);
}

#[tokio::test]
async fn a_name_service_that_fails_later_leaves_the_address_that_worked() {
    let daemon = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut rig = Rig::new(&daemon.local_addr().unwrap().to_string());
    rig.send_after(0).await;
    rig.sink.address = "no-port".into();
    assert!(matches!(rig.send_after(60).await, Link::Up(..)));
    assert_eq!(rig.counters.counts().sent, 2);
}

#[tokio::test]
async fn a_name_that_moves_gets_a_new_socket() {
    let first = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let second = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut rig = Rig::new(&first.local_addr().unwrap().to_string());
    rig.send_after(0).await;
    let moved = second.local_addr().unwrap();
    rig.sink.address = moved.to_string().into();
    let link = rig.send_after(60).await;
    assert!(matches!(link, Link::Up(connected, _) if connected.peer == moved));
    assert_eq!(rig.counters.counts().sent, 2);
}

#[tokio::test]
async fn a_refusal_is_said_of_the_datagram_before() {
    let address = {
        let daemon = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        daemon.local_addr().unwrap()
    };
    let socket = connect(address).unwrap();
    let mut connected = Connected::new(socket, address);
    let counters = Counters::default();
    let mut room = Room::Awaited;
    assert!(connected.send(Load::one(b"first"), &mut room, &counters).await.is_ok());
    assert_eq!(connected.limbo.map(|sent| sent.bytes), Some(5));
    let _daemon = UdpSocket::bind(address).await.unwrap();
    assert!(
        connected.send(Load::one(b"second"), &mut room, &counters).await.is_ok(),
        "tried once more"
    );
    assert!(connected.settle(&counters).is_none());
    let counts = counters.counts();
    assert_eq!((counts.sent, counts.bytes, counts.dropped(DropReason::Refused)), (1, 6, 1));
}

#[tokio::test]
async fn a_datagram_the_system_refuses_is_dropped_alone() {
    let daemon = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = daemon.local_addr().unwrap();
    let mut connected = Connected::new(connect(peer).unwrap(), peer);
    let counters = Counters::default();
    let mut room = Room::Awaited;
    assert!(connected.send(Load::one(b"fits"), &mut room, &counters).await.is_ok());
    let fault = connected.deliver(Load::one(&[0; 65_508]), &mut room, &counters).await;
    assert!(fault.is_some(), "larger than UDP over IPv4 allows");
    assert_eq!(counters.counts().dropped(DropReason::Socket), 1);
    assert!(connected.settle(&counters).is_none());
    assert_eq!(counters.counts().sent, 1);
}

#[tokio::test]
async fn a_load_arrives_as_its_datagrams_cut_by_the_kernel_or_not() {
    let daemon = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = daemon.local_addr().unwrap();
    let counters = Counters::default();
    for cutting in [Cutting::Works, Cutting::Refused] {
        let mut connected = Connected::new(connect(peer).unwrap(), peer);
        connected.cutting = cutting;
        let load = Load { bytes: b"one  two  three", segment: 5, documents: 3 };
        assert!(connected.deliver(load, &mut Room::Awaited, &counters).await.is_none());
        for want in ["one  ", "two  ", "three"] {
            let mut buffer = [0; 64];
            let length = daemon.recv(&mut buffer).await.unwrap();
            assert_eq!(std::str::from_utf8(&buffer[..length]), Ok(want), "{cutting:?}");
        }
        assert!(connected.settle(&counters).is_none());
    }
    assert_eq!((counters.counts().sent, counters.counts().bytes), (6, 30));
}
