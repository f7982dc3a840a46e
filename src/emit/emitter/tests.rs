//! The whole way out, over real sockets, with the sum of the counters exact.

use std::future::Future;
use std::pin::pin;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use tokio::net::UdpSocket;

use super::*;
use crate::emit::counters::Counts;
use crate::emit::testing::ManualClock;
use crate::emit::testing::document;
use crate::emit::testing::own_id;
use crate::emit::testing::segment;
use crate::trace::document::DATAGRAM_HEADER;

struct Rig {
    queue: Queue,
    emitter: Emitter,
    counters: Arc<Counters>,
}

/// An emitter to the daemon at `address`.
fn rig(address: &str, capacity: usize) -> Rig {
    let clock = Arc::<ManualClock>::default();
    let counters = Arc::<Counters>::default();
    let sinks = Sinks::daemon(address, None, clock);
    let options = Options { queue: capacity, ..Options::default() };
    let (queue, emitter) = channel(&options, sinks, Arc::default(), Arc::clone(&counters));
    Rig { queue, emitter, counters }
}

/// A daemon, and its address.
async fn catcher() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

/// The id of the next document that arrives, as strict as a daemon.
async fn receive(daemon: &UdpSocket) -> u64 {
    let mut buffer = vec![0; 65_536];
    let wait = timeout(Duration::from_secs(10), daemon.recv(&mut buffer));
    let len = wait.await.expect("a datagram arrives").unwrap();
    assert!(len <= 65_507);
    own_id(buffer[..len].strip_prefix(DATAGRAM_HEADER).expect("a header line"))
}

/// The address of a port that nobody listens on.
async fn closed_port() -> String {
    catcher().await.1
}

fn dropped(counts: &Counts, reason: DropReason) -> u64 {
    assert_eq!(counts.outstanding(), 0, "every document is accounted for: {counts:?}");
    assert_eq!(counts.offered + counts.split, counts.sent + counts.dropped_in_all(), "{counts:?}");
    counts.dropped(reason)
}

#[tokio::test]
async fn every_document_arrives_once_and_in_order() {
    let (daemon, address) = catcher().await;
    let Rig { queue, emitter, counters } = rig(&address, 1_000);
    let total = 300;
    let offer_and_receive = async {
        for id in 1..=total {
            queue.offer(document(id));
            if id % 100 == 0 {
                for expected in id - 99..=id {
                    assert_eq!(receive(&daemon).await, expected);
                }
            }
        }
        queue.close();
    };
    tokio::join!(emitter.run(), offer_and_receive);
    let counts = counters.counts();
    assert_eq!((counts.offered, counts.sent, counts.split), (total, total, 0));
    assert_eq!(counts.dropped_in_all(), 0);
    assert!(counts.bytes > total * 100);
}

#[tokio::test]
async fn a_single_document_does_not_wait_for_a_batch() {
    let (daemon, address) = catcher().await;
    let Rig { queue, emitter, .. } = rig(&address, 10);
    tokio::join!(emitter.run(), async {
        queue.offer(document(5));
        assert_eq!(receive(&daemon).await, 5, "before the queue is closed");
        queue.close();
    });
}

#[tokio::test]
async fn a_large_segment_arrives_in_pieces() {
    let (daemon, address) = catcher().await;
    let Rig { queue, emitter, counters } = rig(&address, 10);
    queue.offer(segment(1, 20, 5_000));
    queue.close();
    tokio::join!(emitter.run(), async {
        for expected in (2..=21).chain([1]) {
            assert_eq!(receive(&daemon).await, expected);
        }
    });
    let counts = counters.counts();
    assert_eq!((counts.offered, counts.split, counts.sent), (1, 20, 21));
}

#[tokio::test]
async fn a_full_queue_drops_the_newest_and_counts() {
    let (daemon, address) = catcher().await;
    let Rig { queue, emitter, counters } = rig(&address, 2);
    (1..=5).for_each(|id| queue.offer(document(id)));
    assert_eq!(counters.counts().outstanding(), 2, "what is queued is neither sent nor dropped");
    queue.close();
    queue.offer(document(6));
    emitter.run().await;
    assert_eq!((receive(&daemon).await, receive(&daemon).await), (1, 2));
    let counts = counters.counts();
    assert_eq!(dropped(&counts, DropReason::QueueFull), 3);
    assert_eq!(dropped(&counts, DropReason::Shutdown), 1, "what comes after the close is counted");
}

#[tokio::test]
async fn a_closed_port_is_counted_exactly() {
    let Rig { queue, emitter, counters } = rig(&closed_port().await, 1_000);
    (1..=200).for_each(|id| queue.offer(document(id)));
    queue.close();
    emitter.run().await;
    let counts = counters.counts();
    assert_eq!(dropped(&counts, DropReason::Refused), 200, "{counts:?}");
    assert_eq!((counts.sent, counts.bytes), (0, 0));
}

#[tokio::test]
async fn a_daemon_that_comes_back_is_found_on_the_same_socket() {
    let (first, address) = catcher().await;
    let Rig { queue, emitter, counters } = rig(&address, 10);
    tokio::join!(emitter.run(), async {
        queue.offer(document(1));
        assert_eq!(receive(&first).await, 1);
        drop(first);
        queue.offer(document(2));
        while counters.counts().dropped(DropReason::Refused) == 0 {
            tokio::task::yield_now().await;
        }
        let second = UdpSocket::bind(&address).await.unwrap();
        queue.offer(document(3));
        assert_eq!(receive(&second).await, 3);
        queue.close();
    });
    let counts = counters.counts();
    assert_eq!((counts.sent, dropped(&counts, DropReason::Refused)), (2, 1));
}

#[tokio::test]
async fn a_flush_that_is_given_up_counts_what_it_leaves() {
    let (_daemon, address) = catcher().await;
    let Rig { queue, emitter, counters } = rig(&address, 100);
    (1..=10).for_each(|id| queue.offer(document(id)));
    {
        let mut run = pin!(emitter.run());
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(run.as_mut().poll(&mut context), Poll::Pending, "it waits for a batch");
    }
    queue.offer(document(11));
    let counts = counters.counts();
    assert_eq!(dropped(&counts, DropReason::Shutdown), 11);
}
