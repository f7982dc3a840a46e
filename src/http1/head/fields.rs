//! The one pass over the fields of a head: into a map, noting what tells of framing, routing and
//! the connection.

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Version;
use http::header;

use crate::http1::framing;
use crate::http1::framing::Coding;
use crate::http1::framing::Framing;
use crate::http1::head::HeadError;

/// Fields the map has room for besides those that came: what the proxy adds to them.
const SPARE: usize = 8;

/// Names that tell of framing and routing. Written with `_`, they are the same to a service that
/// gets its fields through CGI's conventions, and others to whoever decided before it.
const IMITATED: [&[u8]; 3] = [b"content-length", b"transfer-encoding", b"x-forwarded-host"];

/// Whose fields they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// A client's.
    Request,
    /// A server's.
    Response,
}

/// What the fields of a head say of framing, routing and the connection.
#[derive(Debug, Default)]
pub(super) struct Said<'b> {
    length: Option<u64>,
    coding: Option<Coding>,
    close: bool,
    keep_alive: bool,
    /// The value of a request's `Host`.
    pub(super) host: Option<&'b [u8]>,
    /// Whether `Expect` is `100-continue`.
    pub(super) expects_continue: bool,
}

impl<'b> Said<'b> {
    /// Takes one field in; the value it is kept with, if it is.
    fn note(
        &mut self,
        name: &HeaderName,
        value: &'b [u8],
        side: Side,
    ) -> Result<Option<&'b [u8]>, HeadError> {
        match *name {
            header::CONNECTION => self.note_connection(value),
            header::CONTENT_LENGTH => return self.note_length(value, side),
            header::EXPECT => self.expects_continue |= value.eq_ignore_ascii_case(b"100-continue"),
            header::HOST if side == Side::Request => once(&mut self.host, value, HeadError::Host)?,
            header::TRANSFER_ENCODING => {
                once(&mut self.coding, Coding::parse(value), HeadError::Framing)?;
            }
            _ if is_imitation(name) => return Err(HeadError::Malformed),
            _ => {}
        }
        Ok(Some(value))
    }

    fn note_connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn note_length(&mut self, value: &'b [u8], side: Side) -> Result<Option<&'b [u8]>, HeadError> {
        let read = match side {
            Side::Request => framing::length(value).map(|length| (length, value)),
            Side::Response => framing::lengths(value),
        };
        let (length, value) = read.ok_or(HeadError::Framing)?;
        match self.length.replace(length) {
            None => Ok(Some(value)),
            Some(before) if side == Side::Response && before == length => Ok(None),
            Some(_) => Err(HeadError::Framing),
        }
    }

    /// The framing of the body, which is `otherwise` if no field tells. Source: RFC 9112 §6.3.
    pub(super) fn framing(
        &self,
        version: Version,
        otherwise: Framing,
    ) -> Result<Framing, HeadError> {
        match (self.coding, self.length) {
            (None, None) => Ok(otherwise),
            (None, Some(length)) => Ok(Framing::Length(length)),
            // Before HTTP/1.1 there were no codings: who speaks it may not look for one.
            (Some(_), _) if version != Version::HTTP_11 => Err(HeadError::Framing),
            (Some(_), Some(_)) | (Some(Coding::Unclear), None) => Err(HeadError::Framing),
            (Some(Coding::Chunked), None) => Ok(Framing::Chunked),
            (Some(Coding::Unsupported), None) => Err(HeadError::Coding),
        }
    }

    /// Whether the connection can carry another message. Source: RFC 9112 §9.3.
    pub(super) fn persistent(&self, version: Version) -> bool {
        !self.close && (version == Version::HTTP_11 || self.keep_alive)
    }
}

/// Puts the fields that were `parsed` out of `head` into a map, sharing their bytes. Equal
/// `Content-Length`s of a response become one; everything else stays as it came.
pub(super) fn read<'b>(
    head: &'b Bytes,
    parsed: &[httparse::Header<'b>],
    side: Side,
) -> Result<(HeaderMap, Said<'b>), HeadError> {
    let mut map = HeaderMap::with_capacity(parsed.len() + SPARE);
    let mut said = Said::default();
    for field in parsed {
        let name = name(field.name)?;
        let Some(value) = said.note(&name, field.value, side)? else { continue };
        map.append(name, self::value(head, value)?);
    }
    Ok((map, said))
}

/// The name of a field.
pub(in crate::http1) fn name(text: &str) -> Result<HeaderName, HeadError> {
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| HeadError::Malformed)
}

/// The value of a field, sharing the bytes of `head` that it is a part of.
pub(in crate::http1) fn value(head: &Bytes, value: &[u8]) -> Result<HeaderValue, HeadError> {
    HeaderValue::from_maybe_shared(head.slice_ref(value)).map_err(|_| HeadError::Malformed)
}

/// Whether a name would tell of framing or routing if its `_` were `-`.
pub(in crate::http1) fn is_imitation(name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    let same = |(own, real): (&u8, &u8)| own == real || (*own == b'_' && *real == b'-');
    // The length first: hardly any field gets further.
    IMITATED
        .iter()
        .any(|real| name.len() == real.len() && name != *real && name.iter().zip(*real).all(same))
}

/// Puts what may be said only once.
fn once<T>(said: &mut Option<T>, value: T, error: HeadError) -> Result<(), HeadError> {
    match said.replace(value) {
        None => Ok(()),
        Some(_) => Err(error),
    }
}
