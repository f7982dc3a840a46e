//! Whether a request is recorded: the central rules say, where they are wanted and known, else the
//! local ones.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::record::central::Central;
use crate::record::local::Local;
use crate::sampling::central::rule::Request;
use crate::sampling::rule::Rules;
use crate::trace::time::Micros;

/// All rules in force. Shared by all workers.
#[derive(Debug)]
pub struct Sampler {
    local: ArcSwap<Local>,
    central: Option<Arc<Central>>,
}

/// What the rules say of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is recorded.
    pub sampled: bool,
    /// The central rule that says so.
    pub rule: Option<Arc<str>>,
}

/// How often one rule decided, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally<'a> {
    /// The rule.
    pub rule: &'a str,
    /// Requests it chose to record.
    pub sampled: u64,
    /// Requests it passed over.
    pub passed: u64,
}

impl Sampler {
    /// These local rules, and central ones once they have been fetched, if they are `central`ly
    /// kept.
    #[must_use]
    pub fn new(local: Rules, central: bool) -> Self {
        let local = ArcSwap::from_pointee(Local::new(local));
        Self { local, central: central.then(Arc::default) }
    }

    /// Decides for a request that came at `now`; `random` are 64 random bits.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>, now: Micros, random: u64) -> Verdict {
        let central = self.central.as_ref();
        central.and_then(|central| central.decide(request, now, random)).unwrap_or_else(|| {
            let sampled = self.local.load().decide(&request.http, now, random);
            Verdict::given(sampled)
        })
    }

    /// Puts other local rules in force, from the next decision on. Their reservoirs start full.
    pub fn set_local(&self, rules: Rules) {
        self.local.store(Arc::new(Local::new(rules)));
    }

    /// The local rules.
    #[must_use]
    pub fn local(&self) -> Arc<Local> {
        self.local.load_full()
    }

    /// The central rules, if they are wanted.
    #[must_use]
    pub const fn central(&self) -> Option<&Arc<Central>> {
        self.central.as_ref()
    }
}

impl Verdict {
    /// What no central rule has decided.
    pub(super) const fn given(sampled: bool) -> Self {
        Self { sampled, rule: None }
    }
}
