//! Requests that the rules passed over, and that are recorded all the same because of how they ended.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;

use crate::record::options;
use crate::sampling::reservoir::Reservoir;
use crate::trace::facts::End;
use crate::trace::segment::Flags;
use crate::trace::time::Micros;

/// Why a request is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// It ended in a fault of the service's.
    Fault,
    /// The client was told to slow down.
    Throttle,
    /// It ended in an error of the client's.
    Error,
    /// It took long.
    Slow,
}

impl Because {
    /// All of them, in the order in which they are looked at.
    pub const ALL: [Self; 4] = [Self::Fault, Self::Throttle, Self::Error, Self::Slow];

    /// The name in documents and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Throttle => "throttle",
            Self::Error => "error",
            Self::Slow => "slow",
        }
    }
}

/// Decides which are kept. Shared by all workers.
#[derive(Debug, Default)]
pub struct Keep {
    options: options::Keep,
    /// A lock because it is for the whole sidecar. Held for one comparison.
    reservoir: Mutex<Reservoir>,
    kept: [AtomicU64; 4],
}

impl Keep {
    pub(super) fn new(options: options::Keep) -> Self {
        Self { options, ..Self::default() }
    }

    /// Whether any request can be kept.
    pub(super) const fn is_on(&self) -> bool {
        let options::Keep { fault, throttle, error, slower_than, per_second } = &self.options;
        *per_second > 0 && (*fault || *throttle || *error || slower_than.is_some())
    }

    /// Whether a request is kept that ended `now`, with these flags, and why.
    pub(super) fn keeps(
        &self,
        end: &End,
        flags: Flags,
        took: Duration,
        now: Micros,
    ) -> Option<Because> {
        let because = self.because(end, flags, took)?;
        let free = self.reservoir.lock().take(now.whole_seconds(), self.options.per_second);
        if !free {
            return None;
        }
        let place = Because::ALL.iter().position(|other| *other == because);
        if let Some(count) = place.and_then(|place| self.kept.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Some(because)
    }

    fn because(&self, end: &End, flags: Flags, took: Duration) -> Option<Because> {
        let Flags { error, throttle, fault } = flags;
        let (error, fault) = match end {
            End::Complete => (error, fault),
            End::Cancelled => (true, fault),
            End::Failed(_) => (error, true),
        };
        let wanted = &self.options;
        Because::ALL.into_iter().find(|because| match because {
            Because::Fault => wanted.fault && fault,
            Because::Throttle => wanted.throttle && throttle,
            Because::Error => wanted.error && error,
            Because::Slow => wanted.slower_than.is_some_and(|least| took > least),
        })
    }

    /// How many were kept so far, and why.
    pub fn kept(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = Because::ALL.into_iter().map(Because::as_str);
        names.zip(self.kept.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::facts::Failure;

    const SHORT: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_millis(2_001);

    fn keep(fault: bool, throttle: bool, error: bool, slow: bool) -> Keep {
        let slower_than = slow.then_some(Duration::from_secs(2));
        Keep::new(options::Keep { fault, throttle, error, slower_than, per_second: 2 })
    }

    #[test]
    fn how_a_request_ended_says_whether_it_is_kept() {
        let failed = || End::Failed(Failure { kind: "Timeout", message: "late".into() });
        let all = keep(true, true, true, true);
        let faults = keep(true, false, false, false);
        for (end, status, took, of_all, of_faults) in [
            (End::Complete, Some(200), SHORT, None, None),
            (End::Complete, Some(200), LONG, Some(Because::Slow), None),
            (End::Complete, Some(404), LONG, Some(Because::Error), None),
            (End::Complete, Some(429), SHORT, Some(Because::Throttle), None),
            (End::Complete, Some(503), LONG, Some(Because::Fault), Some(Because::Fault)),
            (failed(), None, SHORT, Some(Because::Fault), Some(Because::Fault)),
            (failed(), Some(200), SHORT, Some(Because::Fault), Some(Because::Fault)),
            (End::Cancelled, None, SHORT, Some(Because::Error), None),
        ] {
            let flags = status.map(Flags::of_status).unwrap_or_default();
            assert_eq!(all.because(&end, flags, took), of_all, "{end:?} {status:?}");
            assert_eq!(faults.because(&end, flags, took), of_faults, "{end:?} {status:?}");
        }
    }

    #[test]
    fn so_many_of_a_second_are_kept_and_counted() {
        let keep = keep(true, false, false, false);
        let second = |at: u64| Micros::new(at * 1_000_000 + 5);
        let fault = Flags::of_status(500);
        let kept: Vec<_> = [1, 1, 1, 2]
            .into_iter()
            .map(|at| keep.keeps(&End::Complete, fault, SHORT, second(at)).is_some())
            .collect();
        assert_eq!(kept, [true, true, false, true]);
        assert_eq!(keep.kept().next(), Some(("fault", 3)));
        assert!(keep.is_on());
        assert!(!Keep::default().is_on());
    }
}
