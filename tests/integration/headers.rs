//! Trace headers: what comes in, what goes on to the service, what goes back to the client.

use http::HeaderValue;
use http::Response;
use http::request::Parts;
use sideray::proxy::options::Propagation;

use crate::support::client;
use crate::support::daemon::Callers;
use crate::support::daemon::Daemon;
use crate::support::origin;
use crate::support::origin::Origin;
use crate::support::origin::full;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::traces::field;

const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";
const PARENT: &str = "53995c3f42cd8ad8";
const TRACEPARENT: &str = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";

/// What came in; what the service and the client then get; whether the segment names the caller.
/// `R` and `P` are the caller's ids, `N` is a new trace, `S` our segment. The rules sample all.
struct Case(&'static [&'static str], &'static str, &'static str, Recorded);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recorded {
    BelowCaller,
    AsRoot,
    Not,
}

use Recorded::AsRoot;
use Recorded::BelowCaller;
use Recorded::Not;

const YES: &str = "Root=R;Parent=S;Sampled=1";
const NO: &str = "Root=R;Parent=S;Sampled=0";
const NEW: &str = "Root=N;Parent=S;Sampled=1";

const CASES: &[Case] = &[
    // As the SDKs and the load balancers send it.
    Case(&["Root=R;Parent=P;Sampled=1"], YES, "Root=R", BelowCaller),
    Case(&["Root=R;Parent=P;Sampled=0"], NO, "Root=R", Not),
    Case(&["Root=R;Parent=P;Sampled=?"], YES, "Root=R;Sampled=1", BelowCaller),
    Case(&["Root=R;Parent=P"], YES, "Root=R", BelowCaller),
    Case(&["Root=R;Sampled=1"], YES, "Root=R", AsRoot),
    Case(&["Root=R"], YES, "Root=R", AsRoot),
    Case(&["Self=1-67891234-12456789abcdef012345678;Root=R"], YES, "Root=R", AsRoot),
    Case(&["Root=R;Parent=P;Sampled=1;Self=1-x"], YES, "Root=R", BelowCaller),
    Case(
        &["Root=R;Parent=P;Sampled=1;Lineage=a87bd80c:0|68fd508a:5|c512fbe3:2"],
        "Root=R;Parent=S;Sampled=1;Lineage=a87bd80c:0|68fd508a:5|c512fbe3:2",
        "Root=R",
        BelowCaller,
    ),
    Case(
        &["Root=R;Sampled=0;Lineage=25:aa|3"],
        "Root=R;Parent=S;Sampled=0;Lineage=25:aa|3",
        "Root=R",
        Not,
    ),
    Case(
        &["CalledFrom=app;Root=R;Foo=a=b"],
        "Root=R;Parent=S;Sampled=1;CalledFrom=app;Foo=a=b",
        "Root=R",
        AsRoot,
    ),
    Case(&["Sampled=?"], NEW, "Root=N;Sampled=1", AsRoot),
    // Spaces, stray separators, order and case.
    Case(&["Root=R;Parent=P;Sampled=1;"], YES, "Root=R", BelowCaller),
    Case(&[";Root=R;;Parent=P;Sampled=1;;"], YES, "Root=R", BelowCaller),
    Case(&["Root=R; Parent=P; Sampled=1"], YES, "Root=R", BelowCaller),
    Case(&["  Root = R ;\tParent= P ; Sampled =0  "], NO, "Root=R", Not),
    Case(&["Sampled=0;Parent=P;Root=R"], NO, "Root=R", Not),
    Case(&["root=R;PARENT=P;sAmPlEd=0"], NO, "Root=R", Not),
    // What makes no sense is skipped, and the rest is kept.
    Case(&["Root=R;Parent=P;Sampled=x"], YES, "Root=R", BelowCaller),
    Case(&["Root=R;Parent=P;Sampled="], YES, "Root=R", BelowCaller),
    Case(&["Root=R;Parent=P;Sampled=10"], YES, "Root=R", BelowCaller),
    Case(&["Root=R;Parent=;Sampled=1"], YES, "Root=R", AsRoot),
    Case(&["Root=R;Parent=53995c3f42cd8ad;Sampled=1"], YES, "Root=R", AsRoot),
    Case(&["Root=R;Parent=xxxxxxxxxxxxxxxx;Sampled=0"], NO, "Root=R", Not),
    Case(&["garbage;Root=R;=;=x;a=;Sampled=0"], NO, "Root=R", Not),
    Case(&["Root=R;caf\u{e9}=1;Sampled=0"], NO, "Root=R", Not),
    // Without a trace that can be continued a new one begins; a decision still holds.
    Case(&["Parent=P"], NEW, "Root=N", AsRoot),
    Case(&["Parent=P;Sampled=1"], NEW, "Root=N", AsRoot),
    Case(&["Parent=P;Sampled=0"], "Root=N;Parent=S;Sampled=0", "Root=N", Not),
    Case(&["Root=;Parent=P;Sampled=1"], NEW, "Root=N", AsRoot),
    Case(&["Root=1-5759e988-bd862e3fe1be46a99427279;Sampled=1"], NEW, "Root=N", AsRoot),
    Case(&["Root=2-5759e988-bd862e3fe1be46a994272793"], NEW, "Root=N", AsRoot),
    Case(&["Root=1-5759e988-bd862e3fe1be46a99427279g"], NEW, "Root=N", AsRoot),
    Case(&["Root=5759e988bd862e3fe1be46a994272793"], NEW, "Root=N", AsRoot),
    Case(&["nonsense"], NEW, "Root=N", AsRoot),
    Case(&[""], NEW, "Root=N", AsRoot),
    Case(&[";;;==;"], NEW, "Root=N", AsRoot),
    Case(&["\u{fc}\u{ff}\u{80};Root=\u{e9}"], NEW, "Root=N", AsRoot),
    // Said twice: the last counts within a value, the first of two headers.
    Case(&["Root=R;Sampled=1;Sampled=0"], NO, "Root=R", Not),
    Case(&["Sampled=0;Sampled=1;Root=R"], YES, "Root=R", AsRoot),
    Case(&["Root=1-00000001-000000000000000000000001;Root=R"], YES, "Root=R", AsRoot),
    Case(&["Root=R;Sampled=0", "Root=1-00000001-000000000000000000000001"], NO, "Root=R", Not),
];

