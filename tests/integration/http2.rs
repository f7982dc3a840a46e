//! HTTP/2 on either side, or on both.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::Request;
use http::Response;
use http_body_util::BodyExt;
use http_body_util::Full;
use tokio::sync::Barrier;

use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::origin;
use crate::support::origin::Origin;
use crate::support::origin::full;
use crate::support::pieces;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::between;
use crate::support::wire::Wire;

/// A request as HTTP/2 clients make them: the host is in the URI.
fn get(uri: &str) -> Request<Full<Bytes>> {
    Request::get(uri).body(Full::default()).unwrap()
}

#[tokio::test]
async fn the_host_is_kept_whatever_is_spoken() {
    for (to_us, to_service) in [(1, 1), (2, 1), (1, 2), (2, 2)] {
        let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
        let mut config = sidecar::config(origin.address(), &daemon);
        if to_service == 2 {
            config.ingress.upstream = sidecar::h2c(origin.address());
        }
        let sidecar = Sidecar::start(config);
        let ingress = sidecar.addresses.ingress;
        let response = if to_us == 1 {
            client::send(ingress, client::get("/a?b=c")).await
        } else {
            let mut client = client::connect_h2(ingress).await;
            let response = client.send_request(get("http://shop.example/a?b=c")).await.unwrap();
            client::read(response).await
        };

        let spoken = format!("HTTP/{to_us} to us and HTTP/{to_service} to the service");
        assert_eq!(response.body(), "hello", "{spoken}");
        let seen = origin.only();
        let host = match seen.uri.authority() {
            Some(authority) => authority.as_str(),
            None => origin::header(&seen, "host"),
        };
        assert_eq!(host, "shop.example", "{spoken}");
        assert_eq!(seen.uri.path_and_query().unwrap(), "/a?b=c", "{spoken}");
        assert_eq!(origin::header(&seen, "x-forwarded-host"), "shop.example", "{spoken}");
        let version = if to_service == 1 { http::Version::HTTP_11 } else { http::Version::HTTP_2 };
        assert_eq!(seen.version, version, "{spoken}");
        let segment = daemon.segment();
        assert_eq!(segment["http"]["request"]["url"], "http://shop.example/a", "{spoken}");
        assert_eq!(segment["http"]["response"]["content_length"], 5, "{spoken}");
    }
}

#[tokio::test]
async fn a_hundred_requests_are_open_at_once_on_one_connection() {
    const MANY: usize = 100;
    let all = Arc::new(Barrier::new(MANY));
    let origin = Origin::start(move |request| {
        let all = Arc::clone(&all);
        async move {
            all.wait().await;
            Response::new(full(request.uri().path().to_owned()))
        }
    });
    let (origin, mut daemon) = (origin.await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    let client = client::connect_h2(sidecar.addresses.ingress).await;
    let mut open = tokio::task::JoinSet::new();
    for number in 0..MANY {
        let mut client = client.clone();
        open.spawn(async move {
            let request = get(&format!("http://a/{number}"));
            let response = client.send_request(request).await.unwrap();
            assert_eq!(client::read(response).await.body(), &format!("/{number}"));
        });
    }
    while let Some(done) = open.join_next().await {
        done.unwrap();
    }
    let mut ids: Vec<_> = (0..MANY).map(|_| daemon.segment()["id"].to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), MANY, "a segment each");
    let accepted = sidecar.metric("sideray_connections_accepted_total{port=\"ingress\"}").await;
    assert_eq!((accepted, origin.connections()), (1.0, MANY), "HTTP/1.1 wants one each");
}

