//! The document model: what a segment and a subsegment say, field by field.
//!
//! Segments and subsegments write themselves as X-Ray's JSON. Empty fields are left out, and an
//! entity's own `id` comes first, because the daemon ties a failed document to its trace by the
//! first `"id":"…"` in the text. Source: X-Ray developer guide, "Segment documents".

mod aws;
mod http;

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

pub use self::aws::Aws;
pub use self::http::Http;
pub use self::http::HttpRequest;
pub use self::http::HttpResponse;
use crate::trace::facts::TunnelFacts;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::json::Json;
use crate::trace::time::Micros;

/// Writes itself as one JSON object.
pub trait Encode {
    /// Appends the object to `buffer`.
    fn encode(&self, buffer: &mut Vec<u8>);
}

/// One request that a service answered.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The id.
    pub id: SegmentId,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// The caller's subsegment, if the caller named one.
    pub parent_id: Option<SegmentId>,
    /// The central sampling rule by which it is recorded.
    pub rule: Option<Arc<str>>,
    /// What segments and subsegments have in common.
    pub body: Body,
    /// The calls that closed before it did.
    pub subsegments: Vec<Subsegment>,
}

impl Encode for Segment {
    fn encode(&self, buffer: &mut Vec<u8>) {
        let mut json = Json::new(buffer);
        json.raw("{\"id\":\"");
        json.raw(self.id.to_text().as_str());
        json.raw("\",\"trace_id\":\"");
        json.raw(self.trace_id.to_text().as_str());
        if let Some(parent_id) = self.parent_id {
            json.raw("\",\"parent_id\":\"");
            json.raw(parent_id.to_text().as_str());
        }
        json.raw("\"");
        self.body.write(&mut json);
        json.raw(RECORDER);
        if let Some(rule) = &self.rule {
            json.raw(",\"sampling_rule_name\":");
            json.string(rule);
        }
        json.raw("}}");
        for (index, call) in self.subsegments.iter().enumerate() {
            json.raw(if index == 0 { ",\"subsegments\":[{\"id\":\"" } else { ",{\"id\":\"" });
            json.raw(call.id.to_text().as_str());
            json.raw("\"");
            call.write(&mut json);
            json.raw("}");
        }
        json.raw(if self.subsegments.is_empty() { "}" } else { "]}" });
    }
}

/// The beginning of the `aws` block of every segment: who recorded it.
const RECORDER: &str = concat!(
    ",\"aws\":{\"xray\":{\"sdk\":\"sideray\",\"sdk_version\":\"",
    env!("CARGO_PKG_VERSION"),
    "\",\"auto_instrumentation\":true"
);

/// One call that a service made.
#[derive(Clone, Debug)]
pub struct Subsegment {
    /// The id, which the callee's segment names as its parent.
    pub id: SegmentId,
    /// The AWS API that was called; none for any other service.
    pub aws: Option<Box<Aws>>,
    /// What segments and subsegments have in common.
    pub body: Body,
}

impl Subsegment {
    /// This subsegment as a document of its own, below `parent_id` in `trace_id`.
    #[must_use]
    pub const fn separate(self, trace_id: TraceId, parent_id: SegmentId) -> Separate {
        Separate { trace_id, parent_id, call: self }
    }

    /// Everything but the id.
    fn write(&self, json: &mut Json<'_>) {
        let namespace = match &self.aws {
            Some(_) => ",\"namespace\":\"aws\"",
            None => ",\"namespace\":\"remote\"",
        };
        json.raw(namespace);
        self.body.write(json);
        if let Some(aws) = &self.aws {
            aws.write(json);
        }
    }
}

/// A subsegment that travels on its own, because its segment has gone, or would be too large.
#[derive(Clone, Debug)]
pub struct Separate {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// The segment or subsegment that holds it.
    pub parent_id: SegmentId,
    /// The subsegment.
    pub call: Subsegment,
}

impl Encode for Separate {
    fn encode(&self, buffer: &mut Vec<u8>) {
        let mut json = Json::new(buffer);
        json.raw("{\"id\":\"");
        json.raw(self.call.id.to_text().as_str());
        json.raw("\",\"trace_id\":\"");
        json.raw(self.trace_id.to_text().as_str());
        json.raw("\",\"parent_id\":\"");
        json.raw(self.parent_id.to_text().as_str());
        json.raw("\",\"type\":\"subsegment\"");
        self.call.write(&mut json);
        json.raw("}");
    }
}

