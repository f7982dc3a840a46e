//! The ledger's own time, which never goes back, and how much of it was busy: how likely a call
//! that has nothing to do with requests is to meet one by chance.

use std::time::Duration;

use crate::trace::time::Stamp;

/// What counts as "lately", in seconds: the time constant by which the past is forgotten. Long
/// against a request, short against the hours over which traffic comes and goes.
const LATELY: f64 = 30.0;

/// Time and the share of it in which at least one request waited for its answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    /// The first moment heard of, where this time starts.
    origin: Option<Stamp>,
    now: Duration,
    /// Requests that wait for their answer now.
    waiting: usize,
    /// All busy time.
    busy: Duration,
    /// Busy time and all time in seconds, both with the past forgotten by [`LATELY`].
    lately_busy: f64,
    lately: f64,
}

/// Whether an event came in the order in which things happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// It is the latest heard of.
    Kept,
    /// A later one was heard of first: another worker was faster.
    Overtaken,
}

/// A moment as a later one is compared with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mark {
    /// The moment.
    pub(super) at: Duration,
    /// All busy time until then.
    busy: Duration,
    /// The share of time that had lately been busy, from 0 to 1.
    lately: f64,
}

impl Timeline {
    /// Goes on to `at`; stays where it is if that is past.
    pub(super) fn advance(&mut self, at: Stamp) -> Order {
        let at = at.since(*self.origin.get_or_insert(at));
        let Some(gone) = at.checked_sub(self.now) else { return Order::Overtaken };
        let forgotten = -(-gone.as_secs_f64() / LATELY).exp_m1();
        self.lately += (LATELY - self.lately) * forgotten;
        self.lately_busy -= self.lately_busy * forgotten;
        if self.waiting > 0 {
            self.busy += gone;
            self.lately_busy += LATELY * forgotten;
        }
        self.now = at;
        Order::Kept
    }

    /// One more request waits from now on.
    pub(super) const fn begin(&mut self) {
        self.waiting += 1;
    }

    /// One request less waits from now on.
    pub(super) const fn end(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// How many requests wait now.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// The latest moment heard of.
    pub(super) const fn now(&self) -> Duration {
        self.now
    }

    /// This moment, to be compared with another.
    pub(super) fn mark(&self) -> Mark {
        let lately = if self.lately > 0.0 { self.lately_busy / self.lately } else { 1.0 };
        Mark { at: self.now, busy: self.busy, lately }
    }
}

impl Mark {
    /// The chance that a call made now, for no request's sake, meets a request: the share of time
    /// that was busy since `last`, when it was made last, or lately, whichever is more. In a burst
    /// of calls the first share is 1, and by day, after a quiet night, the second tells the truth.
    pub(super) fn chance_since(self, last: Self) -> f64 {
        let elapsed = self.at.saturating_sub(last.at);
        let since = if elapsed.is_zero() {
            1.0
        } else {
            self.busy.saturating_sub(last.busy).div_duration_f64(elapsed)
        };
        since.max(self.lately)
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::time::Micros;

    use super::*;

    fn at(millis: u64) -> Stamp {
        Stamp::new(Micros::new(0), Duration::from_millis(millis))
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-3
    }

    #[test]
    fn measures_the_busy_share_and_never_goes_back() {
        let mut time = Timeline::default();
        assert_eq!(time.advance(at(5_000)), Order::Kept);
        let start = time.mark();
        assert!(
            close(start.chance_since(start), 1.0),
            "nothing is known yet, so presume the worst"
        );

        time.begin();
        time.begin();
        assert_eq!(time.advance(at(6_000)), Order::Kept);
        assert_eq!(time.advance(at(5_500)), Order::Overtaken);
        assert_eq!(time.now(), Duration::from_secs(1));
        time.end();
        time.end();
        time.end();
        time.advance(at(9_000));
        assert!(close(time.mark().busy.as_secs_f64(), 1.0));
        // Lately weighs the recent idle time a little more than the busy second before it.
        let chance = time.mark().chance_since(start);
        assert!(close(chance, 0.25), "{chance}");
    }

    #[test]
    fn a_burst_and_a_busy_hour_after_a_quiet_night_are_told() {
        let mut time = Timeline::default();
        time.advance(at(0));
        let night = time.mark();
        time.advance(at(8 * 3_600_000));
        time.begin();
        let first = time.mark();
        time.advance(at(8 * 3_600_000 + 10));
        assert!(close(time.mark().chance_since(first), 1.0), "a burst within one request");
        time.advance(at(8 * 3_600_000 + 120_000));
        assert!(time.mark().chance_since(night) > 0.95, "the last two minutes were busy");
    }
}
