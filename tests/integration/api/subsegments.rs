//! Subsegments that a service begins and ends by itself.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use super::Open;
use super::SAMPLED;
use super::now;
use super::post;
use super::put;
use super::taken;
use crate::support::client;
use crate::support::daemon::Callers;
use crate::support::daemon::Daemon;
use crate::support::origin::Origin;
use crate::support::origin::header;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::between;
use crate::support::sidecar::between_with;
use crate::support::traces::embedded;
use crate::support::traces::method;
use crate::support::wire::Listener;
use crate::support::world::ManualClock;

/// A sidecar whose clock stands still at [`AT`].
async fn still(callers: Callers) -> (Listener, Daemon, Sidecar, Arc<ManualClock>) {
    let (service, daemon) = (Listener::bind().await, Daemon::with(callers));
    let clock = Arc::new(ManualClock::new());
    let sidecar = Sidecar::start_still(sidecar::config(service.address(), &daemon), &clock);
    (service, daemon, sidecar, clock)
}

/// The second at which that clock stands.
#[expect(clippy::cast_precision_loss, reason = "it is exact")]
const AT: f64 = (ManualClock::START / 1_000_000) as f64;

fn id(said: &Value) -> String {
    said["id"].as_str().unwrap_or_else(|| panic!("no id in {said}")).to_owned()
}

#[tokio::test]
async fn a_whole_one_travels_inside_its_segment() {
    let (service, mut daemon, sidecar, clock) = still(Callers::Known).await;
    let mut open = Open::request(&sidecar, &service).await;
    clock.advance(Duration::from_secs(2));
    let query = json!({
        "trace_id": open.root(),
        "parent_id": open.id(),
        "name": "shop.db",
        "start_time": AT + 0.25,
        "end_time": AT + 1.5,
        "sql": {"sanitized_query": "SELECT * FROM t WHERE id = ?", "database_type": "sqlite"},
        "annotations": {"rows": 3},
        "metadata": {"debug": {"plan": ["SCAN t"]}},
        "exceptions": {"type": "sqlite3.OperationalError", "message": "locked"},
    });
    let (status, said) = post(&sidecar, query).await;
    assert_eq!((status, &said["sampled"]), (201, &json!(true)), "{said}");
    let call = json!({
        "trace_id": open.root(),
        "name": "S3",
        "start_time": AT,
        "end_time": AT + 1.0,
        "http": {
            "request": {"method": "PUT", "url": "https://ann:pw@b.example/k?sig=1"},
            "response": {"status": 404, "content_length": 12},
        },
        "aws": {"operation": "PutObject", "region": "eu-west-1", "bucket_name": "b", "retries": 2},
    });
    assert_eq!(post(&sidecar, call).await.0, 201);
    open.answer("200 OK").await;
    let segment = daemon.segment();
    let [sql, aws] = embedded(&segment) else { panic!("{segment}") };
    assert_eq!(sql["id"], said["id"]);
    assert_eq!((&sql["start_time"], &sql["end_time"]), (&json!(AT + 0.25), &json!(AT + 1.5)));
    assert_eq!(sql["namespace"], "remote");
    assert_eq!(sql["sql"]["database_type"], "sqlite");
    assert_eq!((&sql["annotations"]["rows"], &sql["fault"]), (&json!(3), &json!(true)));
    assert_eq!(sql["metadata"]["debug"]["plan"], json!(["SCAN t"]));
    assert_eq!(sql["cause"]["exceptions"][0]["type"], "sqlite3.OperationalError");
    assert_eq!((&aws["namespace"], &aws["error"]), (&json!("aws"), &json!(true)));
    assert_eq!(aws["aws"]["bucket_name"], "b");
    assert_eq!(aws["http"]["request"]["url"], "https://b.example/k");
}

#[tokio::test]
async fn calls_made_inside_a_group_are_below_it() {
    let (service, mut daemon, sidecar) = between().await;
    let mut open = Open::request(&sidecar, &service).await;
    let stock = Origin::hello().await;
    let begin = json!({"trace_id": open.root(), "name": "checkout", "annotations": {"step": 1}});
    let (status, group) = post(&sidecar, begin).await;
    assert_eq!(status, 201, "{group}");
    assert_eq!(sidecar.metric("sideray_api_subsegments_open").await, 1.0);
    let carried = group["trace_header"].as_str().unwrap();
    assert_eq!(
        carried,
        format!("Root={};Parent={};Sampled=1", open.root(), group["id"].as_str().unwrap())
    );
    for _ in 0..2 {
        let call = http::Request::get(format!("http://{}/items", stock.address()))
            .header("x-amzn-trace-id", carried);
        assert_eq!(client::send(sidecar.addresses.egress, call).await.status(), 200);
    }
    let mut calls = Vec::new();
    for seen in stock.seen() {
        let call = daemon.subsegment();
        assert_eq!((&call["parent_id"], method(&call)), (&group["id"], "header"));
        calls.push(call["id"].clone());
        assert!(header(&seen, "x-amzn-trace-id").contains("Sampled=1"));
    }
    assert_ne!(calls[0], calls[1]);

    // A group in the group, of which it is told with the header of the outer one.
    let inner = json!({"trace_id": open.root(), "parent_id": group["id"], "name": "inner"});
    let (_, inner) = post(&sidecar, inner).await;
    assert_eq!(post(&sidecar, json!({"id": inner["id"]})).await, taken(SAMPLED));
    let alone = daemon.subsegment();
    assert_eq!((&alone["id"], &alone["parent_id"]), (&inner["id"], &group["id"]));
    // What is said of the request may name the group.
    let path = open.path(&format!("user?parent={}", id(&group)));
    assert_eq!(put(&sidecar, &path, json!("ann")).await, taken(SAMPLED));

    let end = json!({"id": group["id"], "annotations": {"step": 2}, "error": true});
    assert_eq!(post(&sidecar, end.clone()).await, taken(SAMPLED));
    assert_eq!(post(&sidecar, end).await.0, 410, "it has ended");
    open.answer("200 OK").await;
    let segment = daemon.segment();
    assert_eq!(segment["user"], "ann");
    let [told] = embedded(&segment) else { panic!("{segment}") };
    assert_eq!((&told["id"], &told["name"]), (&group["id"], &json!("checkout")));
    assert_eq!((&told["annotations"]["step"], &told["error"]), (&json!(2), &json!(true)));
    assert_eq!(told.get("namespace"), None, "it is the service's own work");
    assert_eq!(sidecar.metric("sideray_api_subsegments_open").await, 0.0);
    let summary = sidecar.stop().await;
    assert_eq!((summary.recorded, summary.sent), (4, 4));
}

