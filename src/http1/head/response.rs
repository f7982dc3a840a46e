//! The head of a response. Source: RFC 9112 §4.

use bytes::Bytes;
use bytes::BytesMut;
use http::Method;
use http::Response;
use http::StatusCode;
use http::Version;

use crate::http1::framing::Framing;
use crate::http1::head;
use crate::http1::head::HeadError;
use crate::http1::head::Limits;
use crate::http1::head::fields;
use crate::http1::head::fields::Side;

/// The head of a response, and what follows from it.
#[derive(Debug)]
pub struct ResponseHead {
    /// Status, version and fields. Equal `Content-Length`s have become one; a reason phrase that is
    /// not the usual one is a [`Reason`] in the extensions; the rest is as it came.
    pub response: Response<()>,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the server would take another request on this connection.
    pub persistent: bool,
}

/// A reason phrase that is not the one that its status usually has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(Bytes);

impl Reason {
    /// The phrase: visible characters, white space and bytes beyond ASCII; perhaps none at all.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Takes the head of a response off the front of `buf`; `None` if more bytes are needed. `seen` is
/// as in [`parse_request`](head::parse_request), and nothing may stand before the head.
///
/// `asked` is the method of the request it responds to: there is no body behind the answer to
/// `HEAD`, behind 1xx, 204 and 304, nor behind a tunnel that `CONNECT` opened, whatever the fields
/// say. Fields that contradict each other are an error even there. Source: RFC 9112 §4 and §6.3.
///
/// # Errors
///
/// [`HeadError`] says what the server did wrong; its status is not the one for the client, who is
/// not to blame.
pub fn parse_response(
    buf: &mut BytesMut,
    seen: &mut usize,
    limits: &Limits,
    asked: &Method,
) -> Result<Option<ResponseHead>, HeadError> {
    let Some(head) = head::take(buf, 0, seen, limits)? else { return Ok(None) };
    let mut slots = head::slots();
    let slots = slots.get_mut(..limits.fields.min(head::MAX_FIELDS)).unwrap_or_default();
    let mut parsed = httparse::Response::new(&mut []);
    let end = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut parsed,
        &head,
        slots,
    );
    head::check(end, &head, |head| head.split(|byte| *byte == b' ').next())?;

    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(HeadError::Malformed)?;
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let (headers, said) = fields::read(&head, parsed.headers, Side::Response)?;
    let mut framing = said.framing(version, Framing::UntilClose)?;
    if is_bodiless(status, asked) {
        framing = Framing::Length(0);
    }

    let mut response = Response::new(());
    if parsed.reason != status.canonical_reason() {
        let reason = parsed.reason.unwrap_or_default();
        response.extensions_mut().insert(Reason(head.slice_ref(reason.as_bytes())));
    }
    *response.status_mut() = status;
    *response.version_mut() = version;
    *response.headers_mut() = headers;
    let persistent = said.persistent(version) && framing != Framing::UntilClose;
    Ok(Some(ResponseHead { response, framing, persistent }))
}

/// Whether no body follows, whatever the fields say. Source: RFC 9112 §6.3, items 1 and 2.
fn is_bodiless(status: StatusCode, asked: &Method) -> bool {
    *asked == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || (*asked == Method::CONNECT && status.is_success())
}

#[cfg(test)]
mod tests;
