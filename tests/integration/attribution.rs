//! Which request made a call: through both ports, as the service's own documents tell it.

mod bare;

use std::sync::Arc;
use std::sync::Mutex;

use http::Response;
use tokio::sync::Barrier;
use tokio::sync::Notify;

use crate::support::client;
use crate::support::daemon::Callers;
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

const ATTRIBUTION: &str = "/metadata/sideray/attribution";
/// A service that calls `url` for each request, and forwards its trace header.
async fn diligent(egress: &Egress, url: String) -> Origin {
    let egress = egress.clone();
    Origin::start(move |request| {
        let (egress, url) = (egress.clone(), url.clone());
        async move {
            let (parts, _) = request.into_parts();
            egress.forward(url, &parts).await;
            Response::new(full("done"))
        }
    })
    .await
}

/// A service that calls `url` for each request, and knows nothing of traces.
async fn untraced(egress: &Egress, url: String) -> Origin {
    let egress = egress.clone();
    Origin::start(move |_| {
        let (egress, url) = (egress.clone(), url.clone());
        async move {
            egress.call(url).await;
            Response::new(full("done"))
        }
    })
    .await
}

#[tokio::test]
async fn a_call_with_our_header_is_a_subsegment_of_its_request() {
    let (egress, stock, mut daemon) = (Egress::default(), Origin::hello().await, Daemon::start());
    let url = format!("http://{}/items/42?token=secret", stock.address());
    let service = diligent(&egress, url).await;
    let sidecar = Sidecar::start(sidecar::config(service.address(), &daemon));
    egress.is(sidecar.addresses.egress);

    client::send(sidecar.addresses.ingress, client::get("/")).await;

    let segment = daemon.segment();
    let [call] = embedded(&segment) else { panic!("one call in {segment}") };
    assert_eq!(text(call, "name"), "127.0.0.1");
    assert_eq!(text(call, "namespace"), "remote");
    let url = format!("http://{}/items/42", stock.address());
    assert_eq!(text(call, "http/request/url"), url, "without the query");
    assert_eq!(call["http"]["response"]["status"], 200);
    let how = serde_json::json!({"method": "header", "confidence": "certain"});
    assert_eq!(call.pointer(ATTRIBUTION), Some(&how));

    let (trace, id) = (text(&segment, "trace_id"), text(call, "id"));
    let got = stock.only();
    let expected = format!("Root={trace};Parent={id};Sampled=1");
    assert_eq!(origin::header(&got, "x-amzn-trace-id"), expected, "the parent is the call");
}

#[tokio::test]
async fn foreign_fields_and_a_bare_root_lead_to_the_request_too() {
    let (egress, stock, mut daemon) =
        (Egress::default(), Origin::hello().await, Daemon::with(Callers::Elsewhere));
    let service = {
        let (egress, url) = (egress.clone(), format!("http://{}/", stock.address()));
        Origin::start(move |request| {
            let (egress, url) = (egress.clone(), url.clone());
            async move {
                let header = origin::header(&request.into_parts().0, "x-amzn-trace-id").to_owned();
                let root = format!("Root={}", field(&header, "Root"));
                egress.call_with(url, &[("x-amzn-trace-id", &root)]).await;
                Response::new(full("done"))
            }
        })
        .await
    };
    let sidecar = Sidecar::start(sidecar::config(service.address(), &daemon));
    egress.is(sidecar.addresses.egress);

    let sent = "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=25:aa|3";
    client::send(sidecar.addresses.ingress, client::get("/").header("x-amzn-trace-id", sent)).await;

    let (segment, got) = (daemon.segment(), stock.only());
    let [call] = embedded(&segment) else { panic!("one call in {segment}") };
    assert_eq!(method(call), "header", "one open request has the trace");
    let got = origin::header(&got, "x-amzn-trace-id");
    assert_eq!(field(got, "Lineage"), "25:aa|3", "the caller's fields go on with the calls");
    assert_eq!(field(got, "Parent"), text(call, "id"));
}

#[tokio::test]
async fn a_call_after_the_answer_is_late_and_travels_alone() {
    let (egress, stock, mut daemon) =
        (Egress::default(), Origin::hello().await, Daemon::with(Callers::Unusual));
    let service = Origin::hello().await;
    let sidecar = Sidecar::start(sidecar::config(service.address(), &daemon));
    egress.is(sidecar.addresses.egress);

    client::send(sidecar.addresses.ingress, client::get("/")).await;
    let segment = daemon.segment();
    egress.forward(format!("http://{}/", stock.address()), &service.only()).await;

    let call = daemon.subsegment();
    assert_eq!(call["parent_id"], segment["id"]);
    assert_eq!(call["trace_id"], segment["trace_id"]);
    let how = serde_json::json!({"method": "header", "confidence": "certain", "late": true});
    assert_eq!(call.pointer(ATTRIBUTION), Some(&how));
    assert!(call["start_time"].as_f64() >= segment["end_time"].as_f64());
    assert!(embedded(&segment).is_empty());
}

