//! `CONNECT`: bytes both ways that nobody looks at, counted.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use serde_json::json;

use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::between;
use crate::support::sidecar::between_with;
use crate::support::wire::Listener;
use crate::support::wire::Wire;

/// The only call of the next segment.
fn call(daemon: &mut Daemon) -> Value {
    let mut segment = daemon.segment();
    let mut calls = segment["subsegments"].take();
    assert_eq!(calls.as_array().unwrap().len(), 1, "calls in {segment}");
    calls[0].take()
}

/// Opens a tunnel from a client to the service.
async fn open(sidecar: &Sidecar, service: &Listener, early: &str) -> (Wire, Wire) {
    let mut client = Wire::connect(sidecar.addresses.egress).await;
    let to = service.address();
    client.send(format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n{early}")).await;
    let server = service.accept().await;
    let head = client.head().await;
    assert_eq!(head.line(), "HTTP/1.1 200 OK");
    for length in ["content-length", "transfer-encoding"] {
        assert!(!head.has(length), "RFC 9110 section 9.3.6 forbids {length}");
    }
    (client, server)
}

#[tokio::test]
async fn bytes_pass_both_ways_and_are_counted() {
    let (service, mut daemon, sidecar) = between().await;
    let (mut client, mut server) = open(&sidecar, &service, "early").await;
    assert_eq!(server.exactly(5).await, b"early", "what came with the request is not lost");
    server.send("answer!").await;
    assert_eq!(client.exactly(7).await, b"answer!");
    client.finish().await;
    server.closed().await;
    server.send("after the half-close").await;
    server.finish().await;
    assert_eq!(client.rest().await, "after the half-close");

    let call = call(&mut daemon);
    let want = json!({"bytes_sent": 5, "bytes_received": 27, "ended_by": "service"});
    assert_eq!(call["metadata"]["sideray"]["tunnel"], want);
    assert_eq!((&call["name"], &call["namespace"]), (&"127.0.0.1".into(), &"remote".into()));
    assert!(call.get("cause").is_none() && call.get("fault").is_none(), "{call}");
    assert!(call["http"].get("response").is_none(), "no HTTP of the far side was seen: {call}");
    let url = call["http"]["request"]["url"].as_str().unwrap();
    assert!(url.contains(&service.address().to_string()), "{url}");
}

#[tokio::test]
async fn the_far_side_may_end_it() {
    let (service, mut daemon, sidecar) = between().await;
    let (mut client, server) = open(&sidecar, &service, "").await;
    drop(server);
    client.closed().await;
    drop(client);
    let want = json!({"bytes_sent": 0, "bytes_received": 0, "ended_by": "remote"});
    assert_eq!(call(&mut daemon)["metadata"]["sideray"]["tunnel"], want);
}

#[tokio::test]
async fn a_megabyte_is_counted_to_the_byte() {
    const MANY: usize = 1 << 20;
    let (service, mut daemon, sidecar) = between().await;
    let (mut client, mut server) = open(&sidecar, &service, "").await;
    let bytes = vec![7; MANY];
    let (_, up) = tokio::join!(client.send(&bytes), server.exactly(MANY));
    let (_, down) = tokio::join!(server.send(&bytes), client.exactly(MANY));
    assert!(up == bytes && down == bytes, "all bytes as they were sent");
    client.finish().await;
    server.closed().await;
    drop(server);
    client.closed().await;
    let want = json!({"bytes_sent": MANY, "bytes_received": MANY, "ended_by": "service"});
    assert_eq!(call(&mut daemon)["metadata"]["sideray"]["tunnel"], want);
}

#[tokio::test]
async fn a_silent_tunnel_is_closed() {
    let tunnel = Duration::from_millis(300);
    let (service, mut daemon, sidecar) =
        between_with(|config| config.egress.timeouts.tunnel = tunnel).await;
    let (mut client, mut server) = open(&sidecar, &service, "").await;
    server.closed().await;
    client.closed().await;
    let call = call(&mut daemon);
    assert_eq!(call["metadata"]["sideray"]["tunnel"]["ended_by"], "idle_timeout");
}

#[tokio::test]
async fn a_tunnel_to_nobody_is_refused() {
    let (gone, mut daemon) = (Listener::bind().await.address(), Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(gone, &daemon));
    for (to, status, kind) in [
        (gone.to_string(), "503 Service Unavailable", "ConnectionRefused"),
        ("nobody.invalid:443".to_owned(), "502 Bad Gateway", "DnsFailure"),
    ] {
        let mut client = Wire::connect(sidecar.addresses.egress).await;
        client.send(format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n")).await;
        let (head, _) = client.message().await;
        assert_eq!(head.line(), format!("HTTP/1.1 {status}"));
        let call = call(&mut daemon);
        assert_eq!(call["cause"]["exceptions"][0]["type"], kind, "{call}");
        assert_eq!(call["cause"]["exceptions"][0]["remote"], false);
        assert_eq!(call["fault"], true);
        assert!(call["metadata"]["sideray"].get("tunnel").is_none(), "there was no tunnel: {call}");
    }
}

#[tokio::test]
async fn a_tunnel_to_a_host_that_is_not_to_be_traced_leaves_nothing() {
    let (service, _daemon, sidecar) =
        between_with(|config| config.egress.no_trace = vec!["127.0.0.1".into()]).await;
    let (mut client, mut server) = open(&sidecar, &service, "").await;
    client.send("hello").await;
    assert_eq!(server.exactly(5).await, b"hello");
    drop(client);
    server.closed().await;
    drop(server);
    assert_eq!(sidecar.stop().await.recorded, 0);
}

#[tokio::test]
async fn a_tunnel_may_be_asked_for_over_http_2() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = client::connect_h2(sidecar.addresses.egress).await;
    let request = Request::connect(service.address().to_string());
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut server = service.accept().await;
    let mut client = Wire::new(TokioIo::new(hyper::upgrade::on(response).await.unwrap()));
    client.send("hello").await;
    assert_eq!(server.exactly(5).await, b"hello");
    server.send("hi").await;
    assert_eq!(client.exactly(2).await, b"hi");
    client.finish().await;
    server.closed().await;
    drop(server);
    client.closed().await;
    let want = json!({"bytes_sent": 5, "bytes_received": 2, "ended_by": "service"});
    assert_eq!(call(&mut daemon)["metadata"]["sideray"]["tunnel"], want);
}
