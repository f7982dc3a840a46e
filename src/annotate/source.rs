//! Where values are found in a request, a response and its trailers.

use std::borrow::Cow;

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::header;

use crate::annotate::Request;
use crate::annotate::Response;
use crate::annotate::rule::Rule;
use crate::annotate::rule::Source;
use crate::annotate::text;
use crate::annotate::text::Read;

impl Source {
    /// Its value in a request.
    pub(super) fn of_request<'a>(&'a self, request: &Request<'a>, rule: &Rule) -> Option<Read<'a>> {
        let raw = match self {
            // HTTP/2 has it in the target.
            Self::Header(name) if *name == header::HOST => request.authority.as_bytes().into(),
            Self::Header(name) => first(request.headers, name)?,
            Self::Grpc(name) if is_grpc(request.headers) => first(request.headers, name)?,
            Self::Query(name) => parameter(request.query, name)?,
            Self::Cookie(name) => cookie(request.headers, name)?,
            Self::Path(name) => {
                text::plain(rule.filter.route.as_ref()?.capture(name, request.path)?)
            }
            Self::Env(_, value) => value.as_ref()?.as_bytes().into(),
            Self::Value(value) => return Some(Read::Known(value)),
            Self::Grpc(_) | Self::ResponseHeader(_) | Self::GrpcResponse(_) => return None,
        };
        Some(Read::Raw(raw))
    }

    /// Its value in the head of a response.
    pub(super) fn of_response<'a>(&self, response: &Response<'a>) -> Option<Read<'a>> {
        match self {
            Self::ResponseHeader(name) => first(response.headers, name).map(Read::Raw),
            Self::GrpcResponse(name) if is_grpc(response.headers) => {
                first(response.headers, name).map(Read::Raw)
            }
            Self::Header(_)
            | Self::Query(_)
            | Self::Cookie(_)
            | Self::Path(_)
            | Self::Grpc(_)
            | Self::GrpcResponse(_)
            | Self::Env(..)
            | Self::Value(_) => None,
        }
    }

    /// Its value in the trailers of a response.
    pub(super) fn of_trailers<'a>(&self, trailers: &'a HeaderMap) -> Option<Read<'a>> {
        match self {
            Self::GrpcResponse(name) => first(trailers, name).map(Read::Raw),
            Self::Header(_)
            | Self::ResponseHeader(_)
            | Self::Query(_)
            | Self::Cookie(_)
            | Self::Path(_)
            | Self::Grpc(_)
            | Self::Env(..)
            | Self::Value(_) => None,
        }
    }
}

fn first<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, [u8]>> {
    headers.get(name).map(|value| value.as_bytes().into())
}

/// Whether a message says that it is one of gRPC's. Source: "gRPC over HTTP2", the content type.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// The first parameter of that name. Source: the URL standard, `application/x-www-form-urlencoded`.
fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, [u8]>> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(key, _)| is_named(key, name)).map(|(_, value)| value);
    values.next().map(text::plain_of_form)
}

fn is_named(key: &str, name: &str) -> bool {
    let byte = |byte| if byte == b'+' { b' ' } else { byte };
    if !key.contains(['%', '+']) {
        return key == name;
    }
    // A plus that was encoded is one, so it is looked at before.
    if key.contains('+') {
        let spaced = String::from_utf8(key.bytes().map(byte).collect()).unwrap_or_default();
        return text::decoded(&spaced).eq(name.bytes());
    }
    text::decoded(key).eq(name.bytes())
}

/// The first cookie of that name, without the quotes that it may stand in. Source: RFC 6265 §4.2.1;
/// HTTP/2 may send each cookie in a line of its own, RFC 9113 §8.2.3.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, [u8]>> {
    let lines = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    let cookies = lines.flat_map(|line| line.split(|byte| *byte == b';'));
    let value = cookies.map(<[u8]>::trim_ascii).find_map(|cookie| {
        cookie.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
    })?;
    let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    Some(bare.unwrap_or(value).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_parameter_of_a_name_counts() {
        for (query, value) in [
            ("", None),
            ("a", None),
            ("a=", Some("")),
            ("a=1&a=2", Some("1")),
            ("A=1", None),
            ("b=a=1&a=2", Some("2")),
            ("%61=x+y%26", Some("x y&")),
            ("&&=&a=%", Some("%")),
        ] {
            let found = parameter(query, "a");
            assert_eq!(found.as_deref(), value.map(str::as_bytes), "{query}");
        }
        assert_eq!(parameter("a+b%2b=1", "a b+").as_deref(), Some(&b"1"[..]));
    }

    #[test]
    fn cookies_are_found_in_one_line_or_in_many() {
        for (lines, value) in [
            (&["tenant=a"][..], Some("a")),
            (&["x=1; tenant=a; tenant=b"], Some("a")),
            (&["x=tenant=1;tenant=\"a b\""], Some("a b")),
            (&["x=1", "tenant=a"], Some("a")),
            (&["tenants=a; Tenant=b; tenant"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, HeaderValue::from_static(line));
            }
            assert_eq!(
                cookie(&headers, "tenant").as_deref(),
                value.map(str::as_bytes),
                "{lines:?}"
            );
        }
    }
}
