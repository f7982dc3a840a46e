//! The admin port.

use http::Request;
use serde_json::Value;
use sideray::emit::options::Daemon as Target;
use sideray::sampling::rule::Limits;
use sideray::sampling::rule::Rate;
use sideray::sampling::rule::Rules;

use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::origin::Origin;
use crate::support::prometheus;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::between;
use crate::support::wire::Wire;

#[tokio::test]
async fn every_route_answers() {
    let (_service, _daemon, sidecar) = between().await;
    for (path, status, kind, part) in [
        ("/healthz", 200, "text/plain; charset=utf-8", "ok"),
        ("/readyz", 200, "text/plain; charset=utf-8", "ready"),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", "sideray_requests_total"),
        ("/traces", 200, "application/json", "{\"traces\":[]}"),
        ("/traces?limit=0", 400, "application/json", "limit"),
        ("/traces/1-5759e988-bd862e3fe1be46a994272793", 404, "application/json", "no such trace"),
        ("/", 200, "text/plain; charset=utf-8", "GET  /traces"),
        ("/nothing", 404, "text/plain; charset=utf-8", "GET  /traces"),
        ("/metrics/", 404, "text/plain; charset=utf-8", "GET  /traces"),
    ] {
        let response = client::send(sidecar.addresses.admin, client::get(path)).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(client::header(&response, "content-type"), kind, "{path}");
        assert_eq!(client::header(&response, "cache-control"), "no-store", "{path}");
        assert!(response.body().contains(part), "{path}: {}", response.body());
    }
}

#[tokio::test]
async fn only_what_a_route_knows_is_allowed() {
    let (_service, _daemon, sidecar) = between().await;
    for (method, path, status, allowed) in [
        ("GET", "/drain", 405, "POST"),
        ("HEAD", "/drain", 405, "POST"),
        ("POST", "/healthz", 405, "GET, HEAD"),
        ("DELETE", "/traces", 405, "GET, HEAD"),
        ("POST", "/nothing", 405, "GET, HEAD"),
        ("HEAD", "/healthz", 200, ""),
    ] {
        let request = Request::builder().method(method).uri(path).header("host", "a");
        let response = client::send(sidecar.addresses.admin, request).await;
        assert_eq!(response.status(), status, "{method} {path}");
        assert_eq!(client::header(&response, "allow"), allowed, "{method} {path}");
    }
    let ready = client::send(sidecar.addresses.admin, client::get("/readyz")).await;
    assert_eq!(ready.status(), 200, "a drain is only begun by POST");
}

#[tokio::test]
async fn the_metrics_are_prometheus_text() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    let limits = Limits { fixed_target: 0, rate: Rate::new(1.0).unwrap() };
    config.sampling = Rules::new(Vec::new(), limits);
    let sidecar = Sidecar::start(config);
    for _ in 0..3 {
        client::send(sidecar.addresses.ingress, client::get("/")).await;
        daemon.segment();
    }
    let call = Request::get(format!("http://{}/", origin.address()));
    client::send(sidecar.addresses.egress, call).await;
    daemon.segment();

    // The daemon has a document before it is counted as sent.
    sidecar.metric_becomes("sideray_documents_sent_total", 4.0).await;
    let page = client::send(sidecar.addresses.admin, client::get("/metrics")).await;
    let page = prometheus::parse(page.body());
    let value = |name: &str, labels: &[(&str, &str)]| -> f64 {
        let family = page.get(name).unwrap_or_else(|| panic!("no {name}"));
        let wanted = |sample: &&prometheus::Sample| {
            labels
                .iter()
                .all(|(label, value)| sample.labels.get(*label).is_some_and(|v| v == value))
        };
        family.samples.iter().filter(wanted).map(|sample| sample.value).sum()
    };
    for (name, labels, want) in [
        ("sideray_requests_total", &[("direction", "inbound"), ("status_class", "2xx")][..], 3.0),
        ("sideray_requests_total", &[("direction", "outbound"), ("status_class", "2xx")], 1.0),
        ("sideray_documents_sent_total", &[], 4.0),
        ("sideray_documents_dropped_total", &[], 0.0),
        ("sideray_sampling_decisions_total", &[("decision", "sampled")], 4.0),
        ("sideray_attribution_total", &[], 1.0),
        ("sideray_connections_accepted_total", &[("port", "ingress")], 3.0),
        ("sideray_connections_accepted_total", &[("port", "egress")], 1.0),
        ("sideray_upstream_total", &[("direction", "inbound"), ("event", "connected")], 1.0),
    ] {
        assert_eq!(value(name, labels), want, "{name} {labels:?}");
    }
    assert!(page.values().all(|family| family.help.ends_with('.')), "each says what it is");
}

#[tokio::test]
async fn traces_can_be_looked_at_where_there_is_no_daemon() {
    let (origin, daemon) = (Origin::hello().await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    config.emit.daemon = Target::Embedded;
    let sidecar = Sidecar::start(config);
    let response = client::send(sidecar.addresses.ingress, client::get("/seen")).await;
    let root = client::header(&response, "x-amzn-trace-id").strip_prefix("Root=").unwrap();
    sidecar.metric_becomes("sideray_collector_traces", 1.0).await;

    let admin = sidecar.addresses.admin;
    let list = client::send(admin, client::get("/traces?limit=1")).await;
    let list: Value = serde_json::from_str(list.body()).unwrap();
    assert_eq!(list["traces"][0]["Id"], root, "{list}");
    let one = client::send(admin, client::get(&format!("/traces/{root}"))).await;
    assert_eq!(one.status(), 200);
    assert!(one.body().contains("http://shop.example/seen"), "{}", one.body());
}

#[tokio::test]
async fn a_drain_finishes_what_is_open_and_takes_nothing_new() {
    let (service, mut daemon, sidecar) = between().await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send("GET /open HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut server = service.accept().await;
    server.head().await;

    let admin = sidecar.addresses.admin;
    let asked = client::send(admin, Request::post("/drain").header("host", "a")).await;
    assert_eq!((asked.status().as_u16(), asked.body().as_str()), (202, "draining\n"));
    loop {
        let ready = client::send(admin, client::get("/readyz")).await;
        if ready.status() == 503 {
            assert_eq!(ready.body(), "draining\n");
            break;
        }
    }
    let healthy = client::send(admin, client::get("/healthz")).await;
    assert_eq!(healthy.status(), 200, "it lives until it ends");

    server.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(client.message().await.1, "ok");
    client.closed().await;
    assert_eq!(daemon.segment()["http"]["response"]["status"], 200);
    let ingress = sidecar.addresses.ingress;
    let summary = sidecar.ended().await;
    assert_eq!((summary.recorded, summary.sent, summary.dropped), (1, 1, 0));
    assert!(tokio::net::TcpStream::connect(ingress).await.is_err(), "the port is closed");
}
