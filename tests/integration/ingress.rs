//! Inbound requests over HTTP/1: what the service sees, what the client sees, what is recorded.

use http::Response;

use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::origin;
use crate::support::origin::Origin;
use crate::support::origin::full;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::between;
use crate::support::wire::Wire;

#[tokio::test]
async fn a_request_becomes_a_segment() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));

    let request = client::get("/items/42?token=secret").header("user-agent", "test/1");
    let response = client::send(sidecar.addresses.ingress, request).await;

    assert_eq!((response.status().as_u16(), response.body().as_str()), (200, "hello"));
    let segment = daemon.segment();
    assert_eq!(segment["name"], "service");
    assert_eq!(segment["http"]["request"]["url"], "http://shop.example/items/42");
    assert_eq!(segment["http"]["request"]["user_agent"], "test/1");
    assert_eq!(segment["http"]["request"]["client_ip"], "127.0.0.1");
    assert_eq!(segment["http"]["response"]["status"], 200);
    assert_eq!(segment["http"]["response"]["content_length"], 5);

    let (trace, id) = (segment["trace_id"].as_str().unwrap(), segment["id"].as_str().unwrap());
    let sent = origin::header(&origin.only(), "x-amzn-trace-id").to_owned();
    assert_eq!(sent, format!("Root={trace};Parent={id};Sampled=1"));
    assert_eq!(client::header(&response, "x-amzn-trace-id"), format!("Root={trace}"));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_over_one_connection() {
    let echo =
        Origin::start(|request| async move { Response::new(full(request.uri().to_string())) });
    let (origin, mut daemon) = (echo.await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    let mut client = Wire::connect(sidecar.addresses.ingress).await;

    client.send("GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(client.message().await.1, "/1");
    assert_eq!(client.message().await.1, "/2");
    client.send("GET /3 HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(client.message().await.1, "/3", "the connection stays open");

    for path in ["/1", "/2", "/3"] {
        assert_eq!(daemon.segment()["http"]["request"]["url"], format!("http://a{path}"));
    }
    assert_eq!(sidecar.metric("sideray_connections_accepted_total{port=\"ingress\"}").await, 1.0);
}

#[tokio::test]
async fn every_method_takes_a_body_in_either_framing() {
    let (service, mut daemon, sidecar) = between().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        for framed in [
            "content-length: 4\r\n\r\nbody",
            "transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        ] {
            let mut client = Wire::connect(sidecar.addresses.ingress).await;
            client
                .send(format!("{method} /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{framed}"))
                .await;

            let mut server = service.accept().await;
            let head = server.head().await;
            assert_eq!(head.line(), format!("{method} /x HTTP/1.1"));
            let body = match head.header("content-length").as_str() {
                "4" => String::from_utf8(server.exactly(4).await).unwrap(),
                "" if head.header("transfer-encoding") == "chunked" => server
                    .until("\r\n0\r\n\r\n")
                    .await
                    .replace("4\r\n", "")
                    .replace("\r\n0\r\n\r\n", ""),
                other => panic!("{method} {framed:?}: the body was lost, content-length {other:?}"),
            };
            assert_eq!(body, "body", "{method}");
            server.send("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nto the end").await;
            drop(server);
            assert!(client.rest().await.contains("to the end"), "{method}");
            assert_eq!(daemon.segment()["http"]["request"]["method"], method);
        }
    }
}

#[tokio::test]
async fn a_response_keeps_its_length_where_it_has_no_body() {
    let (service, mut daemon, sidecar) = between().await;
    for (method, answer, length) in [
        ("HEAD", "200 OK\r\ncontent-length: 5000", "5000"),
        ("HEAD", "200 OK\r\ntransfer-encoding: chunked", ""),
        ("GET", "204 No Content", ""),
        ("GET", "304 Not Modified\r\netag: \"a\"", ""),
        ("GET", "304 Not Modified\r\ncontent-length: 77", "77"),
    ] {
        let mut client = Wire::connect(sidecar.addresses.ingress).await;
        client.send(format!("{method} / HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        let mut server = service.accept().await;
        assert_eq!(server.head().await.line(), format!("{method} / HTTP/1.1"));
        server.send(format!("HTTP/1.1 {answer}\r\n\r\n")).await;

        let head = client.head().await;
        assert_eq!(head.line(), format!("HTTP/1.1 {}", answer.lines().next().unwrap()));
        assert_eq!(head.header("content-length"), length, "{method} {answer}");
        server.finish().await;
        drop(server);
        client.send("GET /next HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let mut server = service.accept().await;
        server.head().await;
        server.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await;
        assert_eq!(client.message().await.1, "ok", "the framing held after {method} {answer}");
        daemon.segment();
        daemon.segment();
    }
}

#[tokio::test]
async fn a_reason_phrase_of_the_services_own_passes() {
    let (service, mut daemon, sidecar) = between().await;
    for line in ["HTTP/1.1 200 Fine, thank you", "HTTP/1.1 404 ", "HTTP/1.1 599 Odd"] {
        let mut client = Wire::connect(sidecar.addresses.ingress).await;
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let mut server = service.accept().await;
        server.head().await;
        server.send(format!("{line}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")).await;
        assert_eq!(client.head().await.line(), line);
        daemon.segment();
    }
}

#[tokio::test]
async fn http_1_0_clients_are_served_in_their_way() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    let ingress = sidecar.addresses.ingress;

    let answer = client::raw(ingress, "GET /plain HTTP/1.0\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"),
        "{answer}"
    );
    assert!(!answer.contains("chunked"), "{answer}");
    let url = format!("http://{ingress}/plain");
    assert_eq!(daemon.segment()["http"]["request"]["url"], url, "no Host: our own address");
    let host = origin::header(&origin.only(), "host").to_owned();
    assert_eq!(host, origin.address().to_string(), "HTTP/1.1 needs a Host");

    let mut client = Wire::connect(ingress).await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\nhost: a\r\n\r\n").await;
        let (head, body) = client.message().await;
        assert_eq!(head.header("connection"), "keep-alive");
        assert_eq!(body, "hello");
        daemon.segment();
    }
}

#[tokio::test]
async fn a_service_that_speaks_http_1_0_does_not_make_us_speak_it() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    for body in ["first", "second"] {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let mut server = service.accept().await;
        server.head().await;
        server.send(format!("HTTP/1.0 200 OK\r\n\r\n{body}")).await;
        drop(server);
        let head = client.head().await;
        assert_eq!(head.line(), "HTTP/1.1 200 OK");
        assert_eq!(head.header("transfer-encoding"), "chunked", "its end is told, not shown");
        assert!(client.until("0\r\n\r\n").await.contains(body));
        daemon.segment();
    }
}

#[tokio::test]
async fn every_form_of_target_reaches_the_service_as_a_path() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    for (request, target, host, url) in [
        ("OPTIONS * HTTP/1.1\r\nhost: shop.example", "*", "shop.example", "http://shop.example/"),
        (
            "GET http://abs.example:81/a?b=c HTTP/1.1\r\nhost: other",
            "/a?b=c",
            "abs.example:81",
            "http://abs.example:81/a",
        ),
        (
            "GET http://abs.example HTTP/1.1\r\nhost: abs.example",
            "/",
            "abs.example",
            "http://abs.example/",
        ),
        (
            "GET http://abs.example?q HTTP/1.1\r\nhost: abs.example",
            "/?q",
            "abs.example",
            "http://abs.example/",
        ),
        (
            "GET //double//%2e/x HTTP/1.1\r\nhost: h",
            "//double//%2e/x",
            "h",
            "http://h//double//%2e/x",
        ),
    ] {
        let request = format!("{request}\r\nconnection: close\r\n\r\n");
        let answer = client::raw(sidecar.addresses.ingress, &request).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{request}{answer}");
        let seen = origin.seen().pop().unwrap();
        assert_eq!(seen.uri.to_string(), target, "{request}");
        assert_eq!(origin::header(&seen, "host"), host, "{request}");
        assert_eq!(daemon.segment()["http"]["request"]["url"], url, "{request}");
    }
}

