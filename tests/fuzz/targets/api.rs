//! Any bytes as requests to the local API, a target on the first line and a body below it: none is
//! fatal, and what is taken of them fits a document uncut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sideray::api::MAX_BODY;
use sideray::api::piece;
use sideray::api::piece::Order;
use sideray::api::route;
use sideray::api::said;
use sideray::trace::document::Batch;
use sideray::trace::document::Document;
use sideray::trace::id::SegmentId;
use sideray::trace::segment::Ending;
use sideray::trace::segment::remarks::ROOM;
use sideray::trace::site::Surroundings;
use sideray::trace::time::Micros;

fuzz_target!(|request: &[u8]| {
    let end = request.iter().position(|byte| *byte == b'\n').unwrap_or(request.len());
    let (target, body) = request.split_at(end);
    let body = &body[..body.len().min(MAX_BODY)];
    if let Ok(target) = std::str::from_utf8(target) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        for method in ["PUT", "POST"] {
            drop(route::route(method, path, Some(query)));
        }
        let _near = route::is_near(target);
    }
    let mut last = 0;
    let mut mint = || {
        last += 1;
        SegmentId::mint(last)
    };
    let said = [
        said::annotations(body),
        said::metadata(body, "default"),
        said::user(body),
        said::exceptions(body, None, &mut mint),
    ];
    for remarks in said.into_iter().flatten() {
        assert!(remarks.size() <= ROOM + 1000, "{}", remarks.size());
    }
    if let Ok(Order::New(new)) = piece::order(body, &mut mint) {
        let end = new.end.map_or(Ending::Open, Ending::At);
        let start = new.start.unwrap_or(Micros::new(1));
        let call = new.details.into_subsegment(SegmentId::mint(1), new.name, start, end);
        let mut batch = Batch::default();
        let alone = Document::Subsegment(Box::new(call.separate(new.trace, SegmentId::mint(2))));
        let encoded = batch.encode(alone, &Surroundings::default());
        assert_eq!((encoded.written, encoded.cut, encoded.failed), (1, 0, 0));
        for document in batch.documents() {
            assert!(serde_json::from_slice::<Value>(document).is_ok(), "it is no JSON");
        }
    }
});
