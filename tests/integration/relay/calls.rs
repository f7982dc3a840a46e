//! What SDKs ask over TCP: the daemon answers, or it is said why nobody does.

use std::time::Duration;
use std::time::Instant;

use http::Request;
use http::StatusCode;
use serde_json::Value;
use serde_json::json;
use sideray::emit::options::Daemon as Target;

use super::count;
use super::relay;
use super::with_relay;
use crate::support::DEADLINE;
use crate::support::client;
use crate::support::origin;
use crate::support::origin::Origin;
use crate::support::port::Port;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::between_with;
use crate::support::wire::Listener;
use crate::support::wire::Wire;

#[tokio::test]
async fn questions_pass_to_the_daemon_and_answers_back() {
    let daemon = Origin::start(|request| async {
        let teapot = request.uri().path() == "/teapot";
        let mut reply = origin::echo(request).await;
        if teapot {
            *reply.status_mut() = StatusCode::IM_A_TEAPOT;
        }
        reply.headers_mut().insert("x-amzn-requestid", "7".parse().unwrap());
        reply
    })
    .await;
    let service = Listener::bind().await;
    let mut config = sidecar::config_at(service.address(), daemon.address());
    with_relay(&mut config);
    let sidecar = Sidecar::start(config);
    let to = relay(&sidecar);

    let request = Request::post("/GetSamplingRules?a=b").header("x-amz-target", "t");
    let request = request.header("x-amzn-trace-id", "Root=1").header("traceparent", "00");
    let reply =
        client::send_body(to, request.header("connection", "x-hop").header("x-hop", "1"), "{}");
    let reply = reply.await;
    assert_eq!((reply.status(), reply.body().as_str()), (StatusCode::OK, "{}"));
    assert_eq!(client::header(&reply, "x-amzn-requestid"), "7");
    let seen = daemon.only();
    assert_eq!(seen.uri, "/GetSamplingRules?a=b");
    assert_eq!(origin::header(&seen, "host"), daemon.address().to_string());
    assert_eq!(origin::header(&seen, "x-amz-target"), "t");
    assert!(!seen.headers.contains_key("x-hop"), "it was for us");
    assert!(!seen.headers.contains_key("x-amzn-trace-id"), "it is not traced");

    let request = Request::delete("/teapot");
    assert_eq!(client::send(to, request).await.status(), StatusCode::IM_A_TEAPOT);
    let (most, more) = ("x".repeat(1 << 20), "x".repeat((1 << 20) + 1));
    assert_eq!(client::send_body(to, Request::put("/"), most).await.status(), StatusCode::OK);
    let refused = client::send_body(to, Request::put("/"), more).await;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(count(&sidecar, "sideray_relay_calls_total{outcome=\"answered\"}").await, 3);
    assert_eq!(count(&sidecar, "sideray_relay_calls_total{outcome=\"refused\"}").await, 1);
    assert_eq!(count(&sidecar, "sideray_documents_offered_total").await, 0);
}

#[tokio::test]
async fn without_a_daemon_there_are_no_rules() {
    let service = Listener::bind().await;
    let port = Port::closed();
    let mut config = sidecar::config_at(service.address(), port.address());
    with_relay(&mut config);
    config.emit.daemon = Target::Embedded;
    let sidecar = Sidecar::start(config);
    let asked = |path| client::send_body(relay(&sidecar), Request::post(path), "{}");
    let rules = asked("/GetSamplingRules").await;
    let targets = asked("/SamplingTargets").await;
    assert_eq!((rules.status(), targets.status()), (StatusCode::OK, StatusCode::OK));
    let empty: Value = serde_json::from_str(rules.body()).unwrap();
    assert_eq!(empty, json!({ "SamplingRuleRecords": [] }));
    assert!(targets.body().contains("\"SamplingTargetDocuments\":[]"), "{}", targets.body());
    assert_eq!(asked("/TraceSegments").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(count(&sidecar, "sideray_relay_calls_total{outcome=\"alone\"}").await, 3);
}

#[tokio::test]
async fn a_daemon_that_is_away_is_said_to_be() {
    let service = Listener::bind().await;
    let port = Port::closed();
    let mut config = sidecar::config_at(service.address(), port.address());
    with_relay(&mut config);
    let sidecar = Sidecar::start(config);
    let reply = client::send_body(relay(&sidecar), Request::post("/SamplingTargets"), "{}").await;
    assert_eq!(reply.status(), StatusCode::BAD_GATEWAY);
    assert!(reply.body().starts_with("502 the X-Ray daemon"), "{}", reply.body());
    assert_eq!(count(&sidecar, "sideray_relay_calls_total{outcome=\"unanswered\"}").await, 1);
}

#[tokio::test]
async fn one_connection_too_many_is_closed() {
    let (_service, _daemon, sidecar) = between_with(with_relay).await;
    let mut open = Vec::new();
    for _ in 0..sideray::relay::calls::CONNECTIONS {
        open.push(Wire::connect(relay(&sidecar)).await);
    }
    Wire::connect(relay(&sidecar)).await.closed().await;
    drop(open.pop());
    let end = Instant::now() + DEADLINE;
    // There is room again once it has seen the other go.
    loop {
        let mut wire = Wire::connect(relay(&sidecar)).await;
        wire.send("GET / HTTP/1.0\r\n\r\n").await;
        if wire.rest().await.starts_with("HTTP/1.0 502") {
            break;
        }
        assert!(Instant::now() < end, "there is no room again");
    }
    let waited = tokio::time::timeout(Duration::from_millis(0), open.pop().unwrap().closed()).await;
    assert!(waited.is_err(), "the others stay");
}
