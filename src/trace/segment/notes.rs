//! What sideray itself has to say that X-Ray has no field for: `metadata.sideray`.

use std::time::Duration;

use serde::Serialize;

use crate::trace::facts::Connected;
use crate::trace::facts::TunnelFacts;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;

/// What sideray has to say about an exchange that X-Ray has no field for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Notes {
    /// How the parent of an outbound call was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution: Option<AttributionNote>,
    /// How long it took to make the connection, where one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<ConnectNote>,
    /// Why it is recorded although the sampling rules passed over it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<&'static str>,
    /// What passed through a tunnel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<TunnelFacts>,
    /// What became of each attempt but the last, where a call was tried more than once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptNote>,
}

impl Notes {
    /// Whether there is nothing to say.
    pub(super) fn is_empty(&self) -> bool {
        let Self { attribution, connect, kept, tunnel, attempts } = self;
        let calls = attribution.is_none() && connect.is_none() && tunnel.is_none();
        calls && kept.is_none() && attempts.is_empty()
    }
}

/// How long it took to make a connection, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ConnectNote {
    /// The look-up of the name, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<f64>,
    /// The connection itself.
    pub dial: f64,
    /// The TLS handshake, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<f64>,
}

impl ConnectNote {
    /// What was seen, in words.
    #[must_use]
    pub fn of(Connected { dns, dial, tls }: Connected) -> Self {
        let seconds = |took: Duration| (took.as_secs_f64() * 1e6).round() / 1e6;
        Self { dns: dns.map(seconds), dial: seconds(dial), tls: tls.map(seconds) }
    }
}

/// What became of one attempt of a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttemptNote {
    /// When it began, in X-Ray's seconds.
    pub start_time: f64,
    /// When it ended.
    pub end_time: f64,
    /// The status it was answered with, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Its error: the code of AWS, or how the connection failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<str>>,
}

/// How the parent of an outbound call was found, as a document says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributionNote {
    /// The method: `header`, `sole`, `background`, `unknown` …
    pub method: &'static str,
    /// `certain`, `high` or `none`.
    pub confidence: &'static str,
    /// The request had been answered already when the call was made.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// The open requests that may have made the call, where it is unknown which did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<SegmentId>,
    /// The other requests that the call was made for, where whoever made it says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
}

/// Another segment or subsegment that has to do with this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Its trace.
    pub trace_id: TraceId,
    /// The segment or subsegment in that.
    pub id: SegmentId,
}