#[tokio::test]
async fn headers_of_one_hop_stay_behind_both_ways() {
    let (service, _daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client
        .send(
            "GET / HTTP/1.1\r\nhost: shop.example\r\nconnection: keep-alive, x-secret\r\n\
             keep-alive: timeout=5\r\nproxy-connection: keep-alive\r\nx-secret: 1\r\n\
             proxy-authorization: Basic eA==\r\nte: gzip\r\nauthorization: mine\r\n\r\n",
        )
        .await;
    let mut server = service.accept().await;
    let seen = server.head().await;
    for gone in
        ["connection", "keep-alive", "proxy-connection", "x-secret", "proxy-authorization", "te"]
    {
        assert!(!seen.has(gone), "{gone} went on: {seen:?}");
    }
    assert_eq!(seen.header("authorization"), "mine");
    assert_eq!(seen.header("host"), "shop.example");
    assert_eq!(seen.header("x-forwarded-for"), "127.0.0.1");
    assert_eq!(seen.header("x-forwarded-proto"), "http");
    assert_eq!(seen.header("x-forwarded-host"), "shop.example");

    server
        .send(
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: x-inner\r\nx-inner: 1\r\n\
             keep-alive: timeout=9\r\nserver: theirs\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\n",
        )
        .await;
    let head = client.head().await;
    for gone in ["connection", "keep-alive", "x-inner", "date"] {
        assert!(!head.has(gone), "{gone} came back: {head:?}");
    }
    assert_eq!(head.header("server"), "theirs");
    assert_eq!(head.header("set-cookie"), "a=1|b=2");
}

#[tokio::test]
async fn a_chain_of_proxies_is_continued() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    let request = client::get("/")
        .header("x-forwarded-for", "203.0.113.9, 10.0.0.1")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "outer.example");
    client::send(sidecar.addresses.ingress, request).await;

    let seen = origin.only();
    assert_eq!(origin::header(&seen, "x-forwarded-for"), "203.0.113.9, 10.0.0.1, 127.0.0.1");
    assert_eq!(origin::header(&seen, "x-forwarded-proto"), "https");
    assert_eq!(origin::header(&seen, "x-forwarded-host"), "outer.example");
    let segment = daemon.segment();
    assert_eq!(segment["http"]["request"]["client_ip"], "203.0.113.9");
    assert_eq!(segment["http"]["request"]["x_forwarded_for"], true);
}

#[tokio::test]
async fn a_request_has_one_end_for_us_and_for_the_service() {
    let (service, _daemon, sidecar) = between().await;
    for framing in [
        "content-length: 4\r\ncontent-length: 5",
        "content-length: 4\r\ncontent-length: 4",
        "content-length: 30\r\ntransfer-encoding: chunked",
        "content-length: +4",
        "transfer-encoding: chunked, gzip",
        "transfer-encoding : chunked",
    ] {
        let request =
            format!("POST / HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n4\r\nbody\r\n0\r\n\r\n");
        let answer = client::raw(sidecar.addresses.ingress, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{framing}: {answer}");
    }
    assert!(service.is_quiet(), "none of it reaches the service");
}

#[tokio::test]
async fn connect_is_not_for_this_port() {
    let (origin, _daemon) = (Origin::hello().await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &_daemon));
    let request = "CONNECT shop.example:443 HTTP/1.1\r\nhost: shop.example:443\r\n\r\n";
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send(request).await;
    let (head, _) = client.message().await;
    assert_eq!(head.line(), "HTTP/1.1 400 Bad Request");
    assert_eq!(origin.seen().len(), 0, "the service is not asked");
}
