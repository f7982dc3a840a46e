//! Rule 3: the thread that handles a request makes its calls.
//!
//! A request is pinned to the thread that was seen waiting for the rest of its head, until its
//! response begins. A thread that reads the next request has done with the one before, whose response
//! is on its way; unless that takes long: then it hands requests to others, and no pin means
//! anything.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::FixedState;

use crate::attribution::caller::Thread;
use crate::trace::id::SegmentId;

/// How long a response may be on its way, on a busy machine.
const UNDER_WAY: Duration = Duration::from_millis(100);

/// So many requests whose response took longer, and the service is one that hands them on.
const HANDED_ON: u32 = 3;

/// Which thread handles which request. The hashers need no secret: the numbers are not a stranger's
/// choice.
#[derive(Debug, Default)]
pub(super) struct Pins {
    by_thread: HashMap<Thread, SegmentId, FixedState>,
    by_request: HashMap<SegmentId, Thread, FixedState>,
    /// Requests whose thread has read another since, and when.
    left: HashMap<SegmentId, Duration, FixedState>,
    handed_on: u32,
}

/// What an answer tells of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handling {
    /// Nothing against it.
    Own,
    /// It hands requests from thread to thread.
    HandedOn,
}

impl Pins {
    /// `thread` reads the head of `id`, which waits for its answer.
    pub(super) fn pin(&mut self, id: SegmentId, thread: Thread, now: Duration) {
        self.unpin(id);
        if let Some(before) = self.by_thread.insert(thread, id) {
            self.by_request.remove(&before);
            self.left.insert(before, now);
        }
        self.by_request.insert(id, thread);
    }

    /// The request has its answer.
    pub(super) fn answered(&mut self, id: SegmentId, now: Duration) -> Handling {
        self.unpin(id);
        let left = self.left.remove(&id);
        if left.is_some_and(|left| now.saturating_sub(left) > UNDER_WAY) {
            self.handed_on += 1;
        }
        if self.handed_on < HANDED_ON {
            return Handling::Own;
        }
        *self = Self::default();
        Handling::HandedOn
    }

    /// The request is over.
    pub(super) fn closed(&mut self, id: SegmentId) {
        self.unpin(id);
        self.left.remove(&id);
    }

    fn unpin(&mut self, id: SegmentId) {
        if let Some(thread) = self.by_request.remove(&id) {
            self.by_thread.remove(&thread);
        }
    }

    /// The request that a thread handles.
    pub(super) fn of(&self, thread: Thread) -> Option<SegmentId> {
        self.by_thread.get(&thread).copied()
    }

    /// Whether no request is pinned.
    pub(super) fn is_empty(&self) -> bool {
        self.by_request.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    const fn thread(id: u32) -> Thread {
        Thread { process: 7, id }
    }

    #[test]
    fn a_thread_handles_the_request_it_read_last() {
        let (one, two) = (SegmentId::mint(1), SegmentId::mint(2));
        let mut pins = Pins::default();
        pins.pin(one, thread(1), at(0));
        pins.pin(one, thread(1), at(0));
        pins.pin(two, thread(2), at(0));
        assert_eq!((pins.of(thread(1)), pins.of(thread(2))), (Some(one), Some(two)));
        pins.pin(one, thread(3), at(0));
        assert_eq!((pins.of(thread(1)), pins.of(thread(3))), (None, Some(one)), "it may change");
        pins.pin(two, thread(3), at(0));
        assert_eq!((pins.of(thread(2)), pins.of(thread(3))), (None, Some(two)));
        assert_eq!(pins.answered(one, at(5)), Handling::Own);
        assert_eq!(pins.of(thread(3)), Some(two), "the answer to the one before comes late");
        assert_eq!(pins.answered(two, at(500)), Handling::Own);
        assert!(pins.is_empty() && pins.left.is_empty());
    }

    #[test]
    fn a_thread_that_hands_requests_on_is_found_out() {
        let mut pins = Pins::default();
        for number in 1..=10 {
            pins.pin(SegmentId::mint(number), thread(1), at(number));
        }
        assert_eq!(pins.left.len(), 9);
        assert_eq!(pins.answered(SegmentId::mint(4), at(200)), Handling::Own);
        pins.closed(SegmentId::mint(1));
        assert_eq!(pins.answered(SegmentId::mint(2), at(200)), Handling::Own);
        assert_eq!(pins.answered(SegmentId::mint(3), at(200)), Handling::HandedOn);
        assert!(pins.is_empty() && pins.left.is_empty());
    }
}