/// Latin-1, so that a test can write any byte.
fn value(text: &str) -> HeaderValue {
    let text = text.replace("=R", &format!("={ROOT}")).replace("= R ", &format!("= {ROOT} "));
    let text = text.replace("=P", &format!("={PARENT}")).replace("= P ", &format!("= {PARENT} "));
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    HeaderValue::from_bytes(&bytes).unwrap()
}

/// The header with the ids we know, and those we do not, replaced by letters.
fn shape(header: &str) -> String {
    let pieces = header.split(';').map(|piece| match piece.split_once('=') {
        Some(("Root", ROOT)) => "Root=R".to_owned(),
        Some(("Root", trace)) if trace.len() == 35 && trace.starts_with("1-") => {
            "Root=N".to_owned()
        }
        Some(("Parent", own)) if own.len() == 16 && own != PARENT => "Parent=S".to_owned(),
        _ => piece.to_owned(),
    });
    pieces.collect::<Vec<_>>().join(";")
}

async fn exchange(
    sidecar: &Sidecar,
    origin: &Origin,
    headers: &[(&str, HeaderValue)],
) -> (Parts, Response<String>) {
    let mut request = client::get("/");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let response = client::send(sidecar.addresses.ingress, request).await;
    assert_eq!(response.status(), 200, "no trace header makes a request fail");
    (origin.seen().pop().unwrap(), response)
}

