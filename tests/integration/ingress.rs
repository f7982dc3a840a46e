//! Inbound requests: what the service sees, what the client sees, what is recorded.

use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::origin;
use crate::support::origin::Origin;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;

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
