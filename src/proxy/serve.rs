//! One connection, from its first byte to its last: HTTP/1.1 or HTTP/2, as the client begins.

use std::cell::Cell;
use std::future::Future;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http::Request;
use http::Response;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use tracing::debug;

use crate::http1::server;
use crate::http1::server::Abort;
use crate::http1::server::Patience;
use crate::http1::server::Spoken;
use crate::net::rewind::Rewind;
use crate::net::stream::Stream;
use crate::proxy::body::Body;
use crate::proxy::body::Close;
use crate::proxy::facts::ConnFacts;
use crate::proxy::incoming::Incoming;
use crate::proxy::options::Timeouts;
use crate::sys::crew::Member;
use crate::sys::drain::Phase;
use crate::sys::task::LocalExecutor;

/// Most streams a client may have open on one HTTP/2 connection; nginx's default.
const MAX_STREAMS: u32 = 128;

/// What answers requests. Cloned for each stream of an HTTP/2 connection.
pub trait Handler: Clone + 'static {
    /// What the body of a response closes.
    type Guard: Close + Unpin + 'static;

    /// Answers one request, or has its connection end as the called service's did. Dropping the
    /// future cancels it.
    fn handle(
        &self,
        conn: &ConnFacts,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body<Self::Guard>>, Abort>>;
}

/// How connections are served; made once per worker and port.
#[derive(Debug)]
pub struct Server {
    timeouts: Timeouts,
    http2: http2::Builder<LocalExecutor>,
}

impl Server {
    /// Waits for clients as long as `timeouts` say.
    #[must_use]
    pub fn new(timeouts: Timeouts) -> Self {
        let mut http2 = http2::Builder::new(LocalExecutor);
        // A date is the service's to give.
        http2
            .timer(TokioTimer::new())
            .keep_alive_interval(timeouts.client)
            .max_concurrent_streams(MAX_STREAMS)
            .auto_date_header(false);
        Self { timeouts, http2 }
    }

    /// How long a client may take over its TLS handshake.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        self.timeouts.client
    }

    /// Has `handler` answer the requests of one connection until it closes. When the drain begins,
    /// or no request has come in time, it finishes the requests that are open; when the drain's
    /// deadline passes it is dropped with them.
    pub async fn serve<H: Handler>(
        &self,
        io: Stream,
        conn: ConnFacts,
        member: Member,
        handler: &H,
    ) {
        let patience = Patience { head: self.timeouts.client, write: self.timeouts.idle };
        let answer = |request: Request<_>| handler.handle(&conn, request.map(Incoming::Http1));
        match server::serve(io, patience, &member, answer).await {
            Spoken::Http1 => {}
            // On the heap, because it is large and most connections are not HTTP/2.
            Spoken::Http2(io) => Box::pin(self.serve_http2(io, conn, member, handler)).await,
        }
    }

    async fn serve_http2<H: Handler>(
        &self,
        io: Rewind,
        conn: ConnFacts,
        member: Member,
        handler: &H,
    ) {
        let conn = Rc::new(conn);
        let begun = Cell::new(false);
        let service = service_fn(|request: Request<_>| {
            begun.set(true);
            let (handler, conn) = (handler.clone(), Rc::clone(&conn));
            let request = request.map(Incoming::Http2);
            async move { handler.handle(&conn, request).await }
        });
        let mut connection = std::pin::pin!(self.http2.serve_connection(TokioIo::new(io), service));
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => Some(ended),
            () = reached(&member, Phase::Draining) => None,
            () = self.without_request(&begun) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    ended = connection => ended,
                    () = reached(&member, Phase::Aborting) => return,
                }
            }
        };
        if let Err(error) = ended {
            debug!(%error, "connection closed");
        }
    }

    /// Ready when the patience has run out before the first request.
    async fn without_request(&self, begun: &Cell<bool>) {
        tokio::time::sleep(self.timeouts.client).await;
        if begun.get() {
            std::future::pending::<()>().await;
        }
    }
}

async fn reached(member: &Member, phase: Phase) {
    poll_fn(|cx| if member.phase(cx) >= phase { Poll::Ready(()) } else { Poll::Pending }).await;
}
