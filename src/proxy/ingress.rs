//! The inbound handler: a request to the service becomes a segment.

use std::rc::Rc;

use http::Method;
use http::Request;
use http::Response;
use http::StatusCode;
use hyper::body::Incoming;
use tracing::debug;

use crate::proxy::body::Body;
use crate::proxy::body::Upload;
use crate::proxy::error::Error;
use crate::proxy::error::Side;
use crate::proxy::facts;
use crate::proxy::facts::ConnFacts;
use crate::proxy::facts::XRAY;
use crate::proxy::options::Origin;
use crate::proxy::options::Propagation;
use crate::proxy::options::Timeouts;
use crate::proxy::reply;
use crate::proxy::rewrite;
use crate::proxy::serve::Handler;
use crate::proxy::upgrade;
use crate::proxy::upgrade::Gate;
use crate::proxy::upgrade::Offer;
use crate::proxy::upstream::Download;
use crate::proxy::upstream::Upstream;
use crate::record::inbound::Inbound;
use crate::record::recorder::Recorder;
use crate::sys::drain;
use crate::trace::exchange::Answered;
use crate::trace::exchange::Waiting;
use crate::trace::facts::End;

/// One worker's inbound handler.
#[derive(Debug)]
pub struct Ingress {
    /// Records what passes.
    pub recorder: Rc<Recorder>,
    /// The way to the service.
    pub upstream: Rc<Upstream>,
    /// The service.
    pub origin: Origin,
    /// Which trace headers go on.
    pub propagation: Propagation,
    /// How long to wait for bodies.
    pub timeouts: Timeouts,
    /// Upgraded connections outlive their request; a shutdown must wait for them.
    pub drain: drain::Observer,
}

impl Handler for Ingress {
    type Guard = Inbound<Answered>;

    /// A request comes in, its exchange is opened, it goes on to the service, and the response's
    /// body closes the exchange. Every failure leaves through `refuse`.
    async fn handle(
        &self,
        conn: &ConnFacts,
        mut request: Request<Incoming>,
    ) -> Response<Body<Self::Guard>> {
        let inbound = {
            let view = facts::inbound(&request, conn);
            debug!(method = %view.method, path = view.path, client = %conn.peer, "request");
            self.recorder.inbound(&view, facts::incoming(request.headers()))
        };
        if request.method() == Method::CONNECT {
            return misdirected(inbound);
        }
        let offer = Offer::of(&mut request);
        let request = self.toward_service(request, conn, &inbound, offer.as_ref());
        match self.upstream.send(&self.origin, request).await {
            Ok(response) => self.answer(inbound, response, offer),
            Err(error) => refuse(inbound, &error),
        }
    }
}

impl Ingress {
    fn toward_service(
        &self,
        mut request: Request<Incoming>,
        conn: &ConnFacts,
        inbound: &Inbound<Waiting>,
        offer: Option<&Offer>,
    ) -> Request<Upload> {
        rewrite::to_origin_form(&mut request);
        rewrite::strip_hop_by_hop(request.headers_mut());
        rewrite::forwarded(request.headers_mut(), conn);
        rewrite::carry(request.headers_mut(), inbound.carried(), self.propagation);
        if let Some(offer) = offer {
            offer.renew(request.headers_mut());
        }
        let gate = Gate::of(&mut request);
        request.map(|body| Upload::new(body, self.timeouts.idle, gate))
    }

    fn answer(
        &self,
        inbound: Inbound<Waiting>,
        mut response: Response<Download>,
        offer: Option<Offer>,
    ) -> Response<Body<Inbound<Answered>>> {
        rewrite::strip_hop_by_hop(response.headers_mut());
        put_trace(&inbound, &mut response);
        let inbound = inbound.answered(facts::response(&response));
        if let Some(offer) = offer.filter(|_| upgrade::is_accepted(&response)) {
            inbound.close(End::Complete);
            offer.accept(&mut response, self.timeouts.tunnel, self.drain.watch());
            return response.map(|_| Body::empty());
        }
        response.map(|body| Body::observed(body, self.timeouts.idle, inbound))
    }
}

/// Answers a request that had no response with one of our own, and records why.
fn refuse(inbound: Inbound<Waiting>, error: &Error) -> Response<Body<Inbound<Answered>>> {
    debug!(%error, "no response");
    let mut response = reply::gateway(error.status());
    put_trace(&inbound, &mut response);
    let facts = facts::response(&response);
    let end = match error.side() {
        Side::Client => End::Cancelled,
        Side::Upstream => End::Failed(error.failure()),
    };
    inbound.answered(facts).close(end);
    response
}

/// Answers `CONNECT`, which asks for a proxy: the service is none, and after a `200` to it nobody
/// could tell where the next request begins.
fn misdirected(inbound: Inbound<Waiting>) -> Response<Body<Inbound<Answered>>> {
    let text = "400 CONNECT is for proxies, and this is a server\n";
    let mut response = reply::text(StatusCode::BAD_REQUEST, text);
    put_trace(&inbound, &mut response);
    inbound.answered(facts::response(&response)).close(End::Complete);
    response
}

fn put_trace<B>(inbound: &Inbound<Waiting>, response: &mut Response<B>) {
    if let Some(value) = inbound.response_header() {
        rewrite::set(response.headers_mut(), XRAY, value);
    }
}
