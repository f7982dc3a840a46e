//! What the pure core costs per request: time, and allocations. `benches/core.md` says how to run
//! it and how to read it.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "a bench's way to fail is to panic"
)]

use std::rc::Rc;
use std::time::Duration;

use divan::AllocProfiler;
use divan::Bencher;
use divan::Divan;
use divan::black_box;
use http::HeaderMap;
use http::Method;

use sideray::attribution::ledger::Call;
use sideray::attribution::ledger::Ledger;
use sideray::attribution::options::Options;
use sideray::attribution::requests::Opened;
use sideray::aws::Protocol;
use sideray::aws::outcome::Outcome;
use sideray::aws::outcome::outcome;
use sideray::aws::parameters::RequestParts;
use sideray::aws::parameters::ResponseParts;
use sideray::aws::parameters::of_request;
use sideray::aws::parameters::of_response;
use sideray::sampling::local;
use sideray::sampling::reservoir::Reservoir;
use sideray::sampling::rule::Limits;
use sideray::sampling::rule::Request;
use sideray::sampling::rule::Rule;
use sideray::sampling::rule::Rules;
use sideray::trace::document::Batch;
use sideray::trace::document::Document;
use sideray::trace::exchange::Detail;
use sideray::trace::exchange::Exchange;
use sideray::trace::exchange::Ids;
use sideray::trace::facts::Client;
use sideray::trace::facts::End;
use sideray::trace::facts::RequestFacts;
use sideray::trace::facts::ResponseFacts;
use sideray::trace::facts::Scheme;
use sideray::trace::facts::Url;
use sideray::trace::header::Context;
use sideray::trace::header::TraceHeader;
use sideray::trace::id::SegmentId;
use sideray::trace::id::TraceId;
use sideray::trace::segment::Name;
use sideray::trace::segment::Notes;
use sideray::trace::site::Surroundings;
use sideray::trace::time::Micros;
use sideray::trace::time::Stamp;

/// Counts what is allocated, and leaves it to the program's own allocator.
#[global_allocator]
static ALLOCATOR: AllocProfiler<mimalloc::MiMalloc> = AllocProfiler::new(mimalloc::MiMalloc);

fn main() {
    Divan::default().min_time(Duration::from_millis(200)).config_with_args().main();
}

const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
const LINEAGE: &str = "Lineage=25:a87bd80c:0|68fd508a:5";

fn now() -> Micros {
    Micros::new(1_795_348_800_000_000)
}

fn stamp(micros: u64) -> Stamp {
    Stamp::new(Micros::new(now().get() + micros), Duration::from_micros(micros))
}

fn context() -> Context {
    let root = TraceId::mint(now(), 0x1234_5678_9abc_def0_1234_5678);
    Context { root, parent: SegmentId::mint(0x53995c3f42cd8ad8), sampled: true }
}

mod header {
    use super::*;

    #[divan::bench]
    fn parse() -> TraceHeader {
        TraceHeader::parse(black_box(XRAY.as_bytes()))
    }

    #[divan::bench]
    fn parse_with_extra(bencher: Bencher<'_, '_>) {
        let value = format!("Self=1-67891234-1;{XRAY};{LINEAGE}");
        bencher.bench(|| TraceHeader::parse(black_box(value.as_bytes())));
    }

    /// As much as a server takes in headers, of pieces that each have to be looked at.
    #[divan::bench]
    fn parse_hostile(bencher: Bencher<'_, '_>) {
        let pieces = format!("Root={};x=1;=;a\tb=c;{LINEAGE};", "f".repeat(35));
        let value = pieces.repeat(64 * 1024 / pieces.len());
        bencher.bench(|| TraceHeader::parse(black_box(value.as_bytes())));
    }

    #[divan::bench]
    fn parse_traceparent() -> Option<TraceHeader> {
        let value = "00-4bf92f3577b34da6a3ce929d0e0e4736-53995c3f42cd8ad8-01";
        TraceHeader::parse_traceparent(black_box(value.as_bytes()))
    }

    #[divan::bench(args = ["", LINEAGE])]
    fn write_xray(extra: &str) -> String {
        black_box(context()).to_xray(black_box(extra))
    }

    #[divan::bench]
    fn write_traceparent() -> String {
        black_box(context()).to_traceparent()
    }
}

mod id {
    use super::*;

    #[divan::bench]
    fn mint_trace() -> TraceId {
        TraceId::mint(black_box(now()), black_box(0x1234_5678_9abc_def0_1234_5678))
    }

    #[divan::bench]
    fn mint_segment() -> SegmentId {
        SegmentId::mint(black_box(0x53995c3f42cd8ad8))
    }

