//! What became of the documents, one set of counters a worker.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Why a document was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The worker's queue was full: documents came faster than they could be sent.
    QueueFull,
    /// The daemon's port was closed.
    Refused,
    /// The program ended, or its time to flush did, before the document was sent.
    Shutdown,
    /// The embedded collector could not keep up, or is gone.
    SideFull,
    /// The socket took no more, or the system refused the datagram.
    Socket,
    /// It was too large even when cut.
    TooLarge,
    /// The daemon's address could not be resolved, or no socket to it could be had.
    Unresolved,
}

impl DropReason {
    /// Every reason, in the order of their declaration.
    pub const ALL: [Self; 7] = [
        Self::QueueFull,
        Self::Refused,
        Self::Shutdown,
        Self::SideFull,
        Self::Socket,
        Self::TooLarge,
        Self::Unresolved,
    ];

    /// The reason as metrics and logs name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Refused => "refused",
            Self::Shutdown => "shutdown",
            Self::SideFull => "side_full",
            Self::Socket => "socket",
            Self::TooLarge => "too_large",
            Self::Unresolved => "unresolved",
        }
    }
}

/// The counters of one worker: its queue and its emitter write them, anybody may read them.
///
/// Between two batches, `offered + split = sent + dropped + queued` holds exactly; within one, the
/// documents in hand are missing on the right. `sent` and `dropped` speak of the primary target,
/// the daemon or the embedded collector; a file has counters of its own in
/// [`crate::emit::side::FileCounters`].
#[derive(Debug, Default)]
pub struct Counters {
    offered: AtomicU64,
    split: AtomicU64,
    cut: AtomicU64,
    sent: AtomicU64,
    bytes: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
}

/// The counters as they were at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Documents offered to the queue.
    pub offered: u64,
    /// Further documents that came of splitting those that were too large.
    pub split: u64,
    /// Documents whose strings were cut.
    pub cut: u64,
    /// Documents handed to the target, as far as can be known: UDP does not say what arrived.
    pub sent: u64,
    /// Bytes sent: datagrams to the daemon, JSON lines to the embedded collector.
    pub bytes: u64,
    dropped: [u64; DropReason::ALL.len()],
}

impl Counters {
    /// The counters as they are now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            offered: load(&self.offered),
            split: load(&self.split),
            cut: load(&self.cut),
            sent: load(&self.sent),
            bytes: load(&self.bytes),
            dropped: self.dropped.each_ref().map(load),
        }
    }

    /// One document was offered.
    pub(in crate::emit) fn offer(&self) {
        add(&self.offered, 1);
    }

    /// `count` documents were lost.
    pub(in crate::emit) fn drop_documents(&self, reason: DropReason, count: u64) {
        if let Some(counter) = self.dropped.get(reason as usize) {
            add(counter, count);
        }
    }

    /// `documents` of `bytes` in all were sent.
    pub(in crate::emit) fn send(&self, documents: u64, bytes: usize) {
        add(&self.sent, documents);
        add(&self.bytes, bytes as u64);
    }

    /// Encoding made `split` further documents, and cut `cut` of them.
    pub(in crate::emit) fn encode(&self, split: u64, cut: u64) {
        add(&self.split, split);
        add(&self.cut, cut);
    }
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

impl Counts {
    /// Documents lost for `reason`.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped.get(reason as usize).copied().unwrap_or_default()
    }

    /// Documents lost for any reason.
    #[must_use]
    pub fn dropped_in_all(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Documents that are neither sent nor lost yet: those queued, and those in hand.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        (self.offered + self.split).saturating_sub(self.sent + self.dropped_in_all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_counter_of_its_own() {
        let counters = Counters::default();
        for (reason, count) in DropReason::ALL.into_iter().zip(1..) {
            counters.drop_documents(reason, count);
        }
        let counts = counters.counts();
        for (reason, count) in DropReason::ALL.into_iter().zip(1..) {
            assert_eq!(counts.dropped(reason), count, "{}", reason.as_str());
        }
        assert_eq!(counts.dropped_in_all(), 28);
    }
}
