//! Calls that an SDK may try again: kept back until it does, so that all attempts of one call are
//! one subsegment.
//!
//! An AWS SDK gives all attempts of a call one `amz-sdk-invocation-id`. An attempt that failed waits
//! in its open request; what has none waits here, for a while. The next attempt takes it up: same
//! id, same start. Attempts that overlap never meet here, and stay subsegments of their own.

use std::time::Duration;

use parking_lot::Mutex;

use crate::record::outbound::Place;
use crate::trace::exchange::Ids;
use crate::trace::facts::AwsFacts;
use crate::trace::facts::End;
use crate::trace::segment::AttemptNote;
use crate::trace::segment::Subsegment;
use crate::trace::time::Stamp;

/// Most failed attempts that wait in one open request, and most that wait without one; one more is
/// sent at once.
pub(super) const MAX_HELD: usize = 256;

/// How long one waits for the next: SDKs wait up to 20 seconds, and seldom more than two.
const HELD: Duration = Duration::from_secs(10);

/// Longest invocation id that is one; they are UUIDs.
const MAX_ID: usize = 64;

/// Codes behind which an SDK tries again although the status blames the caller. Source: botocore
/// `retries/standard.py` and `_retry.json`, and what S3 answers a client in the wrong region.
const TRIED_AGAIN: [&str; 8] = [
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "ExpiredTokenException",
    "PermanentRedirect",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "RequestTimeoutException",
];

/// What an SDK says of an attempt in its headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// `amz-sdk-invocation-id`.
    pub invocation: Box<str>,
    /// Whether `amz-sdk-request` says that no other follows.
    pub last: bool,
}

impl Attempt {
    /// Reads `amz-sdk-invocation-id` and `amz-sdk-request`, such as `attempt=2; max=3`. None if
    /// there is no id.
    #[must_use]
    pub fn read(invocation: Option<&str>, request: Option<&str>) -> Option<Self> {
        let invocation = invocation.filter(|id| !id.is_empty() && id.len() <= MAX_ID)?;
        let pairs = request.unwrap_or_default().split(';').filter_map(|pair| pair.split_once('='));
        let (mut attempt, mut max) = (None, None);
        for (key, value) in pairs {
            match key.trim() {
                "attempt" => attempt = value.trim().parse::<u32>().ok(),
                "max" => max = value.trim().parse::<u32>().ok(),
                _ => {}
            }
        }
        let last = attempt.zip(max).is_some_and(|(attempt, max)| attempt >= max);
        Some(Self { invocation: invocation.into(), last })
    }
}

/// A failed attempt that waits for the next.
#[derive(Debug)]
pub(super) struct Attempted {
    pub(super) invocation: Box<str>,
    pub(super) ids: Ids,
    pub(super) place: Place,
    /// When the first attempt began.
    pub(super) start: Stamp,
    /// When the last one ended.
    pub(super) ended: Stamp,
    /// What became of every attempt so far.
    pub(super) notes: Vec<AttemptNote>,
    /// The call as it is recorded if none follows.
    pub(super) call: Subsegment,
}

/// Whether an SDK may try a call again that ended so.
pub(super) fn may_follow(end: &End, status: Option<u16>, aws: Option<&AwsFacts>) -> bool {
    let error = aws.and_then(|facts| facts.error.as_ref());
    if let Some(error) = error
        && (error.throttling || TRIED_AGAIN.contains(&&*error.code))
    {
        return true;
    }
    match status {
        _ if matches!(end, End::Failed(_)) => true,
        Some(301 | 307 | 408 | 425 | 429 | 500..) => true,
        // S3 tells of errors behind a 200, and says "wrong region" to HEAD without a word: then the
        // status stands for the code.
        Some(200..=299) => error.is_some(),
        Some(400) => error.is_some_and(|error| *error.code == *"400"),
        Some(_) | None => false,
    }
}

/// Failed attempts without an open request.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<Vec<Attempted>>);

impl Held {
    /// Keeps an attempt back; gives it back if there are too many.
    pub(super) fn hold(&self, attempted: Attempted) -> Option<Attempted> {
        let mut held = self.0.lock();
        if held.len() >= MAX_HELD {
            return Some(attempted);
        }
        held.push(attempted);
        None
    }

    /// The earlier attempt of the same call.
    pub(super) fn take(&self, invocation: &str) -> Option<Attempted> {
        take(&mut self.0.lock(), invocation)
    }

    /// Those that have waited long enough.
    pub(super) fn due(&self, now: Stamp) -> Vec<Attempted> {
        let due = |held: &mut Attempted| now.since(held.ended) >= HELD;
        self.0.lock().extract_if(.., due).collect()
    }

    /// All.
    pub(super) fn drain(&self) -> Vec<Attempted> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// Takes the earlier attempt of the same call out of those that failed.
pub(super) fn take(attempted: &mut Vec<Attempted>, invocation: &str) -> Option<Attempted> {
    let at = attempted.iter().position(|held| *held.invocation == *invocation)?;
    Some(attempted.swap_remove(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::facts::Failure;
    use crate::trace::facts::RemoteError;

    #[test]
    fn an_attempt_is_read_from_its_headers() {
        let attempt = |id: &str, last| Some(Attempt { invocation: id.into(), last });
        for (id, request, want) in [
            (Some("a-1"), None, attempt("a-1", false)),
            (Some("a-1"), Some("attempt=1"), attempt("a-1", false)),
            (Some("a-1"), Some("attempt=2; max=3"), attempt("a-1", false)),
            (Some("a-1"), Some("ttl=20260101T000000Z; attempt=3; max=3"), attempt("a-1", true)),
            (Some("a-1"), Some("attempt=x;;max=1"), attempt("a-1", false)),
            (Some(""), None, None),
            (None, Some("attempt=1"), None),
        ] {
            assert_eq!(Attempt::read(id, request), want, "{id:?} {request:?}");
        }
        assert_eq!(Attempt::read(Some(&"x".repeat(65)), None), None);
    }

    #[test]
    fn what_an_sdk_tries_again() {
        let facts = |code: &str, throttling| AwsFacts {
            error: Some(RemoteError { code: code.into(), message: "".into(), throttling }),
            ..AwsFacts::default()
        };
        let failed = End::Failed(Failure { kind: "ConnectionReset", message: "".into() });
        for (end, status, error, want) in [
            (&failed, None, None, true),
            (&End::Complete, Some(200), None, false),
            (&End::Complete, Some(200), Some(facts("InternalError", false)), true),
            (&End::Complete, Some(301), None, true),
            (&End::Complete, Some(304), None, false),
            (&End::Complete, Some(400), Some(facts("ThrottlingException", true)), true),
            (&End::Complete, Some(400), Some(facts("ConditionalCheckFailed", false)), false),
            (&End::Complete, Some(403), Some(facts("RequestTimeTooSkewed", false)), true),
            (&End::Complete, Some(404), None, false),
            (&End::Complete, Some(503), None, true),
            (&End::Cancelled, None, None, false),
        ] {
            assert_eq!(may_follow(end, status, error.as_ref()), want, "{end:?} {status:?}");
        }
    }
}
