//! How a call ended: request id, error code and message.

use http::HeaderMap;

use crate::aws::Protocol;

/// What a response says of its call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The service's id of the request, if it gave one.
    pub request_id: Option<Box<str>>,
    /// S3's second id, the header `x-amz-id-2`.
    pub id_2: Option<Box<str>>,
    /// The error, if there is one that has a code.
    pub error: Option<Error>,
    /// Whether the call failed although the status says that it did not.
    pub hidden: bool,
}

/// An error as AWS's services report them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The code as it came, without namespace and URI.
    pub code: Box<str>,
    /// The message, if there is one.
    pub message: Option<Box<str>>,
    /// The exception class of the SDKs, where it is known and is not called like the code.
    pub class: Option<Box<str>>,
    /// Whether the SDKs take the code for one of throttling.
    pub throttling: bool,
}

/// Whether the outcome cannot be known without the body.
#[must_use]
pub fn wants_body(
    service: &str,
    operation: Option<&str>,
    protocol: Option<Protocol>,
    status: u16,
) -> bool {
    let _ = (service, operation, protocol);
    status >= 300
}

/// What a response says of its call.
#[must_use]
pub fn outcome(
    service: &str,
    operation: Option<&str>,
    protocol: Option<Protocol>,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Outcome {
    let _ = (service, operation, protocol, status, headers, body);
    Outcome::default()
}
