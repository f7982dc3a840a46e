//! gRPC's status, which comes behind a `200` in the trailers, or in the head if there is nothing else.

use http::HeaderMap;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::aws::percent;
use crate::trace::segment::Flags;

/// The name of each status, by its number. Source: gRPC, "Status codes and their use in gRPC".
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// A status that is not `OK`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its name, such as `NOT_FOUND`; `UNKNOWN` for a number without one.
    pub name: &'static str,
    /// The message; may be empty.
    pub message: Box<str>,
    /// What it is to X-Ray.
    pub flags: Flags,
}

/// Whether a message with `headers` is one of gRPC's. Source: gRPC over HTTP/2, "Content-Type".
#[must_use]
pub fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let rest = kind.strip_prefix(b"application/grpc");
    // `application/grpc-web` has its trailers in its body.
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}

/// The status that these headers or trailers give, unless it is `OK` or they give none.
#[must_use]
pub fn failed(headers: &HeaderMap) -> Option<Failed> {
    let number: u32 = headers.get("grpc-status")?.to_str().ok()?.trim().parse().ok()?;
    if number == 0 {
        return None;
    }
    let name = usize::try_from(number).ok().and_then(|number| NAMES.get(number).copied());
    let message = headers.get("grpc-message").and_then(|message| message.to_str().ok());
    Some(Failed {
        name: name.unwrap_or("UNKNOWN"),
        message: percent::decode(message.unwrap_or_default()).into(),
        flags: flags(number),
    })
}

/// What a status is to X-Ray. Source: the X-Ray SDK for Go, `xray/grpc.go`.
const fn flags(number: u32) -> Flags {
    let none = Flags { error: false, throttle: false, fault: false };
    match number {
        1 | 3 | 5 | 6 | 7 | 9 | 10 | 11 | 16 => Flags { error: true, ..none },
        8 => Flags { throttle: true, ..none },
        _ => Flags { fault: true, ..none },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        pairs.collect()
    }

    #[test]
    fn each_status_has_its_name_and_flags() {
        for (number, name, error, throttle, fault) in [
            (1, "CANCELLED", true, false, false),
            (2, "UNKNOWN", false, false, true),
            (4, "DEADLINE_EXCEEDED", false, false, true),
            (5, "NOT_FOUND", true, false, false),
            (8, "RESOURCE_EXHAUSTED", false, true, false),
            (13, "INTERNAL", false, false, true),
            (14, "UNAVAILABLE", false, false, true),
            (16, "UNAUTHENTICATED", true, false, false),
            (99, "UNKNOWN", false, false, true),
        ] {
            let trailers = headers(&[("grpc-status", &number.to_string())]);
            let flags = Flags { error, throttle, fault };
            let want = Failed { name, message: "".into(), flags };
            assert_eq!(failed(&trailers), Some(want), "{number}");
        }
    }

    #[test]
    fn what_is_no_failure_is_none() {
        for status in ["0", "", "x", "-1", "4294967296"] {
            assert_eq!(failed(&headers(&[("grpc-status", status)])), None, "{status}");
        }
        assert_eq!(failed(&HeaderMap::new()), None);
    }

    #[test]
    fn the_message_is_percent_encoded() {
        let trailers = headers(&[("grpc-status", "5"), ("grpc-message", "no%20such %C3%A9%")]);
        assert_eq!(&*failed(&trailers).unwrap().message, "no such é%");
    }

    #[test]
    fn grpc_says_so_in_its_content_type() {
        for (kind, want) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc; charset=utf-8", true),
            ("application/grpc-web+proto", false),
            ("application/json", false),
        ] {
            assert_eq!(is_grpc(&headers(&[("content-type", kind)])), want, "{kind}");
        }
    }
}
