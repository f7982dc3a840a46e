//! TLS that is ended at the egress port: AWS calls within it, and all that must not be touched.

use std::path::PathBuf;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sideray::config::Config;
use sideray::proxy::options::Protocol;
use sideray::proxy::options::Route;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::server::TlsStream as ServerStream;

use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::origin::Origin;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::tls;
use crate::support::tls::Authority;
use crate::support::wire::Listener;
use crate::support::wire::Wire;

const HOST: &str = "dynamodb.us-east-1.amazonaws.com";

/// What of a DynamoDB call is in its head besides its length.
const SIGNED: &str = "host: dynamodb.us-east-1.amazonaws.com\r\n\
    x-amz-target: DynamoDB_20120810.PutItem\r\ncontent-type: application/x-amz-json-1.0\r\n\
    amz-sdk-invocation-id: 6a2f4bd0-0f6a-4b5c-9c58-6b1f1c9e2a11\r\n\
    authorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/dynamodb/aws4_request, \
    SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=00\r\n";

const BODY: &str = "{\"TableName\":\"orders\",\"Item\":{\"id\":{\"S\":\"1\"}}}";

/// AWS as the test plays it, a sidecar that leads AWS's hosts there, and its CA.
struct Scene {
    aws: Listener,
    authority: Authority,
    daemon: Daemon,
    sidecar: Sidecar,
    ca: TempDir,
}

impl Scene {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (aws, authority, daemon) = (Listener::bind().await, Authority::new(), Daemon::start());
        let ca = TempDir::new().unwrap();
        let mut config = sidecar::config(aws.address(), &daemon);
        config.egress.tls.roots = Some(authority.roots());
        config.egress.ca_dir = Some(ca.path().into());
        config.egress.intercept = vec!["*.amazonaws.com".into()];
        config.egress.routes = vec![route("*.amazonaws.com", Protocol::Tls, &aws)];
        change(&mut config);
        let sidecar = Sidecar::start(config);
        Self { aws, authority, daemon, sidecar, ca }
    }

    fn ca(&self) -> PathBuf {
        self.ca.path().join("ca.pem")
    }

    /// A program that trusts our CA, and AWS's end of its connection.
    async fn connect(
        &self,
        alpn: &[&str],
    ) -> (TlsStream<TcpStream>, Wire<ServerStream<TcpStream>>) {
        let (ca, egress) = (self.ca(), self.sidecar.addresses.egress);
        let client = tls::through(egress, HOST, &ca, alpn);
        let acceptor = self.authority.acceptor(alpn);
        let server = async { self.aws.accept().await.tls(&acceptor).await };
        let (client, server) = tokio::join!(client, server);
        (client.unwrap(), server)
    }

    /// The only call of the next segment.
    fn call(&mut self) -> Value {
        let mut segment = self.daemon.segment();
        let mut calls = segment["subsegments"].take();
        assert_eq!(calls.as_array().unwrap().len(), 1, "calls in {segment}");
        calls[0].take()
    }
}

fn route(host: &str, protocol: Protocol, to: &Listener) -> Route {
    Route { host: host.into(), protocol, connect_to: to.address().to_string().parse().unwrap() }
}

