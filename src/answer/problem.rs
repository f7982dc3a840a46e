//! Errors that a response names in JSON: `application/problem+json`, and what frameworks and APIs
//! have in its place.

use http::HeaderMap;
use http::StatusCode;
use http::header::CONTENT_TYPE;

use crate::aws::body::encoding;
use crate::aws::body::json;
use crate::aws::body::json::Members;
use crate::trace::facts::RemoteError;

/// Most bytes of a body that are looked at, before it is decompressed.
pub const PREFIX: usize = 8 * 1024;

/// Most characters of a type and of a message.
const MAX_KIND: usize = 200;
const MAX_MESSAGE: usize = 1_000;

/// How deep an error may be wrapped: `{"error": {"errors": [{…}]}}`.
const DEPTH: u32 = 3;

/// Members that give an error's type, those that say most first. `status` is that of Google's APIs,
/// and `error` a name with OAuth (RFC 6749 §5.2) and a phrase with Spring; `type` and `title` are
/// those of RFC 9457 §3.1.
const KINDS: [&str; 14] = [
    "exception",
    "exceptionType",
    "error_type",
    "errorType",
    "__type",
    "error_code",
    "errorCode",
    "code",
    "name",
    "type",
    "status",
    "title",
    "error",
    "reason",
];

/// Members that give its message.
const MESSAGES: [&str; 9] = [
    "message",
    "detail",
    "error_description",
    "errorMessage",
    "error_message",
    "description",
    "msg",
    "title",
    "error",
];

/// Members that wrap it.
const WRAPS: [&str; 4] = ["error", "errors", "detail", "fault"];

/// Whether a response with this status and these headers may name an error.
#[must_use]
pub fn may_name_one(status: StatusCode, headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let failed = status.is_client_error() || status.is_server_error();
    failed && (kind == "application/json" || kind.ends_with("+json") || kind == "text/json")
}

/// The error that the beginning of a body names, if it does. What only has a message is named after
/// the status.
#[must_use]
pub fn named(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<RemoteError> {
    let plain = encoding::plain(headers, body, false);
    let mut found = Found::default();
    found.read(&plain.bytes, DEPTH);
    let Found { kind, message } = found;
    let (kind, message) = (kind.map(|(_, kind)| kind), message.map(|(_, message)| message));
    if kind.is_none() && message.is_none() {
        return None;
    }
    let phrase = || status.canonical_reason().unwrap_or("Error").into();
    let code: Box<str> = kind.unwrap_or_else(phrase);
    // `{"error": "not found"}` says the same twice.
    let message = message.filter(|message| *message != code).unwrap_or_default();
    Some(RemoteError { code, message, throttling: false })
}

/// The best so far, with their ranks.
#[derive(Default)]
struct Found {
    kind: Option<(usize, Box<str>)>,
    message: Option<(usize, Box<str>)>,
}

impl Found {
    fn read(&mut self, object: &[u8], depth: u32) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let mut wrapped = None;
        for (name, value) in Members::new(object) {
            match value.first() {
                Some(b'"') => self.text(&name, value),
                Some(b'{' | b'[') if WRAPS.contains(&&*name) && wrapped.is_none() => {
                    wrapped = Some(value);
                }
                Some(_) | None => {}
            }
        }
        // What is inside is nearer to the error than what is around it.
        if let Some(wrapped) = wrapped {
            let mut inner = Self::default();
            inner.read(first_object(wrapped), depth);
            self.kind = inner.kind.or_else(|| self.kind.take());
            self.message = inner.message.or_else(|| self.message.take());
        }
    }

    fn text(&mut self, name: &str, value: &[u8]) {
        let Some(text) = json::text(value).filter(|text| !text.trim().is_empty()) else { return };
        let rank = |names: &[&str]| names.iter().position(|other| *other == name);
        if let Some(rank) = rank(&KINDS)
            && let Some(kind) = kind(&text)
        {
            keep(&mut self.kind, rank, kind, MAX_KIND);
        }
        if let Some(rank) = rank(&MESSAGES) {
            keep(&mut self.message, rank, &text, MAX_MESSAGE);
        }
    }
}

fn keep(best: &mut Option<(usize, Box<str>)>, rank: usize, text: &str, most: usize) {
    if best.as_ref().is_none_or(|(other, _)| rank < *other) {
        *best = Some((rank, text.chars().take(most).collect()));
    }
}

/// A type as it is shown: of a URI its last part. None of `about:blank`, which is the status again
/// (RFC 9457 §4.2.1).
fn kind(text: &str) -> Option<&str> {
    if text == "about:blank" {
        return None;
    }
    let uri = text.contains("://") || text.starts_with("urn:") || text.starts_with('/');
    let last = text.trim_end_matches('/').rsplit(['/', '#', ':']).next();
    if uri { last.filter(|last| !last.is_empty()) } else { Some(text) }
}

