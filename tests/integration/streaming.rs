//! Bodies on their way through: none is held back, none is changed, trailers included.

use crate::support::sidecar::between;
use crate::support::wire::Wire;

/// What is sent in large bodies: 8 MiB in which no two blocks are alike.
fn large() -> Vec<u8> {
    (0..2_097_152_u32).flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn large_bodies_stream_both_ways() {
    let (service, mut daemon, sidecar) = between().await;
    let (body, first) = (large(), 1000);
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    let head = format!("POST /up HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
    client.send(head).await;
    client.send(&body[..first]).await;

    let mut server = service.accept().await;
    let head = server.head().await;
    assert_eq!(head.header("content-length"), body.len().to_string());
    let mut came = server.exactly(first).await;
    let (_, rest) = tokio::join!(client.send(&body[first..]), server.exactly(body.len() - first));
    came.extend(rest);
    assert!(came == body, "the upload arrived as it was sent");

    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    server.send(head).await;
    server.send(&body[..first]).await;
    assert_eq!(client.head().await.header("content-length"), body.len().to_string());
    let mut came = client.exactly(first).await;
    assert_eq!(
        daemon.drain(),
        Vec::<serde_json::Value>::new(),
        "the exchange is open until its last byte"
    );
    let (_, rest) = tokio::join!(server.send(&body[first..]), client.exactly(body.len() - first));
    came.extend(rest);
    assert!(came == body, "the response arrived as it was sent");
    assert_eq!(daemon.segment()["http"]["response"]["content_length"], body.len());
}

#[tokio::test]
async fn chunks_are_passed_on_as_they_come() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send("PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let mut server = service.accept().await;
    assert_eq!(server.head().await.header("transfer-encoding"), "chunked");
    for piece in ["one", "two"] {
        client.send(format!("3\r\n{piece}\r\n")).await;
        server.until(&format!("3\r\n{piece}\r\n")).await;
    }
    client.send("0\r\n\r\n").await;
    server.until("0\r\n\r\n").await;

    server.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert_eq!(client.head().await.header("transfer-encoding"), "chunked");
    for piece in ["eins", "zwei"] {
        server.send(format!("4\r\n{piece}\r\n")).await;
        client.until(&format!("4\r\n{piece}\r\n")).await;
    }
    server.send("0\r\n\r\n").await;
    client.until("0\r\n\r\n").await;
    assert!(daemon.segment()["http"]["response"].get("content_length").is_none());
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client
        .send(
            "POST / HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: te\r\ntrailer: x-sum\r\n\
             transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx-sum: up\r\n\r\n",
        )
        .await;
    let mut server = service.accept().await;
    let head = server.head().await;
    assert_eq!((head.header("te"), head.header("trailer")), ("trailers".into(), "x-sum".into()));
    assert_eq!(server.until("\r\n\r\n").await, "4\r\nbody\r\n0\r\nx-sum: up\r\n\r\n");
    server
        .send(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
             4\r\nbody\r\n0\r\nx-sum: down\r\n\r\n",
        )
        .await;
    assert_eq!(client.head().await.header("trailer"), "x-sum");
    assert_eq!(client.until("\r\n\r\n").await, "4\r\nbody\r\n0\r\nx-sum: down\r\n\r\n");
    daemon.segment();
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_request() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut server = service.accept().await;
    server.head().await;
    drop(client);

    server.closed().await;
    let segment = daemon.segment();
    assert_eq!((&segment["error"], segment.get("fault")), (&true.into(), None));
    assert_eq!(segment["cause"]["exceptions"][0]["type"], "ClientDisconnected");
    assert!(segment["http"].get("response").is_none(), "there was none");
}

#[tokio::test]
async fn a_client_may_go_away_in_the_middle_of_a_response() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut server = service.accept().await;
    server.head().await;
    server.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    client.until("half").await;
    drop(client);

    server.closed().await;
    let segment = daemon.segment();
    assert_eq!(segment["cause"]["exceptions"][0]["type"], "ClientDisconnected");
    assert_eq!(
        (&segment["error"], &segment["http"]["response"]["status"]),
        (&true.into(), &200.into())
    );
}

#[tokio::test]
async fn a_client_may_go_away_in_the_middle_of_its_request() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send("POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf").await;
    let mut server = service.accept().await;
    server.until("half").await;
    drop(client);

    server.closed().await;
    let segment = daemon.segment();
    assert_eq!((&segment["error"], segment.get("fault")), (&true.into(), None));
    assert_eq!(segment["cause"]["exceptions"][0]["type"], "ClientDisconnected");
}
