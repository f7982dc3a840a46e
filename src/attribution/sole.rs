//! Rule 5: one request alone can have made the call. Whether it did depends on the route, which has
//! to earn that trust: a background caller gives itself away by calling while no request is there.
//!
//! The test is one of likelihood. Suppose the route is called for no request's sake. Then each call
//! meets a request with the chance that [`Mark::chance_since`] tells, and the chances of many calls
//! multiply. The supposition is given up, and the route trusted, once that product is at most
//! 1 : 1,000 and not one call has met nobody. A call that meets nobody settles the matter: the
//! route is a background route until it is evicted.
//!
//! What cannot be told apart is a caller that follows the traffic without being part of a request.
//! In a simulation of jobs that run only in the busiest minutes of the day, four routes in a
//! thousand were trusted for a while, and 0.07 % of the calls went to a wrong parent.
//!
//! A timer could keep step with requests that come as regularly, say from a health check, so a
//! route with an even rhythm is not trusted however well it has done. This errs to "unknown": a
//! route called once by each request of an even load is not trusted either while that load lasts.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::hash::DefaultHasher;

use crate::attribution::options::Options;
use crate::attribution::route::Route;
use crate::attribution::timeline::Mark;

/// Evidence is counted in powers of ten. This much earns trust: of the routes whose calls have
/// nothing to do with requests, one in a thousand has it by chance.
const ENOUGH: f64 = 3.0;

/// Most evidence that one call gives, however unlikely it is by chance: it takes three at least.
const MOST: f64 = 1.0;

/// How many gaps between calls make a rhythm heard; the gaps before that many are known count too.
const GAPS: u8 = 8;

/// A rhythm is even if every gap is within this share of their mean,
const EVEN: f32 = 0.05;

/// which is at least this many seconds. Shorter gaps are those of a burst, not of a timer.
const SHORTEST: f32 = 0.02;

/// What is known of every route, within a bound.
///
/// The routes are kept in two generations of half the bound each. A route that is seen moves to the
/// young one; when that is full it becomes the old one, and what the old one held is evicted. So
/// the last `max_routes / 2` routes seen are always known.
#[derive(Debug)]
pub(super) struct Routes {
    generation: usize,
    young: HashMap<Route, Record, BuildHasherDefault<DefaultHasher>>,
    old: HashMap<Route, Record, BuildHasherDefault<DefaultHasher>>,
    /// Routes that had to be forgotten.
    pub(super) evicted: u64,
}

/// What a call met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// At least one request, waiting for its answer.
    Requests,
    /// No request that waits.
    Nobody,
    /// That cannot be told.
    Unclear,
}

/// Whether a call of a route may be given to the only request there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It may.
    Trusted,
    /// It may not, or not yet.
    Unproven,
}

/// What is known of one route.
#[derive(Clone, Debug)]
struct Record {
    /// The last call.
    last: Mark,
    /// Powers of ten against the supposition that it is called for no request's sake.
    evidence: f64,
    /// It was called when nobody was there.
    background: bool,
    /// The last gaps between calls in seconds, the newest first, and how many are known.
    gaps: [f32; GAPS as usize],
    known_gaps: u8,
}

impl Routes {
    /// `None` if the rule is switched off, or no route would fit.
    pub(super) fn new(options: &Options) -> Option<Self> {
        let generation = options.max_routes / 2;
        (options.sole && generation > 0).then(|| Self {
            generation,
            young: HashMap::default(),
            old: HashMap::default(),
            evicted: 0,
        })
    }

    /// Number of routes known.
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Takes in a call made at `now`, and tells how its route stands, this call included.
    pub(super) fn learn(&mut self, route: Route, now: Mark, met: Met) -> Standing {
        if let Some(record) = self.young.get_mut(&route) {
            return record.again(now, met);
        }
        let (record, standing) = match self.old.remove(&route) {
            Some(mut record) => {
                let standing = record.again(now, met);
                (record, standing)
            }
            None => (Record::first(now, met), Standing::Unproven),
        };
        if self.young.len() >= self.generation {
            self.evicted += u64::try_from(self.old.len()).unwrap_or(u64::MAX);
            self.old.clear();
            std::mem::swap(&mut self.young, &mut self.old);
        }
        self.young.insert(route, record);
        standing
    }
}

impl Record {
    /// The first call of a route is no evidence: there is nothing to compare it with.
    fn first(now: Mark, met: Met) -> Self {
        let background = met == Met::Nobody;
        Self { last: now, evidence: 0.0, background, gaps: [0.0; GAPS as usize], known_gaps: 0 }
    }

    fn again(&mut self, now: Mark, met: Met) -> Standing {
        self.hear(now.at.saturating_sub(self.last.at).as_secs_f32());
        match met {
            Met::Nobody => self.background = true,
            Met::Requests => {
                self.evidence += (-now.chance_since(self.last).log10()).clamp(0.0, MOST);
            }
            Met::Unclear => {}
        }
        self.last = now;
        if self.background || self.evidence < ENOUGH || self.is_even() {
            Standing::Unproven
        } else {
            Standing::Trusted
        }
    }

    fn hear(&mut self, gap: f32) {
        self.gaps.rotate_right(1);
        let [newest, ..] = &mut self.gaps;
        *newest = gap;
        self.known_gaps = (self.known_gaps + 1).min(GAPS);
    }

    /// Whether the calls come in an even rhythm.
    fn is_even(&self) -> bool {
        let known = || self.gaps.iter().take(usize::from(self.known_gaps));
        let mean = known().sum::<f32>() / f32::from(self.known_gaps);
        mean >= SHORTEST && known().all(|gap| (gap - mean).abs() <= EVEN * mean)
    }
}
