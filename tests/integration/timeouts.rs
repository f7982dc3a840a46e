//! What goes wrong between the sidecar and the service: what the client is told, what is recorded.

use crate::support::origin::Origin;
use crate::support::world::ManualClock;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sideray::config::Config;

use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::between;
use crate::support::sidecar::between_with;
use crate::support::wire::Head;
use crate::support::wire::Listener;
use crate::support::wire::Wire;

/// Short enough for a test, long enough for a loaded machine to do what takes no time.
const SHORT: Duration = Duration::from_millis(300);

const GET: &str = "GET /x HTTP/1.1\r\nhost: a\r\n\r\n";

/// One of our own answers: plain, with the trace, and silent about our insides.
async fn refused(client: &mut Wire, status: &str, segment: &Value) -> Head {
    let (head, body) = client.message().await;
    assert_eq!(head.line(), format!("HTTP/1.1 {status}"));
    assert_eq!(head.header("content-type"), "text/plain; charset=utf-8");
    let root = format!("Root={}", segment["trace_id"].as_str().unwrap());
    assert_eq!(head.header("x-amzn-trace-id"), root);
    for inside in ["127.0.0.1", "hyper", "sideray", "Error", "os error"] {
        assert!(!body.contains(inside), "{body}");
    }
    assert!(body.starts_with(&status[..3]) && body.ends_with('\n'), "{body}");
    head
}

fn caused(segment: &Value, kind: &str, status: u16) {
    assert_eq!(segment["http"]["response"]["status"], status, "{segment}");
    assert_eq!(segment["fault"], true, "{segment}");
    let exception = &segment["cause"]["exceptions"][0];
    assert_eq!(exception["type"], kind, "{segment}");
    assert_eq!(exception["remote"], false);
}

#[tokio::test]
async fn a_service_that_is_not_there() {
    let (gone, mut daemon) = (Listener::bind().await.address(), Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(gone, &daemon));
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    for _ in 0..2 {
        client.send(GET).await;
        let segment = daemon.segment();
        refused(&mut client, "503 Service Unavailable", &segment).await;
        caused(&segment, "ConnectionRefused", 503);
    }
    let failed = "sideray_upstream_total{direction=\"inbound\",event=\"failed\"}";
    assert_eq!(sidecar.metric(failed).await, 2.0);
}

#[tokio::test]
async fn a_service_that_breaks_off_before_it_answers() {
    let (service, mut daemon, sidecar) = between().await;
    for part in ["", "HTTP/1.1 200 OK\r\ncontent-le"] {
        let mut client = Wire::connect(sidecar.addresses.ingress).await;
        client.send("POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody").await;
        let mut server = service.accept().await;
        server.until("body").await;
        server.send(part).await;
        server.reset();
        let segment = daemon.segment();
        refused(&mut client, "502 Bad Gateway", &segment).await;
        caused(&segment, "ConnectionReset", 502);
    }
    assert!(service.is_quiet(), "a POST that was sent is not sent again");
}

#[tokio::test]
async fn a_service_that_does_not_speak_http() {
    let (service, mut daemon, sidecar) = between().await;
    for garbage in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 two hundred\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ] {
        let mut client = Wire::connect(sidecar.addresses.ingress).await;
        client.send(GET).await;
        let mut server = service.accept().await;
        server.head().await;
        server.send(garbage).await;
        let segment = daemon.segment();
        refused(&mut client, "502 Bad Gateway", &segment).await;
        caused(&segment, "ProtocolError", 502);
        server.closed().await;
    }
}

