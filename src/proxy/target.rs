//! Where a request on the egress port is to go.

use std::net::IpAddr;
use std::net::SocketAddr;

use http::Method;
use http::Request;
use http::uri::Authority;
use http::uri::Scheme;

use crate::proxy::facts;
use crate::proxy::options::Origin;
use crate::proxy::options::Protocol;
use crate::trace::facts::host_of;

/// Where a request on the egress port is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To this server: a request in absolute form, or in origin form with a foreign `Host`.
    Server(Origin),
    /// Through a tunnel to this host and port: `CONNECT`.
    Tunnel(Authority),
}

/// Why a request on the egress port goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unroutable {
    /// It names no host, or what it names is not one.
    #[error("the request names no host to go to")]
    NoHost,
    /// `CONNECT` without a port, or any request with one that is not from 1 to 65535.
    #[error("the request names no port to go to")]
    NoPort,
    /// It is meant for the egress port itself, as if that were a server.
    #[error("the request is for the proxy itself")]
    Ourselves,
    /// A scheme that is neither `http` nor `https`.
    #[error("the scheme is neither http nor https")]
    Scheme,
}

impl Target {
    /// Reads the target of a request that came in at `own`. Source: RFC 9112 §3.2.
    ///
    /// # Errors
    ///
    /// [`Unroutable`] says why there is none.
    pub fn of<B>(request: &Request<B>, own: SocketAddr) -> Result<Self, Unroutable> {
        let uri = request.uri();
        if request.method() == Method::CONNECT {
            let authority = uri.authority().ok_or(Unroutable::NoHost)?;
            let authority = with_port(authority.as_str(), None)?;
            return not_ours(authority, own).map(Self::Tunnel);
        }
        let (protocol, port) = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => (Protocol::Tls, 443),
            Some(scheme) if *scheme == Scheme::HTTP => (Protocol::Http1, 80),
            Some(_) => return Err(Unroutable::Scheme),
            None => (Protocol::Http1, 80),
        };
        let named = facts::authority(request).ok_or(Unroutable::NoHost)?;
        let authority = not_ours(with_port(named, Some(port))?, own)?;
        Ok(Self::Server(Origin::new(protocol, authority)))
    }
}

/// Host and port of `text`, lower-cased, without user information, with the `default` port where it
/// names none. The port is written in one way only, so that one server is one origin.
pub(super) fn with_port(text: &str, default: Option<u16>) -> Result<Authority, Unroutable> {
    let named = facts::without_user(text).to_ascii_lowercase();
    let named = Authority::try_from(named).map_err(|_| Unroutable::NoHost)?;
    if host_of(named.as_str()).is_empty() {
        return Err(Unroutable::NoHost);
    }
    let port = named.as_str().strip_prefix(named.host()).map(|port| port.trim_start_matches(':'));
    let port = match port {
        None | Some("") => default,
        Some(port) => port.parse().ok(),
    };
    let port = port.filter(|port| *port != 0).ok_or(Unroutable::NoPort)?;
    Authority::try_from(format!("{}:{port}", named.host())).map_err(|_| Unroutable::NoHost)
}

/// Refuses what would come back to our own port: it would go round for ever.
fn not_ours(authority: Authority, own: SocketAddr) -> Result<Authority, Unroutable> {
    let host = host_of(authority.as_str());
    let here = host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|ip| {
            let ip = ip.to_canonical();
            ip == own.ip() || ip.is_loopback() || ip.is_unspecified()
        });
    if here && authority.port_u16() == Some(own.port()) {
        return Err(Unroutable::Ourselves);
    }
    Ok(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(method: &str, uri: &str, host: Option<&str>) -> Result<Target, Unroutable> {
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        Target::of(&request.body(()).unwrap(), "127.0.0.1:8001".parse().unwrap())
    }

    #[test]
    fn every_form_of_target() {
        let server = |protocol, authority: &'static str| {
            Ok(Target::Server(Origin::new(protocol, Authority::from_static(authority))))
        };
        let tunnel =
            |authority: &'static str| Ok(Target::Tunnel(Authority::from_static(authority)));
        let (http, tls) = (Protocol::Http1, Protocol::Tls);
        for (method, uri, host, want) in [
            ("GET", "http://Api.Example/a", Some("other"), server(http, "api.example:80")),
            ("GET", "https://u:p@api.example/a", None, server(tls, "api.example:443")),
            ("GET", "http://[::1]:9/", None, server(http, "[::1]:9")),
            ("GET", "/a", Some("api.example:81"), server(http, "api.example:81")),
            ("GET", "http://api.example:/", None, server(http, "api.example:80")),
            ("GET", "http://api.example:0080/", None, server(http, "api.example:80")),
            ("GET", "http://api.example:99999/", None, Err(Unroutable::NoPort)),
            ("GET", "http://api.example:0/", None, Err(Unroutable::NoPort)),
            ("CONNECT", "api.example:0443", None, tunnel("api.example:443")),
            ("CONNECT", "api.example:99999", None, Err(Unroutable::NoPort)),
            ("CONNECT", "api.example:443", None, tunnel("api.example:443")),
            ("CONNECT", "api.example", None, Err(Unroutable::NoPort)),
            ("CONNECT", "127.0.0.1:8001", None, Err(Unroutable::Ourselves)),
            ("GET", "http://127.0.0.2:8001/", None, Err(Unroutable::Ourselves)),
            ("GET", "/", Some("localhost:8001"), Err(Unroutable::Ourselves)),
            ("GET", "/", Some("[::1]:8001"), Err(Unroutable::Ourselves)),
            ("GET", "/", None, Err(Unroutable::NoHost)),
            ("GET", "/", Some("a b"), Err(Unroutable::NoHost)),
            ("GET", "ftp://api.example/", None, Err(Unroutable::Scheme)),
        ] {
            assert_eq!(target(method, uri, host), want, "{method} {uri} {host:?}");
        }
    }
}
