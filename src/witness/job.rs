//! What is waited for.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::attribution::caller::Caller;
use crate::attribution::caller::Thread;
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

/// Somebody is to read a request.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) link: Link,
    /// How long to look, by the clock's monotonic time.
    pub(super) until: Duration,
    /// Whose the far end was when it was last looked at, and when it is looked at again.
    pub(super) end: End,
    pub(super) again: Duration,
    /// Looks in a row that found nobody who could come to wait.
    pub(super) idle: u32,
    pub(super) tell: oneshot::Sender<Option<Thread>>,
}

/// Somebody waits for the answer to a call.
#[derive(Debug)]
pub(super) struct Calling {
    pub(super) link: Link,
    pub(super) requests: Vec<(SegmentId, Link)>,
    /// As above.
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
    pub(super) const fn new(
        link: Link,
        until: Duration,
        tell: oneshot::Sender<Option<Thread>>,
    ) -> Self {
        Self { link, until, end: End::Queued, again: Duration::ZERO, idle: 0, tell }
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