fn put_item() -> String {
    format!("POST / HTTP/1.1\r\n{SIGNED}content-length: {}\r\n\r\n{BODY}", BODY.len())
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nx-amzn-requestid: R1\r\ncontent-type: application/x-amz-json-1.0\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_call_within_tls_is_a_call_of_dynamodb() {
    let mut scene = Scene::new().await;
    let (client, mut server) = scene.connect(&["http/1.1"]).await;
    let mut client = Wire::new(client);
    client.send(put_item()).await;
    let head = server.head().await;
    assert_eq!(head.line(), "POST / HTTP/1.1");
    assert!(head.header("x-amzn-trace-id").starts_with("Root=1-"));
    assert_eq!(server.exactly(BODY.len()).await, BODY.as_bytes());
    server.send(answer("200 OK", "{}")).await;
    assert_eq!(client.message().await.1, "{}");

    let call = scene.call();
    assert_eq!((&call["name"], &call["namespace"]), (&"dynamodb".into(), &"aws".into()));
    let want = serde_json::json!({
        "operation": "PutItem", "region": "us-east-1", "request_id": "R1", "table_name": "orders"
    });
    assert_eq!(call["aws"], want);
    assert_eq!(call["http"]["request"]["url"], format!("https://{HOST}/"));
    assert_eq!(call["http"]["response"]["status"], 200);
    let intercepted = "sideray_tunnels_total{outcome=\"intercepted\"}";
    assert_eq!(scene.sidecar.metric(intercepted).await, 1.0);
}

#[tokio::test]
async fn a_throttled_call_says_so() {
    let mut scene = Scene::new().await;
    let (client, mut server) = scene.connect(&["http/1.1"]).await;
    let mut client = Wire::new(client);
    client.send(put_item().replace("amz-sdk-invocation-id", "x-other")).await;
    server.head().await;
    let body = "{\"__type\":\"com.amazon.coral.availability#ThrottlingException\",\
        \"message\":\"Rate exceeded\"}";
    server.send(answer("400 Bad Request", body)).await;
    assert_eq!(client.message().await.1, body);
    let call = scene.call();
    let flags = ["error", "throttle", "fault"].map(|flag| call.get(flag).is_some());
    assert_eq!(flags, [true, true, false], "{call}");
    let exception = &call["cause"]["exceptions"][0];
    assert_eq!(exception["type"], "ThrottlingException");
    assert_eq!(
        (&exception["message"], &exception["remote"]),
        (&"Rate exceeded".into(), &true.into())
    );
}

#[tokio::test]
async fn attempts_of_one_call_are_one_subsegment() {
    let mut scene = Scene::new().await;
    let (client, mut server) = scene.connect(&["http/1.1"]).await;
    let mut client = Wire::new(client);
    let mut parents = Vec::new();
    for status in ["503 Service Unavailable", "500 Internal Server Error", "200 OK"] {
        client.send(put_item()).await;
        parents.push(server.head().await.header("x-amzn-trace-id"));
        server.exactly(BODY.len()).await;
        server.send(answer(status, "{}")).await;
        client.message().await;
    }
    assert!(parents.iter().all(|parent| *parent == parents[0]), "{parents:?}");
    let call = scene.call();
    assert_eq!(
        (&call["aws"]["retries"], &call["http"]["response"]["status"]),
        (&2.into(), &200.into())
    );
    assert!(call.get("fault").is_none(), "{call}");
    let attempts = call["metadata"]["sideray"]["attempts"].as_array().unwrap();
    let statuses: Vec<_> = attempts.iter().map(|attempt| attempt["status"].as_u64()).collect();
    assert_eq!(statuses, [Some(503), Some(500)]);
}

#[tokio::test]
async fn http_2_is_spoken_on_both_sides() {
    let mut scene = Scene::new().await;
    let acceptor = scene.authority.acceptor(&["h2", "http/1.1"]);
    let origin = Origin::tls(acceptor).await;
    let mut config = sidecar::config(origin.address(), &scene.daemon);
    config.egress.tls.roots = Some(scene.authority.roots());
    config.egress.ca_dir = Some(scene.ca.path().into());
    config.egress.intercept = vec!["*.amazonaws.com".into()];
    config.egress.routes = vec![Route {
        host: "*.amazonaws.com".into(),
        protocol: Protocol::Tls,
        connect_to: origin.address().to_string().parse().unwrap(),
    }];
    let sidecar = Sidecar::start(config);
    let ca = scene.ca();
    let client = tls::through(sidecar.addresses.egress, HOST, &ca, &["h2", "http/1.1"]);
    let client = client.await.unwrap();
    assert_eq!(tls::agreed(&client), "h2");
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(client)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post(format!("https://{HOST}/"))
        .header("x-amz-target", "DynamoDB_20120810.ListTables")
        .header("x-amz-user-agent", "aws-sdk-js/3")
        .header("content-type", "application/x-amz-json-1.0")
        .body(Full::new(Bytes::from("{}")))
        .unwrap();
    let response = client::read(sender.send_request(request).await.unwrap()).await;
    assert_eq!(response.body(), "hello");
    assert_eq!(origin.seen()[0].version, http::Version::HTTP_2);
    assert_eq!(scene.call()["aws"]["operation"], "ListTables");
}

#[tokio::test]
async fn a_trace_header_that_is_signed_is_not_touched() {
    let mut scene = Scene::new().await;
    let (client, mut server) = scene.connect(&["http/1.1"]).await;
    let mut client = Wire::new(client);
    let mine = "Root=1-00000001-000000000000000000000001;Sampled=1";
    let signed = put_item()
        .replace("x-amz-target,", "x-amz-target;x-amzn-trace-id,")
        .replace("x-amz-target: ", &format!("x-amzn-trace-id: {mine}\r\nx-amz-target: "));
    client.send(signed).await;
    assert_eq!(server.head().await.header("x-amzn-trace-id"), mine);
    server.send(answer("200 OK", "{}")).await;
    client.message().await;
    assert_eq!(scene.daemon.segment()["trace_id"], "1-00000001-000000000000000000000001");
}

#[tokio::test]
async fn who_refuses_our_certificate_gets_the_tunnel() {
    let mut scene = Scene::new().await;
    let acceptor = scene.authority.acceptor(&["http/1.1"]);
    let (egress, roots) = (scene.sidecar.addresses.egress, scene.authority.roots());
    for _ in 0..2 {
        // It trusts whoever vouches for the real server, and not us.
        let client = tls::through(egress, HOST, &roots, &["http/1.1"]);
        let server = async { scene.aws.accept().await.tls(&acceptor).await };
        let (client, _server) = tokio::join!(client, server);
        assert!(client.is_err(), "our certificate is refused");
        let call = scene.call();
        assert_eq!(call["cause"]["exceptions"][0]["type"], "CallCancelled");
    }
    let client = tls::through(egress, HOST, &roots, &["http/1.1"]);
    let server = async { scene.aws.accept().await.tls(&acceptor).await };
    let (client, mut server) = tokio::join!(client, server);
    let mut client = Wire::new(client.expect("the server's own certificate"));
    client.send("anything").await;
    assert_eq!(server.exactly(8).await, b"anything");
    drop((client, server));
    assert!(scene.call()["metadata"]["sideray"]["tunnel"].is_object());
    for (outcome, times) in [("refused", 2.0), ("left_alone", 1.0), ("intercepted", 0.0)] {
        let sample = format!("sideray_tunnels_total{{outcome=\"{outcome}\"}}");
        assert_eq!(scene.sidecar.metric(&sample).await, times, "{outcome}");
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_the_clients_to_judge() {
    let mut scene = Scene::with(|config| config.egress.tls.roots = None).await;
    let acceptor = scene.authority.acceptor(&["http/1.1"]);
    let (egress, roots) = (scene.sidecar.addresses.egress, scene.authority.roots());
    let client = tls::through(egress, HOST, &roots, &["http/1.1"]);
    let server = async {
        scene.aws.accept().await.refuses_us(&acceptor).await;
        scene.aws.accept().await.tls(&acceptor).await
    };
    let (client, mut server) = tokio::join!(client, server);
    let mut client = Wire::new(client.expect("the server's own certificate"));
    client.send("anything").await;
    assert_eq!(server.exactly(8).await, b"anything");
    drop((client, server));
    assert!(scene.call()["metadata"]["sideray"]["tunnel"].is_object());
}

#[tokio::test]
async fn other_hosts_and_other_protocols_stay_blind() {
    let mut scene = Scene::with(|config| {
        let to = config.egress.routes[0].connect_to.clone();
        let protocol = Protocol::Tls;
        config.egress.routes.push(Route { host: "*".into(), protocol, connect_to: to });
    })
    .await;
    for (to, says) in [
        ("shop.example:443", "\x16\x03\x01\0\x05hello"),
        (&*format!("{HOST}:443"), "SSH-2.0-x\r\n"),
    ] {
        let mut client = Wire::new(tls::tunnel(scene.sidecar.addresses.egress, to).await);
        client.send(says).await;
        let mut server = scene.aws.accept().await;
        assert_eq!(server.exactly(says.len()).await, says.as_bytes(), "{to}");
        server.send("answer").await;
        assert_eq!(client.exactly(6).await, b"answer");
        drop((client, server));
        assert!(scene.call()["metadata"]["sideray"]["tunnel"].is_object(), "{to}");
    }
}

#[tokio::test]
async fn a_server_with_the_first_word_is_let_speak() {
    let mut scene = Scene::new().await;
    let to = format!("{HOST}:443");
    let mut client = Wire::new(tls::tunnel(scene.sidecar.addresses.egress, &to).await);
    let mut server = scene.aws.accept().await;
    server.send("220 ready\r\n").await;
    client.until("220 ready\r\n").await;
    drop((client, server));
    assert!(scene.call()["metadata"]["sideray"]["tunnel"].is_object());
}

#[tokio::test]
async fn a_connection_that_the_server_ends_is_ended_for_the_client() {
    let scene = Scene::new().await;
    let (client, mut server) = scene.connect(&["http/1.1"]).await;
    let mut client = Wire::new(client);
    client.send(put_item()).await;
    server.head().await;
    server.exactly(BODY.len()).await;
    drop(server);
    assert_eq!(client.rest().await, "", "no answer of ours in its place");
    drop(client);
    let Scene { mut daemon, sidecar, .. } = scene;
    sidecar.stop().await;
    let segment = daemon.segment();
    let call = &segment["subsegments"][0];
    assert_eq!(call["cause"]["exceptions"][0]["type"], "ConnectionReset", "{call}");
    assert_eq!(call["aws"]["operation"], "PutItem");
}

#[tokio::test]
async fn plain_http_in_a_tunnel_is_seen() {
    let mut scene = Scene::with(|config| {
        let to = config.egress.routes[0].connect_to.clone();
        let (host, protocol) = ("plain.example".into(), Protocol::Http1);
        config.egress.routes.push(Route { host, protocol, connect_to: to });
    })
    .await;
    let egress = scene.sidecar.addresses.egress;
    let mut client = Wire::new(tls::tunnel(egress, "plain.example:80").await);
    client.send("GET /a?b HTTP/1.1\r\nhost: plain.example\r\n\r\n").await;
    let mut server = scene.aws.accept().await;
    let head = server.head().await;
    assert_eq!(head.line(), "GET /a?b HTTP/1.1");
    assert!(head.has("x-amzn-trace-id"));
    server.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(client.message().await.1, "ok");
    let call = scene.call();
    assert_eq!(call["http"]["request"]["url"], "http://plain.example/a");
    assert_eq!(call["namespace"], "remote");
}
