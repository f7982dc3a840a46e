//! Any response: the error that it names is bounded, and never an empty one.
#![no_main]

use http::HeaderMap;
use http::HeaderValue;
use http::StatusCode;
use libfuzzer_sys::fuzz_target;
use sideray::answer::grpc;
use sideray::answer::problem;

fuzz_target!(|bytes: (u16, Option<Vec<u8>>, Vec<u8>)| {
    let (status, encoding, body) = bytes;
    let status = StatusCode::from_u16(400 + status % 200).expect("it is in range");
    let mut headers = HeaderMap::new();
    if let Some(encoding) = encoding.and_then(|value| HeaderValue::from_bytes(&value).ok()) {
        headers.insert("content-encoding", encoding.clone());
        headers.insert("grpc-status", encoding.clone());
        headers.insert("grpc-message", encoding);
    }
    if let Some(error) = problem::named(status, &headers, &body) {
        assert!((1..=200).contains(&error.code.chars().count()), "{:?}", error.code);
        assert!(error.message.chars().count() <= 1_000, "{:?}", error.message);
    }
    if let Some(failed) = grpc::failed(&headers) {
        let flags = failed.flags;
        assert!(flags.error || flags.throttle || flags.fault, "{}", failed.name);
    }
});
