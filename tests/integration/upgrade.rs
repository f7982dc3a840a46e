//! Upgraded connections: after `101` bytes pass both ways and nobody looks at them.

use crate::support::daemon::Daemon;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::between;
use crate::support::tls::Authority;
use crate::support::wire::Listener;
use crate::support::wire::Wire;

const OFFER: &str = "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\n\
    upgrade: websocket\r\nsec-websocket-key: eA==\r\n\r\n";
const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n\
    upgrade: websocket\r\nsec-websocket-accept: eQ==\r\n\r\n";

#[tokio::test]
async fn bytes_pass_both_ways_after_an_upgrade() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send(format!("{OFFER}early")).await;
    let mut server = service.accept().await;
    let seen = server.head().await;
    assert_eq!(seen.header("connection").to_ascii_lowercase(), "upgrade");
    assert_eq!(seen.header("upgrade"), "websocket");
    assert_eq!(seen.header("sec-websocket-key"), "eA==");
    server.send(format!("{ACCEPTED}hello")).await;

    let head = client.head().await;
    assert_eq!(head.line(), "HTTP/1.1 101 Switching Protocols");
    assert_eq!(head.header("connection").to_ascii_lowercase(), "upgrade");
    assert_eq!(head.header("upgrade"), "websocket");
    assert_eq!(head.header("sec-websocket-accept"), "eQ==");
    assert_eq!(daemon.segment()["http"]["response"]["status"], 101, "closed at the upgrade");

    assert_eq!(client.exactly(5).await, b"hello", "what the service sent at once is not lost");
    assert_eq!(server.exactly(5).await, b"early", "nor what the client did");
    for round in ["one", "two"] {
        client.send(round).await;
        assert_eq!(server.exactly(3).await, round.as_bytes());
        server.send(round).await;
        assert_eq!(client.exactly(3).await, round.as_bytes());
    }
    client.finish().await;
    server.closed().await;
    server.send("last words").await;
    server.finish().await;
    assert_eq!(client.rest().await, "last words", "a half-close leaves the other way open");
}

#[tokio::test]
async fn a_service_may_refuse_an_upgrade() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send(OFFER).await;
    let mut server = service.accept().await;
    server.head().await;
    server.send("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await;
    let (head, body) = client.message().await;
    assert_eq!((head.line(), body.as_str()), ("HTTP/1.1 403 Forbidden", "no"));
    daemon.segment();

    client.send("GET /next HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(server.head().await.line(), "GET /next HTTP/1.1", "both connections go on");
}

#[tokio::test]
async fn an_offer_of_h2c_is_not_passed_on() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client
        .send(
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade, HTTP2-Settings\r\n\
             upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n",
        )
        .await;
    let mut server = service.accept().await;
    let seen = server.head().await;
    assert!(!seen.has("upgrade") && !seen.has("http2-settings") && !seen.has("connection"));
    server.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(client.message().await.1, "ok");
    daemon.segment();
}

#[tokio::test]
async fn an_upgrade_that_nobody_asked_for_is_the_services_fault() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut server = service.accept().await;
    server.head().await;
    server.send(ACCEPTED).await;
    assert_eq!(client.head().await.line(), "HTTP/1.1 502 Bad Gateway");
    assert_eq!(daemon.segment()["fault"], true);
    server.closed().await;
}

#[tokio::test]
async fn an_upgrade_goes_over_http_1_to_a_service_that_would_rather_speak_http_2() {
    let (authority, service, mut daemon) =
        (Authority::new(), Listener::bind().await, Daemon::start());
    let mut config = sidecar::config(service.address(), &daemon);
    config.ingress.upstream = sidecar::https(service.address());
    config.ingress.upstream_tls.roots = Some(authority.roots());
    let sidecar = Sidecar::start(config);

    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send(OFFER).await;
    let acceptor = authority.acceptor(&["h2", "http/1.1"]);
    let mut server = service.accept().await.tls(&acceptor).await;
    assert_eq!(server.head().await.header("upgrade"), "websocket");
    server.send(ACCEPTED).await;
    assert_eq!(client.head().await.line(), "HTTP/1.1 101 Switching Protocols");
    server.send("hello").await;
    assert_eq!(client.exactly(5).await, b"hello");
    assert_eq!(daemon.segment()["http"]["response"]["status"], 101);
}