#[tokio::test]
async fn a_call_that_outlives_its_request_travels_alone_and_is_not_late() {
    let (egress, mut daemon) = (Egress::default(), Daemon::with(Callers::Unusual));
    let (told, arrived) = (Arc::<Notify>::default(), Arc::<Notify>::default());
    let slow = {
        let (told, arrived) = (Arc::clone(&told), Arc::clone(&arrived));
        Origin::start(move |_| {
            let (told, arrived) = (Arc::clone(&told), Arc::clone(&arrived));
            async move {
                arrived.notify_one();
                told.notified().await;
                Response::new(full("at last"))
            }
        })
        .await
    };
    let (calls, mut called) = tokio::sync::mpsc::unbounded_channel();
    let service = {
        let (egress, url) = (egress.clone(), format!("http://{}/", slow.address()));
        let arrived = Arc::clone(&arrived);
        Origin::start(move |request| {
            let (egress, url, calls) = (egress.clone(), url.clone(), calls.clone());
            let arrived = Arc::clone(&arrived);
            async move {
                let (parts, _) = request.into_parts();
                let call = tokio::spawn(async move { egress.forward(url, &parts).await });
                calls.send(call).unwrap();
                arrived.notified().await;
                Response::new(full("accepted"))
            }
        })
        .await
    };
    let sidecar = Sidecar::start(sidecar::config(service.address(), &daemon));
    egress.is(sidecar.addresses.egress);

    client::send(sidecar.addresses.ingress, client::get("/")).await;
    let segment = daemon.segment();
    told.notify_one();
    called.recv().await.unwrap().await.unwrap();

    let call = daemon.subsegment();
    assert_eq!(call["parent_id"], segment["id"]);
    assert_eq!(method(&call), "header");
    assert!(call["end_time"].as_f64() >= segment["end_time"].as_f64());
}

#[tokio::test]
async fn a_header_of_a_foreign_trace_is_followed() {
    let (egress, stock, mut daemon) =
        (Egress::default(), Origin::hello().await, Daemon::with(Callers::Elsewhere));
    let service = Origin::hello().await;
    let mut config = sidecar::config(service.address(), &daemon);
    config.sampling = sidecar::never();
    let sidecar = Sidecar::start(config);
    egress.is(sidecar.addresses.egress);
    let url = format!("http://{}/", stock.address());
    let root = "1-5759e988-bd862e3fe1be46a994272793";

    let below = format!("Root={root};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:1");
    egress.call_with(&url, &[("x-amzn-trace-id", &below)]).await;
    let call = daemon.subsegment();
    assert_eq!((text(&call, "trace_id"), text(&call, "parent_id")), (root, "53995c3f42cd8ad8"));
    assert_eq!(method(&call), "header");
    let got = stock.only();
    let expected = format!("Root={root};Parent={};Sampled=1;Lineage=a:1", text(&call, "id"));
    assert_eq!(origin::header(&got, "x-amzn-trace-id"), expected);

    let other = "1-5759e988-000000000000000000000001";
    let root_only = format!("Root={other};Sampled=1");
    egress.call_with(&url, &[("x-amzn-trace-id", &root_only)]).await;
    let segment = daemon.segment();
    assert_eq!(text(&segment, "trace_id"), other);
    assert!(segment.get("parent_id").is_none());
    assert_eq!(embedded(&segment).len(), 1, "the call hangs from a segment of its own");

    let unsampled = format!("Root={root};Parent=53995c3f42cd8ad8;Sampled=0");
    egress.call_with(&url, &[("x-amzn-trace-id", &unsampled)]).await;
    let got = stock.seen().pop().unwrap();
    assert_eq!(field(origin::header(&got, "x-amzn-trace-id"), "Sampled"), "0");
    assert_eq!(sidecar.stop().await.recorded, 2, "what the caller passed over is not recorded");
}

