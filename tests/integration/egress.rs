//! The service's own calls: where they go, what is sent, what is recorded.

use std::time::Duration;

use http::Request;
use http::Response;
use http_body_util::Full;
use serde_json::Value;
use sideray::config::Config;

use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::origin;
use crate::support::origin::Origin;
use crate::support::origin::full;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::between;
use crate::support::sidecar::between_with;
use crate::support::tls::Authority;
use crate::support::wire::Listener;
use crate::support::wire::Wire;

/// The only call of the next segment. Nobody asked this service anything, so each call is in a
/// segment of its own.
fn call(daemon: &mut Daemon) -> (Value, Value) {
    let mut segment = daemon.segment();
    let calls = segment["subsegments"].take();
    assert_eq!(calls.as_array().unwrap().len(), 1, "calls in {segment}");
    (segment, calls[0].clone())
}

#[tokio::test]
async fn a_call_becomes_a_subsegment() {
    let (service, mut daemon, sidecar) = between().await;
    let port = service.address().port();
    let mut client = Wire::connect(sidecar.addresses.egress).await;
    for (target, host) in [
        (format!("http://user:secret@LocalHost:{port}/items/1?token=secret"), "ignored".to_owned()),
        ("/items/1?token=secret".to_owned(), format!("LocalHost:{port}")),
    ] {
        client
            .send(format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nuser-agent: x\r\n\r\n"))
            .await;
        let mut server = service.accept().await;
        let seen = server.head().await;
        assert_eq!(seen.line(), "GET /items/1?token=secret HTTP/1.1");
        assert_eq!(seen.header("host").to_ascii_lowercase(), format!("localhost:{port}"));
        for foreign in ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via"] {
            assert!(!seen.has(foreign), "{foreign} tells others about us");
        }
        server.send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
        let (head, body) = client.message().await;
        assert_eq!(body, "ok");
        assert!(!head.has("x-amzn-trace-id"), "the callee's answer is not changed");

        let (segment, call) = call(&mut daemon);
        assert_eq!((&call["name"], &call["namespace"]), (&"localhost".into(), &"remote".into()));
        let url = format!("http://localhost:{port}/items/1");
        assert_eq!(call["http"]["request"]["url"], url, "no user, no query");
        assert_eq!(call["http"]["request"]["method"], "GET");
        assert_eq!(call["http"]["response"]["status"], 200);
        assert_eq!(call["http"]["response"]["content_length"], 2);
        let (trace, id) = (segment["trace_id"].as_str().unwrap(), call["id"].as_str().unwrap());
        let sent = seen.header("x-amzn-trace-id");
        assert_eq!(sent, format!("Root={trace};Parent={id};Sampled=1"));
    }
}

#[tokio::test]
async fn calls_to_ourselves_are_refused_with_advice() {
    let (_service, _daemon, sidecar) = between().await;
    let egress = sidecar.addresses.egress;
    let port = egress.port();
    for request in [
        format!("GET / HTTP/1.1\r\nhost: {egress}\r\n"),
        format!("GET http://localhost:{port}/ HTTP/1.1\r\nhost: x\r\n"),
        format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\nhost: x\r\n"),
    ] {
        let answer = client::raw(egress, &format!("{request}connection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 421 Misdirected Request\r\n"), "{answer}");
        assert!(answer.contains("HTTP_PROXY"), "{answer}");
    }
    for (request, advice) in [
        ("GET / HTTP/1.0\r\n", "names no host"),
        ("GET ftp://a.example/ HTTP/1.1\r\nhost: a\r\n", "http and https"),
        ("CONNECT a.example HTTP/1.1\r\nhost: a\r\n", "a port"),
    ] {
        let answer = client::raw(egress, &format!("{request}connection: close\r\n\r\n")).await;
        assert!(answer.contains(" 400 Bad Request\r\n") && answer.contains(advice), "{answer}");
    }
    assert_eq!(sidecar.stop().await.recorded, 0, "calls that go nowhere are not recorded");
}

