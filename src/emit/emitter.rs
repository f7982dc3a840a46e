//! The loop that empties a worker's queue: take a batch, encode it, send it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::timeout;

use crate::emit::counters::Counters;
use crate::emit::counters::DropReason;
use crate::emit::options::Options;
use crate::emit::queue;
use crate::emit::queue::BATCH;
use crate::emit::queue::Outlet;
use crate::emit::queue::Queue;
use crate::emit::sinks::Sinks;
use crate::trace::document::Batch;
use crate::trace::site::Surroundings;

/// How long the first document of a batch waits for others. Long enough that a busy worker sends
/// in batches, which cost a fraction of single sends, and far below what a reader could notice.
const LINGER: Duration = Duration::from_millis(5);

/// Empties one worker's queue.
#[derive(Debug)]
pub struct Emitter {
    outlet: Outlet,
    sinks: Sinks,
    batch: Batch,
    around: Arc<ArcSwap<Surroundings>>,
    counters: Arc<Counters>,
}

/// A worker's queue and its emitter, which puts what there is `around` into every segment.
/// `counters` must be theirs alone.
#[must_use]
pub fn channel(
    options: &Options,
    sinks: Sinks,
    around: Arc<ArcSwap<Surroundings>>,
    counters: Arc<Counters>,
) -> (Queue, Emitter) {
    let (queue, outlet) = queue::bounded(options.queue, Arc::clone(&counters));
    (queue, Emitter { outlet, sinks, batch: Batch::default(), around, counters })
}

impl Emitter {
    /// Sends what is offered until the queue is closed and empty.
    ///
    /// The caller bounds the final flush by dropping the future: what is still queued or in hand
    /// then counts as dropped.
    pub async fn run(mut self) {
        loop {
            self.outlet.holds(1).await;
            if self.outlet.ended() {
                return;
            }
            // Running out of time is as good as a full batch.
            drop(timeout(LINGER, self.outlet.holds(BATCH)).await);
            // Between two turns of ours every open connection has one, and may have offered a
            // document; what came since has its own.
            for _ in 0..self.outlet.len().div_ceil(BATCH) {
                self.encode();
                self.sinks.send(&self.batch, &self.counters).await;
                self.batch.clear();
            }
            // Under load the queue is never empty, and requests must have their turn.
            tokio::task::yield_now().await;
        }
    }

    fn encode(&mut self) {
        let around = self.around.load();
        for _ in 0..BATCH {
            let Some(document) = self.outlet.take() else {
                return;
            };
            let encoded = self.batch.encode(document, &around);
            self.counters.encode(encoded.split(), encoded.cut);
            self.counters.drop_documents(DropReason::TooLarge, encoded.failed);
        }
    }
}

impl Drop for Emitter {
    /// Nothing is queued or in hand after a complete [`Emitter::run`]. After one that was given up
    /// the sum tells how much was.
    fn drop(&mut self) {
        let lost = self.counters.counts().outstanding();
        self.counters.drop_documents(DropReason::Shutdown, lost);
    }
}

#[cfg(test)]
mod tests;