#[tokio::test]
async fn whatever_comes_in_one_sound_header_goes_on() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::with(Callers::Unusual));
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));

    for Case(sent, on, back, recorded) in CASES {
        let headers: Vec<_> = sent.iter().map(|text| ("x-amzn-trace-id", value(text))).collect();
        let (seen, response) = exchange(&sidecar, &origin, &headers).await;

        assert_eq!(seen.headers.get_all("x-amzn-trace-id").iter().count(), 1, "one for {sent:?}");
        let (got, answered) = (
            origin::header(&seen, "x-amzn-trace-id"),
            client::header(&response, "x-amzn-trace-id"),
        );
        assert_eq!(shape(got), *on, "the service gets, for {sent:?}");
        assert_eq!(shape(answered), *back, "the client gets, for {sent:?}");
        assert_eq!(field(got, "Root"), field(answered, "Root"), "one trace for {sent:?}");
        if *recorded != Not {
            let segment = daemon.segment();
            assert_eq!(segment["trace_id"], field(got, "Root"), "{sent:?}");
            assert_eq!(segment["id"], field(got, "Parent"), "{sent:?}");
            let caller = (*recorded == BelowCaller).then_some(PARENT);
            assert_eq!(segment["parent_id"].as_str(), caller, "the caller, for {sent:?}");
        }
    }
    let summary = sidecar.stop().await;
    let expected = CASES.iter().filter(|case| case.3 != Not).count();
    assert_eq!(summary.recorded, expected as u64, "what the caller did not sample is not recorded");
}

#[tokio::test]
async fn long_garbage_is_neither_carried_on_nor_fatal() {
    let (origin, daemon) = (Origin::hello().await, Daemon::with(Callers::Unusual));
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    let long = "x".repeat(10_240);
    let many = "a=b;".repeat(2_560);

    for sent in [
        format!("Root={ROOT};{long}"),
        format!("Root={ROOT};Lineage={long}"),
        format!("{many};Root={ROOT}"),
    ] {
        let header = HeaderValue::from_str(&sent).unwrap();
        let (seen, response) = exchange(&sidecar, &origin, &[("x-amzn-trace-id", header)]).await;
        let got = origin::header(&seen, "x-amzn-trace-id");
        assert!(got.len() < 700, "foreign fields are bounded: {} bytes go on", got.len());
        assert!(shape(got).starts_with(YES), "{got}");
        assert_eq!(client::header(&response, "x-amzn-trace-id"), format!("Root={ROOT}"));
    }
    let faults = sidecar.metric("sideray_trace_header_faults_total").await;
    assert!(faults >= 3.0, "what was skipped is counted: {faults}");
}

#[tokio::test]
async fn what_the_rules_pass_over_keeps_its_trace_and_leaves_no_document() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    config.sampling = sidecar::never();
    let sidecar = Sidecar::start(config);

    for (sent, on, back) in [
        ("Root=R;Parent=P", NO, "Root=R"),
        ("Root=R;Parent=P;Sampled=?", NO, "Root=R;Sampled=0"),
        ("Sampled=?", "Root=N;Parent=S;Sampled=0", "Root=N;Sampled=0"),
        ("", "Root=N;Parent=S;Sampled=0", "Root=N"),
    ] {
        let header = [("x-amzn-trace-id", value(sent))];
        let (seen, response) = exchange(&sidecar, &origin, &header).await;
        assert_eq!(shape(origin::header(&seen, "x-amzn-trace-id")), on, "{sent:?}");
        assert_eq!(shape(client::header(&response, "x-amzn-trace-id")), back, "{sent:?}");
    }
    assert_eq!(sidecar.stop().await.recorded, 0);
    assert!(daemon.drain().is_empty());
}

#[tokio::test]
async fn traceparent_counts_where_there_is_no_trace_of_xrays() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::with(Callers::Unusual));
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    let other = "00-00000001000000000000000000000001-0000000000000001-01";
    let unsampled = TRACEPARENT.replace("-01", "-00");

    for (xray, traceparent, on) in [
        (None, TRACEPARENT, YES),
        (None, &unsampled, NO),
        (Some("nonsense"), TRACEPARENT, YES),
        (Some("Sampled=0"), TRACEPARENT, YES),
        (Some("Root=R;Sampled=0"), other, NO),
        (None, "00-nonsense-01", NEW),
        (None, "00-00000000000000000000000000000000-53995c3f42cd8ad8-01", NEW),
    ] {
        let mut headers = vec![("traceparent", HeaderValue::from_str(traceparent).unwrap())];
        headers.extend(xray.map(|text| ("x-amzn-trace-id", value(text))));
        let (seen, _) = exchange(&sidecar, &origin, &headers).await;
        let got = origin::header(&seen, "x-amzn-trace-id");
        assert_eq!(shape(got), on, "{xray:?} {traceparent}");
        if on == YES {
            assert_eq!(daemon.segment()["parent_id"], PARENT, "{xray:?} {traceparent}");
        }
    }
}

