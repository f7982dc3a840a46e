//! Passes questions over TCP on to the daemon, whatever they are about; they are never traced.
//!
//! # Without a daemon
//!
//! Where documents go to the embedded collector, nobody has central rules. An SDK is told so as
//! X-Ray would tell it, by an empty list, and stays with its local rules without a word: to the SDK
//! for Python an error is two lines of log every five minutes, each time after four attempts.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::Response;
use http::StatusCode;
use http::Uri;
use http::header;
use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::debug;

use crate::net::listen::Conn;
use crate::proxy::rewrite::strip_hop_by_hop;
use crate::relay::ask::PATIENCE;
use crate::relay::ask::ask;
use crate::relay::counters::Called;
use crate::relay::counters::Counters;

/// Most connections at a time; an SDK has one, a program with many processes one in each.
pub const CONNECTIONS: usize = 256;

/// Most bytes of a question: the report of a thousand rules takes a sixth of it.
pub const QUESTION: usize = 1 << 20;

/// How long a client may take for the head of a request, the silence before it included.
const HEAD_WITHIN: Duration = Duration::from_secs(75);

/// What there is to say where nobody knows rules. Source: X-Ray API reference, `GetSamplingRules`
/// and `GetSamplingTargets`.
const NO_RULES: &str = r#"{"SamplingRuleRecords":[]}"#;
const NO_TARGETS: &str =
    r#"{"LastRuleModification":0,"SamplingTargetDocuments":[],"UnprocessedStatistics":[]}"#;

type Reply = Response<Full<Bytes>>;

/// The TCP side of the relay.
#[derive(Debug)]
pub struct Calls {
    /// Host and port; none where documents go to the embedded collector.
    daemon: Option<Box<str>>,
    counters: Arc<Counters>,
    room: Semaphore,
}

impl Calls {
    /// Passes questions on to `daemon`, a `host:port`; without one, says that there are no rules.
    #[must_use]
    pub fn new(daemon: Option<Box<str>>, counters: Arc<Counters>) -> Self {
        Self { daemon, counters, room: Semaphore::new(CONNECTIONS) }
    }

    /// Serves one connection until it closes. One too many is closed at once.
    pub async fn serve(self: Rc<Self>, conn: Conn) {
        let Ok(_place) = self.room.try_acquire() else {
            debug!(peer = %conn.peer, "too many connections to the relay");
            return self.counters.called(Called::Refused);
        };
        let service = service_fn(|request| async {
            let (called, reply) = self.answer(request).await;
            self.counters.called(called);
            Ok::<_, Infallible>(reply)
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
        if let Err(error) = http.serve_connection(TokioIo::new(conn.io), service).await {
            debug!(%error, peer = %conn.peer, "connection to the relay closed");
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> (Called, Reply) {
        let (head, body) = request.into_parts();
        let body = timeout(PATIENCE, Limited::new(body, QUESTION).collect()).await;
        let question = match body {
            Ok(Ok(body)) => Request::from_parts(head, body.to_bytes()),
            Ok(Err(_)) => {
                let reply =
                    text(StatusCode::PAYLOAD_TOO_LARGE, "413 more than 1 MiB, or broken off");
                return (Called::Refused, reply);
            }
            Err(_) => {
                let reply = text(StatusCode::REQUEST_TIMEOUT, "408 the body took too long");
                return (Called::Refused, reply);
            }
        };
        match &self.daemon {
            Some(daemon) => pass_on(daemon, question).await,
            None => (Called::Alone, alone(&question)),
        }
    }
}

async fn pass_on(daemon: &str, mut question: Request<Bytes>) -> (Called, Reply) {
    let path = question.uri().path_and_query().cloned();
    *question.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    *question.version_mut() = http::Version::HTTP_11;
    let headers = question.headers_mut();
    strip_hop_by_hop(headers);
    for spent in [header::TE, header::EXPECT, header::CONTENT_LENGTH] {
        headers.remove(spent);
    }
    // A carrier puts them on whatever an SDK's thread asks, if a request has started the thread.
    for trace in ["x-amzn-trace-id", "traceparent"] {
        headers.remove(trace);
    }
    if let Ok(host) = HeaderValue::from_str(daemon) {
        headers.insert(header::HOST, host);
    }
    match ask(daemon, question).await {
        Ok(mut answer) => {
            strip_hop_by_hop(answer.headers_mut());
            (Called::Answered, answer.map(Full::new))
        }
        Err(error) if error.is_timeout() => {
            debug!(%error, "a question to the daemon was not answered");
            let said = "504 the X-Ray daemon behind this relay did not answer in time";
            (Called::Unanswered, text(StatusCode::GATEWAY_TIMEOUT, said))
        }
        Err(error) => {
            debug!(%error, "a question to the daemon was not answered");
            let said = "502 the X-Ray daemon behind this relay cannot be reached";
            (Called::Unanswered, text(StatusCode::BAD_GATEWAY, said))
        }
    }
}

fn alone(question: &Request<Bytes>) -> Reply {
    match (question.method(), question.uri().path()) {
        (&Method::POST, "/GetSamplingRules") => json(StatusCode::OK, NO_RULES),
        (&Method::POST, "/SamplingTargets") => json(StatusCode::OK, NO_TARGETS),
        _ => json(StatusCode::NOT_FOUND, r#"{"message":"there is no X-Ray behind this relay"}"#),
    }
}

fn text(status: StatusCode, said: &'static str) -> Reply {
    let mut reply = Response::new(Full::from(Bytes::from(format!("{said}\n"))));
    *reply.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
}

fn json(status: StatusCode, body: &'static str) -> Reply {
    let mut reply = Response::new(Full::from(Bytes::from_static(body.as_bytes())));
    *reply.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
}
