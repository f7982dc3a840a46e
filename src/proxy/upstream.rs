//! Sending a request to where it is going: over a connection that is idle, or over a new one.

mod connection;
mod connector;
mod download;
mod pool;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use http::Request;
use http::Response;
use http::header;
use tokio::net::TcpStream;
use tracing::debug;

use self::connection::Connection;
use self::connection::Home;
use self::connection::Refused;
use self::connection::is_replayable;
use self::connector::Connector;
pub use self::download::Download;
use self::pool::Freshness;
use self::pool::Pool;
use crate::net::stream::Stream;
use crate::net::tls;
use crate::net::tls::client::Alpn;
use crate::proxy::body::Upload;
use crate::proxy::error::Error;
use crate::proxy::options;
use crate::proxy::options::Origin;
use crate::proxy::options::Protocol;
use crate::proxy::options::Timeouts;
use crate::sys::clock::Clock;
use crate::trace::facts::Connected;

/// One worker's way to servers: its pool and how it connects. What it does is counted in
/// [`Counters`].
#[derive(Debug)]
pub struct Upstream {
    pool: Rc<Pool>,
    connector: Connector,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
}

/// What is spoken over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// What an [`Upstream`] counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections made.
    pub connected: AtomicU64,
    /// Connections that could not be made.
    pub failed: AtomicU64,
    /// Requests sent over a connection that had been used before.
    pub reused: AtomicU64,
    /// Requests sent again, because the connection they were to go over had just been closed.
    pub retried: AtomicU64,
    /// Idle connections, as of the last change.
    pub idle: AtomicU64,
}

impl Upstream {
    /// An empty pool.
    #[must_use]
    pub fn new(
        tls: Arc<tls::client::Client>,
        timeouts: Timeouts,
        pool: options::Pool,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
    ) -> Self {
        let pool = Pool::new(pool, Arc::clone(&counters));
        let connector = Connector { tls, timeouts, clock: Arc::clone(&clock) };
        Self { pool, connector, clock, counters }
    }

    /// Sends `request`, which is in origin form, to `origin` and waits for the head of its
    /// response. Where a connection had to be made, its extensions tell [`Connected`].
    ///
    /// A request whose idle connection turns out to have been closed is sent again over another,
    /// if it was not sent at all, or if it has no body and its method is idempotent (RFC 9110
    /// §9.2.2): a pool must not add failures that a client with a connection of its own would not
    /// have seen.
    ///
    /// # Errors
    ///
    /// [`Error`] says whose side failed. Dropping the future cancels the request.
    pub async fn send(
        &self,
        origin: &Origin,
        mut request: Request<Upload>,
    ) -> Result<Response<Download>, Error> {
        if origin.protocol == Protocol::Tls && request.headers().contains_key(header::UPGRADE) {
            // Only HTTP/1.1 can be upgraded, and what is in the pool may be HTTP/2.
            return self.send_anew(origin, Alpn::Http1, request).await;
        }
        let freshness = if is_replayable(&request) { Freshness::Any } else { Freshness::Recent };
        while let Some(connection) = self.pool.take(origin, self.clock.now(), freshness) {
            count(&self.counters.reused);
            match self.exchange(connection, request).await {
                Ok(response) => return Ok(response),
                Err(Refused { error, again: Some(again) }) if is_stale(&error) => {
                    debug!(%error, "sending again over another connection");
                    count(&self.counters.retried);
                    request = *again;
                }
                Err(refused) => return Err(refused.error),
            }
        }
        self.send_anew(origin, Alpn::Http, request).await
    }

    /// Sends `request` over a new connection.
    async fn send_anew(
        &self,
        origin: &Origin,
        protocols: Alpn,
        request: Request<Upload>,
    ) -> Result<Response<Download>, Error> {
        // On the heap, because it is large and seldom: every request would carry its room.
        let (connection, connected) = Box::pin(self.connect(origin, protocols)).await?;
        let sent = self.exchange(connection, request).await;
        let mut response = sent.map_err(|refused| refused.error)?;
        response.extensions_mut().insert(connected);
        Ok(response)
    }

    async fn connect(
        &self,
        origin: &Origin,
        protocols: Alpn,
    ) -> Result<(Connection, Connected), Error> {
        let connected = self.connector.connect(origin, protocols).await;
        count(if connected.is_ok() { &self.counters.connected } else { &self.counters.failed });
        let (connection, connected) = connected?;
        self.pool.share(&connection, self.clock.now());
        Ok((connection, connected))
    }

    /// Takes a connection in that was made to `origin` already, to be used by the next request, and
    /// says what is spoken over it. Where HTTP/2 was offered and refused, the origin is from then on
    /// one that speaks HTTP/1.1.
    ///
    /// # Errors
    ///
    /// If TLS or HTTP/2 cannot be agreed on.
    pub(super) async fn adopt(&self, origin: &mut Origin, tcp: TcpStream) -> Result<Spoken, Error> {
        let mut connection = self.connector.adopt(origin, tcp).await?;
        count(&self.counters.connected);
        let now = self.clock.now();
        if connection.is_shared() {
            self.pool.share(&connection, now);
            return Ok(Spoken::Http2);
        }
        if origin.protocol == Protocol::Tls {
            origin.protocol = Protocol::TlsHttp1;
            connection.origin.protocol = Protocol::TlsHttp1;
        }
        self.pool.put(connection, now);
        Ok(Spoken::Http1)
    }

    /// A connection to where `origin` is, without TLS even where it speaks that.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub(super) async fn dial(&self, origin: &Origin) -> Result<TcpStream, Error> {
        self.connector.dial(origin).await
    }

    /// A connection to `origin` for something else than requests.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub(super) async fn open(&self, origin: &Origin) -> Result<Stream, Error> {
        let stream = Box::pin(self.connector.open(origin)).await;
        count(if stream.is_ok() { &self.counters.connected } else { &self.counters.failed });
        stream
    }

    async fn exchange(
        &self,
        connection: Connection,
        request: Request<Upload>,
    ) -> Result<Response<Download>, Refused> {
        let (pool, clock) = (Rc::downgrade(&self.pool), Arc::clone(&self.clock));
        connection.send(Home { pool, clock }, request).await
    }

    /// Closes what has been idle for too long. To be called about once a second.
    pub fn sweep(&self) {
        self.pool.sweep(self.clock.now());
    }
}

/// Whether a connection's end, rather than the service's word, is why a request failed.
const fn is_stale(error: &Error) -> bool {
    match error {
        Error::Reset(_) => true,
        Error::Client(_)
        | Error::Connect(_)
        | Error::Tls(_)
        | Error::ConnectTimeout { .. }
        | Error::Protocol(_)
        | Error::ResponseTimeout(_)
        | Error::Upgrade => false,
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
