//! Documents on their way out: in pieces when there are many, in progress when it takes long, and
//! counted when they are lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use serde_json::Value;
use sideray::emit::options::Daemon as Target;
use tokio::sync::Barrier;
use tokio::sync::Notify;

use crate::support::client;
use crate::support::daemon::Callers;
use crate::support::daemon::Daemon;
use crate::support::origin::Origin;
use crate::support::origin::full;
use crate::support::port::Port;
use crate::support::samples::Account;
use crate::support::service::Egress;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::traces::embedded;
use crate::support::traces::text;
use crate::support::world::ManualClock;

/// A service that answers each request after it has made `calls` calls with paths that end in
/// `tail`, one after the other.
async fn caller(egress: &Egress, callee: &Origin, calls: usize, tail: &str) -> Origin {
    let (egress, callee, tail) = (egress.clone(), callee.address(), tail.to_owned());
    Origin::start(move |request| {
        let (egress, tail) = (egress.clone(), tail.clone());
        async move {
            let (parts, _) = request.into_parts();
            for number in 0..calls {
                egress.forward(format!("http://{callee}/{number}/{tail}"), &parts).await;
            }
            Response::new(full("done"))
        }
    })
    .await
}

/// The documents of a trace are one tree below `segment`, with this many calls.
fn assert_one_tree(segment: &Value, separate: &[Value], calls: usize) {
    let mut ids: HashSet<&str> = embedded(segment).iter().map(|call| text(call, "id")).collect();
    for call in separate {
        assert_eq!(call["type"], "subsegment");
        assert_eq!(call["trace_id"], segment["trace_id"]);
        assert_eq!(call["parent_id"], segment["id"]);
        ids.insert(text(call, "id"));
    }
    assert_eq!(ids.len(), calls, "every call is there once");
    assert_eq!(embedded(segment).len() + separate.len(), calls, "and only once");
}

#[tokio::test]
async fn many_calls_leave_ahead_of_their_segment() {
    let (egress, stock, mut daemon) = (Egress::default(), Origin::hello().await, Daemon::start());
    let service = caller(&egress, &stock, 10, "x").await;
    let mut config = sidecar::config(service.address(), &daemon);
    config.record.stream_after = 3;
    let sidecar = Sidecar::start(config);
    egress.is(sidecar.addresses.egress);

    client::send(sidecar.addresses.ingress, client::get("/")).await;

    let segment = daemon.segment();
    let ahead = daemon.drain();
    assert_one_tree(&segment, &ahead, 10);
    assert_eq!(ahead.len(), 8, "the fourth is one more than may wait, and so is the eighth");
    assert_eq!(sidecar.metric("sideray_streamed_total").await, 8.0, "all eight are counted");
}

#[tokio::test]
async fn a_segment_that_is_too_large_is_split_into_one_tree() {
    const CALLS: usize = 300;
    let (egress, stock, mut daemon) = (Egress::default(), Origin::hello().await, Daemon::start());
    let service = caller(&egress, &stock, CALLS, &"p".repeat(200)).await;
    let mut config = sidecar::config(service.address(), &daemon);
    config.record.stream_after = 1_000;
    let sidecar = Sidecar::start(config);
    egress.is(sidecar.addresses.egress);

    client::send(sidecar.addresses.ingress, client::get("/")).await;

    // The daemon refuses whatever is too large.
    let segment = daemon.segment();
    assert_one_tree(&segment, &daemon.drain(), CALLS);
    let account = sidecar.account().await;
    let split = CALLS as u64;
    assert_eq!(account, Account { offered: 1, split, sent: 1 + split, dropped: 0 });
    assert_eq!(sidecar.stop().await.recorded, 1 + split);
}

#[tokio::test]
async fn what_cannot_be_split_is_cut_and_says_so() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::with(Callers::Unusual));
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));

    let path = format!("/{}", "p".repeat(65_400));
    let response = client::send(sidecar.addresses.ingress, client::get(&path)).await;

    assert_eq!(response.status(), 200);
    assert_eq!(origin.only().uri.path(), path, "the service gets all of it");
    let segment = daemon.segment();
    let url = text(&segment, "http/request/url");
    assert!(url.starts_with("http://shop.example/ppp") && url.len() < 65_400);
    let whole = "http://shop.example".len() + path.len();
    let cut = segment.pointer("/metadata/sideray/cut");
    assert_eq!(cut, Some(&serde_json::json!({"/http/request/url": whole})));
    assert_eq!(sidecar.metric("sideray_documents_cut_total").await, 1.0);
}

