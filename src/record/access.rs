//! The access log: one line of JSON for each request, with the trace it belongs to.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::trace::exchange::Detail;
use crate::trace::exchange::Ids;
use crate::trace::facts::Client;
use crate::trace::facts::End;
use crate::trace::facts::ResponseFacts;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::time::Micros;

/// A request that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) ids: Ids,
    /// Whether it left a document.
    pub(super) sampled: bool,
    pub(super) detail: &'a Detail,
    pub(super) response: Option<ResponseFacts>,
    pub(super) end: &'a End,
    pub(super) start: Micros,
    pub(super) took: Duration,
}

/// A line, as it is read by whoever knows the access logs of other proxies.
#[derive(Serialize)]
struct Line<'a> {
    time: &'a str,
    trace_id: TraceId,
    segment_id: SegmentId,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<SegmentId>,
    sampled: bool,
    name: &'a str,
    method: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_length: Option<u64>,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    end: &'static str,
    /// The kind of failure, as the exception's type in the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

/// Appends the line of `request`, without its end.
pub(super) fn write(request: &Request<'_>, line: &mut Vec<u8>) {
    let Request { ids, sampled, detail, response, end, start, took } = *request;
    let nanos = i128::from(start.get()) * 1_000;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos);
    let time = time.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default();
    let (end, error) = match end {
        End::Complete => ("complete", None),
        End::Cancelled => ("cancelled", None),
        End::Failed(failure) => ("failed", Some(failure.kind)),
    };
    let before = line.len();
    let written = serde_json::to_writer(
        &mut *line,
        &Line {
            time: &time,
            trace_id: ids.trace,
            segment_id: ids.own,
            parent_id: ids.parent,
            sampled,
            name: detail.name.as_str(),
            method: detail.request.method.as_str(),
            url: detail.request.url.as_str(),
            status: response.map(|response| response.status),
            content_length: response.and_then(|response| response.content_length),
            duration_ms: (took.as_secs_f64() * 1e6).round() / 1e3,
            client_ip: detail.request.client.map(|client| match client {
                Client::Peer(ip) | Client::Forwarded(ip) => ip,
            }),
            user_agent: detail.request.user_agent.as_deref(),
            end,
            error,
        },
    );
    // Writing into memory cannot fail; half a line would spoil the next.
    if written.is_err() {
        line.truncate(before);
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::trace::facts::Failure;
    use crate::trace::facts::RequestFacts;
    use crate::trace::facts::Scheme;
    use crate::trace::facts::Url;
    use crate::trace::segment::Name;

    #[test]
    fn a_line_says_what_was_seen() {
        let start = Micros::new(1_478_293_361_271_001);
        let detail = Detail {
            name: Name::new("shop"),
            request: RequestFacts {
                method: Method::GET,
                url: Url::new(Scheme::Http, "shop.example", "/a\"b"),
                user_agent: Some("curl/8".into()),
                client: Some(Client::Forwarded([1, 2, 3, 4].into())),
            },
            rule: None,
        };
        let ids = Ids { trace: TraceId::mint(start, 7), own: SegmentId::mint(9), parent: None };
        let request = Request {
            ids,
            sampled: true,
            detail: &detail,
            response: Some(ResponseFacts { status: 200, content_length: Some(5) }),
            end: &End::Complete,
            start,
            took: Duration::from_nanos(1_234_567),
        };
        let line = |request: &Request<'_>| -> Value {
            let mut line = Vec::new();
            write(request, &mut line);
            assert!(!line.contains(&b'\n'));
            serde_json::from_slice(&line).unwrap()
        };
        let want = json!({
            "time": "2016-11-04T21:02:41.271001Z",
            "trace_id": "1-581cf771-000000000000000000000007",
            "segment_id": "0000000000000009",
            "sampled": true,
            "name": "shop",
            "method": "GET",
            "url": "http://shop.example/a\"b",
            "status": 200,
            "content_length": 5,
            "duration_ms": 1.235,
            "client_ip": "1.2.3.4",
            "user_agent": "curl/8",
            "end": "complete",
        });
        assert_eq!(line(&request), want);

        let end = End::Failed(Failure { kind: "ConnectTimeout", message: "m".into() });
        let failed = line(&Request { response: None, end: &end, ..request });
        assert_eq!(
            (&failed["end"], &failed["error"]),
            (&json!("failed"), &json!("ConnectTimeout"))
        );
        assert_eq!(failed.get("status"), None);
    }
}
