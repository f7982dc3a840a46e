//! What the core wants to know of a request and of a response, read from hyper's.

use std::net::IpAddr;
use std::net::SocketAddr;

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Request;
use http::Response;
use http::header;

use crate::aws::agent;
use crate::record::recorder::Incoming;
use crate::record::runtime::Runtime;
use crate::sys::link::Link;
use crate::trace::facts::Client;
use crate::trace::facts::RequestView;
use crate::trace::facts::ResponseFacts;
use crate::trace::facts::Scheme;
use crate::trace::header::TRACEPARENT;
use crate::trace::header::TraceHeader;
use crate::trace::header::X_AMZN_TRACE_ID;
use crate::trace::header::members;
use crate::trace::segment;

/// `X-Amzn-Trace-Id` as hyper wants it.
pub const XRAY: HeaderName = HeaderName::from_static(X_AMZN_TRACE_ID);
/// `traceparent` as hyper wants it.
pub const W3C: HeaderName = HeaderName::from_static(TRACEPARENT);

/// Most requests that a call is linked to, besides its parent.
const MAX_LINKS: usize = 16;

/// Headers that say more of a client than of a request, or are ours.
static USUAL: [HeaderName; 14] = [
    XRAY,
    W3C,
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::DATE,
    header::HOST,
    header::TRANSFER_ENCODING,
    header::USER_AGENT,
    header::VIA,
];

/// What a connection says of all its requests.
#[derive(Clone, Debug)]
pub struct ConnFacts {
    /// The address of the far side.
    pub peer: IpAddr,
    /// The same as headers have it.
    pub forwarded_for: HeaderValue,
    /// The connection itself, if it is one without TLS.
    pub link: Option<Link>,
    /// Plain or TLS.
    pub scheme: Scheme,
    /// Our own address, which stands for the host of a request that names none.
    pub local: Box<str>,
}

impl ConnFacts {
    /// Of a connection from `peer` to our listener at `local`.
    #[must_use]
    pub fn new(peer: SocketAddr, local: SocketAddr, scheme: Scheme) -> Self {
        let peer = peer.ip().to_canonical();
        let forwarded_for = HeaderValue::try_from(peer.to_string());
        Self {
            peer,
            // An address is visible ASCII in any case.
            forwarded_for: forwarded_for.unwrap_or_else(|_| HeaderValue::from_static("unknown")),
            link: None,
            scheme,
            local: local.to_string().into(),
        }
    }

    /// The same, of this connection.
    #[must_use]
    pub fn over(self, link: Option<Link>) -> Self {
        Self { link, ..self }
    }
}

/// What an AWS SDK runs in, as the headers of its call say.
pub(super) fn runtime(headers: &HeaderMap) -> Option<Runtime> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?;
    let agent::Runtime { name, version } = agent::runtime(agent)?;
    Some(Runtime { name: name.into(), version: version.into() })
}

/// An inbound request as the core sees it.
pub(super) fn inbound<'a, B>(request: &'a Request<B>, conn: &'a ConnFacts) -> RequestView<'a> {
    let headers = request.headers();
    let forwarded = headers.get("x-forwarded-for").and_then(first_forwarded);
    RequestView {
        method: request.method(),
        scheme: conn.scheme,
        authority: authority(request).unwrap_or(&conn.local),
        path: path(request),
        user_agent: headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()),
        client: Some(forwarded.map_or(Client::Peer(conn.peer), Client::Forwarded)),
    }
}

/// The path as a URL has it: `OPTIONS *` and `CONNECT` have none.
pub(super) fn path<B>(request: &Request<B>) -> &str {
    let path = request.uri().path();
    if path.starts_with('/') { path } else { "/" }
}

/// Host and port as the request names them: in its URI, as HTTP/2 and proxy requests do, or in
/// `Host`. None if there is neither, or what is there is not a host.
pub(super) fn authority<B>(request: &Request<B>) -> Option<&str> {
    let of_uri = request.uri().authority().map(|authority| without_user(authority.as_str()));
    let of_header = || request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    of_uri.or_else(of_header).filter(|authority| is_host(authority))
}

/// An authority without `user:password@`.
pub(super) fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

fn is_host(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]~%".contains(&byte);
    !text.is_empty() && !text.starts_with(':') && text.bytes().all(allowed)
}