#[tokio::test]
async fn a_call_for_several_requests_has_one_parent_and_links_to_the_others() {
    const ALL: usize = 3;
    let (egress, stock, mut daemon) = (Egress::default(), Origin::hello().await, Daemon::start());
    let (url, headers) = (format!("http://{}/batch", stock.address()), Mutex::new(Vec::new()));
    let (way, headers, done) = (egress.clone(), Arc::new(headers), Arc::new(Barrier::new(ALL)));
    let service = Origin::start(move |request| {
        let header = origin::header(&request.into_parts().0, "x-amzn-trace-id").to_owned();
        let (way, url, headers, done) =
            (way.clone(), url.clone(), Arc::clone(&headers), Arc::clone(&done));
        async move {
            headers.lock().unwrap().push(header);
            if done.wait().await.is_leader() {
                let all = headers.lock().unwrap().clone();
                let [first, second, third] = all.as_slice() else { panic!("{ALL} in {all:?}") };
                // Two lines, of which one is two that somebody has joined.
                let joined = format!("{second}, {third}");
                let name = "x-amzn-trace-id";
                way.call_with(url, &[(name, first), (name, joined.as_str())]).await;
            }
            done.wait().await;
            Response::new(full("done"))
        }
    })
    .await;
    let sidecar = Sidecar::start(sidecar::config(service.address(), &daemon));
    egress.is(sidecar.addresses.egress);

    let ask = || client::send(sidecar.addresses.ingress, client::get("/"));
    tokio::join!(ask(), ask(), ask());

    let got = stock.only();
    let sent: Vec<_> = got.headers.get_all("x-amzn-trace-id").iter().collect();
    assert_eq!(sent.len(), 1, "whom we call is called by one");
    let segments = [daemon.segment(), daemon.segment(), daemon.segment()];
    let with_call = segments.iter().find(|segment| segment.get("subsegments").is_some()).unwrap();
    let [call] = embedded(with_call) else { panic!("one call in {with_call}") };
    assert_eq!(method(call), "header");
    let links = call.pointer(&format!("{ATTRIBUTION}/links")).and_then(|links| links.as_array());
    let mut linked: Vec<_> =
        links.unwrap().iter().map(|link| (text(link, "trace_id"), text(link, "id"))).collect();
    let others = segments.iter().filter(|segment| segment["id"] != with_call["id"]);
    let mut expected: Vec<_> = others.map(|one| (text(one, "trace_id"), text(one, "id"))).collect();
    linked.sort_unstable();
    expected.sort_unstable();
    assert_eq!(linked, expected);
}

#[tokio::test]
async fn calls_of_an_unsampled_request_are_not_recorded_and_say_so() {
    let (egress, stock, mut daemon) = (Egress::default(), Origin::hello().await, Daemon::start());
    let service = diligent(&egress, format!("http://{}/", stock.address())).await;
    let sidecar = Sidecar::start(sidecar::config(service.address(), &daemon));
    egress.is(sidecar.addresses.egress);
    let root = "1-5759e988-bd862e3fe1be46a994272793";

    let header = format!("Root={root};Parent=53995c3f42cd8ad8;Sampled=0");
    client::send(sidecar.addresses.ingress, client::get("/").header("x-amzn-trace-id", header))
        .await;

    let (inner, outer) = (stock.only(), service.only());
    let (inner, outer) =
        (origin::header(&inner, "x-amzn-trace-id"), origin::header(&outer, "x-amzn-trace-id"));
    assert_eq!((field(inner, "Root"), field(inner, "Sampled")), (root, "0"));
    assert_ne!(field(inner, "Parent"), field(outer, "Parent"), "the parent is the call's own id");
    let header = sidecar.metric("sideray_attribution_total{method=\"header\"}").await;
    assert_eq!(header, 1.0, "the ledger knows it all the same");
    assert_eq!(sidecar.stop().await.recorded, 0);
    assert!(daemon.drain().is_empty());
}

#[tokio::test]
async fn a_call_of_a_recorded_request_may_ask_not_to_be_recorded() {
    let (egress, stock, mut daemon) = (Egress::default(), Origin::hello().await, Daemon::start());
    let (calls, url) = (egress.clone(), format!("http://{}/", stock.address()));
    let service = Origin::start(move |request| {
        let (egress, url) = (calls.clone(), url.clone());
        async move {
            let (mut parts, _) = request.into_parts();
            let header =
                origin::header(&parts, "x-amzn-trace-id").replace("Sampled=1", "Sampled=0");
            parts.headers.insert("x-amzn-trace-id", header.parse().unwrap());
            egress.forward(url, &parts).await;
            Response::new(full("done"))
        }
    })
    .await;
    let sidecar = Sidecar::start(sidecar::config(service.address(), &daemon));
    egress.is(sidecar.addresses.egress);
    client::send(sidecar.addresses.ingress, client::get("/")).await;

    let segment = daemon.segment();
    assert_eq!(segment.get("subsegments"), None, "{segment}");
    let got = stock.only();
    let header = origin::header(&got, "x-amzn-trace-id");
    let want = (text(&segment, "trace_id"), "0");
    assert_eq!((field(header, "Root"), field(header, "Sampled")), want);
}

#[tokio::test]
async fn a_call_without_any_request_is_the_services_own() {
    let (egress, stock, mut daemon) = (Egress::default(), Origin::hello().await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(stock.address(), &daemon));
    egress.is(sidecar.addresses.egress);

    egress.call(format!("http://{}/poll", stock.address())).await;

    let segment = daemon.segment();
    assert_eq!(text(&segment, "name"), "service", "the service called, so it has a segment");
    let [call] = embedded(&segment) else { panic!("one call in {segment}") };
    assert_eq!(method(call), "background");
    assert_eq!(
        (&segment["start_time"], &segment["end_time"]),
        (&call["start_time"], &call["end_time"])
    );
    let got = stock.only();
    let got = origin::header(&got, "x-amzn-trace-id");
    assert_eq!(field(got, "Root"), text(&segment, "trace_id"));
    assert_eq!(field(got, "Parent"), text(call, "id"));
}
