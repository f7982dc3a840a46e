//! What may be recorded by one rule, and what was: the decision for a request, and the counts that
//! are reported.

use crate::sampling::local::Decision;
use crate::sampling::reservoir::Reservoir;
use crate::sampling::rule::Rate;

/// What X-Ray says of a rule in answer to a report. What it leaves out stays as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Of this rule.
    pub name: Box<str>,
    /// The share of requests beyond the reservoir that are recorded.
    pub rate: Rate,
    /// How many requests of each second this sidecar may record.
    pub quota: Option<u32>,
    /// The last second of the wall clock in which that holds.
    pub until: Option<u64>,
    /// Seconds between two reports.
    pub interval: Option<u32>,
}

/// What came of a rule's requests since it was last reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub requests: u64,
    /// Recorded, but for those that were borrowed.
    pub sampled: u64,
    /// Recorded before X-Ray has said how many may be.
    pub borrowed: u64,
}

/// Seconds between two reports, of those rules that X-Ray says nothing else of.
const INTERVAL: u32 = 10;

/// One rule's reservoir and counts. They outlive a rule that comes again by the same name.
#[derive(Clone, Debug)]
pub struct Quota {
    rate: Rate,
    can_borrow: bool,
    quota: Option<u32>,
    until: Option<u64>,
    taken: Reservoir,
    borrowed: Reservoir,
    counts: Counts,
    /// Reports that a rule which is to be reported seldom has let pass.
    skipped: u32,
    interval: u32,
}

impl Quota {
    /// That of a rule which X-Ray has said nothing more of.
    #[must_use]
    pub fn new(rate: Rate, can_borrow: bool) -> Self {
        Self {
            rate,
            can_borrow,
            quota: None,
            until: None,
            taken: Reservoir::default(),
            borrowed: Reservoir::default(),
            counts: Counts::default(),
            skipped: 0,
            interval: INTERVAL,
        }
    }

    /// The rule was fetched again, and says this now.
    pub const fn renew(&mut self, rate: Rate, can_borrow: bool) {
        self.rate = rate;
        self.can_borrow = can_borrow;
    }

    /// Decides for a request in this whole `second` of the wall clock; `random` are 64 random bits.
    ///
    /// While a quota holds, so many requests of each second are recorded; while none does, one is
    /// borrowed. Those beyond fall to the rate. A quota of none is one: nothing is borrowed then.
    pub fn decide(&mut self, second: u64, random: u64) -> Decision {
        self.counts.requests += 1;
        let quota = self.quota.filter(|_| self.until.is_some_and(|until| until >= second));
        match quota {
            Some(quota) if self.taken.take(second, quota) => {
                self.counts.sampled += 1;
                return Decision::Reservoir;
            }
            None if self.can_borrow && self.borrowed.take(second, 1) => {
                self.counts.borrowed += 1;
                return Decision::Reservoir;
            }
            Some(_) | None => {}
        }
        if self.rate.takes(random) {
            self.counts.sampled += 1;
            return Decision::Rate;
        }
        Decision::Passed
    }

    /// X-Ray has answered a report.
    pub fn load(&mut self, target: &Target) {
        self.rate = target.rate;
        self.quota = target.quota.or(self.quota);
        self.until = target.until.or(self.until);
        self.interval = target.interval.unwrap_or(self.interval);
    }

    /// The counts, if the rule is to be reported now, and they begin anew. A rule without requests
    /// is not reported; one with a longer interval than that of reports leaves some out.
    pub fn report(&mut self) -> Option<Counts> {
        if self.counts.requests == 0 {
            return None;
        }
        if (self.skipped + 1).saturating_mul(INTERVAL) < self.interval {
            self.skipped += 1;
            return None;
        }
        self.skipped = 0;
        Some(std::mem::take(&mut self.counts))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEVER: u64 = u64::MAX;
    const ALWAYS: u64 = 0;

    fn quota(can_borrow: bool) -> Quota {
        Quota::new(Rate::new(0.5).unwrap(), can_borrow)
    }

    fn target(quota: Option<u32>, until: Option<u64>, interval: Option<u32>) -> Target {
        Target { name: "a".into(), rate: Rate::new(0.5).unwrap(), quota, until, interval }
    }

    #[test]
    fn one_is_borrowed_until_there_is_a_quota_and_after_it() {
        let mut quota = quota(true);
        quota.load(&target(Some(2), Some(12), None));
        for (step, (second, random, expected)) in [
            (10, NEVER, Decision::Reservoir),
            (10, NEVER, Decision::Reservoir),
            (10, NEVER, Decision::Passed),
            (10, ALWAYS, Decision::Rate),
            (12, NEVER, Decision::Reservoir),
            (13, NEVER, Decision::Reservoir),
            (13, NEVER, Decision::Passed),
            (14, NEVER, Decision::Reservoir),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(quota.decide(second, random), expected, "step {step}");
        }
        assert_eq!(quota.report(), Some(Counts { requests: 8, sampled: 4, borrowed: 2 }));
        assert_eq!(quota.report(), None, "nothing since");
    }

    #[test]
    fn a_quota_of_none_and_a_rule_without_a_reservoir_leave_it_to_the_rate() {
        let mut none = quota(true);
        none.load(&target(Some(0), Some(12), None));
        let mut dry = quota(false);
        for quota in [&mut none, &mut dry] {
            assert_eq!(quota.decide(10, NEVER), Decision::Passed);
            assert_eq!(quota.decide(11, ALWAYS), Decision::Rate);
        }
    }

    #[test]
    fn what_a_target_leaves_out_stays() {
        let mut quota = quota(true);
        quota.load(&target(Some(3), Some(20), Some(30)));
        quota.load(&target(None, None, None));
        for _ in 0..3 {
            assert_eq!(quota.decide(20, NEVER), Decision::Reservoir);
        }
        assert_eq!(quota.decide(20, NEVER), Decision::Passed);
        assert_eq!((quota.report(), quota.report()), (None, None), "every third report");
        assert_eq!(quota.report().unwrap().requests, 4);
        quota.renew(Rate::new(1.0).unwrap(), true);
        assert_eq!(quota.decide(20, NEVER), Decision::Rate, "the quota outlives the rule");
    }

    proptest! {
        #[test]
        fn counts_add_up(
            steps in proptest::collection::vec((0..4_u64, any::<u64>()), 0..200),
            allowed in proptest::option::of(0..3_u32),
            can_borrow in any::<bool>(),
        ) {
            let mut quota = quota(can_borrow);
            quota.load(&target(allowed, Some(2), None));
            let decisions: Vec<_> =
                steps.iter().map(|(second, random)| quota.decide(*second, *random)).collect();
            let sampled = decisions.iter().filter(|decision| decision.is_sampled()).count();
            let counts = quota.report().unwrap_or_default();
            prop_assert_eq!(counts.requests, decisions.len() as u64);
            prop_assert_eq!(counts.sampled + counts.borrowed, sampled as u64);
        }
    }
}