/// The first address of `X-Forwarded-For`, trimmed, with or without a port.
fn first_forwarded(value: &HeaderValue) -> Option<IpAddr> {
    let first = value.to_str().ok()?.split(',').next()?.trim();
    let bare = || first.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || first.parse::<SocketAddr>().ok().map(|address| address.ip());
    first.parse().ok().or_else(with_port).or_else(bare)
}

/// The trace headers of a request.
pub(super) fn incoming(headers: &HeaderMap) -> Incoming<'_> {
    Incoming {
        xray: headers.get(&XRAY).map(HeaderValue::as_bytes),
        traceparent: headers.get(&W3C).map(HeaderValue::as_bytes),
    }
}

/// The requests that a call is made for besides the one that its first trace header names.
pub(super) fn links(headers: &HeaderMap) -> Vec<segment::Link> {
    let values = headers.get_all(&XRAY).iter();
    let others = values.flat_map(|value| members(value.as_bytes())).skip(1).take(MAX_LINKS);
    others.filter_map(link).collect()
}

fn link(member: &[u8]) -> Option<segment::Link> {
    let TraceHeader { root, parent, .. } = TraceHeader::parse(member);
    Some(segment::Link { trace_id: root?, id: parent? })
}

/// What could name a request, in its head: the target, and the values of headers that are not the
/// same for all.
pub(super) fn texts<B>(request: &Request<B>) -> impl Iterator<Item = &[u8]> {
    let target = request.uri().path_and_query().map_or("", |target| target.as_str()).as_bytes();
    let values = request.headers().iter().filter(|(name, _)| !USUAL.contains(name));
    std::iter::once(target).chain(values.map(|(_, value)| value.as_bytes()))
}

/// What a response says.
pub(super) fn response<B>(response: &Response<B>) -> ResponseFacts {
    let length = response.headers().get(header::CONTENT_LENGTH);
    let content_length = length.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    ResponseFacts { status: response.status().as_u16(), content_length }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conn() -> ConnFacts {
        let (peer, local) = ("[::ffff:10.0.0.7]:4000", "127.0.0.1:8000");
        ConnFacts::new(peer.parse().unwrap(), local.parse().unwrap(), Scheme::Http)
    }

    #[test]
    fn the_client_is_the_first_forwarded_address_or_the_peer() {
        let (peer, forwarded) = (Client::Peer, Client::Forwarded);
        for (value, want) in [
            ("", peer([10, 0, 0, 7].into())),
            ("unknown", peer([10, 0, 0, 7].into())),
            (" 1.2.3.4 , 5.6.7.8", forwarded([1, 2, 3, 4].into())),
            ("1.2.3.4:99", forwarded([1, 2, 3, 4].into())),
            ("[2001:db8::1]:99", forwarded("2001:db8::1".parse().unwrap())),
            ("[2001:db8::1]", forwarded("2001:db8::1".parse().unwrap())),
        ] {
            let request = Request::builder().header("x-forwarded-for", value).body(()).unwrap();
            assert_eq!(inbound(&request, &conn()).client, Some(want), "{value}");
        }
    }

    #[test]
    fn the_host_is_the_uris_or_the_headers_or_ours() {
        for (uri, host, want) in [
            ("/a?b=c", Some("shop.example:80"), "shop.example:80"),
            ("http://u:p@api.example/a", Some("other"), "api.example"),
            ("/", Some("a b"), "127.0.0.1:8000"),
            ("/", Some("<script>"), "127.0.0.1:8000"),
            ("/", None, "127.0.0.1:8000"),
            ("*", Some("h"), "h"),
        ] {
            let mut request = Request::builder().uri(uri);
            if let Some(host) = host {
                request = request.header("host", host);
            }
            let request = request.body(()).unwrap();
            let conn = conn();
            let view = inbound(&request, &conn);
            assert_eq!(view.authority, want, "{uri} {host:?}");
            assert!(view.path.starts_with('/') && !view.path.contains('?'), "{}", view.path);
        }
    }

    #[test]
    fn a_length_that_is_not_declared_is_not_zero() {
        for (value, want) in [(None, None), (Some("12"), Some(12)), (Some("x"), None)] {
            let mut reply = Response::builder();
            if let Some(value) = value {
                reply = reply.header("content-length", value);
            }
            assert_eq!(response(&reply.body(()).unwrap()).content_length, want);
        }
    }
}