#[tokio::test]
async fn a_call_to_https_is_made_for_the_service() {
    let authority = Authority::new();
    let origin = Origin::tls(authority.acceptor(&["h2", "http/1.1"])).await;
    let mut daemon = Daemon::start();
    let mut config = sidecar::config(origin.address(), &daemon);
    config.egress.tls.roots = Some(authority.roots());
    let sidecar = Sidecar::start(config);
    let port = origin.address().port();
    let request = Request::get(format!("https://localhost:{port}/x")).header("host", "localhost");
    let response = client::send(sidecar.addresses.egress, request).await;
    assert_eq!(response.body(), "hello");
    let (_, call) = call(&mut daemon);
    assert_eq!(call["http"]["request"]["url"], format!("https://localhost:{port}/x"));
    assert_eq!(origin.only().uri.scheme_str(), Some("https"));
}

#[tokio::test]
async fn calls_may_come_over_http_2() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    let mut client = client::connect_h2(sidecar.addresses.egress).await;
    let uri = format!("http://{}/x", origin.address());
    let request = Request::get(&uri).body(Full::default()).unwrap();
    let response = client::read(client.send_request(request).await.unwrap()).await;
    assert_eq!(response.body(), "hello");
    assert_eq!(call(&mut daemon).1["http"]["request"]["url"], uri);
}

#[tokio::test]
async fn hosts_that_are_not_to_be_traced_pass_untouched() {
    let (origin, daemon) = (Origin::hello().await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    config.egress.no_trace = vec!["127.0.0.*".into()];
    let sidecar = Sidecar::start(config);
    let (mine, w3c) = ("Root=mine;and=strange", "not-a-traceparent");
    let request = Request::get(format!("http://{}/", origin.address()))
        .header("host", "x")
        .header("x-amzn-trace-id", mine)
        .header("traceparent", w3c);
    client::send(sidecar.addresses.egress, request).await;
    client::send(sidecar.addresses.egress, Request::get(format!("http://{}/", origin.address())))
        .await;
    let seen = origin.seen();
    assert_eq!(origin::header(&seen[0], "x-amzn-trace-id"), mine);
    assert_eq!(origin::header(&seen[0], "traceparent"), w3c);
    assert!(!seen[1].headers.contains_key("x-amzn-trace-id"), "none is made up");
    assert_eq!(sidecar.stop().await.recorded, 0);
}

#[tokio::test]
async fn paths_that_are_not_to_be_traced_pass_untouched() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    config.egress.no_trace = vec!["*/Health*".into()];
    let sidecar = Sidecar::start(config);
    for path in ["/health/live", "/items/health"] {
        let call = Request::get(format!("http://{}{path}", origin.address()));
        client::send(sidecar.addresses.egress, call).await;
    }
    let url = call(&mut daemon).1["http"]["request"]["url"].take();
    assert_eq!(url, format!("http://{}/items/health", origin.address()));
    assert_eq!(sidecar.stop().await.recorded, 1);
}

#[tokio::test]
async fn the_first_call_over_a_connection_says_how_long_that_took_to_make() {
    let authority = Authority::new();
    let origin = Origin::tls(authority.acceptor(&["http/1.1"])).await;
    let mut daemon = Daemon::start();
    let mut config = sidecar::config(origin.address(), &daemon);
    config.egress.tls.roots = Some(authority.roots());
    let sidecar = Sidecar::start(config);
    for made in [true, false] {
        let url = format!("https://localhost:{}/", origin.address().port());
        client::send(sidecar.addresses.egress, Request::get(url)).await;
        let connect = call(&mut daemon).1["metadata"]["sideray"]["connect"].take();
        let took = |phase: &str| connect[phase].as_f64().is_some_and(|took| took > 0.0);
        assert_eq!((took("dial"), took("tls")), (made, made), "{connect}");
        assert_eq!(connect.get("dns"), None, "there was no name to look up");
    }
}

