//! Where one worker's batches go, and the warnings when they do not arrive.

use std::io;
use std::sync::Arc;

use crate::emit::counters::Counters;
use crate::emit::counters::Counts;
use crate::emit::counters::DropReason;
use crate::emit::side::SideSender;
use crate::emit::udp::UdpSink;
use crate::sys::clock::Clock;
use crate::sys::throttle::Throttle;
use crate::trace::document::Batch;
use crate::trace::time::Stamp;

/// Where one worker's batches go.
#[derive(Debug)]
pub struct Sinks {
    target: Target,
    warnings: Warnings,
}

#[derive(Debug)]
enum Target {
    /// A daemon; what is on the side then is a file.
    Daemon(Box<UdpSink>, Option<SideSender>),
    /// The embedded collector, and perhaps a file, both on the side.
    Embedded(SideSender),
}

impl Sinks {
    /// To the daemon at `address` (`host:port`), and to a file where `side` has one.
    #[must_use]
    pub fn daemon(address: &str, side: Option<SideSender>, clock: Arc<dyn Clock>) -> Self {
        let udp = Box::new(UdpSink::new(address, Arc::clone(&clock)));
        Self { target: Target::Daemon(udp, side), warnings: Warnings::new(clock) }
    }

    /// To the embedded collector that `side` was started with.
    #[must_use]
    pub fn embedded(side: SideSender, clock: Arc<dyn Clock>) -> Self {
        Self { target: Target::Embedded(side), warnings: Warnings::new(clock) }
    }

    /// Sends every document of `batch`, or counts it as dropped. Waits for the daemon's name to be
    /// resolved and for room in the socket, each for a short while only.
    pub(in crate::emit) async fn send(&mut self, batch: &Batch, counters: &Counters) {
        let fault = match &mut self.target {
            Target::Daemon(udp, side) => {
                if let Some(side) = side {
                    side.offer(batch);
                }
                udp.send(batch, counters).await;
                udp.fault()
            }
            Target::Embedded(side) => {
                let taken = side.offer(batch);
                counters.send(taken.documents, taken.bytes);
                counters.drop_documents(DropReason::SideFull, batch.len() as u64 - taken.documents);
                None
            }
        };
        self.warnings.report(&counters.counts(), fault);
    }
}

/// Warns of dropped documents, at a bounded rate for each reason.
#[derive(Debug)]
struct Warnings {
    clock: Arc<dyn Clock>,
    start: Stamp,
    throttles: [Throttle; DropReason::ALL.len()],
    /// For each reason, how many have been warned of already.
    reported: [u64; DropReason::ALL.len()],
}

impl Warnings {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let throttles = [Throttle::new(Throttle::WARNINGS); DropReason::ALL.len()];
        Self { start: clock.now(), clock, throttles, reported: [0; DropReason::ALL.len()] }
    }

    fn report(&mut self, counts: &Counts, fault: Option<&io::Error>) {
        if counts.dropped_in_all() == self.reported.iter().sum::<u64>() {
            return;
        }
        let now = self.clock.now().since(self.start);
        let kinds = DropReason::ALL.into_iter().zip(&mut self.throttles).zip(&mut self.reported);
        for ((reason, throttle), reported) in kinds {
            let dropped = counts.dropped(reason).saturating_sub(*reported);
            if dropped > 0 && throttle.allow(now).is_some() {
                let fault = fault.map(tracing::field::display);
                tracing::warn!(reason = reason.as_str(), dropped, fault, "documents dropped");
                *reported = counts.dropped(reason);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::testing::ManualClock;

    #[test]
    fn warnings_of_a_reason_are_ten_seconds_apart_and_lose_no_count() {
        let clock = Arc::<ManualClock>::default();
        let counters = Counters::default();
        let mut warnings = Warnings::new(Arc::clone(&clock) as _);
        for (wait, dropped, reported) in [(0, 3, 3), (0, 2, 3), (9, 0, 3), (1, 0, 5), (1, 1, 5)] {
            clock.advance(wait);
            counters.drop_documents(DropReason::QueueFull, dropped);
            warnings.report(&counters.counts(), None);
            assert_eq!(warnings.reported.iter().sum::<u64>(), reported, "{wait} {dropped}");
        }
        counters.drop_documents(DropReason::Refused, 4);
        warnings.report(&counters.counts(), None);
        assert_eq!(warnings.reported.iter().sum::<u64>(), 9, "another reason has its own line");
    }
}