    #[divan::bench]
    fn trace_to_text() -> impl Sized {
        black_box(context().root).to_text()
    }

    #[divan::bench]
    fn segment_to_text() -> impl Sized {
        black_box(context().parent).to_text()
    }
}

mod sampling {
    use super::*;

    /// Rules of which none but the last matches [`request`].
    fn rules(count: usize) -> Rules {
        let rule = |index: usize| Rule {
            name: format!("rule {index}").into(),
            host: "*.example".into(),
            method: "GET".into(),
            path: format!("/api/v?/resource-{index}/*").into(),
            limits: Limits::default(),
        };
        Rules::new((0..count).map(rule).collect(), Limits::default())
    }

    #[divan::bench(args = [1, 20, 1_000])]
    fn find_last_and_decide(bencher: Bencher<'_, '_>, count: usize) {
        let rules = rules(count);
        let path = format!("/api/v1/resource-{}/items/7", count - 1);
        let request = Request { host: "shop.example", method: "GET", path: &path };
        let mut reservoir = Reservoir::default();
        let mut random = 0_u64;
        bencher.bench_local(|| {
            let index = rules.find(black_box(&request));
            random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            local::decide(rules.limits(index), &mut reservoir, black_box(7), random)
        });
    }
}

mod document {
    use super::*;

    fn exchange(own: u64, host: &str) -> Exchange<sideray::trace::exchange::Answered> {
        let ids = Ids { trace: context().root, own: SegmentId::mint(own), parent: None };
        let request = RequestFacts {
            method: Method::GET,
            url: Url::new(Scheme::Http, host, "/api/v1/orders/12/items"),
            user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101".into()),
            client: Some(Client::Peer([10, 0, 0, 7].into())),
        };
        let detail = Rc::new(Detail { name: Name::new(host), request, rule: None });
        let response = ResponseFacts { status: 200, content_length: Some(1_234) };
        Exchange::open(ids, stamp(0), Some(detail)).answered(response)
    }

    fn segment(calls: usize) -> Document {
        let end = stamp(12_345);
        let call = |own| {
            let call = exchange(own, "inventory.example:8080");
            call.into_subsegment(End::Complete, end, Notes::default(), None).unwrap()
        };
        let calls = (2..).take(calls).map(call).collect();
        let segment = exchange(1, "shop.example").into_segment(End::Complete, end, calls);
        Document::Segment(Box::new(segment.unwrap()))
    }

    /// Into a buffer that is used again, as the emitter does; what is freed is the model.
    #[divan::bench(args = [0, 3, 100])]
    fn encode_with_calls(bencher: Bencher<'_, '_>, calls: usize) {
        let mut batch = Batch::default();
        bencher.with_inputs(|| segment(calls)).bench_local_values(|document| {
            batch.clear();
            batch.encode(document, &Surroundings::default())
        });
    }

    /// From the facts of a request to its closed segment, without the calls.
    #[divan::bench]
    fn close_exchange(bencher: Bencher<'_, '_>) {
        bencher.with_inputs(|| exchange(1, "shop.example")).bench_local_values(|exchange| {
            exchange.into_segment(End::Complete, stamp(12_345), Vec::new())
        });
    }
}

mod ledger {
    use super::*;

    const OPEN: [u64; 3] = [10, 1_000, 10_000];

    /// How far apart events are in microseconds: a hundred a second, so that of a minute, which is
    /// remembered, 6,000 closed requests are.
    const STEP: u64 = 10_000;
    const REMEMBERED: u64 = 6_000;

    fn opened(number: u64, at: Stamp) -> Opened {
        // Scattered as ids are.
        let bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let trace = TraceId::mint(now(), bits.into());
        Opened { trace, id: SegmentId::mint(bits), sampled: true, at }
    }

    fn with_open(count: u64) -> Ledger<Vec<u8>> {
        let mut ledger = Ledger::new(Options::default());
        for number in 1..=count {
            ledger.open(opened(number, stamp(0)), None, Vec::new()).unwrap();
        }
        ledger
    }

    /// All that a request costs the ledger, while `count` others are open.
    #[divan::bench(args = OPEN)]
    fn open_answered_close(bencher: Bencher<'_, '_>, count: u64) {
        let mut ledger = with_open(count);
        let mut number = count;
        let mut request = || {
            number += 1;
            let request = opened(number, stamp(number * STEP));
            ledger.open(request, None, Vec::new()).unwrap();
            ledger.answered(request.id, request.at);
            ledger.close(request.id, request.at)
        };
        (0..2 * REMEMBERED).for_each(|_| drop(request()));
        bencher.bench_local(request);
    }

