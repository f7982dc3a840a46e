//! The central rules in force, shared by all workers, and by whoever fetches them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::record::sampler::Tally;
use crate::record::sampler::Verdict;
use crate::sampling::central::HOLDS;
use crate::sampling::central::quota::Counts;
use crate::sampling::central::quota::Quota;
use crate::sampling::central::rule::Request;
use crate::sampling::central::rule::Rule;
use crate::sampling::central::rule::Rules;
use crate::sampling::central::schedule::Ask;
use crate::sampling::central::wire::Targets;
use crate::trace::time::Micros;

/// Decides by central rules, where there are any.
#[derive(Debug, Default)]
pub struct Central {
    fetched: ArcSwapOption<Fetched>,
    wanted: AtomicBool,
    want: Notify,
    /// Questions, each counted at its place in `POLLS`.
    polls: [AtomicU64; 4],
}

/// Rules as they were fetched once.
#[derive(Debug)]
pub struct Fetched {
    /// In which second of the wall clock.
    at: u64,
    rules: Rules,
    /// One per rule, in the rules' order; those of a name outlive the rule.
    states: Box<[Arc<State>]>,
}

#[derive(Debug)]
struct State {
    name: Arc<str>,
    /// A lock because a quota is for the whole sidecar. Held for arithmetic only.
    quota: Mutex<Quota>,
    sampled: AtomicU64,
    passed: AtomicU64,
}

impl Central {
    /// Decides for a request that came at `now`; `random` are 64 random bits. None if there are no
    /// rules, or they were fetched too long ago, or none takes it: then the local rules count.
    pub fn decide(&self, request: &Request<'_>, now: Micros, random: u64) -> Option<Verdict> {
        if !self.wanted.load(Ordering::Relaxed) {
            self.wanted.store(true, Ordering::Relaxed);
            self.want.notify_one();
        }
        let second = now.whole_seconds();
        let fetched = self.fetched.load();
        let fetched = fetched.as_ref().filter(|fetched| fetched.holds(second))?;
        let state = fetched.states.get(fetched.rules.find(request)?)?;
        let sampled = state.quota.lock().decide(second, random).is_sampled();
        let tally = if sampled { &state.sampled } else { &state.passed };
        tally.fetch_add(1, Ordering::Relaxed);
        Some(Verdict { sampled, rule: Some(Arc::clone(&state.name)) })
    }

    /// Told once, when somebody first asks for a decision.
    #[must_use]
    pub const fn wanted(&self) -> &Notify {
        &self.want
    }

    /// Puts rules in force that were fetched in this second of the wall clock. None at all are no
    /// answer: what was there stays, and grows older.
    pub fn put(&self, rules: Vec<Rule>, second: u64) {
        if rules.is_empty() {
            return;
        }
        let rules = Rules::new(rules);
        let before = self.fetched.load_full();
        let known = before.as_ref().map_or(&[][..], |fetched| &fetched.states);
        let state = |rule: &Rule| {
            let Some(state) = known.iter().find(|state| *state.name == *rule.name) else {
                return Arc::new(State::new(rule));
            };
            state.quota.lock().renew(rule.rate, rule.can_borrow);
            Arc::clone(state)
        };
        let states = rules.all().iter().map(state).collect();
        self.fetched.store(Some(Arc::new(Fetched { at: second, rules, states })));
    }

    /// The rules that are to be reported now, with their counts, which begin anew.
    #[must_use]
    pub fn report(&self) -> Vec<(Box<str>, Counts)> {
        let fetched = self.fetched.load_full();
        let states = fetched.as_ref().map_or(&[][..], |fetched| &fetched.states);
        let counts =
            |state: &Arc<State>| Some(((*state.name).into(), state.quota.lock().report()?));
        states.iter().filter_map(counts).collect()
    }

    /// Heeds the answer to a report. Whether the rules have changed since they were fetched.
    pub fn heed(&self, answer: &Targets) -> bool {
        let Some(fetched) = self.fetched.load_full() else { return false };
        for target in &answer.targets {
            if let Some(state) = fetched.states.iter().find(|state| *state.name == *target.name) {
                state.quota.lock().load(target);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^53")]
        let at = fetched.at as f64;
        answer.modified > at
    }

    /// A question was answered, or not.
    pub fn polled(&self, ask: Ask, answered: bool) {
        if let Some(count) = self.polls.get(place(ask, answered)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often it was asked for what, and with what result.
    pub fn polls(&self) -> impl Iterator<Item = ([&'static str; 2], u64)> {
        POLLS
            .into_iter()
            .zip(&self.polls)
            .map(|(poll, count)| (poll, count.load(Ordering::Relaxed)))
    }

    /// The rules, if they hold in this second of the wall clock.
    #[must_use]
    pub fn in_force(&self, second: u64) -> Option<Arc<Fetched>> {
        self.fetched.load_full().filter(|fetched| fetched.holds(second))
    }
}

/// What is asked about, and the result.
const POLLS: [[&str; 2]; 4] =
    [["rules", "failed"], ["rules", "answered"], ["targets", "failed"], ["targets", "answered"]];

/// Where in that list a question is.
fn place(ask: Ask, answered: bool) -> usize {
    let row = match ask {
        Ask::Rules => 0,
        Ask::Targets => 2,
    };
    row + usize::from(answered)
}

impl Fetched {
    const fn holds(&self, second: u64) -> bool {
        second <= self.at.saturating_add(HOLDS)
    }

    /// What each rule has decided so far.
    pub fn tallies(&self) -> impl Iterator<Item = Tally<'_>> {
        self.states.iter().map(|state| Tally {
            rule: &state.name,
            sampled: state.sampled.load(Ordering::Relaxed),
            passed: state.passed.load(Ordering::Relaxed),
        })
    }
}

impl State {
    fn new(rule: &Rule) -> Self {
        Self {
            name: (*rule.name).into(),
            quota: Mutex::new(Quota::new(rule.rate, rule.can_borrow)),
            sampled: AtomicU64::new(0),
            passed: AtomicU64::new(0),
        }
    }
}
