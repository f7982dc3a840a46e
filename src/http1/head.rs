//! Heads: the first line and the fields of a message, taken off the front of what has arrived.
//!
//! What can be read in two ways is refused, not repaired: the message would go on to a service that
//! may read it the other way. `request` and `response` have what differs, `fields` the one pass
//! over the fields, `authority` what names a server.

use std::mem::MaybeUninit;

use bytes::Buf;
use bytes::Bytes;
use bytes::BytesMut;
use http::StatusCode;

pub use crate::http1::head::request::RequestHead;
pub use crate::http1::head::request::parse_request;
pub use crate::http1::head::response::Reason;
pub use crate::http1::head::response::ResponseHead;
pub use crate::http1::head::response::parse_response;
use crate::http1::lines;
use crate::http1::lines::Endless;

mod authority;
pub(super) mod fields;
mod request;
mod response;

/// Most fields of any head, whatever the limits say: they are laid out on the stack.
const MAX_FIELDS: usize = 128;

/// What a head may be at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// So many bytes, with the empty line behind it and those before it. A target may be no longer
    /// than 65,534 bytes all the same.
    pub bytes: usize,
    /// So many fields; more than 128 are never read.
    pub fields: usize,
}

impl Default for Limits {
    /// 64 KiB and 128 fields, which is what most servers allow, or more.
    fn default() -> Self {
        Self { bytes: 64 * 1024, fields: MAX_FIELDS }
    }
}

/// Why a head is refused. The connection is of no use afterwards: nobody can tell where the next
/// message begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.advice())]
pub enum HeadError {
    /// A `Transfer-Encoding` that is well-formed, and not `chunked` alone.
    Coding,
    /// More fields than may be.
    Fields,
    /// The fields leave in doubt where the body ends.
    Framing,
    /// `Host` is missing, is there twice, or names no host.
    Host,
    /// More bytes than may be.
    Large,
    /// A line ends in LF without CR.
    LineEnd,
    /// A first line or a field that is none.
    Malformed,
    /// The target is none, or not one for this method.
    Target,
    /// The first line alone is longer than a head may be.
    TargetLength,
    /// A version of HTTP that is neither 1.0 nor 1.1.
    Version,
}

impl HeadError {
    /// The status a client is told. Source: RFC 9110 §15.5 and §15.6, RFC 6585 §5.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Framing | Self::Host | Self::LineEnd | Self::Malformed | Self::Target => {
                StatusCode::BAD_REQUEST
            }
            Self::TargetLength => StatusCode::URI_TOO_LONG,
            Self::Fields | Self::Large => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Coding => StatusCode::NOT_IMPLEMENTED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        }
    }

    /// What is wrong, in words that can be shown to a client: they quote nothing that was sent.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Coding => "the only transfer coding understood here is chunked",
            Self::Fields => "the message has too many header fields",
            Self::Framing => "the header fields leave in doubt where the body ends",
            Self::Host => "the message must have one Host field that names a host",
            Self::Large => "the header fields are too large",
            Self::LineEnd => "a line of the message head does not end in CR LF",
            Self::Malformed => "the message head is malformed",
            Self::Target => "the request target is malformed, or not one for this method",
            Self::TargetLength => "the request target is too long",
            Self::Version => "the only versions of HTTP understood here are 1.0 and 1.1",
        }
    }
}

/// Takes one head off the front of `buf`, and with it the `skip` bytes that stand before it; `None`
/// if more bytes are needed.
fn take(
    buf: &mut BytesMut,
    skip: usize,
    seen: &mut usize,
    limits: &Limits,
) -> Result<Option<Bytes>, HeadError> {
    let arrived = buf.get(skip..).unwrap_or_default();
    // What is no HTTP at all, a TLS handshake above all, may never come to the end of a line.
    match arrived {
        [] | [b'\r'] => return Ok(None),
        [first, ..] if !first.is_ascii_graphic() => return Err(HeadError::Malformed),
        _ => {}
    }
    let most = limits.bytes.saturating_sub(skip);
    let mut seen_here = seen.saturating_sub(skip);
    let end = lines::end(arrived, &mut seen_here, most).map_err(|endless| match endless {
        Endless::BareLineFeed => HeadError::LineEnd,
        Endless::TooLong if arrived.get(..most).unwrap_or(arrived).contains(&b'\n') => {
            HeadError::Large
        }
        Endless::TooLong => HeadError::TargetLength,
    })?;
    *seen = skip + seen_here;
    let Some(end) = end else { return Ok(None) };
    *seen = 0;
    buf.advance(skip);
    Ok(Some(buf.split_to(end).freeze()))
}

/// Room for the fields of one head.
const fn slots<'b>() -> [MaybeUninit<httparse::Header<'b>>; MAX_FIELDS] {
    [const { MaybeUninit::uninit() }; MAX_FIELDS]
}

/// What the parser's answer means for `head`, all of which it must have read; `version` finds what
/// stands where the version should.
fn check<'b>(
    parsed: httparse::Result<usize>,
    head: &'b [u8],
    version: impl FnOnce(&'b [u8]) -> Option<&'b [u8]>,
) -> Result<(), HeadError> {
    match parsed {
        Ok(httparse::Status::Complete(end)) if end == head.len() => Ok(()),
        Ok(_) => Err(HeadError::Malformed),
        Err(httparse::Error::TooManyHeaders) => Err(HeadError::Fields),
        Err(httparse::Error::Version) => match version(head) {
            Some([b'H', b'T', b'T', b'P', b'/', major, b'.', minor])
                if major.is_ascii_digit() && minor.is_ascii_digit() =>
            {
                Err(HeadError::Version)
            }
            _ => Err(HeadError::Malformed),
        },
        Err(_) => Err(HeadError::Malformed),
    }
}

#[cfg(test)]
mod tests;
