//! One connection to a server: made, lent to a request, and given back when the response has
//! been read to its end.

use std::cell::Cell;
use std::future::Future;
use std::future::poll_fn;
use std::pin::Pin;
use std::pin::pin;
use std::rc::Rc;
use std::rc::Weak;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::Bytes;
use http::Request;
use http::Response;
use http::Version;
use http::header;
use http::uri::Scheme;
use hyper::body::Body;
use hyper::body::Frame;
use hyper::body::Incoming;
use hyper::body::SizeHint;
use hyper::client::conn::http1;
use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use tokio::task::AbortHandle;
use tracing::debug;

use crate::net::connect;
use crate::net::stream::Stream;
use crate::net::tls::client::Alpn;
use crate::net::tls::client::Client;
use crate::net::tls::client::Negotiated;
use crate::proxy::body::Progress;
use crate::proxy::body::Upload;
use crate::proxy::error::Error;
use crate::proxy::options::Origin;
use crate::proxy::options::Protocol;
use crate::proxy::options::Timeouts;
use crate::proxy::rewrite;
use crate::proxy::upgrade;
use crate::proxy::upstream::pool::Pool;
use crate::sys::clock::Clock;
use crate::sys::idle::Idle;
use crate::sys::task;
use crate::trace::facts::host_of;

/// How connections are made.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) tls: Arc<Client>,
    pub(super) timeouts: Timeouts,
}

/// A connection that carries no request of ours, or, over HTTP/2, can carry one more.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) origin: Origin,
    sender: Sender,
    /// For the head of a response. Kept from request to request, because to set a timer anew
    /// costs more than to push it back.
    patience: Idle,
}

/// The hyper side of a connection.
#[derive(Debug)]
enum Sender {
    /// One request at a time. The task that moves its bytes is stopped when it is let go.
    Http1(http1::SendRequest<Upload>, Task),
    /// Many at a time.
    Http2(http2::SendRequest<Upload>, Scheme),
}

/// The task that moves a connection's bytes; dropping this stops it and closes the connection.
#[derive(Debug)]
struct Task(Option<AbortHandle>);

impl Task {
    /// Lets the task run on: the connection is somebody else's now.
    fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// A request that had no response, and the request itself if none of it was sent.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: Error,
    pub(super) unsent: Option<Box<Request<Upload>>>,
}

impl Connector {
    /// A new connection to `origin`, within the time for connecting. Over TLS it speaks one of
    /// `protocols`.
    pub(super) async fn connect(
        &self,
        origin: &Origin,
        protocols: Alpn,
    ) -> Result<Connection, Error> {
        let after = self.timeouts.connect;
        let making = self.make(origin, protocols);
        tokio::time::timeout(after, making).await.unwrap_or_else(|_| {
            Err(Error::ConnectTimeout { authority: origin.authority.as_str().into(), after })
        })
    }

    async fn make(&self, origin: &Origin, protocols: Alpn) -> Result<Connection, Error> {
        let host = host_of(origin.authority.as_str());
        let port = origin.authority.port_u16().unwrap_or_default();
        let tcp = connect::connect(host, port, self.timeouts.connect).await;
        let tcp = tcp.map_err(Error::Connect)?;
        let sender = match origin.protocol {
            Protocol::Http1 => http1(Stream::Plain(tcp)).await?,
            Protocol::H2c => http2(Stream::Plain(tcp), Scheme::HTTP).await?,
            Protocol::Tls => {
                let handshake = self.tls.handshake(tcp, host, protocols).await;
                let (tls, negotiated) = handshake.map_err(Error::Tls)?;
                let stream = Stream::Client(Box::new(tls));
                match negotiated {
                    Negotiated::H2 => http2(stream, Scheme::HTTPS).await?,
                    Negotiated::Http1 => http1(stream).await?,
                }
            }
        };
        let patience = Idle::new(self.timeouts.response);
        Ok(Connection { origin: origin.clone(), sender, patience })
    }
}

async fn http1(io: Stream) -> Result<Sender, Error> {
    let handshake = http1::Builder::new().handshake(TokioIo::new(io)).await;
    let (sender, connection) = handshake.map_err(Error::Reset)?;
    let task = task::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            debug!(%error, "upstream connection closed");
        }
    });
    Ok(Sender::Http1(sender, Task(Some(task.abort_handle()))))
}

async fn http2(io: Stream, scheme: Scheme) -> Result<Sender, Error> {
    let mut builder = http2::Builder::new(task::LocalExecutor);
    builder.timer(TokioTimer::new());
    let handshake = builder.handshake(TokioIo::new(io)).await;
    let (sender, connection) = handshake.map_err(Error::Reset)?;
    drop(task::spawn(async move {
        if let Err(error) = connection.await {
            debug!(%error, "upstream connection closed");
        }
    }));
    Ok(Sender::Http2(sender, scheme))
}

impl Connection {
    /// Another handle on the same connection, if it can carry several requests.
    pub(super) fn another(&self) -> Option<Self> {
        let sender = match &self.sender {
            Sender::Http1(..) => return None,
            Sender::Http2(sender, scheme) => Sender::Http2(sender.clone(), scheme.clone()),
        };
        let patience = Idle::new(self.patience.after());
        Some(Self { origin: self.origin.clone(), sender, patience })
    }

