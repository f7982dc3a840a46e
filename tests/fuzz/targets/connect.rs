//! Any request line on the egress port, with or without a `Host` line below it: it goes nowhere, or
//! to a server that it names, and never back to us.
#![no_main]

use std::net::IpAddr;
use std::net::SocketAddr;

use http::HeaderValue;
use http::Method;
use http::Request;
use http::Uri;
use http::uri::Authority;
use libfuzzer_sys::fuzz_target;
use sideray::proxy::options::Protocol;
use sideray::proxy::target::Target;

const OWN: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8001);

fuzz_target!(|head: &[u8]| {
    let Some(request) = parse(head) else { return };
    let Ok(target) = Target::of(&request, OWN) else { return };
    let authority = match &target {
        Target::Server(origin) => {
            assert_ne!(request.method(), Method::CONNECT);
            assert_ne!(origin.protocol, Protocol::H2c, "no request asks for it");
            &origin.authority
        }
        Target::Tunnel(authority) => {
            assert_eq!(request.method(), Method::CONNECT);
            authority
        }
    };
    check(authority);
    if let Some(named) = request.uri().authority() {
        keeps(named, authority);
    }
});

/// `METHOD target`, and the value of `Host` on the next line.
fn parse(head: &[u8]) -> Option<Request<()>> {
    let mut lines = head.splitn(2, |byte| *byte == b'\n');
    let mut words = lines.next()?.splitn(2, |byte| *byte == b' ');
    let method = Method::from_bytes(words.next()?).ok()?;
    let uri = Uri::try_from(words.next()?).ok()?;
    let mut request = Request::builder().method(method).uri(uri);
    if let Some(host) = lines.next() {
        request = request.header("host", HeaderValue::from_bytes(host).ok()?);
    }
    request.body(()).ok()
}

fn check(authority: &Authority) {
    let text = authority.as_str();
    assert!(!text.contains('@'), "{text}: it carries user information");
    assert!(!text.contains(|c: char| c.is_ascii_uppercase()), "{text}: hosts have no case");
    let port = authority.port_u16().expect("an origin always has its port");
    assert_eq!(text, format!("{}:{port}", authority.host()), "host and port, and nothing else");
    let host = authority.host().trim_matches(['[', ']']);
    assert!(!host.is_empty(), "{text}: it names no host");
    let ip = host.parse::<IpAddr>().map(|ip| ip.to_canonical());
    let here = host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified());
    assert!(!here || port != OWN.port(), "{text}: it would come back to us");
}

/// The port that was named is the one that is gone to, or none was.
fn keeps(named: &Authority, target: &Authority) {
    let port = named.as_str().rsplit(['@', ']']).next().and_then(|text| text.rsplit_once(':'));
    if let Some((_, port)) = port.filter(|(_, port)| !port.is_empty()) {
        assert_eq!(port.parse().ok(), target.port_u16(), "{named} became {target}");
    }
}
