//! What leaves is small enough, is JSON, starts with its own id, and says what it lost.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::rc::Rc;

use http::Method;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::trace::exchange::Detail;
use crate::trace::exchange::Exchange;
use crate::trace::exchange::Ids;
use crate::trace::facts::Client;
use crate::trace::facts::End;
use crate::trace::facts::Failure;
use crate::trace::facts::RequestFacts;
use crate::trace::facts::ResponseFacts;
use crate::trace::facts::Scheme;
use crate::trace::facts::Url;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::segment::AttributionNote;
use crate::trace::segment::Name;
use crate::trace::segment::Notes;
use crate::trace::segment::Subsegment;
use crate::trace::site::Surroundings;
use crate::trace::time::Micros;
use crate::trace::time::Stamp;

const LARGEST_DATAGRAM: usize = 65_507;

/// Texts that an encoder could stumble over.
const HOSTILE: [&str; 7] = [
    "plain",
    "\"id\":\"0000000000000000\",",
    "back\\slash and \"quotes\"",
    "\u{0}\u{1}\n\r\t\u{1b}[31m\u{7f}\u{2028}",
    "👩‍👩‍👧‍👦 Größe 日本語",
    "~1/a~0b/",
    "</script>",
];

fn trace() -> TraceId {
    TraceId::mint(Micros::new(1_700_000_000_000_000), 0xabcd)
}

fn ids(own: u64, parent: Option<u64>) -> Ids {
    Ids { trace: trace(), own: SegmentId::mint(own), parent: parent.map(SegmentId::mint) }
}

/// An answered exchange whose free texts are `path`, `agent`.
fn exchange(
    ids: Ids,
    path: &str,
    agent: Option<&str>,
) -> Exchange<impl crate::trace::exchange::State> {
    let url = Url::new(Scheme::Http, "shop.test", path);
    let request = RequestFacts {
        method: Method::GET,
        url,
        user_agent: agent.map(Into::into),
        client: agent.map(|_| Client::Peer(IpAddr::V4(Ipv4Addr::LOCALHOST))),
    };
    Exchange::open(
        ids,
        at(0),
        Some(Rc::new(Detail { name: Name::new("shop"), request, rule: None })),
    )
    .answered(ResponseFacts { status: 502, content_length: Some(3) })
}

fn at(seconds: u64) -> Stamp {
    let micros = 1_700_000_000_000_000 + seconds * 1_000_000;
    Stamp::new(Micros::new(micros), std::time::Duration::from_secs(seconds))
}

fn failed(message: &str) -> End {
    End::Failed(Failure { kind: "ConnectionReset", message: message.into() })
}

fn call(own: u64, path: &str, message: &str) -> Subsegment {
    exchange(ids(own, None), path, None)
        .into_subsegment(failed(message), at(1), Notes::default(), None)
        .unwrap()
}

fn segment(agent: &str, message: &str, calls: Vec<Subsegment>) -> Segment {
    exchange(ids(1, Some(9)), "/", Some(agent)).into_segment(failed(message), at(2), calls).unwrap()
}

fn encode(document: Document) -> (Batch, Encoded) {
    let mut batch = Batch::default();
    let report = batch.encode(document, &Surroundings::default());
    (batch, report)
}

fn parsed(batch: &Batch) -> Vec<Value> {
    batch.documents().map(|document| serde_json::from_slice(document).unwrap()).collect()
}

