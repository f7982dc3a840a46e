//! `Expect: 100-continue`, and other responses that are not the last word.

use std::time::Duration;
use std::time::Instant;

use crate::support::origin;
use crate::support::origin::Origin;
use crate::support::sidecar::between;
use crate::support::sidecar::between_with;
use crate::support::sidecar::h2c;
use crate::support::wire::Wire;

const EXPECTING: &str =
    "PUT /x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";

#[tokio::test]
async fn the_client_sends_when_the_service_says_so() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send(EXPECTING).await;
    let mut server = service.accept().await;
    assert_eq!(server.head().await.header("expect"), "100-continue");
    server.send("HTTP/1.1 100 Continue\r\n\r\n").await;

    assert_eq!(client.head().await.line(), "HTTP/1.1 100 Continue");
    client.send("body").await;
    assert_eq!(server.exactly(4).await, b"body");
    server.send("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(client.head().await.line(), "HTTP/1.1 201 Created");
    assert_eq!(daemon.segment()["http"]["response"]["status"], 201);
}

#[tokio::test]
async fn a_service_that_refuses_at_once_is_not_sent_the_body() {
    for refusal in ["417 Expectation Failed", "413 Payload Too Large"] {
        let (service, mut daemon, sidecar) = between().await;
        let mut client = Wire::connect(sidecar.addresses.ingress).await;
        client.send(EXPECTING).await;
        let mut server = service.accept().await;
        server.head().await;
        server.send(format!("HTTP/1.1 {refusal}\r\ncontent-length: 2\r\n\r\nno")).await;

        let (head, body) = client.message().await;
        assert_eq!((head.line(), body.as_str()), (format!("HTTP/1.1 {refusal}").as_str(), "no"));
        server.closed().await;
        assert_eq!(client.rest().await, "", "no 100 follows, and nobody waits for the body");
        assert_eq!(daemon.segment()["error"], true);
    }
}

#[tokio::test]
async fn a_service_that_does_not_know_the_expectation_gets_the_body_after_a_second() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send(EXPECTING).await;
    let mut server = service.accept().await;
    server.head().await;

    assert_eq!(client.head().await.line(), "HTTP/1.1 100 Continue");
    client.send("body").await;
    assert_eq!(server.exactly(4).await, b"body");
    server.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(client.head().await.line(), "HTTP/1.1 200 OK");
    daemon.segment();
}

#[tokio::test]
async fn a_response_that_has_begun_is_not_interrupted_by_a_100() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send(EXPECTING).await;
    let mut server = service.accept().await;
    server.head().await;
    server.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nok").await;
    client.until("ok").await;
    // Longer than a body is held back.
    let asked = tokio::time::timeout(Duration::from_millis(1200), client.exactly(1)).await;
    assert!(asked.is_err(), "the client is in the middle of its response: {asked:?}");
    server.send("ok").await;
    assert_eq!(client.rest().await, "ok");
    daemon.segment();
}

#[tokio::test]
async fn nobody_waits_for_a_word_that_http_2_does_not_pass_on() {
    let origin = Origin::start(origin::echo).await;
    let (_service, mut daemon, sidecar) =
        between_with(|config| config.ingress.upstream = h2c(origin.address())).await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    let asked = Instant::now();
    client.send(EXPECTING).await;
    assert_eq!(client.head().await.line(), "HTTP/1.1 100 Continue");
    assert!(asked.elapsed() < Duration::from_millis(900), "the second was waited for");
    client.send("body").await;
    client.until("body").await;
    daemon.segment();
}

#[tokio::test]
async fn early_hints_are_passed_on_ahead_of_the_response() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut server = service.accept().await;
    server.head().await;
    server.send("HTTP/1.1 102 Processing\r\n\r\n").await;
    assert_eq!(client.head().await.line(), "HTTP/1.1 102 Processing");
    server
        .send("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nconnection: x-hop\r\nx-hop: 1\r\n\r\n")
        .await;
    let hints = client.head().await;
    assert_eq!((hints.line(), hints.header("link").as_str()), ("HTTP/1.1 103 Early Hints", "</a>"));
    assert!(!hints.has("x-hop") && !hints.has("connection"), "they belong to the other hop");
    server.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;

    let (head, body) = client.message().await;
    assert_eq!((head.line(), body.as_str()), ("HTTP/1.1 200 OK", "ok"));
    assert_eq!(daemon.segment()["http"]["response"]["status"], 200);
}

#[tokio::test]
async fn a_client_of_http_1_0_hears_no_informational_response() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let mut server = service.accept().await;
    server.head().await;
    server.send("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n").await;
    server.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(client.head().await.line(), "HTTP/1.0 200 OK");
    daemon.segment();
}

#[tokio::test]
async fn a_flood_of_informational_responses_is_the_services_fault() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut server = service.accept().await;
    server.head().await;
    server.send("HTTP/1.1 102 Processing\r\n\r\n".repeat(33)).await;
    client.until("HTTP/1.1 502 Bad Gateway").await;
    assert_eq!(daemon.segment()["cause"]["exceptions"][0]["type"], "ProtocolError");
    server.closed().await;
}
