//! Connections to the service that are used again: never at the price of a failure.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use http::Response;
use tokio::sync::Barrier;

use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::origin::Origin;
use crate::support::origin::full;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::between;
use crate::support::sidecar::between_with;
use crate::support::wire::Listener;
use crate::support::wire::Wire;

const REUSED: &str = "sideray_upstream_total{direction=\"inbound\",event=\"reused\"}";
const RETRIED: &str = "sideray_upstream_total{direction=\"inbound\",event=\"retried\"}";
const CONNECTED: &str = "sideray_upstream_total{direction=\"inbound\",event=\"connected\"}";
const IDLE: &str = "sideray_upstream_idle_connections{direction=\"inbound\"}";

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_connection_is_used_again_and_counted() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    for _ in 0..5 {
        client::send(sidecar.addresses.ingress, client::get("/")).await;
        daemon.segment();
    }
    assert_eq!(origin.connections(), 1);
    for (sample, value) in [(CONNECTED, 1.0), (REUSED, 4.0), (RETRIED, 0.0), (IDLE, 1.0)] {
        assert_eq!(sidecar.metric(sample).await, value, "{sample}");
    }
}

/// A service that closes each connection after one response without saying so, and remembers how
/// often each request came.
async fn hasty(service: Listener, seen: Arc<Mutex<HashMap<String, usize>>>) {
    loop {
        let mut server = service.accept().await;
        let (head, _) = server.message().await;
        *seen.lock().unwrap().entry(head.line().to_owned()).or_default() += 1;
        server.send(OK).await;
    }
}

#[tokio::test]
async fn connections_that_the_service_closes_fail_no_get_and_double_no_post() {
    let (service, mut daemon, sidecar) = between().await;
    let seen = Arc::new(Mutex::new(HashMap::new()));
    let hasty = tokio::spawn(hasty(service, Arc::clone(&seen)));
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    for number in 0..500 {
        client.send(format!("GET /{number} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        let (head, body) = client.message().await;
        assert_eq!((head.line(), body.as_str()), ("HTTP/1.1 200 OK", "ok"), "GET {number}");
    }
    for number in 0..100 {
        let post = format!("POST /{number} HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody");
        client.send(post).await;
        client.message().await;
    }
    let seen = seen.lock().unwrap();
    let twice = seen.iter().find(|(line, count)| line.starts_with("POST") && **count > 1);
    assert_eq!(twice, None, "a POST came twice");
    hasty.abort();
    for _ in 0..600 {
        daemon.segment();
    }
}

#[tokio::test]
async fn a_get_is_sent_again_when_an_old_connection_breaks_and_a_post_is_not() {
    for (request, again) in [(GET, true), (POST, false)] {
        let (service, mut daemon, sidecar) = between().await;
        let mut client = Wire::connect(sidecar.addresses.ingress).await;
        client.send(GET).await;
        let mut server = service.accept().await;
        server.head().await;
        server.send(OK).await;
        client.message().await;
        daemon.segment();

        client.send(request).await;
        server.message().await;
        drop(server);
        if again {
            let mut server = service.accept().await;
            server.head().await;
            server.send(OK).await;
            assert_eq!(client.message().await.1, "ok");
        } else {
            assert_eq!(client.message().await.0.line(), "HTTP/1.1 502 Bad Gateway");
            assert!(service.is_quiet(), "it may have been acted on already");
        }
        daemon.segment();
        assert_eq!(sidecar.metric(RETRIED).await, f64::from(u8::from(again)));
    }
}

#[tokio::test]
async fn no_more_connections_are_kept_than_allowed() {
    const MANY: usize = 4;
    for (max_idle, kept) in [(0, 0.0), (2, 2.0)] {
        let all = Arc::new(Barrier::new(MANY));
        let origin = Origin::start(move |_| {
            let all = Arc::clone(&all);
            async move {
                all.wait().await;
                Response::new(full("together"))
            }
        });
        let (origin, mut daemon) = (origin.await, Daemon::start());
        let mut config = sidecar::config(origin.address(), &daemon);
        config.ingress.pool.max_idle = max_idle;
        let sidecar = Sidecar::start(config);
        let mut open = tokio::task::JoinSet::new();
        for _ in 0..MANY {
            open.spawn(client::send(sidecar.addresses.ingress, client::get("/")));
        }
        while let Some(response) = open.join_next().await {
            assert_eq!(response.unwrap().body(), "together");
        }
        assert_eq!(sidecar.metric(IDLE).await, kept);
        for _ in 0..MANY {
            daemon.segment();
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_idle_for_too_long_is_closed() {
    let (service, mut daemon, sidecar) =
        between_with(|config| config.ingress.pool.idle_timeout = Duration::from_millis(10)).await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send(GET).await;
    let mut server = service.accept().await;
    server.head().await;
    server.send(OK).await;
    client.message().await;
    server.closed().await;
    assert_eq!(sidecar.metric(IDLE).await, 0.0);
    daemon.segment();
}

#[tokio::test]
async fn a_request_that_was_answered_early_does_not_spoil_a_connection() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf").await;
    let mut server = service.accept().await;
    server.until("half").await;
    server.send(OK).await;
    assert_eq!(client.message().await.1, "ok");
    server.closed().await;
    daemon.segment();

    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send(GET).await;
    let mut server = service.accept().await;
    assert_eq!(server.head().await.line(), "GET / HTTP/1.1");
    server.send(OK).await;
    assert_eq!(client.message().await.1, "ok");
    daemon.segment();
}

#[tokio::test]
async fn a_service_that_says_close_is_believed() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    for _ in 0..3 {
        client.send(POST).await;
        let mut server = service.accept().await;
        server.until("body").await;
        server.send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
        let (head, body) = client.message().await;
        assert_eq!(
            (head.has("connection"), body.as_str()),
            (false, "ok"),
            "close is not the client's"
        );
        daemon.segment();
        server.closed().await;
    }
    assert_eq!(sidecar.metric(REUSED).await, 0.0);
}
