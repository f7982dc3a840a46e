//! Any bytes as a trace header: what is understood can be sent on, and reads back the same.
#![no_main]

use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use sideray::trace::header::Context;
use sideray::trace::header::MAX_EXTRA;
use sideray::trace::header::Sampled;
use sideray::trace::header::TraceHeader;
use sideray::trace::header::response_value;

fuzz_target!(|value: &[u8]| {
    let xray = TraceHeader::parse(value);
    assert!(xray.extra.len() <= MAX_EXTRA, "more is carried than may be");
    check(&xray);
    if let Some(w3c) = TraceHeader::parse_traceparent(value) {
        assert!(w3c.root.is_some() && w3c.parent.is_some(), "a traceparent names both");
        check(&w3c);
    }
});

fn check(header: &TraceHeader) {
    let Some(root) = header.root else { return };
    let sampled = header.sampled == Some(Sampled::Yes);
    sendable(&response_value(root, Some(sampled)));
    let Some(parent) = header.parent else { return };
    let context = Context { root, parent, sampled };

    let value = context.to_xray(&header.extra);
    sendable(&value);
    let again = TraceHeader::parse(value.as_bytes());
    let answer = Some(if sampled { Sampled::Yes } else { Sampled::No });
    let want = TraceHeader { sampled: answer, skipped: 0, ..header.clone() };
    assert_eq!(again, want, "sent on as {value}");

    let value = context.to_traceparent();
    sendable(&value);
    let again = TraceHeader::parse_traceparent(value.as_bytes());
    assert_eq!(again, Some(TraceHeader { extra: "".into(), ..want }), "sent on as {value}");
}

fn sendable(value: &str) {
    assert!(HeaderValue::from_str(value).is_ok(), "{value:?} cannot be sent");
}
