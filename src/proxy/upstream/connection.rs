//! One connection to a server: made, lent to a request, and given back when the response has
//! been read to its end.

use std::cell::Cell;
use std::future::Future;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Weak;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use http::Method;
use http::Request;
use http::Response;
use http::Version;
use http::header;
use http::uri::Scheme;
use hyper::body::Body;
use hyper::client::conn::http2;

use crate::http1::client as http1;
use crate::http1::client::Exchange;
use crate::http1::client::Failed;
use crate::http1::client::Head;
use crate::proxy::body::Progress;
use crate::proxy::body::Upload;
use crate::proxy::body::UploadError;
use crate::proxy::error::Error;
use crate::proxy::options::Origin;
use crate::proxy::rewrite;
use crate::proxy::upgrade;
use crate::proxy::upstream::download::Download;
use crate::proxy::upstream::download::Lent;
use crate::proxy::upstream::pool::Pool;
use crate::proxy::watcher::Watcher;
use crate::sys::clock::Clock;
use crate::sys::idle::Idle;
use crate::sys::link::Link;

/// A connection that carries no request of ours, or, over HTTP/2, can carry one more.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) origin: Origin,
    /// Its addresses, if it carries one request at a time.
    pub(super) link: Option<Link>,
    pub(super) sender: Sender,
    /// For the head of a response. Kept from request to request, because to set a timer anew
    /// costs more than to push it back.
    pub(super) patience: Idle,
}

/// What a connection speaks.
#[derive(Debug)]
pub(super) enum Sender {
    /// One request at a time.
    Http1(http1::Connection),
    /// Many at a time.
    Http2(http2::SendRequest<Upload>, Scheme),
}

/// A request that had no response.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: Error,
    /// The request, if it may be sent again: none of it was sent, or it does not matter how often
    /// it is.
    pub(super) again: Option<Box<Request<Upload>>>,
}

impl Connection {
    /// Another handle on the same connection, if it can carry several requests.
    pub(super) fn another(&self) -> Option<Self> {
        let sender = match &self.sender {
            Sender::Http1(_) => return None,
            Sender::Http2(sender, scheme) => Sender::Http2(sender.clone(), scheme.clone()),
        };
        let patience = Idle::new(self.patience.after());
        Some(Self { origin: self.origin.clone(), link: None, sender, patience })
    }

    /// Whether it carries several requests at a time.
    pub(super) const fn is_shared(&self) -> bool {
        match &self.sender {
            Sender::Http1(_) => false,
            Sender::Http2(..) => true,
        }
    }

    /// Whether the far side has closed it.
    pub(super) fn is_closed(&mut self) -> bool {
        match &mut self.sender {
            Sender::Http1(connection) => connection.is_closed(),
            Sender::Http2(sender, _) => sender.is_closed(),
        }
    }

    /// Sends the request and waits for the head of its response. The connection goes back to
    /// `home` after the response, or is closed.
    pub(super) async fn send(
        self,
        home: Home,
        request: Request<Upload>,
    ) -> Result<Response<Download>, Refused> {
        let Self { origin, link, sender, patience } = self;
        match sender {
            Sender::Http1(connection) => {
                let lease = Lease { origin, link, patience, home };
                lease.send(connection, request).await
            }
            Sender::Http2(sender, scheme) => {
                if let Some(watcher) = request.body().watcher() {
                    watcher.sends(None);
                }
                let shared = Shared { origin, patience, home };
                shared.send(sender, &scheme, request).await
            }
        }
    }
}

/// Where connections go back to.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) pool: Weak<Pool>,
    pub(super) clock: Arc<dyn Clock>,
}

/// What a connection is besides its bytes, while it carries a request over HTTP/1.1.
#[derive(Debug)]
pub(super) struct Lease {
    origin: Origin,
    link: Option<Link>,
    patience: Idle,
    home: Home,
}

impl Lease {
    /// Gives the connection back, if it can carry another request.
    pub(super) fn give_back(self, exchange: Exchange<Upload>) {
        let Self { origin, link, patience, home } = self;
        if let (Some(pool), Some(connection)) = (home.pool.upgrade(), exchange.finish()) {
            let sender = Sender::Http1(connection);
            pool.put(Connection { origin, link, sender, patience }, home.clock.now());
        }
    }

