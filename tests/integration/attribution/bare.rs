//! Calls that carry no header: when one request alone can have made them, and when nobody knows.

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use sideray::record::options::Missing;
use sideray::record::options::Unknown;
use tokio::sync::Barrier;

use super::ATTRIBUTION;
use super::untraced;
use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::origin;
use crate::support::origin::Origin;
use crate::support::origin::full;
use crate::support::service::Egress;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::traces::embedded;
use crate::support::traces::field;
use crate::support::traces::method;
use crate::support::traces::text;
use crate::support::world::ManualClock;

#[tokio::test]
async fn calls_of_many_requests_at_once_get_no_parent_rather_than_a_wrong_one() {
    const REQUESTS: usize = 24;
    let (egress, stock, mut daemon) = (Egress::default(), Origin::hello().await, Daemon::start());
    let service = {
        let (egress, url) = (egress.clone(), format!("http://{}/items/1", stock.address()));
        let met = Arc::new(Barrier::new(REQUESTS));
        Origin::start(move |_| {
            let (egress, url, met) = (egress.clone(), url.clone(), Arc::clone(&met));
            async move {
                met.wait().await;
                egress.call(url).await;
                met.wait().await;
                Response::new(full("done"))
            }
        })
        .await
    };
    let sidecar = Sidecar::start(sidecar::config(service.address(), &daemon));
    egress.is(sidecar.addresses.egress);

    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..REQUESTS {
        let ingress = sidecar.addresses.ingress;
        clients.spawn(async move { client::send(ingress, client::get("/")).await });
    }
    clients.join_all().await;

    let _ = sidecar.stop().await;
    let documents = daemon.drain();
    let is_call = |document: &&serde_json::Value| document.get("http").is_none();
    let (calls, requests): (Vec<_>, Vec<_>) = documents.iter().partition(is_call);
    assert_eq!((calls.len(), requests.len()), (REQUESTS, REQUESTS));
    let ids: Vec<_> = requests.iter().map(|request| text(request, "id")).collect();
    let traces: Vec<_> = requests.iter().map(|request| text(request, "trace_id")).collect();
    for request in &requests {
        assert!(embedded(request).is_empty(), "no call has been given to a request by guess");
    }
    for root in calls {
        let [call] = embedded(root) else { panic!("one call in {root}") };
        assert!(!traces.contains(&text(root, "trace_id")), "a trace of its own");
        assert_eq!(method(call), "unknown");
        assert_eq!(text(call, "metadata/sideray/attribution/confidence"), "none");
        let candidates = call.pointer(&format!("{ATTRIBUTION}/candidates")).unwrap();
        let candidates = candidates.as_array().unwrap();
        assert_eq!(candidates.len(), 16, "as many candidates as a document lists");
        for candidate in candidates {
            assert!(ids.contains(&candidate.as_str().unwrap()), "a candidate was in flight");
        }
    }
}

