//! The head of a request. Source: RFC 9112 §3.

use bytes::Bytes;
use bytes::BytesMut;
use http::Method;
use http::Request;
use http::Uri;
use http::Version;
use memchr::memchr;

use crate::http1::framing::Framing;
use crate::http1::head;
use crate::http1::head::HeadError;
use crate::http1::head::Limits;
use crate::http1::head::authority;
use crate::http1::head::fields;
use crate::http1::head::fields::Said;
use crate::http1::head::fields::Side;

/// Most empty lines before a request: old clients send one behind a body. Source: RFC 9112 §2.2.
const MAX_EMPTY_LINES: usize = 4;

/// Most bytes of a target, which is what [`Uri`] can hold.
const MAX_TARGET: usize = 65_534;

/// The head of a request, and what follows from it.
#[derive(Debug)]
pub struct RequestHead {
    /// Method, target, version and fields, all of them as they came.
    pub request: Request<()>,
    /// Where the body ends; never [`Framing::UntilClose`].
    pub framing: Framing,
    /// Whether the client would send another request on this connection.
    pub persistent: bool,
    /// Whether the client may wait for `100 (Continue)` before it sends the body.
    pub expects_continue: bool,
}

/// Takes the head of a request off the front of `buf`; `None` if more bytes are needed.
///
/// `seen` is how far `buf` has been searched for the end of the head: 0 before the first call, kept
/// by the caller from one call to the next, and 0 again when a head was taken. A head that drips in
/// is then not scanned anew with every byte. Empty lines before it stay in `buf` until it is whole,
/// so that they can be counted.
///
/// The target has the form that belongs to the method, HTTP/1.1 has one `Host`, and the framing is
/// unambiguous. The values share the bytes that came. Source: RFC 9112 §2.2, §3 and §6.
///
/// # Errors
///
/// [`HeadError`] says what a client is to be told. What is left in `buf` is of no use then.
pub fn parse_request(
    buf: &mut BytesMut,
    seen: &mut usize,
    limits: &Limits,
) -> Result<Option<RequestHead>, HeadError> {
    let Some(head) = head::take(buf, empty_lines(buf), seen, limits)? else { return Ok(None) };
    let mut slots = head::slots();
    let slots = slots.get_mut(..limits.fields.min(head::MAX_FIELDS)).unwrap_or_default();
    let mut parsed = httparse::Request::new(&mut []);
    let end = parsed.parse_with_uninit_headers(&head, slots);
    head::check(end, &head, version_of)?;

    let method = parsed.method.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
    let (Some(method), Some(target)) = (method, parsed.path) else {
        return Err(HeadError::Malformed);
    };
    let uri = target_of(&method, head.slice_ref(target.as_bytes()))?;
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let (headers, said) = fields::read(&head, parsed.headers, Side::Request)?;
    check_host(&said, version, &uri)?;
    let framing = said.framing(version, Framing::Length(0))?;

    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.version_mut() = version;
    *request.headers_mut() = headers;
    Ok(Some(RequestHead {
        request,
        framing,
        persistent: said.persistent(version),
        expects_continue: said.expects_continue
            && version == Version::HTTP_11
            && framing != Framing::Length(0),
    }))
}

/// How many bytes of empty lines there are before a head, as far as they are put up with.
fn empty_lines(buf: &[u8]) -> usize {
    let (pairs, _) = buf.as_chunks::<2>();
    2 * pairs.iter().take(MAX_EMPTY_LINES).take_while(|pair| *pair == b"\r\n").count()
}

/// What stands where a request line has its version.
fn version_of(head: &[u8]) -> Option<&[u8]> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let mut words = line.split(|byte| *byte == b' ');
    words.nth(2).filter(|_| words.next().is_none())
}

/// The target in the form that belongs to the method. Source: RFC 9112 §3.2.
fn target_of(method: &Method, target: Bytes) -> Result<Uri, HeadError> {
    if target.len() > MAX_TARGET {
        return Err(HeadError::TargetLength);
    }
    // The type would drop a fragment without a word.
    if memchr(b'#', &target).is_some() {
        return Err(HeadError::Target);
    }
    let connect = *method == Method::CONNECT;
    let (fits, absolute) = match &*target {
        [b'/', ..] => (!connect, false),
        b"*" => (*method == Method::OPTIONS, false),
        authority if connect => (authority::is_server(authority), false),
        // The type takes a scheme that is empty, and one that begins with a digit.
        absolute => (absolute.first().is_some_and(u8::is_ascii_alphabetic), true),
    };
    let uri = Uri::from_maybe_shared(target).map_err(|_| HeadError::Target)?;
    if fits && uri.scheme().is_some() == absolute { Ok(uri) } else { Err(HeadError::Target) }
}

/// Whether `Host` is as it must be; more than one are refused before. Source: RFC 9112 §3.2.
fn check_host(said: &Said<'_>, version: Version, uri: &Uri) -> Result<(), HeadError> {
    let good = match said.host {
        None => version != Version::HTTP_11,
        Some(b"") => uri.authority().is_none(),
        Some(host) => authority::is_server(host),
    };
    if good { Ok(()) } else { Err(HeadError::Host) }
}

#[cfg(test)]
mod tests;