    /// Whether it carries several requests at a time.
    pub(super) const fn is_shared(&self) -> bool {
        match &self.sender {
            Sender::Http1(..) => false,
            Sender::Http2(..) => true,
        }
    }

    /// Whether the far side has closed it.
    pub(super) fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender, _) => sender.is_closed(),
            Sender::Http2(sender, _) => sender.is_closed(),
        }
    }

    /// Lends the connection to one request. It goes back to `pool` after the response, or is
    /// closed.
    pub(super) fn lease(
        self,
        pool: Weak<Pool>,
        clock: Arc<dyn Clock>,
        uploaded: Rc<Cell<Progress>>,
    ) -> Lease {
        Lease { connection: self, pool, clock, uploaded }
    }
}

/// A connection while it carries a request. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Lease {
    connection: Connection,
    pool: Weak<Pool>,
    clock: Arc<dyn Clock>,
    uploaded: Rc<Cell<Progress>>,
}

impl Lease {
    /// Sends the request and waits for the head of its response.
    pub(super) async fn send(
        mut self,
        mut request: Request<Upload>,
    ) -> Result<Response<Download>, Refused> {
        let Connection { origin, sender, patience } = &mut self.connection;
        let uploaded = &self.uploaded;
        let offered = request.headers().contains_key(header::UPGRADE);
        let sent = match sender {
            Sender::Http1(sender, _) => {
                // An error says that the far side closed it while it was idle. Sending then says
                // so too, and gives the request back.
                drop(sender.ready().await);
                rewrite::to_http1(&mut request, &origin.authority);
                within(patience, uploaded, sender.try_send_request(request)).await
            }
            Sender::Http2(sender, scheme) => {
                rewrite::to_http2(&mut request, scheme, &origin.authority);
                // hyper does not tell of a `100 Continue` over HTTP/2, so it is not asked for.
                request.body_mut().open();
                within(patience, uploaded, sender.try_send_request(request)).await
            }
        };
        match sent {
            Some(Ok(response)) if upgrade::is_accepted(&response) && !offered => {
                Err(Refused { error: Error::Upgrade, unsent: None })
            }
            Some(Ok(response)) => Ok(self.receive(response)),
            Some(Err(mut failed)) => Err(Refused {
                unsent: failed.take_message().map(|mut request| {
                    rewrite::to_origin_form(&mut request);
                    Box::new(request)
                }),
                error: Error::of_hyper(failed.into_error()),
            }),
            None => {
                // It may be dead without having been closed, and so is not lent any more.
                if let Some(pool) = self.pool.upgrade().filter(|_| self.connection.is_shared()) {
                    pool.forget_shared(&self.connection.origin);
                }
                let after = self.connection.patience.after();
                Err(Refused { error: Error::ResponseTimeout(after), unsent: None })
            }
        }
    }

    /// The version is the connection's own, not to be shown to another.
    fn receive(self, mut response: Response<Incoming>) -> Response<Download> {
        *response.version_mut() = Version::HTTP_11;
        if upgrade::is_accepted(&response) {
            if let Sender::Http1(_, task) = self.connection.sender {
                task.release();
            }
            return response.map(|body| Download { body, lease: None });
        }
        response.map(|body| Download::new(body, self))
    }

    /// Gives the connection back, if it can carry another request: one whose request was answered
    /// before it had been sent whole cannot.
    fn give_back(self) {
        if let (Some(pool), Progress::Sent) = (self.pool.upgrade(), self.uploaded.get()) {
            pool.put(self.connection, self.clock.now());
        }
    }
}

/// Waits for the head of a response; none if it did not come in time. A body may take as long as it
/// keeps moving, and as long as the client is waited for: the service is given the whole time for
/// each of its own moves, at most twice, of which the response is the last.
async fn within<T>(
    patience: &mut Idle,
    uploaded: &Cell<Progress>,
    sending: impl Future<Output = T>,
) -> Option<T> {
    let mut sending = pin!(sending);
    let mut before = uploaded.get();
    patience.heard();
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(sent) = sending.as_mut().poll(cx) {
                return Poll::Ready(Some(sent));
            }
            ready!(patience.poll(cx));
            let now = uploaded.get();
            if now == before && now != Progress::Asked {
                return Poll::Ready(None);
            }
            before = now;
            patience.heard();
        }
    })
    .await
}

/// The body of a response, which holds its connection until it has been read to the end.
#[derive(Debug)]
pub struct Download {
    body: Incoming,
    lease: Option<Lease>,
}

impl Download {
    fn new(body: Incoming, lease: Lease) -> Self {
        let mut download = Self { body, lease: Some(lease) };
        download.give_back_at_end();
        download
    }

    fn give_back_at_end(&mut self) {
        if self.body.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(_))) => self.give_back_at_end(),
            Poll::Ready(None) => {
                if let Some(lease) = self.lease.take() {
                    lease.give_back();
                }
            }
            Poll::Ready(Some(Err(_))) => drop(self.lease.take()),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
