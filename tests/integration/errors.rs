//! What responses say of their errors: it becomes the cause, and for gRPC the flags too.

use std::net::SocketAddr;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Request;
use http::Response;
use http_body_util::BodyExt;
use http_body_util::Full;
use serde_json::Value;
use sideray::config::Config;
use sideray::record::options::Keep;

use crate::support::client;
use crate::support::daemon::Callers;
use crate::support::daemon::Daemon;
use crate::support::origin::Origin;
use crate::support::origin::full;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::never;

const PROBLEM: &str = r#"{"type": "https://errors.test/out-of-stock", "title": "Out of stock",
"status": 409, "detail": "no \"widgets\" are left"}"#;

/// A service whose answer is an error that its body names.
async fn failing(status: u16, kind: &'static str, body: &'static str) -> Origin {
    Origin::start(move |_| async move {
        let response = Response::builder().status(status).header("content-type", kind);
        response.body(full(body)).unwrap()
    })
    .await
}

fn beside(service: SocketAddr, change: impl FnOnce(&mut Config)) -> (Daemon, Sidecar) {
    beside_with(service, Callers::Known, change)
}

fn beside_with(
    service: SocketAddr,
    callers: Callers,
    change: impl FnOnce(&mut Config),
) -> (Daemon, Sidecar) {
    let daemon = Daemon::with(callers);
    let mut config = sidecar::config(service, &daemon);
    change(&mut config);
    let sidecar = Sidecar::start(config);
    (daemon, sidecar)
}

fn exception(entity: &Value) -> (&str, &str, bool) {
    let exceptions = entity["cause"]["exceptions"].as_array().expect("a cause");
    assert_eq!(exceptions.len(), 1, "{entity}");
    let text = |key: &str| exceptions[0][key].as_str().unwrap();
    (text("type"), text("message"), exceptions[0]["remote"].as_bool().unwrap())
}

#[tokio::test]
async fn an_error_that_the_body_names_is_the_cause() {
    let service = failing(409, "application/problem+json", PROBLEM).await;
    let (mut daemon, sidecar) = beside(service.address(), |_| {});

    let response = client::send(sidecar.addresses.ingress, client::get("/")).await;
    assert_eq!(response.body(), PROBLEM, "it passes as it was");
    let segment = daemon.segment();
    assert_eq!(exception(&segment), ("out-of-stock", "no \"widgets\" are left", false));
    assert_eq!((&segment["error"], &segment["fault"]), (&true.into(), &Value::Null));

    let call = Request::get(format!("http://{}/", service.address()));
    client::send(sidecar.addresses.egress, call).await;
    let call = daemon.segment()["subsegments"][0].take();
    assert_eq!(exception(&call), ("out-of-stock", "no \"widgets\" are left", true));
}

#[tokio::test]
async fn what_names_no_error_has_no_cause() {
    for (status, kind, body) in [
        (200, "application/json", PROBLEM),
        (500, "text/plain", PROBLEM),
        (500, "application/json", "{}"),
        (500, "application/json", ""),
    ] {
        let service = failing(status, kind, body).await;
        let (mut daemon, sidecar) = beside(service.address(), |_| {});
        client::send(sidecar.addresses.ingress, client::get("/")).await;
        let segment = daemon.segment();
        assert_eq!(segment.get("cause"), None, "{status} {kind} {body}");
    }
}

#[tokio::test]
async fn bodies_are_not_looked_at_where_they_must_not_be() {
    let service = failing(500, "application/json", PROBLEM).await;
    let (mut daemon, sidecar) = beside(service.address(), |config| config.error_bodies = false);
    client::send(sidecar.addresses.ingress, client::get("/")).await;
    let segment = daemon.segment();
    assert_eq!((segment.get("cause"), &segment["fault"]), (None, &true.into()));
}

/// A service that answers in gRPC, with its status where `in_trailers` says.
async fn grpc(status: &'static str, in_trailers: bool) -> Origin {
    Origin::start(move |_| async move {
        let mut last = HeaderMap::new();
        last.insert("grpc-status", HeaderValue::from_static(status));
        last.insert("grpc-message", HeaderValue::from_static("the%20stock%20is%20out"));
        let mut response = Response::builder().header("content-type", "application/grpc+proto");
        if !in_trailers {
            response.headers_mut().unwrap().extend(last);
            return response.body(full("")).unwrap();
        }
        let message = full("\0\0\0\0\0").with_trailers(async { Some(Ok(last)) });
        response.body(message.boxed()).unwrap()
    })
    .await
}

#[tokio::test]
async fn the_status_of_grpc_is_believed_wherever_it_stands() {
    for (status, name, error, throttle, fault) in [
        ("5", "NOT_FOUND", true, false, false),
        ("8", "RESOURCE_EXHAUSTED", false, true, false),
        ("14", "UNAVAILABLE", false, false, true),
    ] {
        for in_trailers in [true, false] {
            let service = grpc(status, in_trailers).await;
            // A judge expects an error beside a throttle, which the SDK for Go does not set.
            let callers = if throttle { Callers::Unusual } else { Callers::Known };
            let (mut daemon, sidecar) = beside_with(service.address(), callers, |config| {
                config.ingress.upstream = sidecar::h2c(service.address());
            });
            let mut client = client::connect_h2(sidecar.addresses.ingress).await;
            let request = Request::post("http://shop.example/shop.Stock/Take")
                .header("te", "trailers")
                .header("content-type", "application/grpc+proto")
                .body(Full::<Bytes>::default())
                .unwrap();
            let response = client.send_request(request).await.unwrap();
            let whole = response.into_body().collect().await.unwrap();
            assert_eq!(whole.trailers().is_some(), in_trailers);

            let segment = daemon.segment();
            assert_eq!(exception(&segment), (name, "the stock is out", false));
            let flags = ["error", "throttle", "fault"].map(|flag| segment[flag] == true);
            assert_eq!(flags, [error, throttle, fault], "{name}");
        }
    }
}

#[tokio::test]
async fn grpc_that_went_well_has_no_cause() {
    let service = grpc("0", true).await;
    let (mut daemon, sidecar) = beside(service.address(), |config| {
        config.ingress.upstream = sidecar::h2c(service.address());
    });
    let client = client::connect_h2(sidecar.addresses.ingress).await;
    let request = Request::post("http://shop.example/").body(Full::<Bytes>::default()).unwrap();
    let response = client.clone().send_request(request).await.unwrap();
    response.into_body().collect().await.unwrap();
    assert_eq!(daemon.segment().get("cause"), None);
}

#[tokio::test]
async fn a_fault_of_grpc_behind_a_200_is_kept() {
    let service = grpc("13", true).await;
    let (mut daemon, sidecar) = beside(service.address(), |config| {
        config.ingress.upstream = sidecar::h2c(service.address());
        config.sampling = never();
        config.record.keep = Keep { fault: true, ..Keep::default() };
    });
    let mut client = client::connect_h2(sidecar.addresses.ingress).await;
    let request = Request::post("http://shop.example/").body(Full::<Bytes>::default()).unwrap();
    client.send_request(request).await.unwrap().into_body().collect().await.unwrap();
    let segment = daemon.segment();
    assert_eq!(segment["metadata"]["sideray"]["kept"], "fault");
    assert_eq!(exception(&segment), ("INTERNAL", "the stock is out", false));
}
