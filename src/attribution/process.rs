//! Rule 4: a process that handles one request at a time makes the calls of that request.
//!
//! That a service works so has to be learned: by how often exactly one request was accepted while
//! others waited for a process to accept them, and how often more than one was. A response that is
//! on its way to us looks like a request that is still handled, so a few of the latter are allowed.

use crate::attribution::caller::Caller;
use crate::trace::id::SegmentId;

/// So many calls must have met exactly one accepted request, with others queued.
const ENOUGH: u32 = 100;

/// For each of them that met more, so many must have met one.
const SHARE: u32 = 50;

/// From here on both counts are halved: what was long ago counts less.
const MANY: u32 = 1_000;

/// What is known of how the service's processes work.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Workers {
    /// Calls that met one accepted request while others were queued.
    one: u32,
    /// Calls that met more.
    several: u32,
}

impl Workers {
    /// Learns from a call, and names the request it is for if that is certain: the only one that its
    /// process has accepted, in a service that works so, if nothing else can go on in that
    /// process, or the thread is the one that accepts.
    pub(super) fn judge(&mut self, caller: &Caller) -> Option<SegmentId> {
        let process = caller.process.as_ref()?;
        match process.accepted.as_slice() {
            [] => None,
            [only] => {
                self.one += u32::from(process.queued > 0);
                self.fade();
                let handles = process.single || caller.thread.is_some_and(|t| t.is_main());
                (self.are_known() && handles).then_some(*only)
            }
            _ => {
                self.several += 1;
                self.fade();
                None
            }
        }
    }

    fn fade(&mut self) {
        if self.one.max(self.several) >= MANY {
            self.one /= 2;
            self.several /= 2;
        }
    }

    /// Whether they are known to handle one request at a time.
    pub(super) const fn are_known(self) -> bool {
        self.one >= ENOUGH && !self.are_busy()
    }

    /// Whether they have been seen to handle several at a time.
    const fn are_busy(self) -> bool {
        self.several * SHARE > self.one
    }

    /// Whether to ask who has accepted what may tell something, with so many requests waiting.
    pub(super) const fn is_worth_asking(self, waiting: usize) -> bool {
        if self.several >= ENOUGH && self.are_busy() {
            return false;
        }
        self.are_known() || waiting > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::caller::Process;
    use crate::attribution::caller::Thread;

    fn caller(accepted: &[u64], queued: usize, single: bool, thread: Option<u32>) -> Caller {
        let accepted = accepted.iter().copied().map(SegmentId::mint).collect();
        let thread = thread.map(|id| Thread { process: 1, id });
        Caller { process: Some(Process { single, accepted, queued }), thread }
    }

    #[test]
    fn it_takes_a_hundred_calls_with_others_queued_to_know() {
        let mut workers = Workers::default();
        for _ in 0..200 {
            assert_eq!(workers.judge(&caller(&[1], 0, true, None)), None, "nobody was queued");
        }
        for _ in 1..ENOUGH {
            assert_eq!(workers.judge(&caller(&[1], 3, true, None)), None);
        }
        assert_eq!(workers.judge(&caller(&[1], 3, true, None)), Some(SegmentId::mint(1)));
        assert_eq!(workers.judge(&caller(&[2], 0, true, None)), Some(SegmentId::mint(2)));
    }

    #[test]
    fn what_else_goes_on_in_the_process_is_not_taken_for_the_request() {
        let mut workers = Workers { one: ENOUGH, several: 0 };
        for (accepted, single, thread, expected) in [
            (&[1_u64][..], false, Some(1), Some(1)),
            (&[1], false, Some(2), None),
            (&[1], false, None, None),
            (&[], true, Some(1), None),
            (&[1, 2], true, Some(1), None),
        ] {
            let found = workers.judge(&caller(accepted, 1, single, thread));
            assert_eq!(found, expected.map(SegmentId::mint), "{accepted:?} {single} {thread:?}");
        }
        assert_eq!(workers.judge(&Caller::default()), None);
    }

    #[test]
    fn threads_are_not_taken_for_workers() {
        let mut workers = Workers::default();
        for _ in 0..2_000 {
            assert_eq!(workers.judge(&caller(&[1, 2], 5, false, Some(1))), None);
            assert_eq!(workers.judge(&caller(&[1], 5, false, Some(1))), None);
        }
        assert!(!workers.is_worth_asking(64) && !workers.are_known());
    }

    #[test]
    fn a_response_under_way_now_and_then_does_not_matter() {
        let mut workers = Workers::default();
        for round in 0..5_000 {
            let accepted: &[u64] = if round % 100 == 0 { &[1, 2] } else { &[1] };
            let _ = workers.judge(&caller(accepted, 5, true, None));
        }
        assert!(workers.are_known());
    }
}
