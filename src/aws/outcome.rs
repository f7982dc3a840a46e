//! How a call ended: the request's ids, and the error as its service words it.
//!
//! Where an error is told differs by protocol, and services do not keep to theirs (a load balancer
//! answers for them, an old version of them), so a body is read for what it looks like.

use http::HeaderMap;

use crate::aws::Protocol;
use crate::aws::body::encoding;
use crate::aws::sorted;

mod said;

use said::Said;

/// The SDKs' names of exceptions that are not called like their codes, sorted by bytes;
/// `outcome/generate.py` makes it.
const CLASSES: &str = include_str!("outcome/classes.txt");

/// The codes that the SDKs take for throttling, of whichever service. Source: botocore's
/// `retries/standard.py`, the JavaScript SDK's `service-error-classification` (the same list), and
/// the Java SDK's `AwsErrorCode` (without `LimitExceededException`).
const THROTTLING: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// The other codes that mean throttling for one service. Source: `retryable.throttling` of its error
/// shape in botocore; the SDKs' name of the exception, which is in the list above.
const THROTTLING_OF: &[(&str, &str)] =
    &[("sagemaker-inference-router-runtime", "ModelNotReadyException"), ("sns", "Throttled")];

/// The operations that begin to answer before they know how they end. Source: S3 API reference,
/// `CopyObject`, `UploadPartCopy` and `CompleteMultipartUpload`: "a 200 OK response can contain
/// either a success or an error".
const EARLY: &[&str] = &["CompleteMultipartUpload", "CopyObject", "UploadPartCopy"];

/// Most bytes of an id or a code. AWS's have less than 100.
const MOST_WORD: usize = 256;

/// What a response says of its call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The service's id of the request, if it gave one.
    pub request_id: Option<Box<str>>,
    /// S3's second id: the header `x-amz-id-2`.
    pub id_2: Option<Box<str>>,
    /// The error, if the service gave one a code. A failed `HEAD`, and what is not the service's own
    /// answer, have none: the status is all there is.
    pub error: Option<Error>,
    /// Whether the call failed although its status says that it did not.
    pub hidden: bool,
}

/// An error as AWS's services report them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The code as it came, without namespace and URI.
    pub code: Box<str>,
    /// The message, if there is one.
    pub message: Option<Box<str>>,
    /// The name of the SDKs' exception, where it is known and not the code.
    pub class: Option<Box<str>>,
    /// Whether the SDKs take the code for one of throttling.
    pub throttling: bool,
}

/// Whether [`outcome`] needs the beginning of the body: of failures, of operations that fail with
/// success, and of protocols that tell the request's id there.
#[must_use]
pub fn wants_body(
    service: &str,
    operation: Option<&str>,
    protocol: Option<Protocol>,
    status: u16,
) -> bool {
    status >= 300 || is_early(service, operation, status) || tells_id(protocol)
}

/// What a response says of its call. `body` is the body or its first bytes, in the encoding it came
/// in; it is read only if [`wants_body`].
#[must_use]
pub fn outcome(
    service: &str,
    operation: Option<&str>,
    protocol: Option<Protocol>,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Outcome {
    let said = if wants_body(service, operation, protocol, status) {
        Said::read(&encoding::plain(headers, body, true).bytes)
    } else {
        Said::default()
    };
    let hidden = is_early(service, operation, status) && said.is_bare_error;
    let header = |name: &str| word(headers.get(name)?.to_str().ok()?);
    // Services that answer with a header as well give the same; where they differ, the SDKs take the
    // one in the body.
    let in_header = header("x-amzn-requestid")
        .or_else(|| header("x-amzn-request-id"))
        .or_else(|| header("x-amz-request-id"));
    let in_body = said.request_id.as_deref().and_then(word);
    let request_id = if tells_id(protocol) { in_body.or(in_header) } else { in_header.or(in_body) };
    Outcome {
        request_id,
        id_2: header("x-amz-id-2"),
        error: if status >= 300 || hidden { error(service, protocol, headers, said) } else { None },
        hidden,
    }
}

fn is_early(service: &str, operation: Option<&str>, status: u16) -> bool {
    (200..300).contains(&status)
        && service == "s3"
        && operation.is_some_and(|operation| EARLY.contains(&operation))
}

const fn tells_id(protocol: Option<Protocol>) -> bool {
    matches!(protocol, Some(Protocol::Query | Protocol::Ec2))
}

/// The error, if it has a code: of `x-amzn-query-error`, or as the protocol orders the places where
/// one can be. Source: Smithy, "AWS JSON protocols" and "AWS restJson1 protocol", "Operation error
/// serialization", and trait `awsQueryCompatible`; botocore's parsers for the order.
fn error(
    service: &str,
    protocol: Option<Protocol>,
    headers: &HeaderMap,
    said: Said,
) -> Option<Error> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let in_header = || header("x-amzn-errortype").and_then(code);
    let by_type = said.kind.as_deref().and_then(code);
    let by_code = said.code.as_deref().and_then(code);
    let own = match protocol {
        Some(Protocol::Json | Protocol::Cbor) => by_type.or_else(in_header).or(by_code),
        Some(Protocol::Query | Protocol::Ec2 | Protocol::RestXml) => by_code.or_else(in_header),
        Some(Protocol::RestJson) | None => in_header().or(by_code).or(by_type),
    };
    let query = header("x-amzn-query-error").and_then(|error| word(error.split(';').next()?));
    // A service that used to speak the query protocol goes on with its codes of then.
    let (code, class) = match (query, own) {
        (Some(query), own) => (query, own),
        (None, own) => (own?, None),
    };
    let class = class.or_else(|| class_of(service, &code)).filter(|class| *class != code);
    let throttling = THROTTLING.contains(&&*code) || THROTTLING_OF.contains(&(service, &*code));
    Some(Error { code, message: said.message, class, throttling })
}

/// The code of `namespace#Code:uri`, if there is one.
fn code(error: &str) -> Option<Box<str>> {
    let name = error.split([':', ',']).next()?;
    word(name.rsplit(['#', '/']).next()?)
}

/// What can be an id or a code: a bounded word, or a few.
fn word(text: &str) -> Option<Box<str>> {
    let text = text.trim();
    let fits = (1..=MOST_WORD).contains(&text.len()) && !text.contains(char::is_control);
    fits.then(|| text.into())
}

/// The exception that the SDKs raise for `code`, where it is known and not called like it.
fn class_of(service: &str, code: &str) -> Option<Box<str>> {
    let prefix = format!("{service} {code} ");
    let length = prefix.len();
    sorted::rows(CLASSES, prefix).next()?.get(length..).map(Into::into)
}

#[cfg(test)]
mod tests;
