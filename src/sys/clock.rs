//! The clock: the only place that asks the machine what time it is.

use std::fmt::Debug;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use crate::trace::time::Micros;
use crate::trace::time::Stamp;

/// How often the two clocks are compared each time.
const ATTEMPTS: usize = 3;

/// Tells the time. Shared by all workers, asked several times a request.
pub trait Clock: Debug + Send + Sync {
    /// Both clocks, read together.
    fn now(&self) -> Stamp;
}

/// The machine's clock.
///
/// The wall clock is the monotonic one plus an offset that is measured anew once a second. That
/// saves a reading, and it keeps the times of one trace consistent: two stamps within a second
/// never disagree about the wall clock, whatever sets it meanwhile.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
    /// Wall clock minus monotonic, in microseconds.
    offset: AtomicU64,
    /// The monotonic second in which `offset` was measured.
    measured: AtomicU64,
}

impl SystemClock {
    /// A clock whose monotonic half starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    pub fn start() -> Self {
        let clock =
            Self { origin: Instant::now(), offset: AtomicU64::new(0), measured: AtomicU64::new(0) };
        clock.measure();
        clock
    }

    /// Reads the wall clock between two readings of the monotonic one. Of a few attempts the one
    /// that took least counts: a thread that is stopped in between would set the offset wrong by
    /// as long as it was stopped.
    fn measure(&self) {
        let attempt = |_| {
            let before = self.origin.elapsed();
            let wall = wall();
            let after = self.origin.elapsed();
            (after.saturating_sub(before), wall.saturating_sub(before))
        };
        let best = (0..ATTEMPTS).map(attempt).min_by_key(|(took, _)| *took);
        if let Some((_, offset)) = best {
            self.offset.store(micros(offset), Ordering::Relaxed);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the seam")]
fn wall() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

impl Clock for SystemClock {
    fn now(&self) -> Stamp {
        let monotonic = self.origin.elapsed();
        let second = monotonic.as_secs();
        if self.measured.load(Ordering::Relaxed) != second {
            self.measured.store(second, Ordering::Relaxed);
            self.measure();
        }
        let wall = self.offset.load(Ordering::Relaxed).saturating_add(micros(monotonic));
        Stamp::new(Micros::new(wall), monotonic)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the machine's clock is what is compared with")]
    fn wall_clock_is_the_machines() {
        let before = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let now = SystemClock::start().now();
        let apart = now.wall().get().abs_diff(micros(before));
        assert!(apart < 1_000_000, "{apart} microseconds from the machine's wall clock");
    }
}
