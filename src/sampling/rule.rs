//! Sampling rules: which one a request falls under, and what that rule allows.

use std::collections::HashMap;

use crate::sampling::wildcard::Pattern;
use crate::sampling::wildcard::Text;

/// What rules look at. An empty field was absent from the request; a rule takes it for a match,
/// but for that field only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The `Host` header or authority as it was received, with its port if it had one.
    pub host: &'a str,
    /// The method.
    pub method: &'a str,
    /// The path, without the query.
    pub path: &'a str,
}

/// A share of requests, from none (0) to all (1).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// A rate from 0 to 1, both included; `None` for anything else.
    #[must_use]
    pub fn new(rate: f64) -> Option<Self> {
        (0.0..=1.0).contains(&rate).then_some(Self(rate))
    }

    /// The share as a number from 0 to 1.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Whether 64 `random` bits fall within the rate: exactly `random / 2^64 < rate`.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number from 0 to below 2^64: the rate is below 1 and never negative"
    )]
    pub fn takes(self, random: u64) -> bool {
        /// 2^64. Scaling by a power of two only moves the exponent, so nothing is rounded.
        const RANGE: f64 = 18_446_744_073_709_551_616.0;
        self.0 >= 1.0 || random < (self.0 * RANGE).ceil() as u64
    }
}

/// How many requests of a rule are recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// How many of the first requests of each second; the size of the reservoir.
    pub fixed_target: u32,
    /// The share of those beyond the reservoir.
    pub rate: Rate,
}

impl Default for Limits {
    /// The first request of each second and 5 % of the others, as in every X-Ray SDK.
    fn default() -> Self {
        Self { fixed_target: 1, rate: Rate(0.05) }
    }
}

/// A rule: for the requests that match all three patterns, these limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What logs and metrics call it; blank for "whatever its place says".
    pub name: Box<str>,
    /// Pattern of the host, see [`wildcard`](crate::sampling::wildcard).
    pub host: Box<str>,
    /// Pattern of the method.
    pub method: Box<str>,
    /// Pattern of the path.
    pub path: Box<str>,
    /// What is recorded of the requests that match.
    pub limits: Limits,
}

/// Rules in their order, and the default rule behind them, which takes what no other does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    rules: Box<[Prepared]>,
    default: Limits,
}

/// The default rule's name.
const DEFAULT: &str = "default";

impl Rules {
    /// These rules, first match first, and the limits of the default rule.
    ///
    /// A rule with a blank name is called after its place, `rule 1` being the first; a name that
    /// an earlier rule or the default rule has gets ` (2)`, ` (3)` … behind it, so that no two
    /// rules share a line in the metrics.
    #[must_use]
    pub fn new(rules: Vec<Rule>, default: Limits) -> Self {
        let mut names = Names::default();
        let prepare = |(index, rule)| Prepared::new(index, rule, &mut names);
        Self { rules: rules.into_iter().enumerate().map(prepare).collect(), default }
    }

    /// The rules in their order, with the names they were given, without the default rule.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.rules.iter().map(|prepared| &prepared.rule)
    }

    /// The index of the rule the request falls under: the first that matches, else the default.
    /// Called for every request that asks for a decision; allocates nothing.
    #[must_use]
    pub fn find(&self, request: &Request<'_>) -> usize {
        let request = Fields::new(request);
        let matched = self.rules.iter().position(|rule| rule.takes(request));
        matched.unwrap_or(self.rules.len())
    }

    /// How many rules there are, the default rule included: at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "the default rule is always there")]
    pub const fn len(&self) -> usize {
        self.rules.len() + 1
    }

    /// The name of the rule at `index`, unique among these; `default` for the last.
    #[must_use]
    pub fn name(&self, index: usize) -> &str {
        self.rules.get(index).map_or(DEFAULT, |prepared| &prepared.rule.name)
    }

    /// The limits of the rule at `index`; those of the default rule for the last.
    #[must_use]
    pub fn limits(&self, index: usize) -> Limits {
        self.rules.get(index).map_or(self.default, |prepared| prepared.rule.limits)
    }
}

/// A rule as it is compared with requests.
#[derive(Clone, Debug, PartialEq)]
struct Prepared {
    rule: Rule,
    path: Pattern,
    method: Pattern,
    host: Pattern,
}

impl Prepared {
    fn new(index: usize, rule: Rule, names: &mut Names) -> Self {
        Self {
            path: Pattern::new(rule.path.clone()),
            method: Pattern::new(rule.method.clone()),
            host: Pattern::new(rule.host.clone()),
            rule: Rule { name: names.give(index, &rule.name), ..rule },
        }
    }

    /// Whether the request falls under this rule. The path is compared first because it tells
    /// most rules apart.
    fn takes(&self, request: Fields<'_>) -> bool {
        field(&self.path, request.path)
            && field(&self.method, request.method)
            && field(&self.host, request.host)
    }
}

/// A request as it is compared with many rules.
#[derive(Clone, Copy, Debug)]
struct Fields<'a> {
    path: Text<'a>,
    method: Text<'a>,
    host: Text<'a>,
}

impl<'a> Fields<'a> {
    const fn new(request: &Request<'a>) -> Self {
        Self {
            path: Text::new(request.path),
            method: Text::new(request.method),
            host: Text::new(request.host),
        }
    }
}

/// Whether a field matches. An absent one does, as in the SDKs for Python, Node.js and Go.
pub(super) fn field(pattern: &Pattern, value: Text<'_>) -> bool {
    value.is_empty() || pattern.matches(value)
}

/// The names that are taken.
#[derive(Debug)]
struct Names {
    /// With the last number that was put behind each, so that many equal names do not each count
    /// from the start.
    taken: HashMap<Box<str>, usize>,
}

impl Default for Names {
    fn default() -> Self {
        Self { taken: HashMap::from([(DEFAULT.into(), 1)]) }
    }
}

impl Names {
    /// A name of its own for the rule at `index`, the one that is `wanted` if it is free.
    fn give(&mut self, index: usize, wanted: &str) -> Box<str> {
        let wanted = match wanted.trim() {
            "" => format!("rule {}", index + 1).into_boxed_str(),
            wanted => wanted.into(),
        };
        let Some(mut number) = self.taken.get(&wanted).copied() else {
            self.taken.insert(wanted.clone(), 1);
            return wanted;
        };
        let name = loop {
            number += 1;
            let name = format!("{wanted} ({number})").into_boxed_str();
            if !self.taken.contains_key(&name) {
                break name;
            }
        };
        self.taken.insert(wanted, number);
        self.taken.insert(name.clone(), 1);
        name
    }
}

#[cfg(test)]
mod tests;
