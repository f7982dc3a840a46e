//! Any exchange as documents: each fits its datagram and is JSON with its own id first, and nothing
//! is lost on the way.
#![no_main]

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use arbitrary::Arbitrary;
use http::Method;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sideray::trace::document::Batch;
use sideray::trace::document::DATAGRAM_HEADER;
use sideray::trace::document::Document;
use sideray::trace::document::MAX_DOCUMENT;
use sideray::trace::exchange;
use sideray::trace::exchange::Detail;
use sideray::trace::exchange::Ids;
use sideray::trace::facts::Client;
use sideray::trace::facts::End;
use sideray::trace::facts::Failure;
use sideray::trace::facts::RequestFacts;
use sideray::trace::facts::ResponseFacts;
use sideray::trace::facts::Scheme;
use sideray::trace::facts::TunnelEnd;
use sideray::trace::facts::TunnelFacts;
use sideray::trace::facts::Url;
use sideray::trace::id::SegmentId;
use sideray::trace::id::TraceId;
use sideray::trace::site::Surroundings;
use sideray::trace::segment::AttributionNote;
use sideray::trace::segment::Name;
use sideray::trace::segment::Notes;
use sideray::trace::segment::Segment;
use sideray::trace::segment::Subsegment;
use sideray::trace::time::Micros;
use sideray::trace::time::Stamp;

/// Most bytes of one text: more than a document may have.
const LONGEST: usize = 80_000;

#[derive(Arbitrary, Debug)]
struct Seen {
    kind: Kind,
    trace: u128,
    parent: Option<u64>,
    request: Exchange,
    calls: Vec<Exchange>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Kind {
    InProgress,
    Root,
    Segment,
    Separate,
}

#[derive(Arbitrary, Debug)]
struct Exchange {
    own: u64,
    name: Text,
    method: Text,
    authority: Text,
    path: Text,
    user_agent: Option<Text>,
    client: Option<(IpAddr, bool)>,
    start: u64,
    took: u32,
    response: Option<(u16, Option<u64>)>,
    end: Option<Option<Text>>,
    candidates: Option<[u64; 16]>,
    tunnel: Option<(u64, u64)>,
}

/// A piece of text once, or many times over: the fuzzer makes no long ones of its own.
#[derive(Arbitrary, Debug)]
struct Text {
    piece: String,
    times: u8,
}

impl Text {
    fn of(&self) -> Box<str> {
        let most = LONGEST / self.piece.len().max(1);
        let times = usize::from(self.times).saturating_sub(192) * most / 63;
        self.piece.repeat(times.max(1)).into()
    }
}

impl Exchange {
    fn ids(&self, seen: &Seen) -> Ids {
        let trace = TraceId::mint(Micros::new(self.start), seen.trace);
        let own = SegmentId::mint(self.own);
        Ids { trace, own, parent: seen.parent.map(SegmentId::mint) }
    }

    fn start(&self) -> Stamp {
        Stamp::new(Micros::new(self.start), Duration::from_secs(1))
    }

    fn stop(&self) -> Stamp {
        let took = Duration::from_micros(self.took.into());
        Stamp::new(Micros::new(0), Duration::from_secs(1) + took)
    }

    fn detail(&self) -> Rc<Detail> {
        let method = Method::from_bytes(self.method.of().as_bytes()).unwrap_or(Method::GET);
        let url = Url::new(Scheme::Https, &self.authority.of(), &self.path.of());
        let client = self.client.map(|(ip, forwarded)| match forwarded {
            true => Client::Forwarded(ip),
            false => Client::Peer(ip),
        });
        let user_agent = self.user_agent.as_ref().map(Text::of);
        let request = RequestFacts { method, url, user_agent, client };
        Rc::new(Detail { name: Name::new(&self.name.of()), request, rule: None })
    }

    fn end(&self) -> End {
        match &self.end {
            None => End::Complete,
            Some(None) => End::Cancelled,
            Some(Some(message)) => {
                End::Failed(Failure { kind: "ConnectTimeout", message: message.of() })
            }
        }
    }

    fn notes(&self) -> Notes {
        let attribution = self.candidates.map(|candidates| AttributionNote {
            method: "unknown",
            confidence: "none",
            late: true,
            candidates: candidates.map(SegmentId::mint).to_vec(),
            links: Vec::new(),
        });
        let tunnel = self.tunnel.map(|(bytes_sent, bytes_received)| TunnelFacts {
            bytes_sent,
            bytes_received,
            ended_by: TunnelEnd::IdleTimeout,
        });
        Notes { attribution, tunnel, ..Notes::default() }
    }

