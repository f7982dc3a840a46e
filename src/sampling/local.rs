//! The local sampler: the decision for one request of one rule.

use crate::sampling::reservoir::Reservoir;
use crate::sampling::rule::Limits;

/// What was decided for a request, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Recorded: among the first of its second.
    Reservoir,
    /// Recorded: drawn by the rate.
    Rate,
    /// Not recorded.
    Passed,
}

impl Decision {
    /// Whether the request is recorded.
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        match self {
            Self::Reservoir | Self::Rate => true,
            Self::Passed => false,
        }
    }
}

/// Decides for a request of the rule that has these `limits` and this `reservoir`: the reservoir
/// first, then the rate. `second` is the whole second of the wall clock, `random` 64 random bits.
/// Source: X-Ray developer guide, "Configuring sampling rules", reservoir and fixed rate.
pub fn decide(limits: Limits, reservoir: &mut Reservoir, second: u64, random: u64) -> Decision {
    if reservoir.take(second, limits.fixed_target) {
        Decision::Reservoir
    } else if limits.rate.takes(random) {
        Decision::Rate
    } else {
        Decision::Passed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sampling::rule::Rate;

    fn limits(fixed_target: u32, rate: f64) -> Limits {
        Limits { fixed_target, rate: Rate::new(rate).unwrap() }
    }

    #[test]
    fn the_reservoir_first_then_the_rate() {
        let half = limits(1, 0.5);
        let mut reservoir = Reservoir::default();
        for (step, (second, random, expected)) in [
            (5, u64::MAX, Decision::Reservoir),
            (5, u64::MAX, Decision::Passed),
            (5, 0, Decision::Rate),
            (5, 1 << 63, Decision::Passed),
            (6, 0, Decision::Reservoir),
            (6, (1 << 63) - 1, Decision::Rate),
        ]
        .into_iter()
        .enumerate()
        {
            let decision = decide(half, &mut reservoir, second, random);
            assert_eq!(decision, expected, "step {step}");
            assert_eq!(decision.is_sampled(), expected != Decision::Passed, "step {step}");
        }
    }

    proptest! {
        #[test]
        fn the_extremes_are_certain(second in any::<u64>(), random in any::<u64>()) {
            let mut reservoir = Reservoir::default();
            prop_assert_eq!(decide(limits(0, 0.0), &mut reservoir, second, random), Decision::Passed);
            prop_assert_eq!(decide(limits(0, 1.0), &mut reservoir, second, random), Decision::Rate);
        }

        #[test]
        fn at_most_the_target_comes_from_the_reservoir(
            randoms in proptest::collection::vec(any::<u64>(), 0..60),
            fixed_target in 0..40_u32,
            rate in 0.0..=1.0,
        ) {
            let mut reservoir = Reservoir::default();
            let decisions: Vec<Decision> = randoms
                .iter()
                .map(|random| decide(limits(fixed_target, rate), &mut reservoir, 1, *random))
                .collect();
            let first = decisions.iter().take_while(|d| **d == Decision::Reservoir).count();
            let all = decisions.iter().filter(|d| **d == Decision::Reservoir).count();
            prop_assert_eq!(all, first, "the first of the second, not later ones");
            prop_assert_eq!(all, randoms.len().min(fixed_target as usize));
        }
    }
}