/// What segments and subsegments have in common.
#[derive(Clone, Debug)]
pub struct Body {
    /// The service's name, or the called host's.
    pub name: Name,
    /// When it began.
    pub start_time: Micros,
    /// When it ended, or that it has not.
    pub end: Ending,
    /// The request and its response.
    pub http: Option<Http>,
    /// The flags.
    pub flags: Flags,
    /// Why it failed.
    pub cause: Option<Cause>,
    /// What X-Ray has no field for.
    pub metadata: Metadata,
}

impl Body {
    fn write(&self, json: &mut Json<'_>) {
        json.raw(",\"name\":");
        json.string(self.name.as_str());
        json.raw(",\"start_time\":");
        json.seconds(self.start_time);
        match self.end {
            Ending::At(end_time) => {
                json.raw(",\"end_time\":");
                json.seconds(end_time);
            }
            Ending::Open => json.raw(",\"in_progress\":true"),
        }
        if let Some(http) = &self.http {
            http.write(json);
        }
        let Flags { error, throttle, fault } = self.flags;
        for (set, flag) in [
            (error, ",\"error\":true"),
            (throttle, ",\"throttle\":true"),
            (fault, ",\"fault\":true"),
        ] {
            if set {
                json.raw(flag);
            }
        }
        if let Some(cause) = &self.cause {
            json.raw(",\"cause\":");
            json.value(cause);
        }
        if !self.metadata.is_empty() {
            json.raw(",\"metadata\":");
            json.value(&self.metadata);
        }
    }
}

/// `end_time`, or `in_progress`: exactly one of the two.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    /// It ended then.
    At(Micros),
    /// It has not ended.
    Open,
}

/// The name of a segment or subsegment: 1 to 200 characters of X-Ray's alphabet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(Box<str>);

impl Name {
    /// Most characters a name may have.
    pub const MAX: usize = 200;

    /// Makes a name of `text`: characters outside X-Ray's alphabet are left out, as the SDKs do,
    /// and what is too long is cut. What is left without a visible character becomes `unknown`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let allowed =
            |c: &char| c.is_alphanumeric() || c.is_whitespace() || "_.:/%&#=+\\-@".contains(*c);
        if text.len() <= Self::MAX
            && text.bytes().all(|b| allowed(&char::from(b)) && b.is_ascii_graphic())
            && !text.is_empty()
        {
            return Self(text.into());
        }
        let name: String = text.chars().filter(allowed).take(Self::MAX).collect();
        Self(if name.trim().is_empty() { "unknown".into() } else { name.into() })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The `error`, `throttle` and `fault` flags; several may be set together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The client's error: a 4xx.
    pub error: bool,
    /// The server asked the client to slow down: a 429.
    pub throttle: bool,
    /// The server's fault: a 5xx, or it could not be reached.
    pub fault: bool,
}

impl Flags {
    /// The flags a status stands for. Source: X-Ray developer guide, "Errors, faults, and
    /// exceptions".
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        Self { error: status >= 400 && status < 500, throttle: status == 429, fault: status >= 500 }
    }
}

/// Why an exchange failed.
#[derive(Clone, Debug, Serialize)]
pub struct Cause {
    /// What was thrown; here always one.
    pub exceptions: [Exception; 1],
}

/// One exception.
#[derive(Clone, Debug, Serialize)]
pub struct Exception {
    /// Its id, minted like a segment's.
    pub id: SegmentId,
    /// Its message.
    pub message: Box<str>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// Whether the called service threw it.
    pub remote: bool,
}

/// The `metadata` block. All of ours is in one namespace, `sideray`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Metadata {
    /// Our namespace.
    pub sideray: Notes,
}

impl Metadata {
    fn is_empty(&self) -> bool {
        let Notes { attribution, kept, tunnel, attempts } = &self.sideray;
        attribution.is_none() && kept.is_none() && tunnel.is_none() && attempts.is_empty()
    }
}

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

#[cfg(test)]
mod tests;
