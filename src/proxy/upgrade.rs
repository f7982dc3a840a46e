//! The two ways in which a request waits for the service's word: `Upgrade`, after which the
//! connection is a tunnel, and `Expect: 100-continue`, before which no body is sent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
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
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;
use tokio::time::Sleep;
use tracing::debug;

use crate::net::tunnel;
use crate::proxy::rewrite::lists;
use crate::sys::drain;
use crate::sys::task;

/// How long a body waits for `100 Continue` before it is sent all the same, for services that do
/// not know the expectation. As long as curl waits. Source: RFC 9110 §10.1.1.
const CONTINUE_AFTER: Duration = Duration::from_secs(1);

/// A client's offer to change the protocol of its connection.
#[derive(Debug)]
pub(super) struct Offer {
    client: OnUpgrade,
    protocol: HeaderValue,
}

impl Offer {
    /// The offer of a request, if it makes one. An offer of `h2c` is not one to us: the requests
    /// behind it would pass unseen, and RFC 9113 withdrew it.
    pub(super) fn of<B>(request: &mut Request<B>) -> Option<Self> {
        let headers = request.headers();
        let connection = headers.get_all(header::CONNECTION).iter();
        let asks = connection.into_iter().any(|value| lists(value, "upgrade"));
        let protocol =
            headers.get(header::UPGRADE).filter(|value| !lists(value, "h2c")).cloned()?;
        (asks && request.version() == Version::HTTP_11)
            .then(|| Self { client: hyper::upgrade::on(request), protocol })
    }

    /// Puts the offer's headers back after the hop's own were taken out.
    pub(super) fn renew(&self, headers: &mut HeaderMap) {
        put(headers, self.protocol.clone());
    }

    /// The service accepted: passes bytes both ways from now on. The tunnel ends when either side
    /// closes, is silent both ways for `idle`, or the shutdown's deadline passes.
    pub(super) fn accept<B>(self, response: &mut Response<B>, idle: Duration, watch: drain::Watch) {
        let service = hyper::upgrade::on(&mut *response);
        let protocol = response.headers().get(header::UPGRADE).cloned().unwrap_or(self.protocol);
        put(response.headers_mut(), protocol);
        let client = self.client;
        drop(task::spawn(async move {
            match tokio::try_join!(client, service) {
                Ok((client, service)) => {
                    let (client, service) = (TokioIo::new(client), TokioIo::new(service));
                    let facts = tunnel::copy(client, service, idle, watch).await;
                    debug!(?facts, "upgraded connection closed");
                }
                Err(error) => debug!(%error, "upgrade failed"),
            }
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

/// Holds a body back until the service has said `100 Continue`, or for a second.
#[derive(Debug)]
pub struct Gate {
    told: Pin<Box<tokio::sync::futures::OwnedNotified>>,
    patience: Pin<Box<Sleep>>,
}

impl Gate {
    /// The gate of a request that expects `100 Continue`; none for others. The client's own
    /// `100 Continue` is sent when the gate opens, because that is when its body is first asked
    /// for.
    pub(super) fn of<B>(request: &mut Request<B>) -> Option<Self> {
        let expects = request.headers().get(header::EXPECT)?;
        if !lists(expects, "100-continue") {
            return None;
        }
        let tell = Arc::new(Notify::new());
        let told = Box::pin(Arc::clone(&tell).notified_owned());
        hyper::ext::on_informational(request, move |response| {
            if response.status() == StatusCode::CONTINUE {
                tell.notify_one();
            }
        });
        Some(Self { told, patience: Box::pin(tokio::time::sleep(CONTINUE_AFTER)) })
    }

    /// Ready once the body may be sent.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.told.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        self.patience.as_mut().poll(cx)
    }
}
