//! Rule 3: the thread that handles a request makes its calls.
//!
//! A request is pinned to the thread that was seen waiting for the rest of its head, until its
//! response begins. A thread that reads a second request while the first has no answer hands
//! requests to others: then no pin means anything, and all are given up.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::attribution::caller::Thread;
use crate::trace::id::SegmentId;

/// Which thread handles which request. The hashers need no secret: the numbers are not a stranger's
/// choice.
#[derive(Debug, Default)]
pub(super) struct Pins {
    by_thread: HashMap<Thread, SegmentId, FixedState>,
    by_request: HashMap<SegmentId, Thread, FixedState>,
}

/// What a pin tells of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pinned {
    /// It handles each request by a thread of its own.
    Own,
    /// It does not: the thread has another request that waits.
    Shared,
}

impl Pins {
    /// `thread` reads the head of `id`, which waits for its answer.
    pub(super) fn pin(&mut self, id: SegmentId, thread: Thread) -> Pinned {
        if self.by_thread.get(&thread).is_some_and(|other| *other != id) {
            self.clear();
            return Pinned::Shared;
        }
        self.unpin(id);
        self.by_thread.insert(thread, id);
        self.by_request.insert(id, thread);
        Pinned::Own
    }

    /// The request has its answer, or is over.
    pub(super) fn unpin(&mut self, id: SegmentId) {
        if let Some(thread) = self.by_request.remove(&id) {
            self.by_thread.remove(&thread);
        }
    }

    /// The request that a thread handles.
    pub(super) fn of(&self, thread: Thread) -> Option<SegmentId> {
        self.by_thread.get(&thread).copied()
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.by_thread.clear();
        self.by_request.clear();
    }

    /// Whether no request is pinned.
    pub(super) fn is_empty(&self) -> bool {
        self.by_request.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_reads_on_without_an_answer_ends_all_pins() {
        let (one, two) = (SegmentId::mint(1), SegmentId::mint(2));
        let thread = |id| Thread { process: 7, id };
        let mut pins = Pins::default();
        assert_eq!(pins.pin(one, thread(1)), Pinned::Own);
        assert_eq!(pins.pin(one, thread(1)), Pinned::Own, "seen twice");
        assert_eq!(pins.pin(two, thread(2)), Pinned::Own);
        assert_eq!((pins.of(thread(1)), pins.of(thread(2))), (Some(one), Some(two)));
        pins.unpin(one);
        assert_eq!(pins.of(thread(1)), None);
        assert_eq!(pins.pin(one, thread(3)), Pinned::Own, "the thread may change");
        assert_eq!(pins.pin(one, thread(4)), Pinned::Own);
        assert_eq!((pins.of(thread(3)), pins.of(thread(4))), (None, Some(one)));
        assert_eq!(pins.pin(two, thread(4)), Pinned::Shared);
        assert!(pins.is_empty());
    }
}
