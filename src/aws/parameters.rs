//! The parameters of a call that its subsegment shows: which table, which queue, how many.

use std::borrow::Cow;

use http::HeaderMap;

use crate::aws::Protocol;

/// Most bytes of a request's body that need to be kept.
pub const REQUEST_PREFIX: usize = 64 * 1024;
/// Most bytes of a response's body that need to be kept.
pub const RESPONSE_PREFIX: usize = 64 * 1024;

/// A value as the `aws` block shows it.
pub type Value = serde_json::Value;
/// One field of the `aws` block: its key, in snake case, and its value.
pub type Field = (Cow<'static, str>, Value);

/// Whether anything is recorded that is in the body of this operation's requests.
#[must_use]
pub fn wants_request_body(service: &str, operation: &str) -> bool {
    let _ = (service, operation);
    false
}

/// Whether anything is recorded that is in the body of this operation's responses.
#[must_use]
pub fn wants_response_body(service: &str, operation: &str) -> bool {
    let _ = (service, operation);
    false
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
    /// The decoded labels of the URI by the names of their members, also the `Bucket` of a virtual
    /// host.
    pub labels: &'a [(&'a str, &'a str)],
    /// The query of the URI, as it came.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, or its first bytes.
    pub body: &'a [u8],
}

/// What of a request is recorded.
#[must_use]
pub fn of_request(parts: &RequestParts<'_>) -> Vec<Field> {
    let _ = parts;
    Vec::new()
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

/// What of a response is recorded.
#[must_use]
pub fn of_response(parts: &ResponseParts<'_>) -> Vec<Field> {
    let _ = parts;
    Vec::new()
}
