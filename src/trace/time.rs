//! A moment, kept twice: on the wall clock, which documents want, and on the monotonic clock,
//! which differences need.

use std::time::Duration;

use serde::Serialize;
use serde::Serializer;

/// Microseconds of wall clock since the Unix epoch, the finest unit X-Ray documents.
///
/// Serialises as X-Ray's floating point seconds. A 64-bit float holds microseconds exactly until
/// the year 2255. Source: X-Ray developer guide, "Segment documents", `start_time`.
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

    /// Floating point seconds, as documents carry them.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 microseconds, the year 2255")]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.seconds())
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
    fn serialises_as_seconds_with_microseconds_kept() {
        for (micros, text) in [
            (1_478_293_361_271_001, "1478293361.271001"),
            (1_478_293_361_000_000, "1478293361.0"),
            (4_102_444_800_999_999, "4102444800.999999"),
        ] {
            assert_eq!(serde_json::to_string(&Micros::new(micros)).unwrap(), text);
        }
    }

    #[test]
    fn a_clock_set_back_does_not_end_before_the_start() {
        let start = stamp(1_000_000, 500);
        let end = stamp(400_000, 1_500);
        assert_eq!(end.wall_from(start), Micros::new(1_001_000));
        assert_eq!(start.since(end), Duration::ZERO);
    }
}
