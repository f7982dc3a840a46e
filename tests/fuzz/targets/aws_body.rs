//! Any bytes as a call of AWS's: the beginning of a body gives what all of it gives, or nothing.
//!
//! The input is a line of service, operation, protocol and status, lines of headers, an empty one,
//! and the body, which serves as the request's and the response's.
#![no_main]

use http::header::CONTENT_ENCODING;
use http::header::CONTENT_LENGTH;
use libfuzzer_sys::fuzz_target;
use sideray::aws::parameters::Field;
use sideray::aws::parameters::RequestParts;
use sideray::aws::parameters::ResponseParts;
use sideray::aws::parameters::of_request;
use sideray::aws::parameters::of_response;
use sideray::aws::parameters::wants_request_body;
use sideray::aws::parameters::wants_response_body;

use crate::call::Call;

#[path = "aws/call.rs"]
mod call;

fuzz_target!(|bytes: &[u8]| {
    let Some(mut call) = Call::parse(bytes) else { return };
    call.headers.insert(CONTENT_LENGTH, call.body.len().into());
    let (sent, got) = (request(&call, call.body), response(&call, call.body));
    keys_are_told_once(&sent);
    keys_are_told_once(&got);
    if !wants_request_body(call.service, call.operation) {
        assert_eq!(sent, request(&call, b""), "a body matters that is not wanted");
    }
    if !wants_response_body(call.service, call.operation) {
        assert_eq!(got, response(&call, b""), "a body matters that is not wanted");
    }
    // What is compressed and broken may give more without its end.
    if call.headers.contains_key(CONTENT_ENCODING) {
        return;
    }
    for end in [call.body.len() / 3, call.body.len() / 2, call.body.len().saturating_sub(1)] {
        let cut = &call.body[..end];
        let (some_sent, some_got) = (request(&call, cut), response(&call, cut));
        assert!(some_sent.iter().all(|field| sent.contains(field)), "{some_sent:?} of {sent:?}");
        assert!(some_got.iter().all(|field| got.contains(field)), "{some_got:?} of {got:?}");
    }
});

fn request(call: &Call<'_>, body: &[u8]) -> Vec<Field> {
    of_request(&RequestParts {
        service: call.service,
        operation: call.operation,
        protocol: call.protocol,
        labels: &[("Bucket", "photos"), ("Key", "a b"), ("FunctionName", "resize")],
        query: "versionId=1&prefix=%2f+&Qualifier",
        headers: &call.headers,
        body,
    })
}

fn response(call: &Call<'_>, body: &[u8]) -> Vec<Field> {
    of_response(&ResponseParts {
        service: call.service,
        operation: call.operation,
        protocol: call.protocol,
        status: call.status,
        headers: &call.headers,
        body,
        whole: body.len() == call.body.len(),
    })
}

fn keys_are_told_once(fields: &[Field]) {
    for (at, (key, value)) in fields.iter().enumerate() {
        assert!(!key.is_empty() && !value.is_null(), "{key} is {value}");
        assert!(fields[..at].iter().all(|(other, _)| other != key), "{key} is told twice");
    }
}
