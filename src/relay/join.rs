//! Of one datagram: what a daemon would take of it, and, of a segment that tells of a request of
//! ours from inside, the subsegment it becomes.
//!
//! An SDK behind sideray has taken our segment for its caller's: what it calls its segment is a part
//! of ours. As a segment of its own it would be a second node in the service map, which calls are
//! said to reach although none was made.

use serde_json::Map;
use serde_json::Value;

use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;

/// Fields that only a segment may have, as they are set aside. Source: X-Ray developer guide,
/// "Segment documents"; `resource_arn` is in the models of the SDKs for Go and Java.
const SEGMENTS_OWN: [&str; 4] = ["origin", "resource_arn", "service", "user"];

/// The same within `aws`.
const SEGMENTS_OWN_AWS: [&str; 5] = ["cloudwatch_logs", "ec2", "ecs", "eks", "elastic_beanstalk"];

/// What a document is to the relay.
#[derive(Debug)]
pub enum Read {
    /// A segment below some caller, who may be ours.
    Insider(Box<Insider>),
    /// Any other document.
    Other,
    /// Not a document as far as can be told.
    Unread,
}

/// A segment below some caller.
#[derive(Debug)]
pub struct Insider {
    /// Its trace.
    pub trace: TraceId,
    /// Its caller.
    pub parent: SegmentId,
    id: SegmentId,
    fields: Map<String, Value>,
}

/// The document in a datagram, if a daemon would take it: a first line of JSON that says format
/// `json` in any case and version 1, and anything behind it. Source: the daemon 3.6.6,
/// `cmd/tracing/daemon.go`, which takes names of fields in any case too.
#[must_use]
pub fn document(datagram: &[u8]) -> Option<&[u8]> {
    let newline = memchr::memchr(b'\n', datagram)?;
    let (header, rest) = datagram.split_at_checked(newline)?;
    let document = rest.get(1..).filter(|document| !document.is_empty())?;
    let header: Map<String, Value> = serde_json::from_slice(header).ok()?;
    let field = |wanted: &str| {
        header.iter().rfind(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    };
    let json = field("format")?.as_str()?.eq_ignore_ascii_case("json");
    (json && field("version")?.as_u64() == Some(1)).then_some(document)
}

/// Reads a document. It is at most a datagram long, and nested at most as deep as `serde_json`
/// follows, 128 levels.
#[must_use]
pub fn read(document: &[u8]) -> Read {
    let Ok(Value::Object(fields)) = serde_json::from_slice(document) else { return Read::Unread };
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let (Some(id), Some(trace), Some(_)) = (text("id"), text("trace_id"), text("name")) else {
        return Read::Unread;
    };
    if !fields.get("start_time").is_some_and(Value::is_number) {
        return Read::Unread;
    }
    if fields.get("type").is_some_and(|of| of == "subsegment") {
        return Read::Other;
    }
    let parent = text("parent_id").and_then(|parent| SegmentId::parse(parent.as_bytes()));
    match (TraceId::parse(trace.as_bytes()), SegmentId::parse(id.as_bytes()), parent) {
        (Some(trace), Some(id), Some(parent)) => {
            Read::Insider(Box::new(Insider { trace, parent, id, fields }))
        }
        _ => Read::Other,
    }
}

impl Insider {
    /// Who the request is for, if it says so.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.fields.get("user").and_then(Value::as_str)
    }

    /// Our segment says who the request is for.
    pub fn leave_user(&mut self) {
        self.fields.shift_remove("user");
    }

    /// The same as a subsegment of its caller, as one line of JSON. What only a segment may have is
    /// in `metadata.sideray.segment`, but for what says which SDK it is, and for the client, who is
    /// us to it. The ids come first: the daemon takes the first in the text for the document's own.
    #[must_use]
    pub fn into_subsegment(self) -> Vec<u8> {
        let Self { trace, parent, id, mut fields } = self;
        let aside = set_aside(&mut fields);
        keep(aside, &mut fields);
        forget_client(&mut fields);
        let mut subsegment = Map::new();
        subsegment.insert("id".into(), id.to_string().into());
        subsegment.insert("trace_id".into(), trace.to_string().into());
        subsegment.insert("parent_id".into(), parent.to_string().into());
        subsegment.insert("type".into(), "subsegment".into());
        for (name, value) in fields {
            subsegment.entry(name).or_insert(value);
        }
        Value::Object(subsegment).to_string().into_bytes()
    }
}

/// Takes out what a subsegment may not have.
fn set_aside(fields: &mut Map<String, Value>) -> Map<String, Value> {
    let mut aside = take(fields, &SEGMENTS_OWN);
    let Some(Value::Object(aws)) = fields.get_mut("aws") else { return aside };
    aws.shift_remove("xray");
    let own = take(aws, &SEGMENTS_OWN_AWS);
    if aws.is_empty() {
        fields.shift_remove("aws");
    }
    if !own.is_empty() {
        aside.insert("aws".into(), own.into());
    }
    aside
}

fn take(from: &mut Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let taken = names.iter().filter_map(|name| from.shift_remove_entry(*name));
    taken.collect()
}

/// Puts what was set aside into the metadata, unless somebody has made something else of it.
fn keep(aside: Map<String, Value>, fields: &mut Map<String, Value>) {
    if aside.is_empty() {
        return;
    }
    let empty = || Value::Object(Map::new());
    let metadata = fields.entry("metadata").or_insert_with(empty);
    let ours = metadata.as_object_mut().map(|all| all.entry("sideray").or_insert_with(empty));
    if let Some(ours) = ours.and_then(Value::as_object_mut) {
        ours.insert("segment".into(), aside.into());
    }
}

fn forget_client(fields: &mut Map<String, Value>) {
    let request = fields.get_mut("http").and_then(|http| http.get_mut("request"));
    if let Some(request) = request.and_then(Value::as_object_mut) {
        request.shift_remove("client_ip");
        request.shift_remove("x_forwarded_for");
    }
}

#[cfg(test)]
mod tests;
