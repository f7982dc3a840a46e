//! The parameters of a call that its subsegment shows: which table, which queue, how many.
//!
//! Which they are is what the X-Ray SDKs record, the one for Python first; `table.txt` says it, and
//! where they are on the wire. Values are as the wire has them: a queue's URL as the program passed
//! it, a copy's source percent-encoded.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::CONTENT_LENGTH;

use crate::aws::Protocol;
use crate::aws::body::encoding;
use crate::aws::body::encoding::Plain;
use crate::aws::body::form;
use crate::aws::body::form::Ends;
use crate::aws::parameters::capture::Wanted;
use crate::aws::parameters::capture::scalar;
use crate::aws::parameters::row::Message;
use crate::aws::parameters::row::Place;
use crate::aws::parameters::row::Row;

mod capture;
mod row;

/// Most bytes of a request's body that need to be kept.
pub const REQUEST_PREFIX: usize = 64 * 1024;
/// Most bytes of a response's body that need to be kept.
pub const RESPONSE_PREFIX: usize = 64 * 1024;

/// A value as the `aws` block shows it.
pub type Value = serde_json::Value;
/// One field of the `aws` block: its key, in snake case, and its value.
pub type Field = (Cow<'static, str>, Value);

/// Whether anything is recorded that is in the body of this operation's requests, so that the
/// beginning of it has to be kept for [`of_request`].
#[must_use]
pub fn wants_request_body(service: &str, operation: &str) -> bool {
    Row::of(service, operation, Message::Request).any(|row| row.is_in_body())
}

/// Whether anything is recorded that is in the body of this operation's responses, so that the
/// beginning of it has to be kept for [`of_response`].
#[must_use]
pub fn wants_response_body(service: &str, operation: &str) -> bool {
    Row::of(service, operation, Message::Response).any(|row| row.is_in_body())
}

/// What there is of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'a> {
    /// The service, by its directory in botocore: `dynamodb`, `sagemaker-runtime`.
    pub service: &'a str,
    /// The operation.
    pub operation: &'a str,
    /// How the call is written.
    pub protocol: Protocol,
    /// The labels of the URI, decoded, by the names of their members; among them is the `Bucket` of
    /// a virtual host.
    pub labels: &'a [(&'a str, &'a str)],
    /// The query of the URI, as it came, without its question mark.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, or its first bytes. It is taken for all of the body if `Content-Length` says so,
    /// or there is none and it is shorter than [`REQUEST_PREFIX`].
    pub body: &'a [u8],
}

/// What of a request is recorded. Of a parameter that is not there, or cut off, or not of its type,
/// there is no field.
#[must_use]
pub fn of_request(parts: &RequestParts<'_>) -> Vec<Field> {
    let rows: Vec<Row> = Row::of(parts.service, parts.operation, Message::Request).collect();
    let body = Body {
        plain: plain(&rows, parts.headers, parts.body, parts.is_whole()),
        format: match parts.protocol {
            Protocol::Json | Protocol::RestJson => Format::Json,
            Protocol::Query | Protocol::Ec2 => Format::Form,
            Protocol::RestXml => Format::Xml(None),
            Protocol::Cbor => Format::Cbor,
        },
    };
    fields(&rows, &body, |row| match row.place {
        Place::Header(name) => scalar(row.kind, header(parts.headers, name)?),
        Place::Label(name) => {
            let (_, text) = parts.labels.iter().find(|(label, _)| *label == name)?;
            scalar(row.kind, text)
        }
        Place::Query(name) => {
            let mut pairs = form::pairs(parts.query.as_bytes(), Ends::Here);
            scalar(row.kind, &pairs.find(|(query, _)| query == name)?.1)
        }
        Place::Body(_) | Place::Payload | Place::Status => None,
    })
}

impl RequestParts<'_> {
    fn is_whole(&self) -> bool {
        let length = self.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        match length {
            Some(length) => length.parse() == Ok(self.body.len()),
            None => self.body.len() < REQUEST_PREFIX,
        }
    }
}

