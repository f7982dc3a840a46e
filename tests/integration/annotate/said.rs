//! What the service says itself, by headers of its response that no client sees.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::json;
use sideray::config::Config;
use sideray::record::options::Keep;

use super::beside;
use super::outcome;
use super::rules;
use super::saying;
use crate::support::client;
use crate::support::sidecar;
use crate::support::sidecar::between_with;
use crate::support::wire::Wire;

#[tokio::test]
async fn the_service_says_what_it_knows_and_the_client_does_not_see_it() {
    const SAID: &[(&str, &str)] = &[
        ("x-sideray-annotate", "x_request_id=own; total=12.50; paid=true"),
        ("X-Sideray-Annotate", "note=\"a; b\"; bad"),
        ("x-sideray-user", "ann"),
        ("x-kept", "1"),
    ];
    type Change = fn(&mut Config);
    let cases: [(&str, Change, bool); 5] = [
        ("recorded", |_| {}, true),
        ("without rules", |config| config.annotate.clear(), true),
        ("not sampled", |config| config.sampling = sidecar::never(), false),
        ("not traced", |config| config.record.enabled = false, false),
        (
            "kept",
            |config| {
                config.sampling = sidecar::never();
                config.record.keep = Keep { slower_than: Some(Duration::ZERO), ..Keep::default() };
            },
            true,
        ),
    ];
    for (case, change, recorded) in cases {
        for h2 in [false, true] {
            let origin = saying(SAID).await;
            let (mut daemon, sidecar) = beside(&origin, |config| {
                config.annotate = rules("annotate = [{ header = 'x-request-id' }]");
                change(config);
            })
            .await;
            let request = client::get("http://shop.example/")
                .header("x-request-id", "rule")
                .header("x-sideray-annotate", "clients=1")
                .header("x-sideray-user", "mallory");
            let response = if h2 {
                let request = Request::get("http://shop.example/").header("x-request-id", "rule");
                let mut client = client::connect_h2(sidecar.addresses.ingress).await;
                let request = request.body(Full::<Bytes>::default()).unwrap();
                client::read(client.send_request(request).await.unwrap()).await
            } else {
                client::send(sidecar.addresses.ingress, request).await
            };
            let ours = response.headers().keys().filter(|name| name.as_str().contains("sideray"));
            assert_eq!(ours.count(), 0, "{case}");
            assert_eq!(client::header(&response, "x-kept"), "1", "{case}");
            if recorded {
                let segment = daemon.segment();
                let want = json!({
                    "x_request_id": "own", "total": 12.5, "paid": true, "note": "a; b",
                });
                assert_eq!(segment["annotations"], want, "{case}");
                assert_eq!(segment["user"], "ann", "{case}");
                assert_eq!(outcome(&sidecar, "malformed").await, 1.0, "{case}");
            }
            drop(sidecar);
            assert_eq!(daemon.drain().len(), 0, "{case}");
        }
    }
}

#[tokio::test]
async fn what_is_said_in_hints_and_before_an_upgrade_stays_here_too() {
    let (service, mut daemon, sidecar) = between_with(|_| {}).await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n").await;
    let mut server = service.accept().await;
    server.head().await;
    server.send("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nx-sideray-user: a\r\n\r\n").await;
    let hints = client.head().await;
    assert_eq!((hints.header("link"), hints.header("x-sideray-user")), ("</a>".into(), "".into()));
    let upgraded = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\
                    x-sideray-user: ann\r\n\r\n";
    server.send(upgraded).await;
    let head = client.head().await;
    assert_eq!((head.header("upgrade"), head.header("x-sideray-user")), ("x".into(), "".into()));
    assert_eq!(daemon.segment()["user"], "ann");
}

#[tokio::test]
async fn of_sixty_annotations_fifty_are_kept() {
    let origin = saying(&[("x-sideray-annotate", "one=1; k0=own")]).await;
    let (mut daemon, sidecar) = beside(&origin, |config| {
        let lines = (0..60).map(|n| format!("[[annotate]]\nvalue = {n}\nkey = \"k{n}\"\n"));
        config.annotate = rules(&lines.collect::<String>());
    })
    .await;
    client::send(sidecar.addresses.ingress, client::get("/")).await;
    let segment = daemon.segment();
    let annotations = segment["annotations"].as_object().unwrap();
    assert_eq!((annotations.len(), &annotations["k0"]), (50, &json!("own")));
    assert_eq!(annotations.get("one"), None);
    assert_eq!(outcome(&sidecar, "set").await, 51.0);
    sidecar.metric_becomes("sideray_remarks_dropped_total", 11.0).await;
}
