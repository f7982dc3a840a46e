//! Many requests at once through both ports: none is lost, no document is unaccounted for, no call
//! is given to a wrong request.
//!
//! Built for release the scale is that of the promise, 50,000 requests and 5,000; built for
//! debugging it is a tenth and a fifth, so that the whole suite stays quick.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use http::Response;
use http_body_util::Full;
use serde_json::Value;
use sideray::config::process::Workers;

use crate::support::catcher::Catcher;
use crate::support::client;
use crate::support::origin::Origin;
use crate::support::origin::full;
use crate::support::samples::Account;
use crate::support::service::Egress;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::traces::embedded;
use crate::support::traces::method;
use crate::support::traces::text;

const CONNECTIONS: usize = 64;
const FORWARDED: usize = if cfg!(debug_assertions) { 5_000 } else { 50_000 };
const UNFORWARDED: usize = if cfg!(debug_assertions) { 1_000 } else { 5_000 };

/// Whether the service sends the trace header on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    Forwarded,
    Left,
}

/// What a run under load came to.
struct Outcome {
    account: Account,
    documents: Vec<Value>,
    kernel_drops: u64,
}

/// `requests` requests over 64 connections. Request `/r/7` makes one call, to `/c/7`: only the
/// paths tell which call belongs to which request, and nothing in the sidecar reads that.
async fn run(requests: usize, header: Header) -> Outcome {
    let callee = Origin::start(|request| async move {
        let number = request.uri().path().trim_start_matches("/c/").to_owned();
        Response::new(full(number))
    })
    .await;
    let egress = Egress::default();
    let service = service(&egress, &callee, header).await;
    let catcher = Catcher::start();
    let mut config = sidecar::config_at(service.address(), catcher.address());
    config.workers = Workers::Count(NonZeroUsize::new(2).unwrap());
    let sidecar = Sidecar::start(config);
    egress.is(sidecar.addresses.egress);

    let mut clients = tokio::task::JoinSet::new();
    for first in 0..CONNECTIONS {
        let ingress = sidecar.addresses.ingress;
        clients.spawn(async move {
            let mut connection = client::connect(ingress).await;
            for number in (first..requests).step_by(CONNECTIONS) {
                let request = client::get(&format!("/r/{number}")).body(Full::default()).unwrap();
                connection.ready().await.unwrap();
                let response = connection.send_request(request).await.unwrap();
                let response = client::read(response).await;
                assert_eq!(response.status(), 200);
                assert_eq!(*response.body(), number.to_string(), "the answer to this request");
            }
        });
    }
    clients.join_all().await;

    let account = sidecar.account().await;
    let summary = sidecar.stop().await;
    let Account { offered, split, sent, dropped } = account;
    assert_eq!((summary.recorded, summary.sent, summary.dropped), (offered + split, sent, dropped));
    assert_eq!(offered + split, sent + dropped, "the account is exact");
    let (documents, kernel_drops) = catcher.finish();
    let received = documents.len() as u64;
    assert_eq!(received + kernel_drops, sent, "what was sent arrived, or the kernel dropped it");
    Outcome { account, documents, kernel_drops }
}

async fn service(egress: &Egress, callee: &Origin, header: Header) -> Origin {
    let (egress, callee) = (egress.clone(), callee.address());
    Origin::start(move |request| {
        let egress = egress.clone();
        async move {
            let (parts, _) = request.into_parts();
            let url = format!("http://{callee}/c/{}", number(parts.uri.path()));
            let response = match header {
                Header::Forwarded => egress.forward(url, &parts).await,
                Header::Left => egress.call(url).await,
            };
            Response::new(full(response.into_body()))
        }
    })
    .await
}

/// The number at the end of a path or URL.
fn number(url: &str) -> &str {
    url.rsplit_once('/').unwrap().1
}

/// The requests by number, each with the calls that its document holds.
fn requests(documents: &[Value]) -> HashMap<&str, &Value> {
    let is_request = |document: &&Value| document.get("http").is_some();
    let requests = documents.iter().filter(is_request);
    let mut by_number = HashMap::new();
    for request in requests {
        assert!(request.get("type").is_none(), "every call ends before its request: {request}");
        let twice = by_number.insert(number(text(request, "http/request/url")), request);
        assert!(twice.is_none(), "one segment a request");
    }
    by_number
}

fn assert_own_call(number_of_request: &str, call: &Value) {
    let called = number(text(call, "http/request/url"));
    assert_eq!(called, number_of_request, "the parent is not the one that made the call: {call}");
}

#[tokio::test]
async fn every_request_is_answered_and_every_call_has_its_parent() {
    let Outcome { account, documents, kernel_drops } = run(FORWARDED, Header::Forwarded).await;

    assert_eq!(account.offered, FORWARDED as u64, "a document for each request");
    let requests = requests(&documents);
    let lost = account.dropped + kernel_drops;
    assert_eq!(requests.len() as u64 + lost, FORWARDED as u64, "none but the counted is missing");
    for (number, request) in requests {
        let [call] = embedded(request) else { panic!("one call in {request}") };
        assert_eq!(method(call), "header");
        assert_own_call(number, call);
    }
}

#[tokio::test]
async fn calls_without_a_header_get_no_wrong_parent_under_load() {
    let Outcome { account, documents, kernel_drops } = run(UNFORWARDED, Header::Left).await;

    let requests = requests(&documents);
    let mut calls = 0;
    for (number, request) in &requests {
        for call in embedded(request) {
            assert_own_call(number, call);
            calls += 1;
        }
    }
    let roots = documents.iter().filter(|document| document.get("http").is_none());
    let traces: Vec<_> = requests.values().map(|request| text(request, "trace_id")).collect();
    let traces: std::collections::HashSet<_> = traces.into_iter().collect();
    for root in roots {
        let [call] = embedded(root) else { panic!("one call in {root}") };
        assert!(matches!(method(call), "unknown" | "background"), "{call}");
        assert!(!traces.contains(text(root, "trace_id")), "a trace of its own");
        calls += 1;
    }
    let lost = account.dropped + kernel_drops;
    let expected = 2 * UNFORWARDED as u64;
    assert!(requests.len() as u64 + calls + lost >= expected, "every call is in a document");
}
