//! Any bytes as the response to a call of AWS's: what it says of the call's end is bounded, and goes
//! with the status.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sideray::aws::outcome::Outcome;
use sideray::aws::outcome::outcome;
use sideray::aws::outcome::wants_body;

use crate::call::Call;

#[path = "aws/call.rs"]
mod call;

fuzz_target!(|bytes: &[u8]| {
    let Some(call) = Call::parse(bytes) else { return };
    let known = read(&call, call.body, true);
    check(&known, &call);
    check(&read(&call, call.body, false), &call);
    let wanted = wants_body(call.service, Some(call.operation), Some(call.protocol), call.status);
    if !wanted {
        assert_eq!(known, read(&call, b"", true), "a body matters that is not wanted");
    }
});

/// The outcome, with what is `known` of the call, or without.
fn read(call: &Call<'_>, body: &[u8], known: bool) -> Outcome {
    let (operation, protocol) = (Some(call.operation), Some(call.protocol));
    let (operation, protocol) = if known { (operation, protocol) } else { (None, None) };
    outcome(call.service, operation, protocol, call.status, &call.headers, body)
}

fn check(Outcome { request_id, id_2, error, hidden }: &Outcome, call: &Call<'_>) {
    let code = error.as_ref().map(|error| &error.code);
    let class = error.as_ref().and_then(|error| error.class.as_ref());
    for word in [request_id.as_ref(), id_2.as_ref(), code, class].into_iter().flatten() {
        assert!(!word.is_empty() && word.len() <= 256, "{word:?}");
        assert!(!word.contains(char::is_control), "{word:?}");
    }
    assert!(class.is_none() || class != code, "{class:?} says no more");
    assert!(!hidden || (200..300).contains(&call.status), "hidden by {}", call.status);
    assert!(call.status >= 300 || *hidden || error.is_none(), "a success has failed");
}