#[tokio::test]
async fn the_headers_that_were_asked_for_go_on() {
    for (xray, w3c) in [(true, false), (false, true), (true, true)] {
        let (origin, daemon) = (Origin::hello().await, Daemon::with(Callers::Elsewhere));
        let mut config = sidecar::config(origin.address(), &daemon);
        config.propagation = Propagation { xray, w3c };
        let sidecar = Sidecar::start(config);

        let header = [("x-amzn-trace-id", value("Root=R;Parent=P;Sampled=1"))];
        let (seen, response) = exchange(&sidecar, &origin, &header).await;

        let got = origin::header(&seen, "x-amzn-trace-id");
        if xray {
            assert_eq!(shape(got), YES);
        }
        let traceparent = origin::header(&seen, "traceparent");
        assert_eq!(traceparent.is_empty(), !w3c, "traceparent: {traceparent}");
        if w3c {
            let id = ROOT.replacen("1-", "", 1).replace('-', "");
            assert!(traceparent.starts_with(&format!("00-{id}-")), "{traceparent}");
            assert!(traceparent.ends_with("-01"), "{traceparent}");
            assert!(!traceparent.contains(PARENT), "the parent is our segment: {traceparent}");
        }
        if xray && w3c {
            assert!(traceparent.contains(field(got, "Parent")), "{traceparent} and {got}");
        }
        assert_eq!(client::header(&response, "x-amzn-trace-id"), format!("Root={ROOT}"));
    }
}

#[tokio::test]
async fn with_tracing_off_headers_pass_untouched() {
    let origin = Origin::start(|_| async {
        let mut response = Response::new(full("hello"));
        response.headers_mut().insert("x-amzn-trace-id", HeaderValue::from_static("Root=theirs"));
        response
    });
    let (origin, mut daemon) = (origin.await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    config.record.enabled = false;
    let sidecar = Sidecar::start(config);

    for sent in ["Root=R; Parent=P;;Sampled=?;", "nonsense \u{e9}"] {
        let headers = [
            ("x-amzn-trace-id", value(sent)),
            ("traceparent", HeaderValue::from_static(TRACEPARENT)),
        ];
        let (seen, response) = exchange(&sidecar, &origin, &headers).await;
        assert_eq!(seen.headers["x-amzn-trace-id"], value(sent));
        assert_eq!(seen.headers["traceparent"], TRACEPARENT);
        assert_eq!(client::header(&response, "x-amzn-trace-id"), "Root=theirs");
    }
    let (seen, _) = exchange(&sidecar, &origin, &[]).await;
    assert!(!seen.headers.contains_key("x-amzn-trace-id"), "none is made up");
    assert_eq!(sidecar.stop().await.recorded, 0);
    assert!(daemon.drain().is_empty());
}

#[tokio::test]
async fn the_services_own_answer_header_gives_way_to_ours() {
    let origin = Origin::start(|_| async {
        let mut response = Response::new(full("hello"));
        response.headers_mut().insert("x-amzn-trace-id", HeaderValue::from_static("Root=theirs"));
        response
    });
    let (origin, daemon) = (origin.await, Daemon::with(Callers::Elsewhere));
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));

    let header = [("x-amzn-trace-id", value("Root=R;Parent=P"))];
    let (_, response) = exchange(&sidecar, &origin, &header).await;

    let values = response.headers().get_all("x-amzn-trace-id");
    assert_eq!(values.iter().collect::<Vec<_>>(), [&value("Root=R")], "one trace, one header");
}
