//! Answers on the admin port.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::Request;
use http::StatusCode;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tracing::debug;

use crate::admin::metrics::Sources;
use crate::admin::reply::Reply;
use crate::admin::reply::refused;
use crate::admin::reply::reply;
use crate::admin::reply::text;
use crate::admin::v1;
use crate::admin::v1::Api;
use crate::net::listen::Conn;
use crate::sys::drain::Observer;
use crate::sys::drain::Phase;
use crate::viewer::api;

/// How long a client may take for the head of a request.
const PATIENCE: Duration = Duration::from_secs(75);

/// Most connections at a time. With [`BUFFER`] it bounds the memory that the port takes.
const MAX_CONNECTIONS: usize = 256;

/// Most bytes of a connection that are read ahead; a head is no longer.
const BUFFER: usize = 64 * 1024;

/// How much, and how long, is read of what a client goes on sending after its answer. Without, its
/// connection would be reset, and the answer with it.
const LINGER_BYTES: usize = 16 * 1024 * 1024;
const LINGER: Duration = Duration::from_secs(5);

/// What is answered to connections beyond [`MAX_CONNECTIONS`].
const CROWDED: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";

/// The admin port's answers.
#[derive(Debug)]
pub struct Admin {
    sources: Sources,
    drain: Observer,
    asked: Arc<Notify>,
    /// None if it is switched off.
    api: Option<Api>,
    connections: Cell<usize>,
}

/// A connection is open until this is dropped.
struct Counted<'a>(&'a Cell<usize>);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl Admin {
    /// Answers from `sources`; ready until the `drain` has begun; tells `asked` when somebody asks
    /// for it. Programs are heard by the `api`, if there is one.
    #[must_use]
    pub const fn new(
        sources: Sources,
        drain: Observer,
        asked: Arc<Notify>,
        api: Option<Api>,
    ) -> Self {
        Self { sources, drain, asked, api, connections: Cell::new(0) }
    }

    /// Serves one connection until it closes.
    pub async fn serve(self: Rc<Self>, conn: Conn) {
        if self.connections.get() >= MAX_CONNECTIONS {
            debug!(peer = %conn.peer, "too many admin connections");
            // There is room for so little in a new connection's buffer.
            conn.io.try_write(CROWDED).ok();
            return linger(conn.io).await;
        }
        self.connections.set(self.connections.get() + 1);
        let _counted = Counted(&self.connections);
        let service = service_fn(|request| {
            let admin = Rc::clone(&self);
            Box::pin(async move { Ok::<_, Infallible>(admin.answer(request).await) })
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(BUFFER);
        match http.serve_connection(TokioIo::new(conn.io), service).without_shutdown().await {
            Ok(parts) => linger(parts.io.into_inner()).await,
            Err(error) => debug!(%error, peer = %conn.peer, "admin connection closed"),
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Reply {
        if let Some(api) = self.api.as_ref().filter(|_| v1::is_below(request.uri().path())) {
            return api.answer(request, self.drain.phase()).await;
        }
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

For the service, while its request is open, JSON ([admin] api = false switches it off):

PUT  /v1/traces/<id>/annotations   {\"order_id\": 17}
PUT  /v1/traces/<id>/metadata      {\"cart\": [1, 2]} (?namespace=default)
PUT  /v1/traces/<id>/user          \"ann\"
PUT  /v1/traces/<id>/exceptions    {\"type\": \"ValueError\", \"message\": \"...\"} (?fault=true)
POST /v1/subsegments               {\"trace_id\": \"...\", \"name\": \"...\"}, then {\"id\": \"...\"}
";

/// Closes a connection so that its client gets what was written: what it still sends is read, and
/// forgotten, for a while.
async fn linger(mut io: TcpStream) {
    let reading = async {
        io.shutdown().await.ok();
        let (mut left, mut buffer) = (LINGER_BYTES, [0; 4096]);
        while let Ok(read @ 1..) = io.read(&mut buffer).await {
            left = left.saturating_sub(read);
            if left == 0 {
                return;
            }
        }
    };
    drop(tokio::time::timeout(LINGER, reading).await);
}
