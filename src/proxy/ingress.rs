//! The inbound handler: a request to the service becomes a segment.

use std::rc::Rc;

use http::Method;
use http::Request;
use http::Response;
use http::StatusCode;
use tracing::debug;

use crate::http1::server::Abort;
use crate::proxy::annotator::Annotator;
use crate::proxy::annotator::Pending;
use crate::proxy::body::Body;
use crate::proxy::error::Error;
use crate::proxy::error::Side;
use crate::proxy::facts;
use crate::proxy::facts::ConnFacts;
use crate::proxy::facts::XRAY;
use crate::proxy::incoming::Incoming;
use crate::proxy::look::Looked;
use crate::proxy::options::Origin;
use crate::proxy::relay::Relay;
use crate::proxy::reply;
use crate::proxy::rewrite;
use crate::proxy::serve::Handler;
use crate::proxy::upgrade::Offer;
use crate::proxy::upstream::Download;
use crate::proxy::upstream::Upstream;
use crate::proxy::watcher::Watcher;
use crate::record::inbound::Inbound;
use crate::record::recorder::Recorder;
use crate::trace::exchange::Answered;
use crate::trace::exchange::Waiting;
use crate::trace::facts::End;
use crate::witness::Witness;

/// One worker's inbound handler.
#[derive(Debug)]
pub struct Ingress {
    /// Records what passes.
    pub recorder: Rc<Recorder>,
    /// The way to the service.
    pub upstream: Rc<Upstream>,
    /// The service.
    pub origin: Origin,
    /// Who looks at the service for the sake of its calls; none if nobody does.
    pub witness: Option<Witness>,
    /// Takes annotations from what passes.
    pub annotator: Rc<Annotator>,
    /// How messages are passed on.
    pub relay: Relay,
}

/// What the body of a response closes.
type Guard = Looked<Inbound<Answered>>;

impl Handler for Rc<Ingress> {
    type Guard = Guard;

    /// A request comes in, its exchange is opened, it goes on to the service, and the response's
    /// body closes the exchange. Every failure leaves through `refuse`.
    async fn handle(
        &self,
        conn: &ConnFacts,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body<Self::Guard>>, Abort> {
        let mut inbound = {
            let view = facts::inbound(&request, conn);
            debug!(method = %view.method, path = view.path, client = %conn.peer, "request");
            let prints = self.recorder.prints(facts::texts(&request));
            self.recorder.inbound(&view, facts::incoming(request.headers()), prints.as_ref())
        };
        if request.method() == Method::CONNECT {
            return Ok(misdirected(inbound));
        }
        let pending = {
            let host = || facts::authority(&request).unwrap_or(&conn.local);
            self.annotator.asked(&request, host, &mut inbound)
        };
        let offer = Offer::of(&mut request);
        let mut request = self.relay.onward(request, inbound.carried(), offer.as_ref());
        rewrite::forwarded(request.headers_mut(), conn);
        if let (Some(watch), Some(witness)) = (inbound.watch(), &self.witness) {
            request.body_mut().watch(Watcher::new(watch, witness.clone()));
        }
        Ok(match self.upstream.send(&self.origin, request).await {
            Ok(response) => self.answer(inbound, response, (pending, offer)),
            Err(error) => refuse(inbound, pending, &error),
        })
    }
}

impl Ingress {
    fn answer(
        &self,
        inbound: Inbound<Waiting>,
        mut response: Response<Download>,
        (mut pending, offer): (Pending, Option<Offer>),
    ) -> Response<Body<Guard>> {
        let trace = inbound.response_header();
        let mut inbound = inbound.answered(facts::response(&response));
        pending.answered(&response, &mut inbound);
        self.annotator.hear(&mut response, &mut pending, &mut inbound);
        let guard = Looked::at(inbound, &response, self.relay.error_bodies, pending);
        let mut response = self.relay.back(response, guard, offer);
        put_trace(trace, &mut response);
        response
    }
}

/// Answers a request that had no response with one of our own, and records why.
fn refuse(
    mut inbound: Inbound<Waiting>,
    mut pending: Pending,
    error: &Error,
) -> Response<Body<Guard>> {
    debug!(%error, "no response");
    let mut response = reply::gateway(error.status());
    pending.answered(&response, &mut inbound);
    put_trace(inbound.response_header(), &mut response);
    let facts = facts::response(&response);
    let end = match error.side() {
        Side::Client => End::Cancelled,
        Side::Upstream => End::Failed(error.failure()),
    };
    inbound.refused(facts, end);
    response
}

/// Answers `CONNECT`, which asks for a proxy: the service is none, and after a `200` to it nobody
/// could tell where the next request begins.
fn misdirected(inbound: Inbound<Waiting>) -> Response<Body<Guard>> {
    let text = "400 CONNECT is for proxies, and this is a server\n";
    let mut response = reply::text(StatusCode::BAD_REQUEST, text);
    put_trace(inbound.response_header(), &mut response);
    // As good as answered: the service never sees it, and will not call on its behalf.
    inbound.answered(facts::response(&response)).close(End::Complete);
    response
}

fn put_trace<B>(value: Option<String>, response: &mut Response<B>) {
    if let Some(value) = value {
        rewrite::set(response.headers_mut(), XRAY, value);
    }
}