    fn segment(&self, seen: &Seen, calls: Vec<Subsegment>) -> Segment {
        let open = exchange::Exchange::open(self.ids(seen), self.start(), Some(self.detail()));
        let segment = match self.response {
            Some((status, content_length)) => open
                .answered(ResponseFacts { status, content_length })
                .into_segment(self.end(), self.stop(), calls),
            None => open.into_segment(self.end(), self.stop(), calls),
        };
        segment.expect("what is sampled leaves a document")
    }

    fn subsegment(&self, seen: &Seen) -> Subsegment {
        let open = exchange::Exchange::open(self.ids(seen), self.start(), Some(self.detail()));
        let call = match self.response {
            Some((status, content_length)) => open
                .answered(ResponseFacts { status, content_length })
                .into_subsegment(self.end(), self.stop(), self.notes(), None),
            None => open.into_subsegment(self.end(), self.stop(), self.notes(), None),
        };
        call.expect("what is sampled leaves a document")
    }
}

impl Seen {
    /// The document, and how many calls are in it.
    fn document(&self) -> (Document, usize) {
        let request = &self.request;
        let ids = request.ids(self);
        match self.kind {
            Kind::InProgress => {
                let segment = exchange::in_progress(ids, request.start(), &request.detail());
                (Document::Segment(Box::new(segment)), 0)
            }
            Kind::Root => {
                let name = Name::new(&request.name.of());
                let segment = exchange::root_segment(ids, name, request.subsegment(self));
                (Document::Segment(Box::new(segment)), 1)
            }
            Kind::Segment => {
                let calls: Vec<_> = self.calls.iter().map(|call| call.subsegment(self)).collect();
                let count = calls.len();
                (Document::Segment(Box::new(request.segment(self, calls))), count)
            }
            Kind::Separate => {
                let separate = request.subsegment(self).separate(ids.trace, ids.own);
                (Document::Subsegment(Box::new(separate)), 0)
            }
        }
    }
}

fuzz_target!(|seen: Seen| {
    let (document, calls) = seen.document();
    let mut batch = Batch::default();
    let encoded = batch.encode(document, &Surroundings::default());
    assert_eq!(encoded.failed, 0, "{encoded:?}");
    assert_eq!(encoded.written, batch.len() as u64, "{encoded:?}");
    assert!(encoded.cut <= encoded.written, "{encoded:?}");

    let (mut entities, mut cut) = (0, 0);
    for datagram in batch.datagrams() {
        assert!(datagram.len() <= DATAGRAM_HEADER.len() + MAX_DOCUMENT, "{}", datagram.len());
        let document = datagram.strip_prefix(DATAGRAM_HEADER).expect("the header line is first");
        assert!(document.starts_with(b"{\"id\":\""), "its own id is first");
        assert!(!document.contains(&b'\n'), "one line");
        let value: Value = serde_json::from_slice(document).expect("it is JSON");
        check(&value);
        entities += 1 + inner(&value).inspect(|call| check(call)).count();
        cut += u64::from(value.pointer("/metadata/sideray/cut").is_some());
    }
    assert_eq!(entities, 1 + calls, "each call once, inside or on its own");
    assert_eq!(cut, encoded.cut, "what was cut says so, and nothing else does");
});

fn inner(document: &Value) -> impl Iterator<Item = &Value> {
    document.get("subsegments").and_then(Value::as_array).into_iter().flatten()
}

/// What every segment and subsegment owes X-Ray.
fn check(entity: &Value) {
    let id = entity["id"].as_str().expect("an id");
    assert!(SegmentId::parse(id.as_bytes()).is_some(), "{id} is no id");
    let name = entity["name"].as_str().expect("a name");
    assert!((1..=Name::MAX).contains(&name.chars().count()), "{name:?}");
    let start = entity["start_time"].as_f64().expect("a start");
    let end = entity.get("end_time").and_then(Value::as_f64);
    assert!(end.is_some() != entity.get("in_progress").is_some(), "one of the two");
    assert!(end.is_none_or(|end| end >= start), "it ends before it begins");
    let status = entity.pointer("/http/response/status").map(|status| status.as_u64());
    assert!(status.is_none_or(|s| s.is_some_and(|s| (100..=599).contains(&s))), "{status:?}");
}
