//! What the tests of this room share: a clock set by hand, and documents.

use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Method;

use crate::sys::clock::Clock;
use crate::trace::document::Document;
use crate::trace::exchange::Detail;
use crate::trace::exchange::Exchange;
use crate::trace::exchange::Ids;
use crate::trace::facts::End;
use crate::trace::facts::RequestFacts;
use crate::trace::facts::Scheme;
use crate::trace::facts::Url;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::segment::Name;
use crate::trace::segment::Notes;
use crate::trace::time::Micros;
use crate::trace::time::Stamp;

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub(in crate::emit) struct ManualClock(AtomicU64);

impl ManualClock {
    pub(in crate::emit) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Stamp {
        let seconds = self.0.load(Ordering::Relaxed);
        Stamp::new(Micros::new((1_700_000_000 + seconds) * 1_000_000), Duration::from_secs(seconds))
    }
}

/// The segment with the id `own`.
pub(in crate::emit) fn document(own: u64) -> Document {
    segment(own, 0, 0)
}

/// A segment that holds `calls` calls, each with a path of `path_len` bytes.
pub(in crate::emit) fn segment(own: u64, calls: u64, path_len: usize) -> Document {
    let start = ManualClock::default().now();
    let exchange = |own: u64, path: String| {
        let trace = TraceId::mint(start.wall(), 7);
        let ids = Ids { trace, own: SegmentId::mint(own), parent: None };
        let url = Url::new(Scheme::Http, "shop.test", &path);
        let request = RequestFacts { method: Method::GET, url, user_agent: None, client: None };
        Exchange::open(
            ids,
            start,
            Some(Rc::new(Detail { name: Name::new("shop"), request, rule: None })),
        )
    };
    let calls = (0..calls)
        .map(|n| exchange(own + 1 + n, format!("/{}", "p".repeat(path_len))))
        .filter_map(|call| call.into_subsegment(End::Complete, start, Notes::default(), None))
        .collect();
    let segment = exchange(own, "/".into()).into_segment(End::Complete, start, calls).unwrap();
    Document::Segment(Box::new(segment))
}

/// The number that `document` was made with.
pub(in crate::emit) fn own_id(document: &[u8]) -> u64 {
    let document: serde_json::Value = serde_json::from_slice(document).unwrap();
    u64::from_str_radix(document["id"].as_str().unwrap(), 16).unwrap()
}
