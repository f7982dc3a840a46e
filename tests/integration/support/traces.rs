//! What tests want to know of documents and of trace headers.

use serde_json::Value;

/// A text in a document, by its path: `http/request/url`.
pub fn text<'a>(document: &'a Value, path: &str) -> &'a str {
    let found = document.pointer(&format!("/{path}")).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {path} in {document}"))
}

/// A field of an `X-Amzn-Trace-Id` value.
pub fn field<'a>(header: &'a str, key: &str) -> &'a str {
    let mut pieces = header.split(';').filter_map(|piece| piece.split_once('='));
    let found = pieces.find_map(|(name, value)| (name == key).then_some(value));
    found.unwrap_or_else(|| panic!("no {key} in {header:?}"))
}

/// The subsegments that travel inside a segment.
pub fn embedded(segment: &Value) -> &[Value] {
    segment["subsegments"].as_array().map_or(&[], Vec::as_slice)
}

/// How the parent of a call was found, as its document says.
pub fn method(subsegment: &Value) -> &str {
    text(subsegment, "metadata/sideray/attribution/method")
}
