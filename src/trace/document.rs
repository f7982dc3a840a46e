//! From the model to the bytes of datagrams, none larger than a daemon can receive.
//!
//! A document that is too large first sheds its subsegments, which then travel on their own, and
//! is then cut: its longest strings are shortened until it fits, and it says so in
//! `metadata.sideray.cut`, which gives the length in bytes each had before.

use serde_json::Value;
use serde_json::json;

use crate::trace::segment::Encode;
use crate::trace::segment::Segment;
use crate::trace::segment::Separate;
use crate::trace::site::Surroundings;

/// The line before each document in a datagram. Source: X-Ray developer guide, "Sending segment
/// documents to the X-Ray daemon".
pub const DATAGRAM_HEADER: &[u8] = b"{\"format\":\"json\",\"version\":1}\n";

/// Largest document in bytes: the largest UDP payload over IPv4 less the header line. It is less
/// than X-Ray's own limit of 64 KB, so it is the one that counts.
pub const MAX_DOCUMENT: usize = 65_507 - DATAGRAM_HEADER.len();

/// A string of this many bytes or fewer is never cut; a longer one keeps at least as many, less
/// what is left of a character that stood across the cut.
const MIN_CUT: usize = 64;

/// Something to be sent to X-Ray.
#[derive(Clone, Debug)]
pub enum Document {
    /// A segment, complete or in progress, with the subsegments that travel inside it.
    Segment(Box<Segment>),
    /// A subsegment on its own.
    Subsegment(Box<Separate>),
    /// A document that somebody else has written.
    Foreign(Foreign),
}

impl Document {
    /// Bytes of it that somebody else has written.
    #[must_use]
    pub const fn written(&self) -> usize {
        match self {
            Self::Segment(_) | Self::Subsegment(_) => 0,
            Self::Foreign(Foreign(bytes)) => bytes.len(),
        }
    }
}

/// A document as somebody else has written it: one line of JSON, or what is taken for that.
#[derive(Clone, Debug)]
pub struct Foreign(pub Box<[u8]>);

impl Encode for Foreign {
    fn encode(&self, buffer: &mut Vec<u8>, _around: &Surroundings) {
        buffer.extend_from_slice(&self.0);
    }
}

/// Encoded documents back to back in one buffer, which is kept and reused from batch to batch.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// What encoding one document came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Documents written: one, more when subsegments were split off.
    pub written: u64,
    /// Documents whose strings had to be cut.
    pub cut: u64,
    /// Documents that could not be written at all: too large even when cut.
    pub failed: u64,
}

impl Encoded {
    /// Documents there were beyond the one that was given: its subsegments that were split off.
    #[must_use]
    pub const fn split(self) -> u64 {
        (self.written + self.failed).saturating_sub(1)
    }
}

impl Batch {
    /// Appends `document`, split and cut so that every piece fits [`MAX_DOCUMENT`]. What `around`
    /// says stands in every segment of ours.
    pub fn encode(&mut self, document: Document, around: &Surroundings) -> Encoded {
        let mut report = Encoded::default();
        match document {
            Document::Segment(segment) => self.segment(*segment, around, &mut report),
            Document::Subsegment(subsegment) => self.one(&*subsegment, around, &mut report),
            Document::Foreign(foreign) => self.one(&foreign, around, &mut report),
        }
        report
    }

    fn segment(&mut self, mut segment: Segment, around: &Surroundings, report: &mut Encoded) {
        if segment.subsegments.is_empty() {
            return self.one(&segment, around, report);
        }
        if self.write(&segment, around) {
            report.written += 1;
            return;
        }
        // The segment goes last: a document's children are never behind it on the wire.
        for call in std::mem::take(&mut segment.subsegments) {
            self.one(&call.separate(segment.trace_id, segment.id), around, report);
        }
        self.one(&segment, around, report);
    }

    /// Writes one document that cannot be split further.
    fn one(&mut self, document: &impl Encode, around: &Surroundings, report: &mut Encoded) {
        if self.write(document, around) {
            report.written += 1;
            return;
        }
        let mut whole = Vec::new();
        document.encode(&mut whole, around);
        let fitting = serde_json::from_slice(&whole).ok().and_then(cut_to_fit);
        if let Some(Fitting { bytes, cut }) = fitting
            && self.append(|buffer| buffer.extend_from_slice(&bytes))
        {
            report.written += 1;
            report.cut += u64::from(cut);
        } else {
            report.failed += 1;
        }
    }

    fn write(&mut self, document: &impl Encode, around: &Surroundings) -> bool {
        self.append(|buffer| document.encode(buffer, around))
    }

    /// Writes a datagram at the end of the buffer; false, with the buffer as it was, if it is too
    /// large.
    fn append(&mut self, document: impl FnOnce(&mut Vec<u8>)) -> bool {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(DATAGRAM_HEADER);
        document(&mut self.bytes);
        let fits = self.bytes.len() - start <= DATAGRAM_HEADER.len() + MAX_DOCUMENT;
        if fits {
            self.ends.push(self.bytes.len());
        } else {
            self.bytes.truncate(start);
        }
        fits
    }

    /// The datagrams, header line included.
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, end)| self.bytes.get(start..*end))
    }

    /// The documents alone, without header lines.
    pub fn documents(&self) -> impl Iterator<Item = &[u8]> {
        self.datagrams().filter_map(|datagram| datagram.strip_prefix(DATAGRAM_HEADER))
    }

    /// Number of documents.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets the documents and keeps the memory, unless a burst has made it large.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(16 * MAX_DOCUMENT);
        self.ends.clear();
    }
}

/// A document made to fit.
struct Fitting {
    bytes: Vec<u8>,
    /// Whether anything is missing, and said to be: to write numbers as short as can be may do.
    cut: bool,
}

/// Halves the longest string until the document fits; `None` if nothing is left to cut.
fn cut_to_fit(mut document: Value) -> Option<Fitting> {
    let mut cut = serde_json::Map::new();
    loop {
        let bytes = serde_json::to_vec(&document).ok()?;
        if bytes.len() <= MAX_DOCUMENT {
            return Some(Fitting { bytes, cut: !cut.is_empty() });
        }
        let pointer = longest_string(&document, String::new()).filter(|(len, _)| *len > MIN_CUT)?.1;
        let Some(Value::String(text)) = document.pointer_mut(&pointer) else {
            return None;
        };
        cut.entry(pointer).or_insert_with(|| json!(text.len()));
        text.truncate(text.floor_char_boundary((text.len() / 2).max(MIN_CUT)));
        let notes = document.as_object_mut()?.entry("metadata").or_insert_with(|| json!({}));
        let ours = notes.as_object_mut()?.entry("sideray").or_insert_with(|| json!({}));
        ours.as_object_mut()?.insert("cut".into(), Value::Object(cut.clone()));
    }
}

/// Length in bytes and JSON pointer of the longest string value below `value`.
fn longest_string(value: &Value, at: String) -> Option<(usize, String)> {
    let longest = |a: &(usize, String), b: &(usize, String)| a.0.cmp(&b.0);
    match value {
        Value::String(text) => Some((text.len(), at)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| longest_string(item, format!("{at}/{index}")))
            .max_by(longest),
        Value::Object(fields) => fields
            .iter()
            .filter_map(|(key, item)| {
                longest_string(item, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")))
            })
            .max_by(longest),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests;
