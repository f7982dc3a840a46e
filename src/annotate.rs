//! Annotations, metadata and a user, taken by rules from what passes, and from what the service says
//! of itself in its response.
//!
//! [`Rules`] look at an exchange when its request is there, when the head of its response is, and
//! when the trailers are; a [`Course`] keeps between those looks what one has to know of the other.
//! [`said`] reads the response headers by which a service says so itself, and [`secret`] knows what
//! is not to be taken by mistake.

pub mod filter;
pub mod rule;
pub mod said;
pub mod secret;
mod source;
pub mod template;
mod text;

use http::HeaderMap;
use http::Method;

use crate::annotate::rule::MAX_RULES;
use crate::annotate::rule::Rule;
use crate::annotate::rule::Side;
use crate::annotate::rule::Source;
use crate::annotate::rule::Target;
use crate::annotate::said::Said;
use crate::annotate::text::Read;
use crate::trace::segment::remarks::ROOM;
use crate::trace::segment::remarks::Refused;
use crate::trace::segment::remarks::Remarks;
use crate::trace::segment::remarks::Scalar;

/// A request as rules see it: as it came, before anything was changed for the next hop.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a Method,
    /// Host and, where the request named one, port.
    pub authority: &'a str,
    /// The path, percent-encoded as it came, without query.
    pub path: &'a str,
    /// The query, percent-encoded as it came; empty without one.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// The head of a response as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// The rules of one side in their order; at most [`MAX_RULES`].
#[derive(Clone, Debug, Default)]
pub struct Rules(Box<[Prepared]>);

#[derive(Clone, Debug)]
struct Prepared {
    rule: Rule,
    /// The rules before it that set the same.
    beats: Set,
}

/// Some of the rules, by their place.
type Set = u128;

const _: () = assert!(MAX_RULES <= Set::BITS as usize, "a set has a place for each rule");

/// How far the rules have come with one exchange.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// Rules that take the request, and still wait for something.
    waiting: Set,
    /// Rules whose target was set by one that beats them.
    closed: Set,
    /// Values of the request that wait for the status.
    held: Vec<(usize, Scalar)>,
    /// Values that are to be set.
    ready: Vec<(usize, Scalar)>,
    /// Bytes of the texts in `held` and `ready`, which are no more than could be set.
    weight: usize,
    tally: Tally,
}

/// What became of values, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Set.
    pub set: u64,
    /// Not of the type that their rule says.
    pub untyped: u64,
    /// Said by the service in a form that makes no sense.
    pub malformed: u64,
    /// There was no room.
    pub refused: u64,
}

impl Rules {
    /// Those of `rules` that are for `side`, the first [`MAX_RULES`] of them.
    #[must_use]
    pub fn of(rules: &[Rule], side: Side) -> Self {
        let rules = rules.iter().filter(|rule| rule.on.includes(side)).take(MAX_RULES);
        let mut prepared: Vec<Prepared> = Vec::new();
        for rule in rules {
            let beats = set_by(&prepared, |target| *target == rule.target);
            prepared.push(Prepared { rule: rule.clone(), beats });
        }
        Self(prepared.into())
    }

    /// Whether there are none, so that there is nothing to look at.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A request has come. Allocates nothing for rules that find nothing.
    #[must_use]
    pub fn asked(&self, request: &Request<'_>) -> Course {
        let mut course = Course::default();
        for (at, Prepared { rule, .. }) in self.0.iter().enumerate() {
            if !rule.filter.takes(request) {
                continue;
            }
            let waits = !rule.filter.status.is_empty();
            if rule.source.is_of_response() {
                course.waiting |= bit(at);
            } else if let Some(value) = course.read(rule, rule.source.of_request(request, rule)) {
                let list = if waits { &mut course.held } else { &mut course.ready };
                list.push((at, value));
                course.waiting |= if waits { bit(at) } else { 0 };
            }
        }
        course
    }

