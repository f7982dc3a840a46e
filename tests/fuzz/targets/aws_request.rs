//! Any bytes as a request to AWS: what is recognised is bounded by what was sent, and the same
//! whether or not the body is whole.
//!
//! A line each for method, host, target, authorization, X-Amz-Target and Content-Type; the rest is
//! the body.
#![no_main]

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::header;
use libfuzzer_sys::fuzz_target;
use sideray::aws::Call;
use sideray::aws::Wire;
use sideray::aws::recognise;
use sideray::aws::scope;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(7, |byte| *byte == b'\n');
    let mut next = || parts.next().unwrap_or_default();
    let Ok(method) = Method::from_bytes(next()) else { return };
    let (Ok(host), Ok(target)) = (str::from_utf8(next()), str::from_utf8(next())) else { return };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = HeaderMap::new();
    let names =
        [header::AUTHORIZATION, HeaderName::from_static("x-amz-target"), header::CONTENT_TYPE];
    for name in names {
        match HeaderValue::from_bytes(next()) {
            Ok(value) if !value.is_empty() => drop(headers.insert(name, value)),
            Ok(_) | Err(_) => {}
        }
    }
    let body = next();
    for name in ["x-amzn-trace-id", "host", "x-amz-date"] {
        let _ = scope::signs(&headers, query, name);
    }
    let wire = Wire { method: &method, host, path, query, headers: &headers };
    let Some(call) = recognise(&wire) else { return };
    for (prefix, whole) in [(body, true), (body, false), (&[][..], false)] {
        let mut call = call.clone();
        let needed = call.needs_body();
        call.read_body(prefix, whole);
        check(&call, bytes.len());
        assert!(!call.needs_body(), "the body is asked for once");
        assert!(needed || call.operation() == operation(&wire).as_deref());
    }
});

fn operation(wire: &Wire<'_>) -> Option<String> {
    recognise(wire)?.operation().map(Into::into)
}

fn check(call: &Call, sent: usize) {
    assert!(!call.name().is_empty() && !call.service().is_empty());
    assert!(call.operation().is_none_or(|name| !name.is_empty() && name.len() <= 128));
    assert!(call.account_id().is_none_or(|account| account.len() == 12));
    // A byte that is no text becomes three; an ARN has what the host says of it, and some words.
    let said: usize = call.labels().map(|(_, value)| value.len()).sum();
    assert!(said <= 3 * sent + 256, "{said} bytes of labels from {sent}");
}
