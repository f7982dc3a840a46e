//! What was seen of an exchange: its request, its response, how it ended. Plain values that the
//! proxy fills in and the documents are made from.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use http::Method;
use serde::Serialize;

/// What an exchange was spoken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
    /// A tunnel: whatever is in it is not ours to read.
    Tcp,
}

impl Scheme {
    /// The scheme as a URL writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Tcp => "tcp",
        }
    }
}

/// A URL as documents carry it: scheme, host and path. It has no query and no user information by
/// construction, because both carry secrets. Source: X-Ray developer guide, `http.request.url`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url(Box<str>);

impl Url {
    /// The URL of `path` (as it was on the wire, without query) on `authority`: host and, where the
    /// request named one, port.
    #[must_use]
    pub fn new(scheme: Scheme, authority: &str, path: &str) -> Self {
        let scheme = scheme.as_str();
        let mut url = String::with_capacity(scheme.len() + 3 + authority.len() + path.len());
        for part in [scheme, "://", authority, path] {
            url.push_str(part);
        }
        Self(url.into_boxed_str())
    }

    /// The URL that `text` is, without query, fragment and user information. `None` if it has no
    /// scheme or no host.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(plain) {
            return None;
        }
        let rest = rest.split(['?', '#']).next()?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = authority.rsplit('@').next()?;
        if host_of(authority).is_empty() || authority.contains(char::is_whitespace) {
            return None;
        }
        Some(Self(format!("{scheme}://{authority}{path}").into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The host of an authority, without port and without the brackets of an IPv6 literal.
#[must_use]
pub fn host_of(authority: &str) -> &str {
    if let Some((host, _)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return host;
    }
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

/// What a request said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestFacts {
    /// The method, as it was sent.
    pub method: Method,
    /// Where it went.
    pub url: Url,
    /// The caller's `User-Agent`; none for outbound calls, whose agent is the service itself.
    pub user_agent: Option<Box<str>>,
    /// Who asked; none for outbound calls.
    pub client: Option<Client>,
}

/// A request as it stands in front of a handler: what [`RequestFacts`] would say, borrowed, so that
/// a request nobody records costs no copy.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    /// The method.
    pub method: &'a Method,
    /// Plain or TLS.
    pub scheme: Scheme,
    /// Host and, where the request named one, port.
    pub authority: &'a str,
    /// The path, without query.
    pub path: &'a str,
    /// The caller's `User-Agent`.
    pub user_agent: Option<&'a str>,
    /// Who asked.
    pub client: Option<Client>,
}

impl RequestView<'_> {
    /// A copy that outlives the request.
    #[must_use]
    pub fn to_facts(&self) -> RequestFacts {
        RequestFacts {
            method: self.method.clone(),
            url: Url::new(self.scheme, self.authority, self.path),
            user_agent: self.user_agent.map(Into::into),
            client: self.client,
        }
    }
}

/// Who made an inbound request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// The peer of the connection.
    Peer(IpAddr),
    /// The first address of `X-Forwarded-For`.
    Forwarded(IpAddr),
}

/// What a response said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseFacts {
    /// The status code.
    pub status: u16,
    /// The declared length of the body in bytes; none where it was not declared.
    pub content_length: Option<u64>,
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The last byte of the response was handed on, or the connection was upgraded.
    Complete,
    /// The party that asked went away before the end.
    Cancelled,
    /// The party that was asked failed, or could not be reached.
    Failed(Failure),
}

/// Why an exchange failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind of failure, recorded as the exception's type: `ConnectTimeout`, `DnsFailure` …
    pub kind: &'static str,
    /// What happened, in a sentence; recorded as the exception's message.
    pub message: Box<str>,
}

/// What was seen of a call of an AWS API, beyond its HTTP. Source: X-Ray developer guide, "Segment
/// documents", `aws`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AwsFacts {
    /// The operation, such as `PutItem`.
    pub operation: Option<Box<str>>,
    /// The region that was called.
    pub region: Option<Box<str>>,
    /// The account that was called, where the request says so.
    pub account_id: Option<Box<str>>,
    /// The id that AWS gave the request.
    pub request_id: Option<Box<str>>,
    /// S3's second id of the request.
    pub id_2: Option<Box<str>>,
    /// What the call was about, by the keys of the X-Ray SDKs: `table_name`, `bucket_name` …
    pub resources: Vec<(Cow<'static, str>, serde_json::Value)>,
    /// The error that AWS answered with.
    pub error: Option<RemoteError>,
}

/// An error that a called service gave a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteError {
    /// Its code, recorded as the exception's type.
    pub code: Box<str>,
    /// Its message; may be empty.
    pub message: Box<str>,
    /// Whether it asks the caller to slow down.
    pub throttling: bool,
}

/// How long it took to make a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connected {
    /// The look-up of the host's name; none if there was nothing to look up.
    pub dns: Option<Duration>,
    /// The connection itself.
    pub dial: Duration,
    /// The TLS handshake, where TLS is spoken.
    pub tls: Option<Duration>,
}

/// What passed through a blind tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TunnelFacts {
    /// Bytes from the service to the far side.
    pub bytes_sent: u64,
    /// Bytes from the far side to the service.
    pub bytes_received: u64,
    /// Which side closed first, or what ended it.
    pub ended_by: TunnelEnd,
}

/// What ended a tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TunnelEnd {
    /// The service closed or reset its side first.
    #[default]
    Service,
    /// The far side closed or reset first.
    Remote,
    /// No byte passed for the idle timeout.
    IdleTimeout,
    /// The proxy shut down.
    Shutdown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out_of_urls() {
        for (text, url) in [
            ("https://a.example/b/c?token=1#d", Some("https://a.example/b/c")),
            ("http://ann:pw@a.example:81", Some("http://a.example:81")),
            ("http://a@b@[::1]:81/?@", Some("http://[::1]:81/")),
            ("sqlite+x://host/shop.db", Some("sqlite+x://host/shop.db")),
            ("a.example/b", None),
            ("http:///b", None),
            ("http://:80/b", None),
            ("http://a b/", None),
            ("://a/", None),
            ("1http://a/", None),
            ("", None),
        ] {
            assert_eq!(Url::parse(text).as_ref().map(Url::as_str), url, "{text}");
        }
    }

    #[test]
    fn the_host_of_an_authority() {
        for (authority, host) in [
            ("example.com", "example.com"),
            ("example.com:8080", "example.com"),
            ("[::1]:80", "::1"),
            ("[::1]", "::1"),
            ("", ""),
        ] {
            assert_eq!(host_of(authority), host, "{authority}");
        }
    }
}