#[tokio::test]
async fn the_status_says_whose_fault_it_was() {
    let origin = Origin::start(|request| async move {
        let status: u16 = request.uri().path()[1..].parse().unwrap();
        Response::builder().status(status).body(full("")).unwrap()
    });
    let (origin, mut daemon) = (origin.await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    for (status, flags) in [
        (200, (false, false, false)),
        (302, (false, false, false)),
        (404, (true, false, false)),
        (429, (true, true, false)),
        (500, (false, false, true)),
    ] {
        let request = Request::get(format!("http://{}/{status}", origin.address()));
        client::send(sidecar.addresses.egress, request).await;
        let (segment, call) = call(&mut daemon);
        let flag = |name| call.get(name).is_some_and(|flag| flag == true);
        assert_eq!((flag("error"), flag("throttle"), flag("fault")), flags, "{status}");
        assert_eq!(call["http"]["response"]["status"], status);
        assert!(call.get("cause").is_none(), "{status}: the callee did not say why");
        assert_eq!(segment.get("fault").is_some(), status == 500);
    }
}

fn impatient(config: &mut Config) {
    config.egress.timeouts.response = Duration::from_millis(300);
}

/// A call that had no response: what is recorded of it.
fn failed(daemon: &mut Daemon, kind: &str) {
    let (_, call) = call(daemon);
    assert!(call["http"].get("response").is_none(), "{kind}: there was none: {call}");
    assert!(call["http"]["request"]["url"].is_string(), "{kind}: {call}");
    assert_eq!(call["fault"], true, "{kind}");
    let exception = &call["cause"]["exceptions"][0];
    assert_eq!((&exception["type"], &exception["remote"]), (&kind.into(), &false.into()), "{call}");
}

#[tokio::test]
async fn a_call_that_cannot_be_made() {
    let (gone, mut daemon) = (Listener::bind().await.address(), Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(gone, &daemon));
    for (url, status, kind) in [
        (format!("http://{gone}/"), 503, "ConnectionRefused"),
        ("http://nobody.invalid/".to_owned(), 502, "DnsFailure"),
    ] {
        let response = client::send(sidecar.addresses.egress, Request::get(url)).await;
        assert_eq!(response.status(), status, "{kind}");
        assert!(!response.body().contains("127.0.0.1"), "{}", response.body());
        failed(&mut daemon, kind);
    }
}

#[tokio::test]
async fn a_call_that_is_not_answered() {
    let (service, mut daemon, sidecar) = between_with(impatient).await;
    for (kind, status) in
        [("ConnectionReset", "502 Bad Gateway"), ("ResponseTimeout", "504 Gateway Timeout")]
    {
        let mut client = Wire::connect(sidecar.addresses.egress).await;
        let request = format!("GET http://{}/ HTTP/1.1\r\nhost: a\r\n\r\n", service.address());
        client.send(request).await;
        let mut server = service.accept().await;
        server.head().await;
        if kind == "ConnectionReset" {
            server.reset();
        } else {
            server.closed().await;
        }
        assert_eq!(client.message().await.0.line(), format!("HTTP/1.1 {status}"));
        failed(&mut daemon, kind);
    }
}

#[tokio::test]
async fn a_call_to_somebody_whom_nobody_vouches_for() {
    let authority = Authority::new();
    let (service, mut daemon, sidecar) = between().await;
    let acceptor = authority.acceptor(&["http/1.1"]);
    let url = format!("https://localhost:{}/", service.address().port());
    let server = tokio::spawn(async move { service.accept().await.refuses_us(&acceptor).await });
    let response = client::send(sidecar.addresses.egress, Request::get(url)).await;
    assert_eq!(response.status(), 502);
    assert!(server.await.unwrap(), "the request is not sent");
    let (_, call) = call(&mut daemon);
    assert_eq!((&call["fault"], call["http"].get("response")), (&true.into(), None));
}

#[tokio::test]
async fn a_call_that_the_service_gives_up_is_cancelled() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.egress).await;
    client.send(format!("GET http://{}/ HTTP/1.1\r\nhost: a\r\n\r\n", service.address())).await;
    let mut server = service.accept().await;
    server.head().await;
    drop(client);
    server.closed().await;
    let (_, call) = call(&mut daemon);
    assert_eq!((&call["error"], call.get("fault")), (&true.into(), None));
    assert_eq!(call["cause"]["exceptions"][0]["type"], "CallCancelled");
}

#[tokio::test]
async fn a_call_may_be_upgraded() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.egress).await;
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let address = service.address();
    client.send(format!("GET http://{address}/chat HTTP/1.1\r\nhost: a\r\n{upgrade}")).await;
    let mut server = service.accept().await;
    assert_eq!(server.head().await.header("upgrade"), "websocket");
    server.send(format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}hello")).await;
    client.head().await;
    assert_eq!(client.exactly(5).await, b"hello");
    client.send("bye").await;
    assert_eq!(server.exactly(3).await, b"bye");
    assert_eq!(call(&mut daemon).1["http"]["response"]["status"], 101);
}
