//! When X-Ray is asked about sampling: for rules at once and then every five minutes, for targets
//! every ten seconds, both with some jitter so that sidecars started together do not ask together.
//! Times are of a clock that only goes forward.

use std::time::Duration;

/// Between two fetches of the rules, and what is added to it at most.
const RULES: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(5));
/// Between two reports, and what is added to it at most.
const TARGETS: (Duration, Duration) = (Duration::from_secs(10), Duration::from_millis(100));
/// After a fetch of the rules that failed: a daemon may come up after its sidecar.
const AGAIN: (Duration, Duration) = TARGETS;

/// What to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// For the rules.
    Rules,
    /// For targets, with a report.
    Targets,
}

/// When to ask for what next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    rules: Duration,
    targets: Duration,
}

impl Schedule {
    /// From now on; `random` are 64 random bits, as everywhere here.
    #[must_use]
    pub fn start(now: Duration, random: u64) -> Self {
        Self { rules: now, targets: now + jittered(TARGETS, random) }
    }

    /// When there is something to ask, and for what.
    #[must_use]
    pub fn next(&self) -> (Duration, Ask) {
        if self.rules <= self.targets {
            (self.rules, Ask::Rules)
        } else {
            (self.targets, Ask::Targets)
        }
    }

    /// The rules were asked for, and came or not.
    pub fn asked_for_rules(&mut self, came: bool, now: Duration, random: u64) {
        self.rules = now + jittered(if came { RULES } else { AGAIN }, random);
    }

    /// The targets were asked for; `stale` if rules have changed since they were fetched.
    pub fn asked_for_targets(&mut self, stale: bool, now: Duration, random: u64) {
        self.targets = now + jittered(TARGETS, random);
        if stale {
            self.rules = now;
        }
    }
}

fn jittered((time, most): (Duration, Duration), random: u64) -> Duration {
    let share = u32::try_from(random >> 32).unwrap_or(u32::MAX);
    time + most.mul_f64(f64::from(share) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn rules_first_then_targets_and_rules_again_when_they_have_changed() {
        let mut schedule = Schedule::start(at(100), 0);
        assert_eq!(schedule.next(), (at(100), Ask::Rules));
        schedule.asked_for_rules(true, at(100), 0);
        assert_eq!(schedule.next(), (at(110), Ask::Targets));
        schedule.asked_for_targets(false, at(111), 0);
        assert_eq!(schedule.next(), (at(121), Ask::Targets));
        schedule.asked_for_targets(true, at(121), 0);
        assert_eq!(schedule.next(), (at(121), Ask::Rules));
        schedule.asked_for_rules(false, at(122), 0);
        assert_eq!(schedule.next(), (at(131), Ask::Targets));
        schedule.asked_for_targets(false, at(131), 0);
        assert_eq!(schedule.next(), (at(132), Ask::Rules));
    }

    #[test]
    fn the_jitter_is_bounded() {
        for random in [0, 1 << 63, u64::MAX] {
            let mut schedule = Schedule::start(at(0), random);
            schedule.asked_for_rules(true, at(0), random);
            schedule.asked_for_targets(false, at(300), random);
            let (rules, _) = schedule.next();
            assert!((at(300)..=at(305)).contains(&rules), "{rules:?}");
            schedule.asked_for_rules(true, at(400), random);
            let (targets, _) = schedule.next();
            assert!((at(310)..=Duration::from_millis(310_100)).contains(&targets), "{targets:?}");
        }
    }
}