#[tokio::test]
async fn a_long_request_is_announced_once_and_then_complete() {
    let done = Arc::<Notify>::default();
    let origin = {
        let done = Arc::clone(&done);
        Origin::start(move |_| {
            let done = Arc::clone(&done);
            async move {
                done.notified().await;
                Response::new(full("at last"))
            }
        })
    };
    let (origin, mut daemon, clock) = (origin.await, Daemon::start(), Arc::new(ManualClock::new()));
    let sidecar = Sidecar::start_still(sidecar::config(origin.address(), &daemon), &clock);
    let ingress = sidecar.addresses.ingress;
    let response = tokio::spawn(async move { client::send(ingress, client::get("/long")).await });
    sidecar.metric_where("sideray_ledger_open", |open| open == 1.0).await;

    clock.advance(Duration::from_secs(10));
    let announced = tokio::task::spawn_blocking(move || (daemon.next(), daemon));
    let (announced, mut daemon) = announced.await.unwrap();
    assert_eq!(announced["in_progress"], true);
    assert!(text(&announced, "http/request/url").ends_with("/long"));

    clock.advance(Duration::from_secs(90));
    done.notify_one();
    response.await.unwrap();
    let segment = daemon.next();
    assert_eq!(segment["id"], announced["id"], "the complete document takes its place");
    assert_eq!(segment["start_time"], announced["start_time"]);
    let took = segment["end_time"].as_f64().unwrap() - segment["start_time"].as_f64().unwrap();
    assert!((took - 100.0).abs() < 0.001, "{took} seconds");
    assert_eq!(sidecar.metric("sideray_in_progress_total").await, 1.0);
    assert_eq!(sidecar.stop().await.recorded, 2);
    assert!(daemon.drain().is_empty());
}

#[tokio::test]
async fn what_the_queue_cannot_take_is_counted() {
    const REQUESTS: usize = 32;
    let origin = {
        let met = Arc::new(Barrier::new(REQUESTS));
        Origin::start(move |_| {
            let met = Arc::clone(&met);
            async move {
                met.wait().await;
                Response::new(full("together"))
            }
        })
    };
    let (origin, mut daemon) = (origin.await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    config.emit.queue = 1;
    let sidecar = Sidecar::start(config);

    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..REQUESTS {
        let ingress = sidecar.addresses.ingress;
        clients.spawn(async move { client::send(ingress, client::get("/")).await });
    }
    for response in clients.join_all().await {
        assert_eq!(response.body(), "together", "a full queue holds no request up");
    }

    let Account { offered, sent, dropped, .. } = sidecar.account().await;
    assert_eq!(offered, REQUESTS as u64);
    assert_eq!(sent + dropped, offered);
    assert!(dropped > 0, "32 at once do not fit into a queue of one");
    let full = sidecar.metric("sideray_documents_dropped_total{reason=\"queue_full\"}").await;
    assert_eq!(full, dropped as f64, "and that is the reason");
    let _ = sidecar.stop().await;
    assert_eq!(daemon.drain().len() as u64, sent, "what counts as sent has arrived");
}

#[tokio::test]
async fn what_a_closed_port_refuses_is_counted_exactly() {
    let (origin, port) = (Origin::hello().await, Port::closed());
    let sidecar = Sidecar::start(sidecar::config_at(origin.address(), port.address()));

    for _ in 0..3 {
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let ingress = sidecar.addresses.ingress;
            clients.spawn(async move { client::send(ingress, client::get("/")).await });
        }
        for response in clients.join_all().await {
            assert_eq!(response.status(), 200, "no request minds");
        }
        sidecar.account().await;
    }

    let account = sidecar.account().await;
    assert_eq!(account, Account { offered: 60, split: 0, sent: 0, dropped: 60 });
    let refused = sidecar.metric("sideray_documents_dropped_total{reason=\"refused\"}").await;
    assert_eq!(refused, 60.0);
    let summary = sidecar.stop().await;
    assert_eq!((summary.recorded, summary.sent, summary.dropped), (60, 0, 60));
}

