//! What sideray itself has to say that X-Ray has no field for: `metadata.sideray`.

use serde::Serialize;

use crate::trace::facts::TunnelFacts;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;

/// What sideray has to say about an exchange that X-Ray has no field for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Notes {
    /// How the parent of an outbound call was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution: Option<AttributionNote>,
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
        let Self { attribution, kept, tunnel, attempts } = self;
        attribution.is_none() && kept.is_none() && tunnel.is_none() && attempts.is_empty()
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
