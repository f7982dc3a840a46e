//! The states of one exchange, each step consuming the last: opened, answered, closed. What comes
//! out of the last step is the document.
//!
//! ```text
//! Exchange<Waiting> ──answered──▶ Exchange<Answered>
//!        └─────────close(End)─────────────┴──────▶ Segment | Subsegment
//! ```

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use crate::trace::facts::AwsFacts;
use crate::trace::facts::End;
use crate::trace::facts::Failure;
use crate::trace::facts::RemoteError;
use crate::trace::facts::RequestFacts;
use crate::trace::facts::ResponseFacts;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::segment::Aws;
use crate::trace::segment::Body;
use crate::trace::segment::Cause;
use crate::trace::segment::Ending;
use crate::trace::segment::Exception;
use crate::trace::segment::Flags;
use crate::trace::segment::Http;
use crate::trace::segment::Name;
use crate::trace::segment::Namespace;
use crate::trace::segment::Notes;
use crate::trace::segment::Segment;
use crate::trace::segment::Subsegment;
use crate::trace::time::Stamp;

/// The ids of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The trace.
    pub trace: TraceId,
    /// The segment or subsegment this exchange is.
    pub own: SegmentId,
    /// Who caused it, where known.
    pub parent: Option<SegmentId>,
}

/// One request and what becomes of it.
#[derive(Clone, Debug)]
pub struct Exchange<S> {
    ids: Ids,
    start: Stamp,
    detail: Option<Rc<Detail>>,
    state: S,
}

/// What only a sampled exchange keeps. Shared with whoever announces exchanges in progress.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The name of the segment or subsegment.
    pub name: Name,
    /// The request.
    pub request: RequestFacts,
    /// The central sampling rule by which it is recorded.
    pub rule: Option<Arc<str>>,
}

/// The request was sent on; there is no response yet.
#[derive(Clone, Copy, Debug)]
pub struct Waiting;

/// The head of the response has come.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    response: ResponseFacts,
}

/// What a state knows of the response.
pub trait State {
    /// The response, if its head has come.
    fn response(&self) -> Option<ResponseFacts>;
}

impl State for Waiting {
    fn response(&self) -> Option<ResponseFacts> {
        None
    }
}

impl State for Answered {
    fn response(&self) -> Option<ResponseFacts> {
        Some(self.response)
    }
}

impl Exchange<Waiting> {
    /// A request that arrived, or was made, at `start`. Without `detail` it is not sampled: it
    /// passes through the same states and leaves no document.
    #[must_use]
    pub const fn open(ids: Ids, start: Stamp, detail: Option<Rc<Detail>>) -> Self {
        Self { ids, start, detail, state: Waiting }
    }

    /// The head of its response came.
    #[must_use]
    pub fn answered(self, response: ResponseFacts) -> Exchange<Answered> {
        let Self { ids, start, detail, state: Waiting } = self;
        Exchange { ids, start, detail, state: Answered { response } }
    }
}

impl<S: State> Exchange<S> {
    /// The ids.
    #[must_use]
    pub const fn ids(&self) -> Ids {
        self.ids
    }

    /// When it began.
    #[must_use]
    pub const fn start(&self) -> Stamp {
        self.start
    }

    /// Whether it leaves a document.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.detail.is_some()
    }

    /// What a document would say of its request, if it leaves one.
    #[must_use]
    pub fn detail(&self) -> Option<&Detail> {
        self.detail.as_deref()
    }

    /// The response, if its head has come.
    #[must_use]
    pub fn response(&self) -> Option<ResponseFacts> {
        self.state.response()
    }

    /// The same, sampled after all.
    #[must_use]
    pub fn kept(self, detail: Rc<Detail>) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// The response's status, if its head has come.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.state.response().map(|response| response.status)
    }

    /// The segment of an inbound request that ended at `at`, with the calls that closed before it.
    /// None if it is not sampled.
    #[must_use]
    pub fn into_segment(self, end: End, at: Stamp, calls: Vec<Subsegment>) -> Option<Segment> {
        let ids = self.ids;
        let rule = self.detail.as_ref().and_then(|detail| detail.rule.clone());
        let body = self.into_body(end, Side::Inbound, at, Notes::default())?;
        Some(Segment { rule, ..segment(ids, body, calls) })
    }

    /// The subsegment of an outbound call that ended at `at`, of an AWS API if there are facts of
    /// one. None if it is not sampled.
    #[must_use]
    pub fn into_subsegment(
        self,
        end: End,
        at: Stamp,
        notes: Notes,
        aws: Option<AwsFacts>,
    ) -> Option<Subsegment> {
        let id = self.ids.own;
        let complete = matches!(end, End::Complete);
        let retries = u32::try_from(notes.attempts.len()).unwrap_or(u32::MAX);
        let mut body = self.into_body(end, Side::Outbound, at, notes)?;
        if let Some(error) =
            aws.as_ref().and_then(|facts| facts.error.as_ref()).filter(|_| complete)
        {
            blame(id, error, &mut body);
        }
        let namespace =
            aws.map_or(Namespace::Remote, |facts| Namespace::Aws(Box::new(Aws { facts, retries })));
        Some(Subsegment { id, namespace, sql: None, body })
    }

    fn into_body(self, end: End, side: Side, at: Stamp, notes: Notes) -> Option<Body> {
        let Detail { name, request, rule: _ } = Rc::unwrap_or_clone(self.detail?);
        let response = self.state.response();
        let mut flags = response.map(|r| Flags::of_status(r.status)).unwrap_or_default();
        let exception = exception(end, side, &mut flags);
        Some(Body {
            name,
            start_time: self.start.wall(),
            end: Ending::At(at.wall_from(self.start)),
            http: Some(Http::new(request, response)),
            flags,
            cause: exception
                .map(|(kind, message)| cause(self.ids.own, kind.into(), message, Thrown::Here)),
            notes,
            remarks: None,
        })
    }
}

