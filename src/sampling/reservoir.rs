//! The reservoir: the first few requests of every second, which are recorded whatever the rate.

/// What one rule has taken from its reservoir in the current second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reservoir {
    /// The whole second of the wall clock that `used` counts.
    second: u64,
    used: u32,
}

impl Reservoir {
    /// Takes one request in, if fewer than `per_second` were taken in this `second`.
    ///
    /// `second` is the whole second of the wall clock, as in every SDK. Any other second than the
    /// last one starts anew, also an earlier one: a clock that was set back must not close the
    /// reservoir until it has caught up.
    pub const fn take(&mut self, second: u64, per_second: u32) -> bool {
        if second != self.second {
            *self = Self { second, used: 0 };
        }
        let free = self.used < per_second;
        if free {
            self.used += 1;
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fills_anew_every_second() {
        let mut reservoir = Reservoir::default();
        // second, per second, taken
        for (step, (second, per_second, taken)) in [
            (0, 1, true),
            (0, 1, false),
            (7, 2, true),
            (7, 2, true),
            (7, 2, false),
            (8, 0, false),
            (8, 1, true),
            (8, 1, false),
            (8, 2, true),
            (8, 1, false),
            (u64::MAX, 1, true),
            (u64::MAX, 1, false),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(reservoir.take(second, per_second), taken, "step {step}");
        }
    }

    #[test]
    fn a_clock_set_back_does_not_close_it() {
        let mut reservoir = Reservoir::default();
        assert!(reservoir.take(1_000_000, 1));
        assert!(reservoir.take(10, 1), "an earlier second is another second");
        assert!(!reservoir.take(10, 1));
    }

    proptest! {
        #[test]
        fn takes_the_first_of_each_second_and_no_more(
            mut seconds in proptest::collection::vec(0..20_u64, 0..200),
            per_second in 0..6_u32,
        ) {
            seconds.sort_unstable();
            let mut reservoir = Reservoir::default();
            let mut counts: BTreeMap<u64, (u32, u32)> = BTreeMap::new();
            for second in seconds {
                let (seen, taken) = counts.entry(second).or_default();
                *seen += 1;
                *taken += u32::from(reservoir.take(second, per_second));
            }
            for (second, (seen, taken)) in counts {
                prop_assert_eq!(taken, seen.min(per_second), "second {}", second);
            }
        }
    }
}
