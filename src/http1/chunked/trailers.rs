//! What comes behind the last chunk: fields, as strict as those of a head, and not all of them
//! allowed.

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderName;
use http::header;

use crate::http1::chunked::ChunkError;
use crate::http1::head::fields;

/// Most fields.
const MAX_FIELDS: usize = 64;

/// Beginnings of names that are not for trailers.
const NOT_BEHIND_A_BODY: [&str; 3] = ["if-", "proxy-", "x-forwarded-"];

/// Reads the trailers in `section`, which ends with an empty line; `None` if none may go on.
///
/// Fields that would have been acted on before the body, had they come in time, are dropped: a
/// service that merges trailers into the head would otherwise act on what nobody in between has
/// seen. Source: RFC 9110 §6.5.1.
pub(super) fn parse(section: &Bytes) -> Result<Option<HeaderMap>, ChunkError> {
    if **section == *b"\r\n" {
        return Ok(None);
    }
    let mut slots = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let parsed = match httparse::parse_headers(section, &mut slots) {
        Ok(httparse::Status::Complete((end, parsed))) if end == section.len() => parsed,
        Err(httparse::Error::TooManyHeaders) => return Err(ChunkError::TrailersLarge),
        Ok(_) | Err(_) => return Err(ChunkError::Trailers),
    };
    let mut map = HeaderMap::new();
    for field in parsed {
        let name = fields::name(field.name).map_err(|_| ChunkError::Trailers)?;
        let value = fields::value(section, field.value).map_err(|_| ChunkError::Trailers)?;
        if fields::is_imitation(&name) {
            return Err(ChunkError::Trailers);
        }
        if may_follow(&name) {
            map.append(name, value);
        }
    }
    Ok(Some(map).filter(|map| !map.is_empty()))
}

/// Whether a field may come behind the body: not one for framing or routing, that modifies the
/// request or authenticates it, controls the response or describes the content, and not one that
/// belongs to one hop. Source: RFC 9110 §6.5.1, with the list of RFC 7230 §4.1.2, and ours.
fn may_follow(name: &HeaderName) -> bool {
    let before_it = matches!(
        *name,
        // Framing, routing, and the hop.
        header::CONNECTION
            | header::CONTENT_LENGTH
            | header::FORWARDED
            | header::HOST
            | header::TE
            | header::TRAILER
            | header::TRANSFER_ENCODING
            | header::UPGRADE
            // What is asked for, and by whom.
            | header::AUTHORIZATION
            | header::COOKIE
            | header::EXPECT
            | header::MAX_FORWARDS
            | header::RANGE
            | header::SET_COOKIE
            | header::WWW_AUTHENTICATE
            // What becomes of the response.
            | header::AGE
            | header::CACHE_CONTROL
            | header::DATE
            | header::EXPIRES
            | header::LOCATION
            | header::PRAGMA
            | header::RETRY_AFTER
            | header::VARY
            // What the content is.
            | header::CONTENT_ENCODING
            | header::CONTENT_RANGE
            | header::CONTENT_TYPE
    );
    let name = name.as_str();
    !before_it
        && !matches!(name, "keep-alive" | "traceparent" | "tracestate" | "x-amzn-trace-id")
        && !NOT_BEHIND_A_BODY.iter().any(|start| name.starts_with(start))
}
