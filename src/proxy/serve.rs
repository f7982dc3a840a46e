//! One connection, from its first byte to its last: HTTP/1.1 or HTTP/2, as the client begins.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use http::Request;
use http::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tracing::debug;

use crate::net::stream::Stream;
use crate::proxy::body::Body;
use crate::proxy::body::Close;
use crate::proxy::facts::ConnFacts;
use crate::sys::drain;
use crate::sys::drain::Phase;
use crate::sys::task::LocalExecutor;
use crate::sys::timer::Timer;

/// Most streams a client may have open on one HTTP/2 connection; nginx's default.
const MAX_STREAMS: u32 = 128;

/// What answers requests.
pub trait Handler: 'static {
    /// What the body of a response closes.
    type Guard: Close + Unpin + 'static;

    /// Answers one request. Dropping the future cancels it.
    fn handle(
        &self,
        conn: &ConnFacts,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Body<Self::Guard>>>;
}

/// How connections are served; made once per worker and port.
#[derive(Debug)]
pub struct Server<H> {
    handler: Rc<H>,
    patience: Duration,
    http: auto::Builder<LocalExecutor>,
}

impl<H: Handler> Server<H> {
    /// Serves requests by `handler`. A client has `patience` to send the whole head of its next
    /// request.
    #[must_use]
    pub fn new(handler: H, patience: Duration) -> Self {
        let mut http = auto::Builder::new(LocalExecutor);
        // A date is the service's to give.
        http.http1().timer(Timer).header_read_timeout(patience).auto_date_header(false);
        http.http2()
            .timer(Timer)
            .keep_alive_interval(patience)
            .max_concurrent_streams(MAX_STREAMS)
            .auto_date_header(false);
        Self { handler: Rc::new(handler), patience, http }
    }

    /// Serves one connection until it closes. When the drain begins, or no request has come in
    /// time, it finishes the requests that are open; when the drain's deadline passes it is dropped
    /// with them.
    pub async fn serve(&self, io: Stream, conn: ConnFacts, mut watch: drain::Watch) {
        let conn = Rc::new(conn);
        let begun = Cell::new(false);
        let service = service_fn(|request| {
            begun.set(true);
            let (handler, conn) = (Rc::clone(&self.handler), Rc::clone(&conn));
            async move { Ok::<_, Infallible>(handler.handle(&conn, request).await) }
        });
        let connection = self.http.serve_connection_with_upgrades(TokioIo::new(io), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => Some(ended),
            () = watch.reached(Phase::Draining) => None,
            () = self.without_request(&begun) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    ended = connection => ended,
                    () = watch.reached(Phase::Aborting) => return,
                }
            }
        };
        if let Err(error) = ended {
            debug!(error, "connection closed");
        }
    }

    /// Ready when the patience has run out before the first request. hyper's own patience begins
    /// when it knows which HTTP the client speaks.
    async fn without_request(&self, begun: &Cell<bool>) {
        tokio::time::sleep(self.patience).await;
        if begun.get() {
            std::future::pending::<()>().await;
        }
    }
}