/// The object itself, or the first in a list.
fn first_object(json: &[u8]) -> &[u8] {
    match json.split_first() {
        Some((b'[', rest)) => rest.trim_ascii_start(),
        Some(_) | None => json,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn kind_of(value: &str) -> HeaderMap {
        [(CONTENT_TYPE, HeaderValue::from_str(value).unwrap())].into_iter().collect()
    }

    /// Bodies, and the type and message they name.
    const CASES: &[(&str, &str, &str)] = &[
        // RFC 9457's own example.
        (
            r#"{"type":"https://example.com/probs/out-of-credit","title":"No credit.","detail":"It is 30, but costs 50.","status":403}"#,
            "out-of-credit",
            "It is 30, but costs 50.",
        ),
        (r#"{"type":"about:blank","title":"Forbidden"}"#, "Forbidden", ""),
        // Spring Boot, with and without `server.error.include-exception`.
        (
            r#"{"timestamp":"t","status":500,"error":"Internal Server Error","path":"/"}"#,
            "Internal Server Error",
            "",
        ),
        (
            r#"{"error":"Internal Server Error","exception":"java.lang.IllegalStateException","message":"no"}"#,
            "java.lang.IllegalStateException",
            "no",
        ),
        // FastAPI and Django REST framework.
        (r#"{"detail":"Not authenticated"}"#, "Forbidden", "Not authenticated"),
        (
            r#"{"detail":[{"loc":["body","n"],"msg":"field required","type":"value_error.missing"}]}"#,
            "value_error.missing",
            "field required",
        ),
        // OAuth.
        (r#"{"error":"invalid_grant","error_description":"expired"}"#, "invalid_grant", "expired"),
        // Google, JSON:API, GraphQL, Stripe.
        (r#"{"error":{"code":404,"message":"gone","status":"NOT_FOUND"}}"#, "NOT_FOUND", "gone"),
        (
            r#"{"errors":[{"status":"422","code":"too_short","title":"Invalid","detail":"name is short"}]}"#,
            "too_short",
            "name is short",
        ),
        (
            r#"{"error":{"type":"card_error","code":"card_declined","message":"declined"}}"#,
            "card_declined",
            "declined",
        ),
        // Express and NestJS.
        (
            r#"{"statusCode":403,"message":"Forbidden resource","error":"Forbidden"}"#,
            "Forbidden",
            "Forbidden resource",
        ),
        (
            r#"{"name":"ValidationError","message":"\"a\" is required"}"#,
            "ValidationError",
            "\"a\" is required",
        ),
        // Cut off in the middle.
        (r#"{"code":"TOO_LARGE","message":"it is","trace":"at a.b."#, "TOO_LARGE", "it is"),
    ];

    #[test]
    fn errors_as_frameworks_name_them() {
        for (body, code, message) in CASES {
            let headers = kind_of("application/json");
            let named = named(StatusCode::FORBIDDEN, &headers, body.as_bytes());
            let want =
                RemoteError { code: (*code).into(), message: (*message).into(), throttling: false };
            assert_eq!(named, Some(want), "{body}");
        }
    }

    #[test]
    fn what_names_none_is_none() {
        for body in ["", "{}", "[]", "null", r#"{"ok":false}"#, r#"{"message":" "}"#, "<html>"] {
            let named = named(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes());
            assert_eq!(named, None, "{body}");
        }
    }

    #[test]
    fn only_json_behind_an_error_is_looked_at() {
        for (status, kind, want) in [
            (500, "application/json", true),
            (404, "application/problem+json; charset=utf-8", true),
            (404, "Application/Vnd.API+JSON", true),
            (200, "application/json", false),
            (302, "application/json", false),
            (500, "text/html", false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(may_name_one(status, &kind_of(kind)), want, "{status} {kind}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_bounded(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Some(error) = named(StatusCode::BAD_GATEWAY, &HeaderMap::new(), &body) {
                prop_assert!(!error.code.is_empty());
            }
        }

        #[test]
        fn long_texts_are_cut(length in 0usize..3_000) {
            let text = "é".repeat(length);
            let body = format!(r#"{{"code":"{text}","message":"x{text}"}}"#);
            let error = named(StatusCode::BAD_GATEWAY, &HeaderMap::new(), body.as_bytes()).unwrap();
            prop_assert!(error.code.chars().count() <= MAX_KIND);
            prop_assert!(error.message.chars().count() <= MAX_MESSAGE);
        }
    }
}