    /// The head of its response has come.
    pub fn answered(&self, course: &mut Course, response: &Response<'_>) {
        if course.waiting == 0 {
            return;
        }
        let held = std::mem::take(&mut course.held);
        for (at, Prepared { rule, .. }) in self.waiting(course.waiting) {
            if !rule.filter.takes_status(response.status) {
                course.waiting &= !bit(at);
                continue;
            }
            let value = match held.iter().find(|(of, _)| *of == at) {
                Some((_, value)) => Some(value.clone()),
                None => course.read(rule, rule.source.of_response(response)),
            };
            match value {
                Some(value) => course.ready.push((at, value)),
                None if matches!(rule.source, Source::GrpcResponse(_)) => continue,
                None => {}
            }
            course.waiting &= !bit(at);
        }
    }

    /// The trailers of its response have come.
    pub fn trailed(&self, course: &mut Course, trailers: &HeaderMap) {
        for (at, Prepared { rule, .. }) in self.waiting(course.waiting) {
            if let Some(value) = course.read(rule, rule.source.of_trailers(trailers)) {
                course.ready.push((at, value));
            }
        }
        course.waiting = 0;
    }

    fn waiting(&self, set: Set) -> impl Iterator<Item = (usize, &Prepared)> {
        self.0.iter().enumerate().filter(move |(at, _)| set & bit(*at) != 0)
    }

    /// Sets what was found since the last time. Of rules that set the same, the last in the file
    /// wins, whenever its value came.
    pub fn settle(&self, course: &mut Course, remarks: &mut Remarks) -> Tally {
        let mut tally = std::mem::take(&mut course.tally);
        course.weight = course.held.iter().map(|(_, value)| text::weight(value)).sum();
        for (at, value) in std::mem::take(&mut course.ready) {
            let Some(Prepared { rule, beats }) = self.0.get(at) else { continue };
            if course.closed & bit(at) == 0 {
                course.closed |= beats;
                tally.count(set(remarks, &rule.target, value));
            }
        }
        tally
    }

    /// Sets what the service has said of itself, which no rule changes afterwards.
    pub fn settle_said(&self, course: &mut Course, said: Said, remarks: &mut Remarks) -> Tally {
        let Said { annotations, user, malformed } = said;
        let mut tally = Tally { malformed, ..Tally::default() };
        for (key, value) in annotations {
            course.closed |= set_by(&self.0, |target| target.annotates(&key));
            tally.count(remarks.annotate(key, value));
        }
        if let Some(user) = user {
            course.closed |= set_by(&self.0, |target| *target == Target::User);
            remarks.set_user(&user);
            tally.count(Ok(()));
        }
        tally
    }
}

const fn bit(at: usize) -> Set {
    1 << at
}

/// The rules whose target is as wanted.
fn set_by(rules: &[Prepared], wanted: impl Fn(&Target) -> bool) -> Set {
    let theirs = rules.iter().enumerate().filter(|(_, prepared)| wanted(&prepared.rule.target));
    theirs.fold(0, |set, (at, _)| set | bit(at))
}

fn set(remarks: &mut Remarks, target: &Target, value: Scalar) -> Result<(), Refused> {
    match target {
        Target::Annotation(key) => remarks.annotate(key.clone(), value),
        Target::Metadata { namespace, key } => {
            remarks.describe(namespace, key, &text::to_json(value))
        }
        Target::User => {
            remarks.set_user(&text::to_text(value));
            Ok(())
        }
    }
}

impl Course {
    /// Whether there is something to be set.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        !self.ready.is_empty() || self.tally.untyped > 0 || self.tally.refused > 0
    }

    /// Whether any rule still waits for something.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.waiting == 0
    }

    /// A value as its rule wants it, if there is room to keep it.
    fn read(&mut self, rule: &Rule, read: Option<Read<'_>>) -> Option<Scalar> {
        let value = match read? {
            Read::Raw(bytes) => text::typed(rule.kind, &bytes)?,
            Read::Known(value) => Ok(value.clone()),
        };
        let Ok(value) = value else {
            self.tally.untyped += 1;
            return None;
        };
        let weight = text::weight(&value);
        if self.weight + weight > ROOM {
            self.tally.refused += 1;
            return None;
        }
        self.weight += weight;
        Some(value)
    }
}

impl Tally {
    fn count(&mut self, outcome: Result<(), Refused>) {
        match outcome {
            Ok(()) => self.set += 1,
            Err(_) => self.refused += 1,
        }
    }
}

#[cfg(test)]
mod tests;