/// What holds of every batch, whatever went in.
fn check(batch: &Batch, report: Encoded) {
    assert_eq!(batch.len() as u64, report.written);
    assert_eq!(batch.documents().count(), batch.len(), "every datagram has the header line");
    let says_so = |document: &Value| document.pointer("/metadata/sideray/cut").is_some();
    let cut = parsed(batch).iter().filter(|document| says_so(document)).count();
    assert_eq!(cut as u64, report.cut, "what was cut says so, and nothing else does");
    for datagram in batch.datagrams() {
        assert!(datagram.len() <= LARGEST_DATAGRAM, "{} bytes", datagram.len());
        let body = datagram.strip_prefix(DATAGRAM_HEADER).unwrap();
        assert!(!body.contains(&b'\n'), "one document is one line");
        let document: Value = serde_json::from_slice(body).unwrap();
        let id = document["id"].as_str().unwrap();
        assert!(body.starts_with(format!("{{\"id\":\"{id}\",").as_bytes()), "own id first");
        let first_trace = body.windows(11).position(|w| w == b"\"trace_id\":").unwrap();
        assert!(
            body[first_trace..].starts_with(format!("\"trace_id\":\"{}\"", trace()).as_bytes())
        );
    }
}

#[test]
fn a_document_that_fits_travels_whole() {
    let calls = vec![call(2, "/a", "m"), call(3, "/b", "m")];
    let (batch, report) = encode(Document::Segment(Box::new(segment("curl", "reset", calls))));
    assert_eq!(report, Encoded { written: 1, cut: 0, failed: 0 });
    assert_eq!(report.split(), 0);
    check(&batch, report);
    let document = &parsed(&batch)[0];
    assert_eq!(document["subsegments"][1]["id"], "0000000000000003");
    assert_eq!(document["parent_id"], "0000000000000009");
    assert!(document.get("metadata").is_none());
}

#[test]
fn hostile_texts_come_back_as_they_went_in() {
    for text in HOSTILE {
        let document = segment(text, text, vec![call(2, text, text)]);
        let (batch, report) = encode(Document::Segment(Box::new(document)));
        check(&batch, report);
        let document = &parsed(&batch)[0];
        assert_eq!(document["http"]["request"]["user_agent"], text);
        assert_eq!(document["cause"]["exceptions"][0]["message"], text);
        let url = document["subsegments"][0]["http"]["request"]["url"].as_str().unwrap();
        assert_eq!(url, format!("http://shop.test{text}"));
    }
}

#[test]
fn subsegments_leave_a_segment_that_is_too_large() {
    let calls: Vec<_> = (0..100).map(|n| call(100 + n, &"/p".repeat(500), "reset")).collect();
    let (batch, report) = encode(Document::Segment(Box::new(segment("curl", "reset", calls))));
    assert_eq!(report, Encoded { written: 101, cut: 0, failed: 0 });
    assert_eq!(report.split(), 100);
    check(&batch, report);
    let documents = parsed(&batch);
    let (last, split) = documents.split_last().unwrap();
    assert_eq!(last["id"], "0000000000000001", "the segment follows its children");
    assert!(last.get("subsegments").is_none() && last.get("type").is_none());
    for (n, document) in split.iter().enumerate() {
        assert_eq!(document["id"], format!("{:016x}", 100 + n));
        assert_eq!(document["type"], "subsegment");
        assert_eq!(document["trace_id"], trace().to_string());
        assert_eq!(document["parent_id"], "0000000000000001");
        assert_eq!(document["namespace"], "remote");
    }
}

#[test]
fn the_longest_strings_are_cut_and_it_is_said() {
    let path = format!("/{}", "é".repeat(50_000));
    let document = call(2, &path, &"x".repeat(30_000)).separate(trace(), SegmentId::mint(1));
    let (batch, report) = encode(Document::Subsegment(Box::new(document)));
    assert_eq!(report, Encoded { written: 1, cut: 1, failed: 0 });
    check(&batch, report);
    let document = &parsed(&batch)[0];
    let url = document["http"]["request"]["url"].as_str().unwrap();
    let whole = format!("http://shop.test{path}");
    assert!(whole.starts_with(url), "what is left is how it began");
    assert_eq!(document["metadata"]["sideray"]["cut"]["/http/request/url"], whole.len());
    let message = document["cause"]["exceptions"][0]["message"].as_str().unwrap();
    assert_eq!(message.len(), 30_000, "what need not be cut is left whole");
}

