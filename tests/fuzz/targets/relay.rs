//! Any bytes as a datagram for the relay: a segment that joins is one line of JSON, tells the same,
//! and has nothing that a subsegment may not have.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sideray::relay::join;
use sideray::relay::join::Read;

fuzz_target!(|datagram: &[u8]| {
    let header = b"{\"format\":\"json\",\"version\":1}\n";
    let framed = [header, datagram].concat();
    let framed = join::document(&framed);
    assert_eq!(framed, Some(datagram).filter(|document| !document.is_empty()));
    if let Some(document) = join::document(datagram) {
        assert!(datagram.ends_with(document), "nothing is added");
    }
    let Read::Insider(insider) = join::read(datagram) else { return };
    let before: Value = serde_json::from_slice(datagram).expect("it was read");
    let (trace, parent) = (insider.trace.to_string(), insider.parent.to_string());
    let joined = insider.into_subsegment();
    let start = format!("{{\"id\":{},\"trace_id\":\"{trace}\"", before["id"]);
    assert!(joined.starts_with(start.as_bytes()), "the ids come first");
    assert!(!joined.contains(&b'\n'), "more than one line");
    let after: Value = serde_json::from_slice(&joined).expect("what joins is JSON");
    assert_eq!(after["parent_id"], parent);
    assert_eq!(after["type"], "subsegment");
    for field in ["user", "service", "origin", "resource_arn"] {
        assert_eq!(after.get(field), None, "{field} is a segment's");
    }
    for field in ["name", "start_time", "end_time", "annotations", "subsegments", "cause", "error"] {
        assert_eq!(after.get(field), before.get(field), "{field} is another");
    }
});