    async fn send(
        mut self,
        connection: http1::Connection,
        mut request: Request<Upload>,
    ) -> Result<Response<Download>, Refused> {
        rewrite::to_http1(&mut request, &self.origin.authority);
        let replayable = is_replayable(&request);
        let offered = request.headers().contains_key(header::UPGRADE);
        let (head, body) = request.into_parts();
        let uploaded = body.progress();
        let watcher = body.watcher().filter(|watcher| watcher.sends(self.link));
        let mut exchange = connection.start(&head, body);
        if let Some((watcher, link)) = watcher.zip(self.link)
            && !offered
        {
            // On the heap, because it is seldom: every request would carry its room.
            Box::pin(hold(&mut exchange, &watcher, link)).await;
        }
        let asked = poll_fn(|cx| poll_response(&mut exchange, cx));
        let error = match within(&mut self.patience, &uploaded, asked).await {
            Some(Ok(response)) if upgrade::is_accepted(&response) && !offered => Error::Upgrade,
            Some(Ok(response)) => {
                let upgraded = upgrade::is_accepted(&response);
                let lent = Box::new(Lent { exchange, lease: self });
                return Ok(response.map(|()| match upgraded {
                    true => Download::held(lent),
                    false => Download::http1(lent),
                }));
            }
            Some(Err(failed)) => {
                let error = Error::of_http1(failed);
                let (body, unsent) = exchange.into_body();
                let again = (unsent || replayable).then(|| Request::from_parts(head, body));
                return Err(Refused { error, again: again.map(Box::new) });
            }
            None => Error::ResponseTimeout(self.patience.after()),
        };
        Err(Refused { error, again: None })
    }
}

/// Keeps the end of a request back until it was seen who reads it.
async fn hold(exchange: &mut Exchange<Upload>, watcher: &Watcher, link: Link) {
    exchange.hold();
    poll_fn(|cx| exchange.poll_sent(cx)).await;
    watcher.held(link).await;
    exchange.release();
}

/// Waits for the response itself; the informational ones before it are the body's to pass on.
fn poll_response(
    exchange: &mut Exchange<Upload>,
    cx: &mut Context<'_>,
) -> Poll<Result<Response<()>, Failed<UploadError>>> {
    loop {
        match ready!(exchange.poll_head(cx))? {
            Head::Final(response) => return Poll::Ready(Ok(response)),
            Head::Interim(mut response) => exchange.body_mut().informed(&mut response),
        }
    }
}

/// What a connection is besides its streams, while one of them carries a request over HTTP/2.
struct Shared {
    origin: Origin,
    patience: Idle,
    home: Home,
}

impl Shared {
    async fn send(
        mut self,
        mut sender: http2::SendRequest<Upload>,
        scheme: &Scheme,
        mut request: Request<Upload>,
    ) -> Result<Response<Download>, Refused> {
        let spare = replay(&request);
        rewrite::to_http2(&mut request, scheme, &self.origin.authority);
        // hyper does not tell of a `100 Continue` over HTTP/2, so it is not asked for.
        request.body_mut().open();
        let uploaded = request.body().progress();
        let sent = within(&mut self.patience, &uploaded, sender.try_send_request(request)).await;
        match sent {
            Some(Ok(response)) if upgrade::is_accepted(&response) => {
                Err(Refused { error: Error::Upgrade, again: None })
            }
            Some(Ok(mut response)) => {
                // The version is the connection's own, not to be shown to another.
                *response.version_mut() = Version::HTTP_11;
                Ok(response.map(Download::http2))
            }
            Some(Err(mut failed)) => {
                let unsent = failed.take_message().map(|mut request| {
                    rewrite::to_origin_form(&mut request);
                    request
                });
                let again = unsent.or(spare).map(Box::new);
                Err(Refused { error: Error::of_http2(failed.into_error()), again })
            }
            None => {
                // It may be dead without having been closed, and so is not lent any more.
                if let Some(pool) = self.home.pool.upgrade() {
                    pool.forget_shared(&self.origin);
                }
                let error = Error::ResponseTimeout(self.patience.after());
                Err(Refused { error, again: None })
            }
        }
    }
}

/// Whether it does not matter if a request is sent twice: it has no body, and its method is
/// idempotent (RFC 9110 §9.2.2).
pub(super) fn is_replayable(request: &Request<Upload>) -> bool {
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE];
    let idempotent = [Method::PUT, Method::DELETE];
    let method = request.method();
    request.body().is_end_stream() && (safe.contains(method) || idempotent.contains(method))
}

/// A copy of a request that may be sent again, made before hyper takes it.
fn replay(request: &Request<Upload>) -> Option<Request<Upload>> {
    is_replayable(request).then(|| {
        let mut copy = Request::new(Upload::nothing());
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.version_mut() = request.version();
        *copy.headers_mut() = request.headers().clone();
        copy
    })
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
