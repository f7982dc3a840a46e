//! The two ways in which a request waits for the service's word: `Upgrade`, after which the
//! connection is a tunnel, and `Expect: 100-continue`, before which no body is sent.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use http::HeaderMap;
use http::HeaderValue;
use http::Request;
use http::Response;
use http::StatusCode;
use http::Version;
use http::header;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::Sleep;
use tracing::debug;

use crate::http1::server;
use crate::net::rewind::Rewind;
use crate::net::stream::Io;
use crate::net::tunnel;
use crate::proxy::incoming::Incoming;
use crate::proxy::rewrite::lists;
use crate::sys::drain;
use crate::sys::task;

/// How long a body waits for `100 Continue` before it is sent all the same, for services that do
/// not know the expectation. As long as curl waits. Source: RFC 9110 §10.1.1.
const CONTINUE_AFTER: Duration = Duration::from_secs(1);

/// The client's connection, once the response that ends HTTP on it has been sent.
#[derive(Debug)]
pub(super) enum OnUpgrade {
    Http1(server::Upgrade),
    /// One stream of it.
    Http2(hyper::upgrade::OnUpgrade),
    /// The body was kept or changed, and the connection stays HTTP's.
    Never,
}

impl OnUpgrade {
    pub(super) fn of(request: &mut Request<Incoming>) -> Self {
        match request.body() {
            Incoming::Http1(body) => Self::Http1(body.on_upgrade()),
            Incoming::Http2(_) => Self::Http2(hyper::upgrade::on(request)),
            Incoming::Kept { .. } | Incoming::Resigned(_) => Self::Never,
        }
    }

    /// Waits for it. None if the client went away before.
    pub(super) async fn stream(self) -> Option<Box<dyn Io>> {
        match self {
            Self::Http1(client) => Some(Box::new(client.await.ok()?)),
            Self::Http2(client) => Some(Box::new(TokioIo::new(client.await.ok()?))),
            Self::Never => None,
        }
    }
}

impl Io for TokioIo<Upgraded> {
    /// A stream has its own way to be reset, by being dropped.
    fn reset_on_close(&self) {}
}

/// A client's offer to change the protocol of its connection.
#[derive(Debug)]
pub(super) struct Offer {
    client: OnUpgrade,
    protocol: HeaderValue,
}

impl Offer {
    /// The offer of a request, if it makes one. An offer of `h2c` is not one to us: the requests
    /// behind it would pass unseen, and RFC 9113 withdrew it.
    pub(super) fn of(request: &mut Request<Incoming>) -> Option<Self> {
        let headers = request.headers();
        let protocol = headers.get(header::UPGRADE).filter(|value| !lists(value, "h2c"))?;
        let mut connection = headers.get_all(header::CONNECTION).iter();
        let asks = connection.any(|value| lists(value, "upgrade"));
        let protocol = protocol.clone();
        (asks && request.version() == Version::HTTP_11)
            .then(|| Self { client: OnUpgrade::of(request), protocol })
    }

    /// Puts the offer's headers back after the hop's own were taken out.
    pub(super) fn renew(&self, headers: &mut HeaderMap) {
        put(headers, self.protocol.clone());
    }

    /// The service accepted, and `service` is its connection: passes bytes both ways from now on.
    /// The tunnel ends when either side closes, is silent both ways for `idle`, or the shutdown's
    /// deadline passes.
    pub(super) fn accept<B>(
        self,
        response: &mut Response<B>,
        service: Rewind,
        idle: Duration,
        watch: drain::Watch,
    ) {
        let protocol = response.headers().get(header::UPGRADE).cloned().unwrap_or(self.protocol);
        put(response.headers_mut(), protocol);
        let client = self.client;
        drop(task::spawn(async move {
            let Some(client) = client.stream().await else { return };
            let facts = tunnel::copy(client, service, idle, watch).await;
            debug!(?facts, "upgraded connection closed");
        }));
    }
}

/// Whether a response accepts an upgrade.
pub(super) fn is_accepted<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS
}

fn put(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol);
}

/// Holds a body back until the service has said `100 Continue`, which takes the gate away, or for
/// a second.
#[derive(Debug)]
pub struct Gate(Pin<Box<Sleep>>);

impl Gate {
    /// The gate of a request that expects `100 Continue`; none for others. The client's own
    /// `100 Continue` is sent when the gate opens, because that is when its body is first asked
    /// for.
    pub(super) fn of<B>(request: &Request<B>) -> Option<Self> {
        let expects = request.headers().get(header::EXPECT)?;
        lists(expects, "100-continue").then(|| Self(Box::pin(tokio::time::sleep(CONTINUE_AFTER))))
    }

    /// Ready once the body may be sent.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}
