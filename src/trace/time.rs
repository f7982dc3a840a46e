//! A moment, kept twice: on the wall clock, which documents want, and on the monotonic clock,
//! which differences need.

use std::time::Duration;

/// Microseconds of wall clock since the Unix epoch, the finest unit X-Ray documents.
///
/// Source: X-Ray developer guide, "Segment documents", `start_time`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(u64);

impl Micros {
    /// The moment `micros` microseconds after the Unix epoch.
    #[must_use]
    pub const fn new(micros: u64) -> Self {
        Self(micros)
    }

    /// Whole microseconds since the epoch.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch: the second a reservoir counts by and a trace id starts with.
    #[must_use]
    pub const fn whole_seconds(self) -> u64 {
        self.0 / 1_000_000
    }
}

/// A moment as one reading of both clocks.
///
/// Two stamps of one process are compared by their monotonic halves, so a wall clock that is set
/// back between them never yields a negative duration or an end before its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    wall: Micros,
    monotonic: Duration,
}

impl Stamp {
    /// A reading: the wall clock, and the monotonic clock since any fixed moment of this process.
    #[must_use]
    pub const fn new(wall: Micros, monotonic: Duration) -> Self {
        Self { wall, monotonic }
    }

    /// What the wall clock said.
    #[must_use]
    pub const fn wall(self) -> Micros {
        self.wall
    }

    /// What the monotonic clock said, counted from a fixed moment of this process.
    #[must_use]
    pub const fn monotonic(self) -> Duration {
        self.monotonic
    }

    /// Time gone by since `earlier`; zero if `earlier` is in fact later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.monotonic.saturating_sub(earlier.monotonic)
    }

    /// This moment on the wall clock as `start` saw it: the start's wall time plus the monotonic
    /// time gone by. It is what `end_time` must be, so that it never precedes `start_time`.
    #[must_use]
    pub fn wall_from(self, start: Self) -> Micros {
        let elapsed = u64::try_from(self.since(start).as_micros()).unwrap_or(u64::MAX);
        Micros(start.wall.0.saturating_add(elapsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(wall: u64, monotonic: u64) -> Stamp {
        Stamp::new(Micros::new(wall), Duration::from_micros(monotonic))
    }

    #[test]
    fn a_clock_set_back_does_not_end_before_the_start() {
        let start = stamp(1_000_000, 500);
        let end = stamp(400_000, 1_500);
        assert_eq!(end.wall_from(start), Micros::new(1_001_000));
        assert_eq!(start.since(end), Duration::ZERO);
    }
}
