//! Headers on their way through: what belongs to one hop comes out, what tells where a request
//! came from goes in, and the trace header is put.

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Request;
use http::Uri;
use http::Version;
use http::header;
use http::uri::Authority;
use http::uri::PathAndQuery;
use http::uri::Scheme as UriScheme;
use hyper::body::Body;

use crate::proxy::facts::ConnFacts;
use crate::proxy::facts::W3C;
use crate::proxy::facts::XRAY;
use crate::proxy::options::Propagation;
use crate::record::recorder::Carried;

/// How many [`HOP_BY_HOP`] are.
const HOPS: usize = 7;

/// Headers that belong to one connection whatever `Connection` says. Source: RFC 9110 §7.6.1.
/// `TE` and `Upgrade` are looked at before they go; proxy authentication is for us, or for nobody.
static HOP_BY_HOP: [HeaderName; HOPS] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Takes out what belongs to one hop: the fixed list, and whatever `Connection` names. `TE:
/// trailers` stays, because we pass trailers on.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    // Most messages have one of these or none, and to look at the names there are costs less than
    // to look for each.
    let mut there = [false; HOPS];
    for name in headers.keys() {
        for (there, hop) in there.iter_mut().zip(&HOP_BY_HOP) {
            *there |= name == hop;
        }
    }
    let [connection, .., te, _, _] = there;
    if connection {
        for name in named_by_connection(headers) {
            headers.remove(name);
        }
    }
    let trailers = te && headers.get_all(header::TE).iter().any(|value| lists(value, "trailers"));
    for (name, _) in HOP_BY_HOP.iter().zip(there).filter(|(_, there)| *there) {
        headers.remove(name);
    }
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).iter();
    let tokens = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    // What every connection says names no header; and `TE` is judged by its own value.
    let usual = |token: &&str| {
        ["keep-alive", "close", "te"].iter().any(|usual| token.eq_ignore_ascii_case(usual))
    };
    tokens
        .map(str::trim)
        .filter(|token| !usual(token))
        .filter_map(|token| token.parse().ok())
        .collect()
}

/// Whether a comma-separated header lists `token`.
pub(super) fn lists(value: &HeaderValue, token: &str) -> bool {
    let tokens = value.to_str().unwrap_or_default().split([',', ';']);
    tokens.map(str::trim).any(|other| other.eq_ignore_ascii_case(token))
}

/// Says where an inbound request came from, in the headers services look for: the peer is
/// appended to the addresses before it; protocol and host are what the first proxy said, or ours.
pub(super) fn forwarded(headers: &mut HeaderMap, conn: &ConnFacts) {
    let before = headers.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes);
    let chain: Vec<_> = before.chain([conn.forwarded_for.as_bytes()]).collect();
    let chain = if chain.len() == 1 {
        Ok(conn.forwarded_for.clone())
    } else {
        HeaderValue::from_bytes(&chain.join(b", ".as_slice()))
    };
    if let Ok(chain) = chain {
        headers.insert(FORWARDED_FOR, chain);
    }
    if !headers.contains_key(FORWARDED_PROTO) {
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(conn.scheme.as_str()));
    }
    if !headers.contains_key(FORWARDED_HOST)
        && let Some(host) = headers.get(header::HOST).cloned()
    {
        headers.insert(FORWARDED_HOST, host);
    }
}

/// Puts the trace headers; without anything to carry, the caller's pass as they are.
pub(super) fn carry(headers: &mut HeaderMap, carried: Option<&Carried>, propagate: Propagation) {
    let Some(Carried { context, extra }) = carried else { return };
    if propagate.xray {
        set(headers, XRAY, context.to_xray(extra));
    }
    if propagate.w3c {
        set(headers, W3C, context.to_traceparent());
    }
}

