//! TLS on either side.

use http::Request;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use sideray::app::Command;

use crate::support::DEADLINE;
use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::origin;
use crate::support::origin::Origin;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::tls;
use crate::support::tls::Authority;
use crate::support::wire::Listener;
use crate::support::wire::Wire;

#[tokio::test]
async fn clients_choose_their_protocol() {
    let (authority, origin, mut daemon) =
        (Authority::new(), Origin::hello().await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    config.ingress.tls = Some(authority.issue());
    let sidecar = Sidecar::start(config);
    for (offered, want) in [(&["h2", "http/1.1"][..], "h2"), (&["http/1.1"], "http/1.1"), (&[], "")]
    {
        let stream = authority.connect(sidecar.addresses.ingress, offered).await;
        assert_eq!(tls::agreed(&stream), want);
        if want == "h2" {
            let io = TokioIo::new(stream);
            let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
            let (mut client, connection) = handshake.await.unwrap();
            tokio::spawn(connection);
            let request = Request::get("https://localhost/x").body(origin::full("")).unwrap();
            let response = client.send_request(request).await.unwrap();
            assert_eq!(client::read(response).await.body(), "hello");
        } else {
            let mut client = Wire::new(stream);
            client.send("GET /x HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
            assert_eq!(client.message().await.1, "hello");
        }
        let seen = origin.seen().pop().unwrap();
        assert_eq!(origin::header(&seen, "x-forwarded-proto"), "https", "{want}");
        assert_eq!(daemon.segment()["http"]["request"]["url"], "https://localhost/x", "{want}");
    }
}

#[tokio::test]
async fn plain_http_is_refused_where_tls_is_wanted() {
    let (authority, origin, daemon) = (Authority::new(), Origin::hello().await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    config.ingress.tls = Some(authority.issue());
    let sidecar = Sidecar::start(config);
    let answer = client::raw(sidecar.addresses.ingress, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(!answer.contains("HTTP/"), "{answer}");
    assert_eq!(origin.seen().len(), 0);
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_new_connections() {
    let (authority, origin, mut daemon) =
        (Authority::new(), Origin::hello().await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    let files = authority.issue();
    config.ingress.tls = Some(files.clone());
    let sidecar = Sidecar::start(config);
    let connect = || authority.connect(sidecar.addresses.ingress, &["http/1.1"]);
    let before = connect().await;
    let old = tls::shown(&before);
    assert_eq!(tls::shown(&connect().await), old);

    std::fs::write(&files.key, "half a key").unwrap();
    sidecar.tell(Command::LoadCertificates);
    authority.issue();
    sidecar.tell(Command::LoadCertificates);

    let changed = async { while tls::shown(&connect().await) == old {} };
    tokio::time::timeout(DEADLINE, changed).await.expect("the new certificate is shown");
    let mut client = Wire::new(before);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(client.message().await.1, "hello", "open connections go on");
    daemon.segment();
}

#[tokio::test]
async fn the_service_may_speak_tls() {
    for alpn in [&["h2", "http/1.1"][..], &["http/1.1"], &[]] {
        let authority = Authority::new();
        let (origin, mut daemon) = (Origin::tls(authority.acceptor(alpn)).await, Daemon::start());
        let mut config = sidecar::config(origin.address(), &daemon);
        config.ingress.upstream = sidecar::https(origin.address());
        config.ingress.upstream_tls.roots = Some(authority.roots());
        let sidecar = Sidecar::start(config);
        for _ in 0..2 {
            let response = client::send(sidecar.addresses.ingress, client::get("/")).await;
            assert_eq!(response.body(), "hello", "{alpn:?}");
            assert_eq!(daemon.segment()["http"]["response"]["status"], 200);
        }
        assert_eq!(origin.connections(), 1, "{alpn:?}: a connection is used again");
        let seen = origin.seen();
        let version =
            if alpn.contains(&"h2") { http::Version::HTTP_2 } else { http::Version::HTTP_11 };
        assert_eq!(seen[0].version, version);
    }
}

#[tokio::test]
async fn a_service_that_nobody_vouches_for_is_not_sent_the_request() {
    let (authority, service, mut daemon) =
        (Authority::new(), Listener::bind().await, Daemon::start());
    let mut config = sidecar::config(service.address(), &daemon);
    config.ingress.upstream = sidecar::https(service.address());
    let sidecar = Sidecar::start(config);
    let acceptor = authority.acceptor(&["http/1.1"]);
    let server = tokio::spawn(async move { service.accept().await.refuses_us(&acceptor).await });
    let response = client::send(sidecar.addresses.ingress, client::get("/")).await;
    assert_eq!(response.status(), 502);
    assert!(server.await.unwrap(), "the handshake fails");
    let segment = daemon.segment();
    assert_eq!(segment["fault"], true);
    let message = segment["cause"]["exceptions"][0]["message"].as_str().unwrap();
    assert!(message.contains("certificate"), "{message}");
}
