//! The document model: what a segment and a subsegment say, field by field.
//!
//! Segments and subsegments write themselves as X-Ray's JSON. Empty fields are left out, and an
//! entity's own `id` comes first, because the daemon ties a failed document to its trace by the
//! first `"id":"…"` in the text. Source: X-Ray developer guide, "Segment documents".

mod aws;
mod cause;
mod http;
mod notes;
pub mod remarks;
mod sql;

use std::sync::Arc;

pub use self::aws::Aws;
pub use self::cause::Cause;
pub use self::cause::Exception;
pub use self::cause::Flags;
pub use self::cause::Frame;
pub use self::http::Http;
pub use self::http::HttpRequest;
pub use self::http::HttpResponse;
pub use self::notes::AttemptNote;
pub use self::notes::AttributionNote;
pub use self::notes::ConnectNote;
pub use self::notes::Link;
pub use self::notes::Notes;
use self::remarks::Remarks;
pub use self::sql::Sql;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::json::Json;
use crate::trace::site::Surroundings;
use crate::trace::time::Micros;

/// Writes itself as one JSON object.
pub trait Encode {
    /// Appends the object to `buffer`, with what `around` says of where it was recorded.
    fn encode(&self, buffer: &mut Vec<u8>, around: &Surroundings);
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
    fn encode(&self, buffer: &mut Vec<u8>, around: &Surroundings) {
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
        if let Some(remarks) = &self.body.remarks {
            remarks.write_user(&mut json);
        }
        around.write(&mut json);
        json.raw(RECORDER);
        if let Some(rule) = &self.rule {
            json.raw(",\"sampling_rule_name\":");
            json.string(rule);
        }
        json.raw("}");
        around.write_aws(&mut json);
        json.raw("}");
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

/// One call that a service made, or one piece of its own work.
#[derive(Clone, Debug)]
pub struct Subsegment {
    /// The id, which the callee's segment names as its parent.
    pub id: SegmentId,
    /// What it is about.
    pub namespace: Namespace,
    /// The query, where it is one.
    pub sql: Option<Box<Sql>>,
    /// What segments and subsegments have in common.
    pub body: Body,
}

/// What a subsegment is about, and with it the `namespace` and the `aws` block.
#[derive(Clone, Debug)]
pub enum Namespace {
    /// A call of an AWS API.
    Aws(Box<Aws>),
    /// A call of anybody else.
    Remote,
    /// The service's own work. X-Ray knows no namespace for it.
    Local,
}

impl Subsegment {
    /// This subsegment as a document of its own, below `parent_id` in `trace_id`.
    #[must_use]
    pub const fn separate(self, trace_id: TraceId, parent_id: SegmentId) -> Separate {
        Separate { trace_id, parent_id, call: self }
    }

    /// Everything but the id.
    fn write(&self, json: &mut Json<'_>) {
        json.raw(match &self.namespace {
            Namespace::Aws(_) => ",\"namespace\":\"aws\"",
            Namespace::Remote => ",\"namespace\":\"remote\"",
            Namespace::Local => "",
        });
        self.body.write(json);
        if let Namespace::Aws(aws) = &self.namespace {
            aws.write(json);
        }
        if let Some(sql) = &self.sql {
            sql.write(json);
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
    fn encode(&self, buffer: &mut Vec<u8>, _around: &Surroundings) {
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
    /// What sideray has to say besides.
    pub notes: Notes,
    /// What others have said of it.
    pub remarks: Option<Box<Remarks>>,
}

impl Body {
    /// How many annotations it has.
    #[must_use]
    pub fn annotations(&self) -> usize {
        self.remarks.as_ref().map_or(0, |remarks| remarks.annotations())
    }

    /// Takes in what others have said of it.
    pub fn remark(&mut self, mut remarks: Remarks) {
        if remarks.is_empty() {
            return;
        }
        self.flags = self.flags.or(remarks.flags);
        let exceptions = std::mem::take(&mut remarks.exceptions);
        if !exceptions.is_empty() {
            let nothing = || Cause { working_directory: None, exceptions: Vec::new() };
            let cause = self.cause.get_or_insert_with(nothing);
            cause.exceptions.extend(exceptions);
            if let Some(directory) = remarks.working_directory.take() {
                cause.working_directory = Some(directory);
            }
        }
        self.remarks = Some(Box::new(remarks));
    }

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
        if let Some(remarks) = &self.remarks {
            remarks.write_annotations(json);
        }
        self.write_metadata(json);
    }

    fn write_metadata(&self, json: &mut Json<'_>) {
        let mut between = ",\"metadata\":{";
        if !self.notes.is_empty() {
            json.raw(between);
            json.raw("\"sideray\":");
            json.value(&self.notes);
            between = ",";
        }
        if let Some(remarks) = &self.remarks {
            remarks.write_metadata(json, &mut between);
        }
        if between == "," {
            json.raw("}");
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

#[cfg(test)]
mod tests;
