//! How often a line of log may repeat: what floods the program must not flood its log.

use std::time::Duration;

/// Lets one through in each interval and counts the others. One for each kind of line.
#[derive(Clone, Copy, Debug)]
pub struct Throttle {
    every: Duration,
    last: Option<Duration>,
    suppressed: u64,
}

impl Throttle {
    /// The interval of warnings all over the program.
    pub const WARNINGS: Duration = Duration::from_secs(10);

    /// A throttle that lets one through in `every`.
    #[must_use]
    pub const fn new(every: Duration) -> Self {
        Self { every, last: None, suppressed: 0 }
    }

    /// Whether a line may be written at `now`, counted on the monotonic clock from any fixed
    /// moment: `Some` with the number of lines suppressed since the last one, or `None`, which
    /// counts this one as suppressed.
    pub fn allow(&mut self, now: Duration) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_sub(last) < self.every) {
            self.suppressed = self.suppressed.saturating_add(1);
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_an_interval_and_the_rest_counted() {
        let mut throttle = Throttle::new(Duration::from_secs(10));
        for (second, allowed) in [
            (3, Some(0)),
            (3, None),
            (12, None),
            (13, Some(2)),
            (22, None),
            (40, Some(1)),
            (39, None),
        ] {
            assert_eq!(throttle.allow(Duration::from_secs(second)), allowed, "second {second}");
        }
    }
}
