//! What the recorder counts. One set per worker, written by that worker alone, read at scrape.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::attribution::verdict::Method;

/// Which way an exchange went through the sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A request to the service.
    Inbound,
    /// A call by the service.
    Outbound,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Inbound, Self::Outbound];

    /// The value of the `direction` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// The values of the `status_class` label; the last is an exchange that had no response.
pub const STATUS_CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// Upper bounds of the latency buckets in microseconds: from what a cache answers to what only a
/// report takes.
pub const LATENCY_BUCKETS: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// One worker's counters.
#[derive(Debug, Default)]
pub struct Counters {
    exchanges: [Exchanges; 2],
    attributed: [AtomicU64; Method::ALL.len()],
    /// Pieces of trace headers that made no sense and were skipped.
    pub header_faults: AtomicU64,
    /// Outbound calls that passed untraced because their parent was unknown.
    pub context_missing: AtomicU64,
    /// Documents that said that a request is in progress.
    pub in_progress: AtomicU64,
    /// Annotations and other remarks that there was no room for.
    pub remarks_refused: AtomicU64,
    /// Subsegments sent ahead of their segment because it had gathered many.
    pub streamed: AtomicU64,
}

/// The exchanges of one direction.
#[derive(Debug, Default)]
pub struct Exchanges {
    by_class: [AtomicU64; STATUS_CLASSES.len()],
    latency: [AtomicU64; LATENCY_BUCKETS.len()],
    latency_micros: AtomicU64,
}

impl Counters {
    /// The exchanges of one direction.
    #[must_use]
    pub const fn exchanges(&self, direction: Direction) -> &Exchanges {
        let [inbound, outbound] = &self.exchanges;
        match direction {
            Direction::Inbound => inbound,
            Direction::Outbound => outbound,
        }
    }

    /// Counts an outbound call by how its parent was found.
    pub(super) fn attributed(&self, method: Method) {
        if let Some((_, counter)) = self.attributions().find(|(other, _)| *other == method) {
            add(counter, 1);
        }
    }

    /// Outbound calls by how their parent was found.
    pub fn attributions(&self) -> impl Iterator<Item = (Method, &AtomicU64)> {
        Method::ALL.into_iter().zip(&self.attributed)
    }
}

impl Exchanges {
    /// Counts an exchange that ended after `took` with `status`, if it had a response.
    pub(super) fn ended(&self, status: Option<u16>, took: Duration) {
        let class = status.map_or(STATUS_CLASSES.len() - 1, |status| {
            usize::from(status / 100).saturating_sub(1).min(4)
        });
        if let Some(counter) = self.by_class.get(class) {
            add(counter, 1);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BUCKETS.partition_point(|bound| *bound < micros);
        if let Some(counter) = self.latency.get(bucket) {
            add(counter, 1);
        }
        add(&self.latency_micros, micros);
    }

    /// Exchanges by class of status.
    pub fn by_class(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.by_class.iter().map(|counter| counter.load(Ordering::Relaxed));
        STATUS_CLASSES.into_iter().zip(counts)
    }

    /// Exchanges by latency bucket, not cumulative; those beyond the last bucket are in none.
    pub fn latencies(&self) -> impl Iterator<Item = u64> {
        self.latency.iter().map(|counter| counter.load(Ordering::Relaxed))
    }

    /// Sum of all latencies in microseconds.
    #[must_use]
    pub fn latency_micros(&self) -> u64 {
        self.latency_micros.load(Ordering::Relaxed)
    }
}

/// Adds to a counter that one thread writes: a plain load and store, no locked instruction.
pub(super) fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanges_fall_into_class_and_bucket() {
        let exchanges = Exchanges::default();
        for (status, micros) in
            [(Some(101), 1), (Some(200), 500), (Some(599), 501), (Some(999), 10_000_001), (None, 0)]
        {
            exchanges.ended(status, Duration::from_micros(micros));
        }
        let classes: Vec<u64> = exchanges.by_class().map(|(_, count)| count).collect();
        assert_eq!(classes, [1, 1, 0, 0, 2, 1]);
        let latencies: Vec<u64> = exchanges.latencies().collect();
        assert_eq!(latencies[..3], [3, 1, 0]);
        assert_eq!(latencies.iter().sum::<u64>(), 4, "the slowest is beyond the last bucket");
        assert_eq!(exchanges.latency_micros(), 10_001_003);
    }
}
