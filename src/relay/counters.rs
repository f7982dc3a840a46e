//! What the relay has counted.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// The relay's counters.
#[derive(Debug, Default)]
pub struct Counters {
    documents: [AtomicU64; Passed::ALL.len()],
    calls: [AtomicU64; Called::ALL.len()],
}

/// What became of a datagram. All but the rejected ones are offered to the queue, and what becomes
/// of them there stands in the counters of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// A segment that became a subsegment of a request of ours.
    Joined,
    /// A document that has nothing to do with ours, or hangs below them as it is.
    Forwarded,
    /// It could not be read, and passed all the same: the daemon does not read it either.
    Unread,
    /// It has no header line that a daemon takes, or nothing behind it.
    Rejected,
}

impl Passed {
    /// All, in the order of their declaration.
    pub const ALL: [Self; 4] = [Self::Joined, Self::Forwarded, Self::Unread, Self::Rejected];

    /// The word for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Forwarded => "forwarded",
            Self::Unread => "unread",
            Self::Rejected => "rejected",
        }
    }
}

/// What became of a question put over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// The daemon answered, whatever it said.
    Answered,
    /// There is no daemon; we answered that there are no rules.
    Alone,
    /// The daemon is away, or did not answer in time.
    Unanswered,
    /// It was too long, or one connection too many.
    Refused,
}

impl Called {
    /// All, in the order of their declaration.
    pub const ALL: [Self; 4] = [Self::Answered, Self::Alone, Self::Unanswered, Self::Refused];

    /// The word for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Alone => "alone",
            Self::Unanswered => "unanswered",
            Self::Refused => "refused",
        }
    }
}

impl Counters {
    pub(super) fn passed(&self, passed: Passed) {
        if let Some(counter) = self.documents.get(passed as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn called(&self, called: Called) {
        if let Some(counter) = self.calls.get(called as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many datagrams came to what.
    pub fn documents(&self) -> impl Iterator<Item = (Passed, u64)> {
        let counts = self.documents.iter().map(|counter| counter.load(Ordering::Relaxed));
        Passed::ALL.into_iter().zip(counts)
    }

    /// How many questions came to what.
    pub fn calls(&self) -> impl Iterator<Item = (Called, u64)> {
        let counts = self.calls.iter().map(|counter| counter.load(Ordering::Relaxed));
        Called::ALL.into_iter().zip(counts)
    }
}
