//! Answers on the admin port.

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
use http::header;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use tokio::sync::Notify;
use tracing::debug;

use crate::admin::metrics::Sources;
use crate::net::listen::Conn;
use crate::sys::drain::Observer;
use crate::sys::drain::Phase;
use crate::viewer::api;

/// How long a client may take for the head of a request.
const PATIENCE: Duration = Duration::from_secs(75);

/// The admin port's answers.
#[derive(Debug)]
pub struct Admin {
    sources: Sources,
    drain: Observer,
    asked: Arc<Notify>,
}

type Reply = Response<Full<Bytes>>;

impl Admin {
    /// Answers from `sources`; ready until the `drain` has begun; tells `asked` when somebody asks
    /// for it.
    #[must_use]
    pub const fn new(sources: Sources, drain: Observer, asked: Arc<Notify>) -> Self {
        Self { sources, drain, asked }
    }

    /// Serves one connection until it closes.
    pub async fn serve(self: Rc<Self>, conn: Conn) {
        let service = service_fn(|request| {
            let reply = self.answer(&request);
            async move { Ok::<_, Infallible>(reply) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        if let Err(error) = http.serve_connection(TokioIo::new(conn.io), service).await {
            debug!(%error, peer = %conn.peer, "admin connection closed");
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Reply {
        let (method, path) = (request.method(), request.uri().path());
        let read = method == Method::GET || method == Method::HEAD;
        match path {
            "/drain" if method == Method::POST => {
                self.asked.notify_one();
                text(StatusCode::ACCEPTED, "draining\n")
            }
            "/drain" => refused("POST"),
            _ if !read => refused("GET, HEAD"),
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" => self.ready(),
            "/metrics" => reply(
                StatusCode::OK,
                "text/plain; version=0.0.4; charset=utf-8",
                self.sources.page().into(),
            ),
            "/" => text(StatusCode::OK, INDEX),
            _ => match api::respond(&self.sources.store, path, request.uri().query()) {
                Some((status, body)) => reply(status, "application/json", body.into()),
                None => text(StatusCode::NOT_FOUND, INDEX),
            },
        }
    }

    fn ready(&self) -> Reply {
        match self.drain.phase() {
            Phase::Running => text(StatusCode::OK, "ready\n"),
            Phase::Draining | Phase::Aborting | Phase::Flushing => {
                text(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
            }
        }
    }
}

const INDEX: &str = "sideray

GET  /traces        the latest traces of the embedded collector, JSON (?limit=100)
GET  /traces/<id>   one trace with its documents, JSON
GET  /metrics       counters, Prometheus text
GET  /healthz       200 while the process runs
GET  /readyz        200 while requests are accepted, 503 while draining
POST /drain         finish what is open, then exit
";

fn text(status: StatusCode, text: &'static str) -> Reply {
    reply(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

fn refused(allowed: &'static str) -> Reply {
    let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed\n");
    reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    reply
}

fn reply(status: StatusCode, kind: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}