#[tokio::test]
async fn requests_share_a_connection_to_a_service_that_speaks_http_2() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    config.ingress.upstream = sidecar::h2c(origin.address());
    let sidecar = Sidecar::start(config);
    for _ in 0..3 {
        client::send(sidecar.addresses.ingress, client::get("/")).await;
        daemon.segment();
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_shared_connection_that_fell_silent_is_not_used_again() {
    let origin = Origin::start(|request| async move {
        if request.uri().path() == "/silent" {
            std::future::pending::<()>().await;
        }
        Response::new(full("hello"))
    });
    let (origin, mut daemon) = (origin.await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    config.ingress.upstream = sidecar::h2c(origin.address());
    config.ingress.timeouts.response = Duration::from_millis(300);
    let sidecar = Sidecar::start(config);
    for (path, status, connections) in [("/", 200, 1), ("/silent", 504, 1), ("/", 200, 2)] {
        let response = client::send(sidecar.addresses.ingress, client::get(path)).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(origin.connections(), connections, "after {path}");
        daemon.segment();
    }
}

#[tokio::test]
async fn bodies_and_trailers_stream_through_http_2() {
    let origin = Origin::start(|request| async move {
        let (parts, body) = request.into_parts();
        let mut response = Response::new(body.map_err(|error| panic!("{error}")).boxed());
        response.headers_mut().insert("x-te", parts.headers["te"].clone());
        response
    });
    let (origin, mut daemon) = (origin.await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    config.ingress.upstream = sidecar::h2c(origin.address());
    let sidecar = Sidecar::start(config);

    let (pieces, body) = pieces::channel();
    let mut client = client::connect_h2(sidecar.addresses.ingress).await;
    let request = Request::post("http://a/").header("te", "trailers").body(body).unwrap();
    pieces.send("first");
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.headers()["x-te"], "trailers", "gRPC depends on it");
    let mut echo = response.into_body();
    assert_eq!(echo.frame().await.unwrap().unwrap().into_data().unwrap(), "first");
    pieces.send("second");
    assert_eq!(echo.frame().await.unwrap().unwrap().into_data().unwrap(), "second");
    pieces.end_with("grpc-status", "0");
    let mut trailers = HeaderMap::new();
    while let Some(frame) = echo.frame().await {
        trailers.extend(frame.unwrap().into_trailers().unwrap_or_default());
    }
    assert_eq!(trailers["grpc-status"], "0");
    assert_eq!(daemon.segment()["http"]["response"]["status"], 200);
}

#[tokio::test]
async fn cookies_that_http_2_took_apart_are_put_together_for_http_1() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = client::connect_h2(sidecar.addresses.ingress).await;
    let request = Request::get("http://a/").header("cookie", "a=1").header("cookie", "b=2");
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let asking = tokio::spawn(async move { client.send_request(request).await.unwrap() });
    let mut server = service.accept().await;
    assert_eq!(server.head().await.header("cookie"), "a=1; b=2", "RFC 9113 section 8.2.3");
    server.send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
    let response = client::read(asking.await.unwrap()).await;
    assert_eq!(response.body(), "ok");
    assert!(!response.headers().contains_key("connection"));
    daemon.segment();
}

#[tokio::test]
async fn a_stream_that_is_reset_cancels_its_request_and_no_other() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = client::connect_h2(sidecar.addresses.ingress).await;
    let mut other = client.clone();
    let gone = tokio::spawn(async move { client.send_request(get("http://a/gone")).await });
    let mut server = service.accept().await;
    assert_eq!(server.head().await.line(), "GET /gone HTTP/1.1");
    let stays = tokio::spawn(async move { other.send_request(get("http://a/stays")).await });
    let mut second = service.accept().await;
    second.head().await;

    gone.abort();
    server.closed().await;
    let segment = daemon.segment();
    assert_eq!(segment["http"]["request"]["url"], "http://a/gone");
    assert_eq!(segment["cause"]["exceptions"][0]["type"], "ClientDisconnected");
    second.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(client::read(stays.await.unwrap().unwrap()).await.body(), "ok");
    daemon.segment();
}

#[tokio::test]
async fn garbage_in_place_of_http_ends_the_connection() {
    let (service, _daemon, sidecar) = between().await;
    for garbage in [
        "\u{16}\u{3}\u{1}\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnot a frame at all",
        "GET\r\n\r\n",
    ] {
        let mut client = Wire::connect(sidecar.addresses.ingress).await;
        client.send(garbage).await;
        client.rest().await;
    }
    assert!(service.is_quiet(), "none of it reaches the service");
}