/// What there is of a response.
#[derive(Clone, Copy, Debug)]
pub struct ResponseParts<'a> {
    /// The service, by its directory in botocore.
    pub service: &'a str,
    /// The operation.
    pub operation: &'a str,
    /// How the call is written.
    pub protocol: Protocol,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, or its first bytes, in the encoding it came in.
    pub body: &'a [u8],
    /// Whether `body` is all of it.
    pub whole: bool,
}

/// What of a response is recorded: nothing, unless the call succeeded. Of a parameter that is not
/// there, or cut off, or not of its type, there is no field.
#[must_use]
pub fn of_response(parts: &ResponseParts<'_>) -> Vec<Field> {
    if !(200..300).contains(&parts.status) {
        return Vec::new();
    }
    let rows: Vec<Row> = Row::of(parts.service, parts.operation, Message::Response).collect();
    let body = Body {
        plain: plain(&rows, parts.headers, parts.body, parts.whole),
        format: match parts.protocol {
            Protocol::Json | Protocol::RestJson => Format::Json,
            Protocol::Query => Format::Xml(Some(parts.operation)),
            Protocol::Ec2 | Protocol::RestXml => Format::Xml(None),
            Protocol::Cbor => Format::Cbor,
        },
    };
    fields(&rows, &body, |row| match row.place {
        Place::Header(name) => scalar(row.kind, header(parts.headers, name)?),
        Place::Status => Some(parts.status.into()),
        Place::Body(_) | Place::Label(_) | Place::Payload | Place::Query(_) => None,
    })
}

/// The body without its encoding; nothing if none of `rows` is there.
fn plain<'a>(rows: &[Row], headers: &HeaderMap, body: &'a [u8], whole: bool) -> Plain<'a> {
    let body = if rows.iter().any(Row::is_in_body) { body } else { &[] };
    encoding::plain(headers, body, whole)
}

/// A body, and how to read it.
struct Body<'a> {
    plain: Plain<'a>,
    format: Format<'a>,
}

/// How a body is written.
enum Format<'a> {
    Cbor,
    Form,
    Json,
    /// With the operation that its members are in the result of, if they are not in the root.
    Xml(Option<&'a str>),
}

/// The fields of `rows`, with what is not in the body taken from `elsewhere`.
fn fields(rows: &[Row], body: &Body<'_>, elsewhere: impl Fn(&Row) -> Option<Value>) -> Vec<Field> {
    let wanted: Vec<Wanted<'_>> = rows
        .iter()
        .filter_map(
            |row| if let Place::Body(member) = row.place { Some((member, row)) } else { None },
        )
        .collect();
    let mut members = body.members(&wanted).into_iter();
    let values = rows.iter().map(|row| match row.place {
        Place::Body(_) => members.next().flatten(),
        Place::Payload => body.payload(),
        Place::Header(_) | Place::Label(_) | Place::Query(_) | Place::Status => elsewhere(row),
    });
    let values = rows.iter().zip(values);
    values.filter_map(|(row, value)| Some((row.key.into(), value?))).collect()
}

impl Body<'_> {
    /// What `wanted` asks for, in its order.
    fn members(&self, wanted: &[Wanted<'_>]) -> Vec<Option<Value>> {
        let body = &self.plain.bytes;
        let ends = if self.plain.whole { Ends::Here } else { Ends::Later };
        match self.format {
            Format::Cbor => capture::of_cbor(body, wanted),
            Format::Form => wanted.iter().map(|row| capture::of_form(body, ends, *row)).collect(),
            Format::Json => capture::of_json(body, wanted),
            Format::Xml(operation) => {
                wanted.iter().map(|row| capture::of_xml(body, operation, *row)).collect()
            }
        }
    }

    /// All of it, if it is here and a text.
    fn payload(&self) -> Option<Value> {
        let text = std::str::from_utf8(&self.plain.bytes).ok();
        text.filter(|text| self.plain.whole && !text.is_empty()).map(Value::from)
    }
}

/// A header, if it is a text.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    std::str::from_utf8(headers.get(name)?.as_bytes()).ok()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