#[tokio::test]
async fn a_service_that_breaks_off_in_the_middle_of_its_response() {
    for framing in
        ["content-length: 10\r\n\r\nhalf", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
    {
        let (service, mut daemon, sidecar) = between().await;
        let mut client = Wire::connect(sidecar.addresses.ingress).await;
        client.send(GET).await;
        let mut server = service.accept().await;
        server.head().await;
        server.send(format!("HTTP/1.1 200 OK\r\n{framing}")).await;
        client.until("half").await;
        drop(server);

        let rest = client.rest().await;
        assert!(
            !rest.contains("0\r\n\r\n"),
            "a broken body does not look like a whole one: {rest}"
        );
        caused(&daemon.segment(), "ResponseBroken", 200);
    }
}

fn impatient(config: &mut Config) {
    config.ingress.timeouts.response = SHORT;
    config.ingress.timeouts.idle = SHORT;
}

#[tokio::test]
async fn a_service_that_does_not_answer() {
    let (service, mut daemon, sidecar) = between_with(impatient).await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send(GET).await;
    let mut server = service.accept().await;
    server.head().await;
    server.closed().await;
    let segment = daemon.segment();
    refused(&mut client, "504 Gateway Timeout", &segment).await;
    caused(&segment, "ResponseTimeout", 504);
}

#[tokio::test]
async fn a_service_that_falls_silent_in_the_middle_of_its_response() {
    let (service, mut daemon, sidecar) = between_with(impatient).await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send(GET).await;
    let mut server = service.accept().await;
    server.head().await;
    server.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    client.until("half").await;
    server.closed().await;
    client.closed().await;
    caused(&daemon.segment(), "ResponseTimeout", 200);
}

#[tokio::test]
async fn a_service_that_takes_none_of_the_request() {
    let (service, mut daemon, sidecar) = between_with(impatient).await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send("POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n").await;
    let mut server = service.accept().await;
    server.head().await;
    // More than all buffers on the way hold together, so that it cannot all be taken.
    let answer = client.head_while_sending(64 << 20).await;
    assert_eq!(answer.line(), "HTTP/1.1 504 Gateway Timeout");
    caused(&daemon.segment(), "ResponseTimeout", 504);
}

#[tokio::test]
async fn a_client_that_falls_silent_in_the_middle_of_its_request() {
    let (service, mut daemon, sidecar) = between_with(impatient).await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send("POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf").await;
    let mut server = service.accept().await;
    server.until("half").await;
    server.closed().await;

    let (head, body) = client.message().await;
    assert_eq!(head.line(), "HTTP/1.1 408 Request Timeout");
    assert!(body.starts_with("408 "), "{body}");
    client.closed().await;
    let segment = daemon.segment();
    assert_eq!(
        (&segment["error"], segment.get("fault")),
        (&true.into(), None),
        "not the service's"
    );
    assert_eq!(segment["cause"]["exceptions"][0]["type"], "ClientDisconnected");
}

#[tokio::test]
async fn a_client_that_is_slow_is_waited_for() {
    let (service, mut daemon, sidecar) =
        between_with(|config| config.ingress.timeouts.response = SHORT).await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send("POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbo").await;
    let mut server = service.accept().await;
    server.until("bo").await;
    // Longer than the service may take for its answer.
    let quiet = tokio::time::timeout(SHORT * 2, server.until("dy")).await;
    assert!(quiet.is_err(), "nothing more was sent");
    client.send("dy").await;
    server.until("dy").await;
    server.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(client.message().await.1, "ok");
    daemon.segment();
}

#[tokio::test]
async fn a_client_that_sends_no_request_is_let_go() {
    let (_service, _daemon, sidecar) =
        between_with(|config| config.ingress.timeouts.client = SHORT).await;
    for part in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: a\r\n"] {
        let mut client = Wire::connect(sidecar.addresses.ingress).await;
        client.send(part).await;
        client.rest().await;
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_connected_to_in_time() {
    // A listener whose backlog is full drops what comes, as a machine that is gone does.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let _first = std::net::TcpStream::connect(address).unwrap();

    let mut daemon = Daemon::start();
    let mut config = sidecar::config(address, &daemon);
    config.ingress.timeouts.connect = SHORT;
    let sidecar = Sidecar::start(config);
    let response = client::send(sidecar.addresses.ingress, client::get("/")).await;
    assert_eq!(response.status(), 504);
    caused(&daemon.segment(), "ConnectTimeout", 504);
}

#[tokio::test]
async fn a_request_we_answered_ourselves_may_still_be_the_one_that_calls() {
    let (other, mut daemon) = (Origin::hello().await, Daemon::start());
    let clock = Arc::new(ManualClock::new());
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sidecar = Sidecar::start_still(sidecar::config(nobody, &daemon), &clock);
    let refused = client::send(sidecar.addresses.ingress, client::get("/")).await;
    assert_eq!(refused.status().as_u16(), 503);

    clock.advance(Duration::from_secs(2));
    let call = client::get(&format!("http://{}/a", other.address()));
    client::send(sidecar.addresses.egress, call).await;

    let root = daemon.next_where("root of the call", |document| document.get("http").is_none());
    let method = &root["subsegments"][0]["metadata"]["sideray"]["attribution"]["method"];
    assert_eq!(method, "unknown", "its handler may be at work for long after our own answer");
}
