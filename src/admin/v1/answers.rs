//! What the local API answers: one table from what was heard to status and words.

use http::HeaderValue;
use http::StatusCode;
use http::header;
use serde_json::Value;
use serde_json::json;

use crate::admin::reply::Reply;
use crate::admin::reply::reply;
use crate::api::Fault;
use crate::api::MAX_BODY;
use crate::record::pieces::MAX_OPEN;
use crate::record::told::Heard;
use crate::record::told::Taken;
use crate::record::told::Why;
use crate::trace::header::Context;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;

/// An answer in the making.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    body: Value,
    /// What was begun, if something was.
    taken: Option<Taken>,
    /// The rest of the request is not read.
    last: bool,
}

impl Answer {
    fn new(status: StatusCode, body: Value) -> Self {
        Self { status, body, taken: None, last: false }
    }

    fn error(status: StatusCode, message: &str) -> Self {
        Self::new(status, json!({"error": message}))
    }

    /// What a program sent is not as it should be.
    pub(super) fn fault(fault: &Fault) -> Self {
        let status = match fault {
            Fault::Malformed(_) => StatusCode::BAD_REQUEST,
            Fault::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::error(status, &fault.to_string())
    }

    /// The path is not known.
    pub(super) fn nowhere() -> Self {
        let message = "known are PUT /v1/traces/<id>/annotations, metadata, user and exceptions, \
                       and POST /v1/subsegments";
        Self::error(StatusCode::NOT_FOUND, message)
    }

    /// Whoever asks is nobody that is heard.
    pub(super) fn stranger(message: &str) -> Self {
        Self::error(StatusCode::FORBIDDEN, message)
    }

    /// The sidecar is about to end.
    pub(super) fn ending() -> Self {
        Self::error(StatusCode::SERVICE_UNAVAILABLE, "the sidecar shuts down")
    }

    /// The body is larger than any may be.
    pub(super) fn too_large() -> Self {
        let message = format!("a body has at most {MAX_BODY} bytes");
        Self { last: true, ..Self::error(StatusCode::PAYLOAD_TOO_LARGE, &message) }
    }

    /// The body broke off, or was not framed as HTTP wants it.
    pub(super) fn broken() -> Self {
        Self { last: true, ..Self::error(StatusCode::BAD_REQUEST, "the body cannot be read") }
    }

    /// The body did not come in time.
    pub(super) fn late() -> Self {
        let answer = Self::error(StatusCode::REQUEST_TIMEOUT, "the body did not come in time");
        Self { last: true, ..answer }
    }

    /// Something was said of a request, or a subsegment was ended.
    pub(super) fn said(heard: &Heard) -> Self {
        let sampled = |sampled: bool| Self::new(StatusCode::OK, json!({"sampled": sampled}));
        match heard {
            Heard::Taken(Taken { sampled: yes, .. }) => sampled(*yes),
            Heard::Off(_) => sampled(false),
            Heard::Not(why) => Self::not_taken(*why),
        }
    }

    /// A subsegment was added.
    pub(super) fn told(heard: Heard) -> Self {
        let created = |id: SegmentId, sampled: bool| {
            Self::new(StatusCode::CREATED, json!({"id": id, "sampled": sampled}))
        };
        match heard {
            Heard::Taken(taken) => {
                Self { taken: Some(taken.clone()), ..created(taken.id, taken.sampled) }
            }
            Heard::Off(id) => created(id, false),
            Heard::Not(why) => Self::not_taken(why),
        }
    }

    /// Says with which header calls are made inside a subsegment that was begun. While tracing is
    /// off they go on as the caller's own trace would have them.
    pub(super) fn begun(mut self, root: TraceId, parent: Option<SegmentId>) -> Self {
        let header = match (self.taken.take(), parent) {
            (Some(Taken { id, sampled, extra }), _) => {
                Context { root, parent: id, sampled }.to_xray(&extra)
            }
            (None, Some(parent)) => format!("Root={root};Parent={parent}"),
            (None, None) => format!("Root={root}"),
        };
        if self.status == StatusCode::CREATED
            && let Value::Object(body) = &mut self.body
        {
            body.insert("trace_header".into(), header.into());
        }
        self
    }

    fn not_taken(why: Why) -> Self {
        let full = format!("{MAX_OPEN} subsegments, or 16 MiB of them, are open; end some");
        let refused;
        let (status, message) = match why {
            Why::Backwards => (StatusCode::UNPROCESSABLE_ENTITY, "end_time: before start_time"),
            Why::Full => (StatusCode::SERVICE_UNAVAILABLE, full.as_str()),
            Why::Gone => (
                StatusCode::GONE,
                "it has ended: its document has left; a subsegment may still be added by the id \
                 of its parent, as parent_id",
            ),
            Why::Refused(limit) => {
                refused = limit.to_string();
                (StatusCode::UNPROCESSABLE_ENTITY, refused.as_str())
            }
            Why::Several => (
                StatusCode::CONFLICT,
                "several requests of this trace are open; name yours by the Parent of its \
                 X-Amzn-Trace-Id: send that header here too, or ?parent=, or parent_id",
            ),
            Why::Unknown => (
                StatusCode::NOT_FOUND,
                "no such request or subsegment is known: ids are those of the X-Amzn-Trace-Id \
                 with which the request reached the service",
            ),
        };
        Self::error(status, message)
    }

    pub(super) fn into_reply(self) -> Reply {
        let mut body = self.body.to_string();
        body.push('\n');
        let mut reply = reply(self.status, "application/json", body.into());
        let headers = reply.headers_mut();
        if self.last {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        reply
    }
}
