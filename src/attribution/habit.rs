//! Whether it pays to hold requests back until it is seen which thread reads them.
//!
//! Only services that handle each request by a thread of its own gain by that, so it is tried when a
//! call could not be attributed, and given up for a while when it has told nothing.

use std::time::Duration;

use crate::attribution::caller::Hold;

/// So many requests in a row without a thread, and it is given up,
const MISSES: u32 = 20;

/// and so many calls in a row whose thread handles no request that was read: clients with threads of
/// their own. Then it rests
const IN_VAIN: u32 = 50;

/// for so long; as long after it has proved misleading.
const REST: Duration = Duration::from_secs(600);

/// How long after the last call that it was needed for it goes on.
const NEEDED: Duration = Duration::from_secs(60);

/// What was learned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Habit {
    /// Requests in a row of which no thread was seen.
    misses: u32,
    /// A thread was seen since the last rest.
    tells: bool,
    /// Calls in a row that were not attributed by it.
    in_vain: u32,
    /// When it was last needed.
    needed: Option<Duration>,
    /// Until when it rests.
    rests: Duration,
}

impl Habit {
    /// A call could not be attributed, or was by its thread.
    pub(super) const fn need(&mut self, now: Duration) {
        self.needed = Some(now);
    }

    /// Whether it was needed lately.
    pub(super) fn is_needed(&self, now: Duration) -> bool {
        self.needed.is_some_and(|at| now.saturating_sub(at) <= NEEDED)
    }

    /// Whether requests are to be held back now, and how.
    pub(super) fn pays(&self, now: Duration) -> Option<Hold> {
        let how = if self.tells { Hold::Patiently } else { Hold::Briefly };
        (self.is_needed(now) && now >= self.rests).then_some(how)
    }

    /// A request was held back, in vain or not.
    pub(super) fn held(&mut self, seen: bool, now: Duration) {
        self.tells |= seen;
        self.misses = if seen { 0 } else { self.misses + 1 };
        if self.misses >= MISSES {
            self.give_up(now);
        }
    }

    /// A call was looked at while requests had threads, and it was one of theirs, or not.
    pub(super) fn asked(&mut self, found: bool, now: Duration) {
        self.in_vain = if found { 0 } else { self.in_vain + 1 };
        if self.in_vain >= IN_VAIN {
            self.give_up(now);
        }
    }

    /// What was seen is not to be trusted.
    pub(super) fn give_up(&mut self, now: Duration) {
        (self.misses, self.tells, self.in_vain) = (0, false, 0);
        self.rests = now.saturating_add(REST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_held_while_it_is_needed_and_tells_something() {
        let at = Duration::from_secs;
        let mut habit = Habit::default();
        assert_eq!(habit.pays(at(5)), None, "nobody needs it");
        habit.need(at(5));
        assert_eq!((habit.pays(at(6)), habit.pays(at(66))), (Some(Hold::Briefly), None));
        for round in 0..MISSES * 3 {
            habit.held(round % MISSES == 0, at(6));
            assert_eq!(habit.pays(at(6)), Some(Hold::Patiently), "one in twenty is seen");
        }
        for _ in 0..MISSES {
            habit.held(false, at(7));
        }
        habit.need(at(600));
        assert_eq!(habit.pays(at(600)), None);
        habit.need(at(607));
        assert_eq!(habit.pays(at(607)), Some(Hold::Briefly), "the service may have changed");
        habit.give_up(at(607));
        assert_eq!(habit.pays(at(608)), None);
    }

    #[test]
    fn threads_that_make_no_calls_are_not_looked_for() {
        let at = Duration::from_secs;
        let mut habit = Habit::default();
        habit.need(at(1));
        for round in 0..IN_VAIN * 3 {
            habit.asked(round % IN_VAIN == 0, at(1));
            assert!(habit.pays(at(1)).is_some());
        }
        habit.asked(false, at(1));
        assert_eq!(habit.pays(at(1)), None);
    }
}
