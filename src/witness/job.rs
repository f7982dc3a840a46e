//! What is waited for.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::attribution::caller::Caller;
use crate::attribution::caller::Hold;
use crate::attribution::caller::Reader;
use crate::sys::link::Link;
use crate::trace::id::SegmentId;
use crate::witness::known::End;

/// A question.
#[derive(Debug)]
pub(super) enum Job {
    /// Who reads?
    Read(Reading),
    /// Who calls?
    Call(Calling),
}

/// Most time that a request is held back.
const MOST: Duration = Duration::from_secs(10);

/// Somebody is to read a request.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) link: Link,
    hold: Hold,
    /// How long nobody may read on once it has begun; and until when to look in any case, by the
    /// clock's monotonic time.
    limit: Duration,
    until: Duration,
    last: Duration,
    /// Whose the far end was when it was last looked at, and when it is looked at again.
    pub(super) end: End,
    pub(super) again: Duration,
    /// How long it was left alone before that.
    pub(super) rest: Duration,
    /// Looks in a row that found nobody who could come to wait.
    pub(super) idle: u32,
    pub(super) tell: oneshot::Sender<Reader>,
}

/// Somebody waits for the answer to a call.
#[derive(Debug)]
pub(super) struct Calling {
    pub(super) link: Link,
    pub(super) requests: Vec<(SegmentId, Link)>,
    /// Until when to look.
    pub(super) until: Duration,
    /// Whose the far end is.
    pub(super) end: End,
    /// As above.
    pub(super) idle: u32,
    /// What has been seen so far.
    pub(super) seen: Option<Caller>,
    pub(super) tell: oneshot::Sender<Caller>,
}

impl Reading {
    pub(super) fn new(
        link: Link,
        hold: Hold,
        (now, limit): (Duration, Duration),
        tell: oneshot::Sender<Reader>,
    ) -> Self {
        let (until, last) = (now + limit, now + MOST);
        let (end, rest) = (End::Queued, Duration::ZERO);
        Self { link, hold, limit, until, last, end, again: now, rest, idle: 0, tell }
    }

    /// Nobody has begun to read it at this moment.
    pub(super) fn waits(&mut self, now: Duration) {
        if self.hold == Hold::Patiently {
            self.until = (now + self.limit).min(self.last);
        }
    }

    /// Whether the time is over.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        now >= self.until
    }
}

impl Calling {
    pub(super) const fn new(
        link: Link,
        requests: Vec<(SegmentId, Link)>,
        until: Duration,
        tell: oneshot::Sender<Caller>,
    ) -> Self {
        Self { link, requests, until, end: End::Queued, idle: 0, seen: None, tell }
    }
}
