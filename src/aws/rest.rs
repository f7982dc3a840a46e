//! Which operation a method and a URI mean, for the services that are spoken to by them.
//!
//! A pattern is a path of literals and labels, with the parameters its query must have; of several
//! that match, the most specific one is meant. Paths are compared as they came: nothing is
//! normalised, and only the values of labels are decoded (Smithy 2.0, "HTTP bindings").

use http::HeaderMap;

use crate::aws::percent;
use crate::aws::scope;
use crate::aws::table;

/// What is looked at of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub method: &'a str,
    /// Raw.
    pub path: &'a str,
    /// Raw.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    /// The bucket, where the host names it and the path does not.
    pub bucket: Option<&'a str>,
    /// The label of the host that names the service.
    pub label: &'a str,
}

/// An operation that a request means, and the labels in its path.
#[derive(Clone, Debug)]
pub(super) struct Match<'a> {
    pub operation: &'static str,
    pub score: Score,
    /// Raw values, by the name of the member.
    pub labels: Vec<(&'static str, &'a str)>,
}

/// How much of a pattern is not left open: bytes of literals in the path, fixed parameters, further
/// demands. The greater one is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Score(usize, usize, usize);

impl<'a> Match<'a> {
    /// The operation of `service` that `target` means. `x-id`, with which newer SDKs name it, is
    /// believed where the operation is one of the service's.
    pub(super) fn of(service: &str, target: &Target<'a>) -> Option<Self> {
        let named = scope::parameters(target.query).find(|(key, _)| *key == "x-id");
        let mut best: Option<(bool, Score, &'static str, &'static str)> = None;
        for line in table::operations(service, target.method) {
            if target.bucket.is_none() && !may_fit(line, target.path) {
                continue;
            }
            let Some((uri, rest)) = line.split_once(' ') else { continue };
            let (operation, demands) = rest.split_once(' ').unwrap_or((rest, ""));
            let is_named = named.is_some_and(|(_, name)| name == operation);
            let Some(score) = score(uri, demands, target) else { continue };
            // The first of equals stays.
            if best.is_none_or(|(named, other, ..)| (is_named, score) > (named, other)) {
                best = Some((is_named, score, uri, operation));
            }
        }
        let (_, score, uri, operation) = best?;
        let mut labels = Vec::new();
        let (pattern, _) = uri.split_once('?').unwrap_or((uri, ""));
        path(pattern, target, &mut |name, value| labels.push((name, value)));
        Some(Self { operation, score, labels })
    }
}

/// Whether a pattern may fit a path, told by its bytes, sooner than by its segments: most patterns
/// part from the path within a literal.
fn may_fit(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.bytes(), path.bytes());
    loop {
        match (pattern.next(), path.next()) {
            (Some(b'{'), Some(first)) => {
                let name = pattern.by_ref().take_while(|byte| *byte != b'}');
                if name.last() == Some(b'+') {
                    return true;
                }
                if first == b'/' {
                    return false;
                }
                while path.clone().next().is_some_and(|byte| byte != b'/') {
                    path.next();
                }
            }
            (Some(byte), Some(other)) if byte == other => {}
            (_, Some(b'%')) => return true,
            (end, found) => {
                return matches!(end, None | Some(b'/' | b'?' | b' '))
                    && matches!(found, None | Some(b'/'));
            }
        }
    }
}

/// How well a pattern fits, if it does.
fn score(uri: &'static str, demands: &str, target: &Target<'_>) -> Option<Score> {
    let (pattern, fixed) = uri.split_once('?').unwrap_or((uri, ""));
    let literals = path(pattern, target, &mut |_, _| {})?;
    let mut fixed_count = 0;
    for (key, value) in scope::parameters(fixed) {
        let mut all = scope::parameters(target.query);
        let found = all.find(|(name, _)| percent::same(name, key))?.1;
        if !value.is_empty() && !percent::same(found, value) {
            return None;
        }
        fixed_count += 1;
    }
    let mut demand_count = 0;
    for demand in demands.split(' ').filter(|demand| !demand.is_empty()) {
        if !meets(demand, target) {
            return None;
        }
        demand_count += 1;
    }
    Some(Score(literals, fixed_count, demand_count))
}

fn meets(demand: &str, target: &Target<'_>) -> bool {
    if let Some(key) = demand.strip_prefix('?') {
        return scope::parameters(target.query).any(|(name, _)| percent::same(name, key));
    }
    if let Some(name) = demand.strip_prefix('@') {
        return target.headers.contains_key(name);
    }
    demand.strip_prefix('.').is_some_and(|label| label == target.label)
}

/// Compares the path of `target` with `pattern`: the bytes of its literals if it fits. Each label
/// is given to `label` with its raw value, also when the rest does not fit.
fn path<'a>(
    pattern: &'static str,
    target: &Target<'a>,
    label: &mut dyn FnMut(&'static str, &'a str),
) -> Option<usize> {
    let mut rest = target.path.strip_prefix('/')?;
    let mut pattern = pattern.strip_prefix('/')?;
    if let (Some(bucket), Some(behind)) = (target.bucket, pattern.strip_prefix("{Bucket}")) {
        label("Bucket", bucket);
        if behind.is_empty() {
            return rest.is_empty().then_some(0);
        }
        pattern = behind.strip_prefix('/')?;
    } else if target.bucket.is_some() && pattern.is_empty() {
        return None;
    }
    let mut literals = 0;
    loop {
        let (segment, behind) = split(pattern);
        if let Some(name) = segment.strip_prefix('{').and_then(|s| s.strip_suffix("+}")) {
            let value = greedy(rest, behind)?;
            label(name, value);
            rest = rest.get(value.len()..)?.strip_prefix('/').unwrap_or_default();
        } else {
            let (found, after) = split(rest);
            if let Some(name) = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
                if found.is_empty() {
                    return None;
                }
                label(name, found);
            } else {
                if !percent::same(found, segment) {
                    return None;
                }
                literals += segment.len();
            }
            rest = after.unwrap_or_default();
        }
        match behind {
            // A slash at the end says nothing.
            None | Some("") => return rest.is_empty().then_some(literals),
            Some(behind) => pattern = behind,
        }
    }
}

/// The first segment, and what stands behind its slash if there is one.
fn split(path: &str) -> (&str, Option<&str>) {
    match path.split_once('/') {
        Some((segment, behind)) => (segment, Some(behind)),
        None => (path, None),
    }
}

/// What a label with slashes takes of `rest`: all but as many segments as the pattern has `behind`
/// it, and at least one byte.
fn greedy<'a>(rest: &'a str, behind: Option<&str>) -> Option<&'a str> {
    let segments = behind.map_or(0, |behind| behind.split('/').count());
    let mut value = rest;
    for _ in 0..segments {
        value = value.rsplit_once('/')?.0;
    }
    Some(value).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
