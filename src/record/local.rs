//! The local rules in force, each with its reservoir and its tally. Shared by all workers.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use crate::record::sampler::Tally;
use crate::sampling::local;
use crate::sampling::reservoir::Reservoir;
use crate::sampling::rule::Request;
use crate::sampling::rule::Rules;
use crate::trace::time::Micros;

/// Decides by local rules.
#[derive(Debug)]
pub struct Local {
    rules: Rules,
    /// One per rule, in the rules' order.
    states: Box<[State]>,
}

#[derive(Debug, Default)]
struct State {
    /// A lock because a reservoir is per rule and second for the whole sidecar, not per worker.
    /// Held for one comparison.
    reservoir: Mutex<Reservoir>,
    sampled: AtomicU64,
    passed: AtomicU64,
}

impl Local {
    /// These rules, with full reservoirs.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let states = (0..rules.len()).map(|_| State::default()).collect();
        Self { rules, states }
    }

    /// Whether `request`, which came at `now`, is recorded; `random` are 64 random bits.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>, now: Micros, random: u64) -> bool {
        let index = self.rules.find(request);
        let Some(state) = self.states.get(index) else { return false };
        let limits = self.rules.limits(index);
        let second = now.whole_seconds();
        let sampled =
            local::decide(limits, &mut state.reservoir.lock(), second, random).is_sampled();
        let tally = if sampled { &state.sampled } else { &state.passed };
        tally.fetch_add(1, Ordering::Relaxed);
        sampled
    }

    /// What each rule has decided so far.
    pub fn tallies(&self) -> impl Iterator<Item = Tally<'_>> {
        self.states.iter().enumerate().map(|(index, state)| Tally {
            rule: self.rules.name(index),
            sampled: state.sampled.load(Ordering::Relaxed),
            passed: state.passed.load(Ordering::Relaxed),
        })
    }
}
