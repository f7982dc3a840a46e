//! Takes datagrams in, and offers the documents in them to the queue.

use std::io;
use std::net::UdpSocket as StdUdpSocket;
use std::pin::pin;
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::task::yield_now;
use tracing::debug;
use tracing::warn;

use crate::emit::queue::Queue;
use crate::record::inside::Recognised;
use crate::record::recorder::Shared;
use crate::relay::counters::Counters;
use crate::relay::counters::Passed;
use crate::relay::join;
use crate::relay::join::Read;
use crate::sys::drain::Observer;
use crate::sys::drain::Phase;
use crate::trace::document::Document;
use crate::trace::document::Foreign;

/// Longest datagram there is, and one byte more.
const DATAGRAM: usize = 65_536;

/// Most datagrams taken in before others on this thread have their turn, and most bytes of them but
/// for the last. They are read as JSON, which takes about as long as this many bytes say.
const TURN: usize = 64;
const TURN_BYTES: usize = 256 * 1024;

/// Most datagrams taken in at the end: more than the socket's buffer can hold, so that a flood
/// cannot hold the shutdown up.
const LAST: usize = 8_192;

/// The UDP side of the relay.
#[derive(Debug)]
pub struct Documents {
    socket: UdpSocket,
    /// The same, asked directly: the runtime learns late of what has come last.
    plain: StdUdpSocket,
    shared: Arc<Shared>,
    queue: Queue,
    counters: Arc<Counters>,
}

impl Documents {
    /// Takes documents from `socket`, which must be non-blocking, to `queue`.
    ///
    /// # Errors
    ///
    /// If the runtime cannot watch the socket.
    pub fn new(
        socket: StdUdpSocket,
        shared: Arc<Shared>,
        queue: Queue,
        counters: Arc<Counters>,
    ) -> io::Result<Self> {
        let plain = socket.try_clone()?;
        Ok(Self { socket: UdpSocket::from_std(socket)?, plain, shared, queue, counters })
    }

    /// Takes documents in until all traffic has ended, and then those that have come until now: the
    /// service has told of its last requests by then.
    pub async fn run(self, mut drain: Observer) {
        let mut buffer = vec![0; DATAGRAM];
        let mut stop = pin!(drain.reached(Phase::Flushing));
        loop {
            // Both arms are cancel-safe: what is not received stays in the socket.
            let ready = tokio::select! {
                biased;
                () = &mut stop => break,
                ready = self.socket.readable() => ready,
            };
            if let Err(error) = ready {
                warn!(%error, "the relay takes no more documents");
                return;
            }
            self.take(|into| self.socket.try_recv(into), &mut buffer, (TURN, TURN_BYTES));
            yield_now().await;
        }
        self.take(|into| self.plain.recv(into), &mut buffer, (LAST, usize::MAX));
    }

    /// Takes in what there is, within both limits.
    fn take(
        &self,
        receive: impl Fn(&mut [u8]) -> io::Result<usize>,
        buffer: &mut [u8],
        (datagrams, mut bytes): (usize, usize),
    ) {
        for _ in 0..datagrams {
            let received = match receive(buffer) {
                Ok(length) => buffer.get(..length).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    debug!(%error, "a datagram could not be received");
                    continue;
                }
            };
            self.pass(received);
            let Some(left) = bytes.checked_sub(received.len()) else { return };
            bytes = left;
        }
    }

    fn pass(&self, datagram: &[u8]) {
        let Some(document) = join::document(datagram) else {
            return self.counters.passed(Passed::Rejected);
        };
        let (passed, document) = match join::read(document) {
            Read::Insider(mut insider) => {
                match self.shared.recognise(insider.trace, insider.parent, insider.user()) {
                    Some(recognised) => {
                        if recognised == Recognised::Open {
                            insider.leave_user();
                        }
                        (Passed::Joined, insider.into_subsegment())
                    }
                    None => (Passed::Forwarded, one_line(document)),
                }
            }
            Read::Other => (Passed::Forwarded, one_line(document)),
            Read::Unread => (Passed::Unread, one_line(document)),
        };
        self.counters.passed(passed);
        self.queue.offer(Document::Foreign(Foreign(document.into_boxed_slice())));
    }
}

/// The same on one line, as the file and the collector want it: between the tokens of JSON, and only
/// there, a line may end.
fn one_line(document: &[u8]) -> Vec<u8> {
    document.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect()
}