#[tokio::test]
async fn a_daemon_that_comes_back_gets_documents_again() {
    let (origin, port) = (Origin::hello().await, Port::closed());
    let sidecar = Sidecar::start(sidecar::config_at(origin.address(), port.address()));
    let ask = async || {
        for _ in 0..5 {
            client::send(sidecar.addresses.ingress, client::get("/")).await;
        }
        sidecar.account().await
    };

    let mut first = port.daemon(Callers::Known);
    assert_eq!(ask().await, Account { offered: 5, split: 0, sent: 5, dropped: 0 });
    assert_eq!(first.drain().len(), 5);
    drop(first);
    assert_eq!(ask().await, Account { offered: 10, split: 0, sent: 5, dropped: 5 });
    let mut second = port.daemon(Callers::Known);
    assert_eq!(ask().await, Account { offered: 15, split: 0, sent: 10, dropped: 5 });
    assert_eq!(second.drain().len(), 5, "without a restart of the sidecar");
}

#[tokio::test]
async fn a_daemon_that_has_no_address_costs_documents_only() {
    let origin = Origin::hello().await;
    let mut config = sidecar::config_at(origin.address(), origin.address());
    let Target::Remote(daemon) = &mut config.emit.daemon else { panic!("a daemon is set") };
    daemon.udp = "no..name:2000".into();
    let sidecar = Sidecar::start(config);

    let response = client::send(sidecar.addresses.ingress, client::get("/")).await;

    assert_eq!(response.status(), 200);
    let account = sidecar.account().await;
    assert_eq!(account, Account { offered: 1, split: 0, sent: 0, dropped: 1 });
    let name = "sideray_documents_dropped_total{reason=\"unresolved\"}";
    assert_eq!(sidecar.metric(name).await, 1.0);
}

#[tokio::test]
async fn a_file_gets_each_document_as_a_line() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("segments.jsonl");
    let mut config = sidecar::config(origin.address(), &daemon);
    config.emit.file = Some(file.clone());
    let sidecar = Sidecar::start(config);

    for number in 0..20 {
        client::send(sidecar.addresses.ingress, client::get(&format!("/{number}"))).await;
    }
    sidecar.metric_where("sideray_file_documents_written_total", |written| written == 20.0).await;
    let _ = sidecar.stop().await;

    let lines = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines, daemon.drain(), "the same documents, in the same order");
}

#[tokio::test]
async fn without_a_daemon_the_admin_port_serves_the_traces() {
    let (egress, stock) = (Egress::default(), Origin::hello().await);
    let service = caller(&egress, &stock, 1, "x").await;
    let mut config = sidecar::config_at(service.address(), service.address());
    config.emit.daemon = Target::Embedded;
    let sidecar = Sidecar::start(config);
    egress.is(sidecar.addresses.egress);
    let read = async |path: &str| -> Value {
        let page = client::send(sidecar.addresses.admin, client::get(path)).await;
        assert_eq!(page.headers()["content-type"], "application/json");
        serde_json::from_str(page.body()).unwrap()
    };

    let response = client::send(sidecar.addresses.ingress, client::get("/a")).await;
    sidecar.metric_where("sideray_collector_traces", |traces| traces == 1.0).await;
    assert_eq!(sidecar.store.counts().traces, 1, "the collector is the world's");

    let root = client::header(&response, "x-amzn-trace-id").replace("Root=", "");
    let list = read("/traces").await;
    assert_eq!(list.pointer("/traces/0/Id"), Some(&root.as_str().into()), "{list}");
    let trace = read(&format!("/traces/{root}")).await;
    assert!(trace.to_string().contains("http://shop.example/a"), "{trace}");
    assert!(trace.to_string().contains(&format!("http://{}/0/x", stock.address())), "{trace}");
    let account = sidecar.account().await;
    assert_eq!(account, Account { offered: 1, split: 0, sent: 1, dropped: 0 });
}
