//! An X-Ray local sampling rules file, version 1 or 2, read into [`Rules`], or every fault in it.

use serde_json::Map;
use serde_json::Value;

use crate::sampling::rule::Limits;
use crate::sampling::rule::Rate;
use crate::sampling::rule::Rule;
use crate::sampling::rule::Rules;

mod fault;

pub use crate::sampling::manifest::fault::Fault;
pub use crate::sampling::manifest::fault::Problem;

const FILE_KEYS: &[&str] = &["version", "default", "rules"];
const DEFAULT_KEYS: &[&str] = &["description", "fixed_target", "rate"];
const MATCHERS: &[&str] = &["host", "service_name", "http_method", "url_path"];

const FILE: &str = "an object with version, default and rules";
const VERSION: &str = "1 or 2";
const RULES: &str = "a list of rules, or [] for none";
const LIMITS: &str = "an object with fixed_target and rate";
const RULE: &str = "an object with the patterns, fixed_target and rate";
const DESCRIPTION: &str = "a text";
const PATTERN: &str = "a pattern, \"*\" for any";
const FIXED_TARGET: &str = "a whole number of requests a second, from 0 to 4294967295";
const RATE: &str = "a number from 0 to 1";

/// Reads a rules file.
///
/// Both versions have `default` (`fixed_target` and `rate`, no patterns) and `rules`, each with
/// `http_method`, `url_path`, `fixed_target`, `rate`, a pattern of the host, and if wanted a
/// `description`, which becomes the rule's name. The host's pattern is called `host` in version 2
/// and `service_name` in version 1, where it is compared with the host all the same.
/// Source: X-Ray developer guide, "Configuring sampling rules" of the SDK for Node.js.
///
/// # Errors
///
/// Every fault in the file, in its order; never an empty list. A key that is not known is a fault,
/// because a misspelt one would silently record too much or too little.
pub fn parse(text: &str) -> Result<Rules, Vec<Fault>> {
    let value: Value = serde_json::from_str(text).map_err(|e| vec![Fault::syntax(&e)])?;
    let mut faults = Vec::new();
    match file(&value, &mut faults) {
        Some(rules) if faults.is_empty() => Ok(rules),
        Some(_) | None => Err(faults),
    }
}

fn file(value: &Value, faults: &mut Vec<Fault>) -> Option<Rules> {
    let file = Table::open(String::new(), value, FILE, faults)?;
    file.refuse_unknown(FILE_KEYS, faults);
    let version = file.required("version", VERSION, Version::read, faults);
    let default = file.required("default", LIMITS, Some, faults);
    let default = default.and_then(|value| default_rule(value, faults));
    let rules = file.optional("rules", RULES, Value::as_array, faults);
    let rules: Vec<Option<Rule>> = rules
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, value)| rule(index, value, version, faults))
        .collect();
    let rules = rules.into_iter().collect::<Option<Vec<Rule>>>()?;
    Some(Rules::new(rules, default?))
}

fn default_rule(value: &Value, faults: &mut Vec<Fault>) -> Option<Limits> {
    let default = Table::open("default".to_owned(), value, LIMITS, faults)?;
    for key in default.unknown(DEFAULT_KEYS) {
        let matcher = MATCHERS.contains(&key).then_some(Problem::Matcher);
        let problem = matcher.unwrap_or_else(|| Problem::unknown(DEFAULT_KEYS));
        faults.push(default.fault(key, problem));
    }
    default.optional("description", DESCRIPTION, Value::as_str, faults);
    default.limits(faults)
}

/// Reads one rule. Where the version is at fault, the host's key of either is accepted.
fn rule(
    index: usize,
    value: &Value,
    version: Option<Version>,
    faults: &mut Vec<Fault>,
) -> Option<Rule> {
    let rule = Table::open(format!("rules[{index}]"), value, RULE, faults)?;
    let host_key = match version {
        Some(Version::One) => "service_name",
        Some(Version::Two) => "host",
        None if rule.map.contains_key("service_name") => "service_name",
        None => "host",
    };
    let known = [host_key, "http_method", "url_path", "fixed_target", "rate", "description"];
    rule.refuse_unknown(&known, faults);
    let description = rule.optional("description", DESCRIPTION, Value::as_str, faults);
    let host = rule.required(host_key, PATTERN, Value::as_str, faults);
    let method = rule.required("http_method", PATTERN, Value::as_str, faults);
    let path = rule.required("url_path", PATTERN, Value::as_str, faults);
    let limits = rule.limits(faults);
    Some(Rule {
        name: description.unwrap_or_default().into(),
        host: host?.into(),
        method: method?.into(),
        path: path?.into(),
        limits: limits?,
    })
}

/// The versions of the file there are.
#[derive(Clone, Copy, Debug)]
enum Version {
    One,
    Two,
}

impl Version {
    fn read(value: &Value) -> Option<Self> {
        match whole(value)? {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            _ => None,
        }
    }
}

/// An object of the file, and where it stands.
#[derive(Debug)]
struct Table<'a> {
    at: String,
    map: &'a Map<String, Value>,
}

impl<'a> Table<'a> {
    fn open(
        at: String,
        value: &'a Value,
        wanted: &'static str,
        faults: &mut Vec<Fault>,
    ) -> Option<Self> {
        if let Value::Object(map) = value {
            return Some(Self { at, map });
        }
        faults.push(Fault::new(at, Problem::wrong(value, wanted)));
        None
    }

    /// The keys that are not among the `known` ones.
    fn unknown(&self, known: &[&str]) -> impl Iterator<Item = &'a str> {
        self.map.keys().map(String::as_str).filter(|key| !known.contains(key))
    }

    fn refuse_unknown(&self, known: &[&str], faults: &mut Vec<Fault>) {
        faults.extend(self.unknown(known).map(|key| self.fault(key, Problem::unknown(known))));
    }

    /// The value at `key` as `read` understands it; reports one that it does not.
    fn optional<T>(
        &self,
        key: &str,
        wanted: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
        faults: &mut Vec<Fault>,
    ) -> Option<T> {
        let value = self.map.get(key)?;
        let understood = read(value);
        if understood.is_none() {
            faults.push(self.fault(key, Problem::wrong(value, wanted)));
        }
        understood
    }

    /// The same, and reports a missing key.
    fn required<T>(
        &self,
        key: &str,
        wanted: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
        faults: &mut Vec<Fault>,
    ) -> Option<T> {
        if !self.map.contains_key(key) {
            faults.push(self.fault(key, Problem::Missing { wanted }));
        }
        self.optional(key, wanted, read, faults)
    }

    fn limits(&self, faults: &mut Vec<Fault>) -> Option<Limits> {
        let rate = |value: &Value| value.as_f64().and_then(Rate::new);
        let fixed_target = self.required("fixed_target", FIXED_TARGET, whole, faults);
        let rate = self.required("rate", RATE, rate, faults);
        Some(Limits { fixed_target: fixed_target?, rate: rate? })
    }

    fn fault(&self, key: &str, problem: Problem) -> Fault {
        let dot = if self.at.is_empty() { "" } else { "." };
        Fault::new(format!("{}{dot}{}", self.at, key.escape_debug()), problem)
    }
}

/// A whole number, also one written with a fraction of zero: JSON does not tell `1` from `1.0`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and within the range of u32 by the filter"
)]
fn whole(value: &Value) -> Option<u32> {
    let number = value.as_f64()?;
    let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    fits.then_some(number as u32)
}

#[cfg(test)]
mod tests;