    fn call(header: Option<&TraceHeader>, at: u64) -> Call<'_> {
        let (method, host, path) = ("GET", "inventory.example:8080", "/api/v1/items/1234567");
        Call { at: stamp(at), header, method, host, path, prints: None, caller: None }
    }

    /// A call without a header, which any of the open requests may have made.
    #[divan::bench(args = OPEN)]
    fn attribute(bencher: Bencher<'_, '_>, count: u64) {
        let mut ledger = with_open(count);
        let mut at = 0;
        bencher.bench_local(|| {
            at += STEP;
            ledger.attribute(black_box(&call(None, at)))
        });
    }

    /// A call that carries the header of one of the open requests.
    #[divan::bench(args = OPEN)]
    fn attribute_by_header(bencher: Bencher<'_, '_>, count: u64) {
        let mut ledger = with_open(count);
        let request = opened(count / 2, stamp(0));
        let header = TraceHeader {
            root: Some(request.trace),
            parent: Some(request.id),
            ..TraceHeader::default()
        };
        let mut at = 0;
        bencher.bench_local(|| {
            at += STEP;
            ledger.attribute(black_box(&call(Some(&header), at)))
        });
    }

    /// A call that only one request can have made, by a route that is trusted or not.
    #[divan::bench]
    fn attribute_to_the_only_one(bencher: Bencher<'_, '_>) {
        let mut ledger = with_open(1);
        let mut at = 0;
        bencher.bench_local(|| {
            at += STEP;
            ledger.attribute(black_box(&call(None, at)))
        });
    }
}

mod aws {
    use super::*;

    fn headers(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    /// A call of DynamoDB's `PutItem`, with an item of as many bytes: what it names, what it used,
    /// how it ended.
    #[divan::bench(args = [100, 10_000])]
    fn put_item(bencher: Bencher<'_, '_>, item: usize) {
        let request = headers(&[
            ("host", "dynamodb.eu-west-1.amazonaws.com"),
            ("x-amz-target", "DynamoDB_20120810.PutItem"),
            ("content-type", "application/x-amz-json-1.0"),
        ]);
        let response = headers(&[
            ("x-amzn-requestid", "QfWVrOBKg10b0Odg3U2oehPjzaONVFd79lLxBh8CLWFSSmBbakcc"),
            ("x-amz-crc32", "2745614147"),
        ]);
        let item = "x".repeat(item);
        let sent = format!(r#"{{"Item":{{"id":{{"S":"{item}"}}}},"TableName":"orders"}}"#);
        let got = r#"{"ConsumedCapacity":{"TableName":"orders","CapacityUnits":1.0}}"#;
        let call = RequestParts {
            service: "dynamodb",
            operation: "PutItem",
            protocol: Protocol::Json,
            labels: &[],
            query: "",
            headers: &request,
            body: sent.as_bytes(),
        };
        let answer = ResponseParts {
            service: call.service,
            operation: call.operation,
            protocol: call.protocol,
            status: 200,
            headers: &response,
            body: got.as_bytes(),
            whole: true,
        };
        bencher.bench(|| {
            (of_request(black_box(&call)), of_response(black_box(&answer)), ended(&answer))
        });
    }

    fn ended(answer: &ResponseParts<'_>) -> Outcome {
        let ResponseParts { service, operation, protocol, status, headers, body, .. } = *answer;
        outcome(service, Some(operation), Some(protocol), status, headers, body)
    }

    /// A call that was throttled.
    #[divan::bench]
    fn throttled(bencher: Bencher<'_, '_>) {
        let headers = headers(&[("x-amzn-requestid", "QfWVrOBKg10b0Odg3U2oehPjzaONVFd79lLxBh8")]);
        let body =
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"m"}"#;
        let answer = ResponseParts {
            service: "dynamodb",
            operation: "PutItem",
            protocol: Protocol::Json,
            status: 400,
            headers: &headers,
            body: body.as_bytes(),
            whole: true,
        };
        bencher.bench(|| ended(black_box(&answer)));
    }

    /// A response as long as any that is kept, of elements that each have to be looked at.
    #[divan::bench]
    fn list_hostile(bencher: Bencher<'_, '_>) {
        let body = format!("<L>{}</L>", "<Contents></Contents>".repeat(3000));
        let headers = HeaderMap::new();
        let answer = ResponseParts {
            service: "s3",
            operation: "ListObjects",
            protocol: Protocol::RestXml,
            status: 200,
            headers: &headers,
            body: body.as_bytes(),
            whole: true,
        };
        bencher.bench(|| of_response(black_box(&answer)));
    }
}