#[tokio::test]
async fn one_that_outlives_its_request_leaves_alone() {
    let (service, mut daemon, sidecar, clock) = still(Callers::Unusual).await;
    let mut open = Open::request(&sidecar, &service).await;
    let (_, begun) = post(&sidecar, json!({"trace_id": open.root(), "name": "later"})).await;
    open.answer("200 OK").await;
    let segment = daemon.segment();
    assert!(embedded(&segment).is_empty());
    clock.advance(Duration::from_millis(1_500));
    assert_eq!(post(&sidecar, json!({"id": begun["id"]})).await, taken(SAMPLED));
    let later = daemon.subsegment();
    assert_eq!((&later["id"], &later["parent_id"]), (&begun["id"], &segment["id"]));
    assert_eq!((&later["start_time"], &later["end_time"]), (&json!(AT), &json!(AT + 1.5)));

    // Whoever names the parent may add to it, although it has gone; by the trace alone nobody can.
    let whole = |parent: &Value| {
        let times = json!({"start_time": AT, "end_time": AT + 1.0, "name": "audit"});
        let mut whole = times;
        whole["trace_id"] = open.root().into();
        whole["parent_id"] = parent.clone();
        whole
    };
    for parent in [&segment["id"], &begun["id"]] {
        assert_eq!(post(&sidecar, whole(parent)).await.0, 201);
        assert_eq!(&daemon.subsegment()["parent_id"], parent);
    }
    assert_eq!(post(&sidecar, whole(&Value::Null)).await.0, 410);
    assert_eq!(post(&sidecar, whole(&json!("00000000000000aa"))).await.0, 404);
}

#[tokio::test]
async fn one_that_nobody_ends_is_given_up() {
    let (service, mut daemon, sidecar, clock) = still(Callers::Unusual).await;
    let mut open = Open::request(&sidecar, &service).await;
    let begin = json!({"trace_id": open.root(), "name": "forgotten", "annotations": {"a": 1}});
    let (_, begun) = post(&sidecar, begin).await;
    open.answer("200 OK").await;
    let segment = daemon.segment();
    clock.advance(Duration::from_secs(3_600));
    let given_up = daemon.subsegment();
    assert_eq!((&given_up["id"], &given_up["in_progress"]), (&begun["id"], &json!(true)));
    assert_eq!(given_up["parent_id"], segment["id"]);
    assert_eq!(given_up["annotations"], json!({"a": 1}));
    assert_eq!(sidecar.metric("sideray_api_subsegments_given_up_total").await, 1.0);
    assert_eq!(post(&sidecar, json!({"id": begun["id"]})).await.0, 410);
}

#[tokio::test]
async fn the_shutdown_sends_what_is_open() {
    let (service, mut daemon, sidecar) = between().await;
    let mut open = Open::request(&sidecar, &service).await;
    let mut begun = Vec::new();
    for name in ["one", "two"] {
        let begin = json!({"trace_id": open.root(), "name": name});
        begun.push(post(&sidecar, begin).await.1["id"].clone());
    }
    open.answer("200 OK").await;
    daemon.segment();
    let summary = sidecar.stop().await;
    assert_eq!((summary.recorded, summary.sent, summary.dropped), (3, 3, 0));
    for id in begun {
        let open = daemon.subsegment();
        assert_eq!((&open["id"], &open["in_progress"]), (&id, &json!(true)));
    }
}

#[tokio::test]
async fn many_and_large_ones_are_sent_ahead() {
    let (service, mut daemon, sidecar) =
        between_with(|config| config.record.stream_after = 3).await;
    let mut open = Open::request(&sidecar, &service).await;
    let start = now();
    let piece = |name: &str, note: usize| {
        json!({
            "trace_id": open.root(), "name": name, "start_time": start, "end_time": start,
            "metadata": {"default": {"note": "x".repeat(note)}},
        })
    };
    assert_eq!(post(&sidecar, piece("large", 16 * 1024)).await.0, 201);
    assert_eq!(daemon.subsegment()["name"], "large");
    for name in ["a", "b", "c", "d", "e"] {
        assert_eq!(post(&sidecar, piece(name, 1)).await.0, 201);
    }
    for name in ["a", "b", "c", "d"] {
        assert_eq!(daemon.subsegment()["name"], name);
    }
    open.answer("200 OK").await;
    assert_eq!(daemon.segment()["subsegments"][0]["name"], "e");
}