/// Puts a header whose value was made of visible ASCII.
pub(super) fn set(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// Brings a request into the one form the rest of the proxy knows, HTTP/1.1's origin form: the
/// target is a path, the host is in `Host`. An authority in the URI wins over `Host`, RFC 9112
/// §3.2.2.
pub(super) fn to_origin_form<B>(request: &mut Request<B>) {
    if let Some(authority) = request.uri().authority() {
        let host = super::facts::without_user(authority.as_str());
        if let Ok(host) = HeaderValue::from_str(host) {
            request.headers_mut().insert(header::HOST, host);
        }
    }
    if request.uri().scheme().is_some() || request.uri().authority().is_some() {
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
    }
    *request.version_mut() = Version::HTTP_11;
}

/// Completes the origin form for HTTP/1.1: a request must name a host, and HTTP/1.0 clients need
/// not (RFC 9112 §3.2), so `default` stands for one that is missing; a body whose length is not
/// known must be chunked, which hyper takes for granted except where bodies are rare; and cookies
/// that HTTP/2 took apart are put together again (RFC 9113 §8.2.3).
pub(super) fn to_http1<B: Body>(request: &mut Request<B>, default: &Authority) {
    if !request.headers().contains_key(header::HOST)
        && let Ok(host) = HeaderValue::from_str(default.as_str())
    {
        request.headers_mut().insert(header::HOST, host);
    }
    if !request.body().is_end_stream() && request.body().size_hint().exact().is_none() {
        let chunked = HeaderValue::from_static("chunked");
        request.headers_mut().insert(header::TRANSFER_ENCODING, chunked);
    }
    let mut cookies = request.headers().get_all(header::COOKIE).iter();
    if cookies.next().is_some() && cookies.next().is_some() {
        join_cookies(request.headers_mut());
    }
}

fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<_> =
        headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(whole) = HeaderValue::from_bytes(&crumbs.join(b"; ".as_slice())) {
        headers.insert(header::COOKIE, whole);
    }
}

/// Turns the origin form into HTTP/2's: scheme, authority and path in the URI and no header that
/// HTTP/2 forbids (RFC 9113 §8.2.2). `default` stands for a `Host` that is missing or unusable.
pub(super) fn to_http2<B>(request: &mut Request<B>, scheme: &UriScheme, default: &Authority) {
    let host = request.headers_mut().remove(header::HOST);
    let authority = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme.clone());
    parts.authority = Some(authority.unwrap_or_else(|| default.clone()));
    let path = request.uri().path_and_query().cloned();
    parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    *request.version_mut() = Version::HTTP_2;
    let headers = request.headers_mut();
    for name in [header::CONNECTION, header::EXPECT, header::TRANSFER_ENCODING, header::UPGRADE] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::facts::Scheme;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn hop_by_hop_headers_stay_behind() {
        let mut map = headers(&[
            ("connection", "keep-alive, X-Private ,te"),
            ("connection", "x-more"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "Basic x"),
            ("te", "gzip, trailers;q=0.5"),
            ("trailer", "x-checksum"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("x-private", "1"),
            ("x-more", "1"),
            ("x-kept", "1"),
            ("authorization", "kept"),
        ]);
        strip_hop_by_hop(&mut map);
        let mut left: Vec<_> = map.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "te", "trailer", "x-kept"]);
        assert_eq!(map["te"], "trailers");
    }

    #[test]
    fn forwarding_headers_are_appended_to() {
        let conn = ConnFacts::new(
            "10.0.0.7:1".parse().unwrap(),
            "127.0.0.1:8000".parse().unwrap(),
            Scheme::Https,
        );
        let mut first = headers(&[("host", "shop.example")]);
        forwarded(&mut first, &conn);
        assert_eq!(first["x-forwarded-for"], "10.0.0.7");
        assert_eq!(first["x-forwarded-proto"], "https");
        assert_eq!(first["x-forwarded-host"], "shop.example");

        let mut later = headers(&[
            ("host", "inner"),
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "2.2.2.2"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "outer"),
        ]);
        forwarded(&mut later, &conn);
        assert_eq!(later["x-forwarded-for"], "1.1.1.1, 2.2.2.2, 10.0.0.7");
        assert_eq!(later.get_all("x-forwarded-for").iter().count(), 1);
        assert_eq!(
            (&later["x-forwarded-proto"], &later["x-forwarded-host"]),
            (&HeaderValue::from_static("http"), &HeaderValue::from_static("outer"))
        );
    }

    #[test]
    fn targets_change_form_and_back() {
        let absolute = "http://user:secret@api.example:81/a%2F/b?c=d";
        let mut request = Request::builder().uri(absolute).header("host", "lie").body(()).unwrap();
        to_origin_form(&mut request);
        assert_eq!(request.uri().to_string(), "/a%2F/b?c=d");
        assert_eq!(request.headers()["host"], "api.example:81");

        let default = Authority::from_static("fallback:80");
        to_http2(&mut request, &UriScheme::HTTP, &default);
        assert_eq!(request.uri().to_string(), "http://api.example:81/a%2F/b?c=d");
        assert!(!request.headers().contains_key("host"));
    }
}