/// The segment of a request that began at `start` and has not ended.
#[must_use]
pub fn in_progress(ids: Ids, start: Stamp, detail: &Detail) -> Segment {
    let body = Body {
        name: detail.name.clone(),
        start_time: start.wall(),
        end: Ending::Open,
        http: Some(Http::new(detail.request.clone(), None)),
        flags: Flags::default(),
        cause: None,
        notes: Notes::default(),
        remarks: None,
    };
    Segment { rule: detail.rule.clone(), ..segment(ids, body, Vec::new()) }
}

/// The segment that holds a call which no request of this service is known to have caused: a
/// trace of its own, as long as the call.
#[must_use]
pub fn root_segment(ids: Ids, name: Name, call: Subsegment) -> Segment {
    let Subsegment { body, .. } = &call;
    let body = Body {
        name,
        start_time: body.start_time,
        end: body.end,
        http: None,
        flags: Flags { fault: body.flags.fault, ..Flags::default() },
        cause: None,
        notes: Notes::default(),
        remarks: None,
    };
    segment(ids, body, vec![call])
}

fn segment(ids: Ids, body: Body, subsegments: Vec<Subsegment>) -> Segment {
    Segment {
        id: ids.own,
        trace_id: ids.trace,
        parent_id: ids.parent,
        rule: None,
        body,
        subsegments,
    }
}

/// Which way an exchange went through the sidecar.
#[derive(Clone, Copy)]
enum Side {
    Inbound,
    Outbound,
}

/// What an end other than a complete one is recorded as, and the flag it raises: going away is the
/// asking side's error, failing is the asked side's fault.
fn exception(end: End, side: Side, flags: &mut Flags) -> Option<(&'static str, Box<str>)> {
    match (end, side) {
        (End::Complete, _) => None,
        (End::Cancelled, Side::Inbound) => {
            flags.error = true;
            Some((
                "ClientDisconnected",
                "the client went away before the response was complete".into(),
            ))
        }
        (End::Cancelled, Side::Outbound) => {
            flags.error = true;
            Some((
                "CallCancelled",
                "the service gave the call up before its response was complete".into(),
            ))
        }
        (End::Failed(Failure { kind, message }), _) => {
            flags.fault = true;
            Some((kind, message))
        }
    }
}

/// Puts the error that AWS answered with: the cause, and the flags that the status does not raise.
/// An error behind a status of success is the server's, which had sent the status too early.
fn blame(own: SegmentId, error: &RemoteError, body: &mut Body) {
    let RemoteError { code, message, throttling } = error;
    // Who is told to slow down with a 5xx is not told that it was its fault.
    body.flags.throttle |= *throttling && body.flags.error;
    body.flags.fault |= !body.flags.error;
    body.cause = Some(cause(own, Cow::Owned(code.to_string()), message.clone(), Thrown::There));
}

/// Where an exception was thrown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thrown {
    Here,
    There,
}

/// A cause of one exception. Its id is the exchange's own turned over: unique where that is, and
/// no second random number.
fn cause(own: SegmentId, kind: Cow<'static, str>, message: Box<str>, thrown: Thrown) -> Cause {
    let remote = thrown == Thrown::There;
    let exception = Exception { message, remote, ..Exception::new(own.complement(), kind) };
    Cause { working_directory: None, exceptions: vec![exception] }
}

/// The exception of an exchange with the id `own` whose response names this error.
#[must_use]
pub fn exception_of(own: SegmentId, error: RemoteError) -> Exception {
    let RemoteError { code, message, throttling: _ } = error;
    let kind = Cow::Owned(code.into_string());
    Exception { message, ..Exception::new(own.complement(), kind) }
}