#[test]
fn the_limit_itself_is_not_cut() {
    let encoded =
        |agent: usize| encode(Document::Segment(Box::new(segment(&"a".repeat(agent), "", vec![]))));
    let overhead = encoded(100).0.bytes.len() - 100;
    let (at_limit, report) = encoded(LARGEST_DATAGRAM - overhead);
    assert_eq!(report.cut, 0);
    assert_eq!(at_limit.bytes.len(), LARGEST_DATAGRAM);
    // Two whole seconds are written with zeros that need not be there.
    let zeros = 2 * "00000".len();
    for (over, cut) in [(1, 0), (zeros, 0), (zeros + 1, 1)] {
        let (batch, report) = encoded(LARGEST_DATAGRAM - overhead + over);
        assert_eq!(report, Encoded { written: 1, cut, failed: 0 }, "{over} bytes over");
        check(&batch, report);
    }
}

#[test]
fn what_cannot_be_cut_fails_and_leaves_no_trace_in_the_buffer() {
    let attribution = AttributionNote {
        method: "unknown",
        confidence: "none",
        late: false,
        candidates: (1..5_000).map(SegmentId::mint).collect(),
        links: Vec::new(),
    };
    let notes = Notes { attribution: Some(attribution), ..Notes::default() };
    let endless = exchange(ids(2, None), "/", None)
        .into_subsegment(End::Complete, at(1), notes, None)
        .unwrap();
    let mut batch = Batch::default();
    let calls = vec![call(3, "/", "m"), endless];
    let report = batch.encode(
        Document::Segment(Box::new(segment("curl", "reset", calls))),
        &Surroundings::default(),
    );
    assert_eq!(report, Encoded { written: 2, cut: 0, failed: 1 });
    assert_eq!(report.split(), 2, "split counts the one that failed too");
    check(&batch, report);
}

#[test]
fn a_batch_keeps_documents_apart_and_forgets_them() {
    let mut batch = Batch::default();
    for n in 1..=3 {
        let document = call(n, "/", "m").separate(trace(), SegmentId::mint(77));
        assert_eq!(
            batch
                .encode(Document::Subsegment(Box::new(document)), &Surroundings::default())
                .written,
            1
        );
    }
    let ids: Vec<_> = parsed(&batch).iter().map(|document| document["id"].to_string()).collect();
    assert_eq!(ids, ["\"0000000000000001\"", "\"0000000000000002\"", "\"0000000000000003\""]);
    batch.clear();
    assert!(batch.is_empty() && batch.datagrams().next().is_none());
}

fn hostile_text() -> impl Strategy<Value = String> {
    (prop::sample::select(&HOSTILE[..]), prop_oneof![0..50_usize, 0..6_000_usize], ".{0,20}")
        .prop_map(|(text, times, tail)| text.repeat(times) + &tail)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_goes_in_fits_and_is_json(
        agent in hostile_text(),
        message in hostile_text(),
        calls in prop::collection::vec((hostile_text(), hostile_text()), 0..6),
    ) {
        let count = calls.len() as u64;
        let calls = calls.iter().zip(2..).map(|((path, message), n)| call(n, path, message));
        let document = segment(&agent, &message, calls.collect());
        let (batch, report) = encode(Document::Segment(Box::new(document)));
        check(&batch, report);
        prop_assert_eq!(report.failed, 0);
        prop_assert!(report.split() == 0 || report.split() == count);
        let cuts = parsed(&batch).iter().filter(|d| d.pointer("/metadata/sideray/cut").is_some()).count();
        prop_assert_eq!(cuts as u64, report.cut);
    }

    #[test]
    fn a_cut_text_is_a_prefix(message in hostile_text()) {
        let document = segment("curl", &message, vec![]);
        let (batch, report) = encode(Document::Segment(Box::new(document)));
        let documents = parsed(&batch);
        let left = documents[0]["cause"]["exceptions"][0]["message"].as_str().unwrap();
        prop_assert!(message.starts_with(left));
        prop_assert_eq!(left.len() < message.len(), report.cut == 1);
        prop_assert!(report.cut == 0 || left.len() + 3 >= MIN_CUT);
    }
}