#[tokio::test]
async fn an_only_request_gets_the_calls_of_a_route_that_has_earned_it() {
    let (egress, stock, mut daemon) = (Egress::default(), Origin::hello().await, Daemon::start());
    let service = untraced(&egress, format!("http://{}/items/42", stock.address())).await;
    let clock = Arc::new(ManualClock::new());
    let sidecar = Sidecar::start_still(sidecar::config(service.address(), &daemon), &clock);
    egress.is(sidecar.addresses.egress);

    let mut methods = Vec::new();
    for gap in [3_000, 2_100, 4_400, 2_700, 1_500, 3_300] {
        clock.advance(Duration::from_millis(gap));
        client::send(sidecar.addresses.ingress, client::get("/")).await;
        let segment =
            daemon.next_where("segment of the request", |document| document.get("http").is_some());
        let call = match embedded(&segment) {
            [call] => call.clone(),
            _ => {
                let root = daemon.segment();
                let call = embedded(&root)[0].clone();
                let candidates = call.pointer(&format!("{ATTRIBUTION}/candidates"));
                let only = serde_json::json!([segment["id"]]);
                assert_eq!(candidates, Some(&only), "the only one that may have made it");
                call
            }
        };
        methods.push(method(&call).to_owned());
        if methods.last().unwrap() == "sole" {
            assert_eq!(text(&call, "metadata/sideray/attribution/confidence"), "high");
            let got = stock.seen().pop().unwrap();
            let got = origin::header(&got, "x-amzn-trace-id");
            assert_eq!(field(got, "Root"), text(&segment, "trace_id"), "the trace goes on");
        }
    }
    let earned = methods.iter().position(|method| method == "sole").expect("trust is earned");
    assert!(earned >= 3, "not before the fourth call: {methods:?}");
    assert!(methods[earned..].iter().all(|method| method == "sole"), "{methods:?}");
    assert!(methods[..earned].iter().all(|method| method == "unknown"), "{methods:?}");
    let sole = sidecar.metric("sideray_attribution_total{method=\"sole\"}").await;
    assert_eq!(sole, (methods.len() - earned) as f64);

    // One call while no request is there, and the route is a background route for good.
    clock.advance(Duration::from_millis(2_200));
    egress.call(format!("http://{}/items/7", stock.address())).await;
    assert_eq!(method(&embedded(&daemon.segment())[0]), "background");
    clock.advance(Duration::from_millis(3_700));
    client::send(sidecar.addresses.ingress, client::get("/")).await;
    let root = daemon.next_where("root of the call", |document| document.get("http").is_none());
    assert_eq!(method(&embedded(&root)[0]), "unknown", "trust is lost by one call");
}

#[tokio::test]
async fn calls_in_an_even_rhythm_are_never_given_to_the_only_request() {
    let (egress, stock, daemon) = (Egress::default(), Origin::hello().await, Daemon::start());
    let service = untraced(&egress, format!("http://{}/poll", stock.address())).await;
    let clock = Arc::new(ManualClock::new());
    let sidecar = Sidecar::start_still(sidecar::config(service.address(), &daemon), &clock);
    egress.is(sidecar.addresses.egress);

    for _ in 0..12 {
        clock.advance(Duration::from_secs(5));
        client::send(sidecar.addresses.ingress, client::get("/health")).await;
    }

    let unknown = sidecar.metric("sideray_attribution_total{method=\"unknown\"}").await;
    assert_eq!(unknown, 12.0, "a timer in step with a health check looks just like this");
}

#[tokio::test]
async fn a_busy_service_is_looked_at_for_a_while_and_no_longer() {
    let (egress, stock, daemon) = (Egress::default(), Origin::hello().await, Daemon::start());
    let service = untraced(&egress, format!("http://{}/", stock.address())).await;
    // Whatever tells the time of what is recorded, the operating system goes by its own.
    let clock = Arc::new(ManualClock::new());
    let sidecar = Sidecar::start_still(sidecar::config(service.address(), &daemon), &clock);
    egress.is(sidecar.addresses.egress);
    let busy = Arc::new(());
    let still = Arc::downgrade(&busy);
    let thread = std::thread::spawn(move || while still.strong_count() > 0 {});

    for _ in 0..12 {
        clock.advance(Duration::from_secs(5));
        client::send(sidecar.addresses.ingress, client::get("/")).await;
    }

    drop(busy);
    thread.join().unwrap();
}

#[tokio::test]
async fn an_unknown_call_may_pass_without_a_trace() {
    for missing in [Missing::Log, Missing::Ignore] {
        let (egress, stock, mut daemon) =
            (Egress::default(), Origin::hello().await, Daemon::start());
        let service = untraced(&egress, format!("http://{}/", stock.address())).await;
        let mut config = sidecar::config(service.address(), &daemon);
        config.record.unknown = Unknown::None(missing);
        let sidecar = Sidecar::start(config);
        egress.is(sidecar.addresses.egress);

        client::send(sidecar.addresses.ingress, client::get("/")).await;

        let got = stock.only();
        assert!(!got.headers.contains_key("x-amzn-trace-id"), "no header is made up");
        assert_eq!(sidecar.metric("sideray_context_missing_total").await, 1.0);
        assert_eq!(sidecar.stop().await.recorded, 1, "the request alone");
        assert_eq!(daemon.drain().len(), 1);
    }
}
