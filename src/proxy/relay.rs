//! What both handlers do with a request on its way on, and with a response on its way back.

use http::Request;
use http::Response;

use crate::proxy::body::Body;
use crate::proxy::body::Close;
use crate::proxy::body::Upload;
use crate::proxy::incoming::Incoming;
use crate::proxy::options::Propagation;
use crate::proxy::options::Timeouts;
use crate::proxy::rewrite;
use crate::proxy::upgrade;
use crate::proxy::upgrade::Gate;
use crate::proxy::upgrade::Offer;
use crate::proxy::upstream::Download;
use crate::record::recorder::Carried;
use crate::sys::drain;
use crate::trace::facts::End;

/// What passing messages on takes, in one direction or the other.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Which trace headers go on.
    pub propagation: Propagation,
    /// How long to wait for bodies and tunnels.
    pub timeouts: Timeouts,
    /// Whether errors that bodies of JSON name are of interest.
    pub error_bodies: bool,
    /// Upgraded connections outlive their request; a shutdown must wait for them.
    pub drain: drain::Observer,
}

impl Relay {
    /// A request as it goes on: in origin form, without what belonged to its hop, with the trace
    /// headers put, its body held back as long as the far side is to be asked first.
    pub(super) fn onward(
        &self,
        mut request: Request<Incoming>,
        carried: Option<&Carried>,
        offer: Option<&Offer>,
    ) -> Request<Upload> {
        rewrite::to_origin_form(&mut request);
        rewrite::strip_hop_by_hop(request.headers_mut());
        rewrite::carry(request.headers_mut(), carried, self.propagation);
        if let Some(offer) = offer {
            offer.renew(request.headers_mut());
        }
        let gate = Gate::of(&request);
        request.map(|body| Upload::new(body, self.timeouts.idle, gate))
    }

    /// A response as it goes back. Its body closes `guard` when it ends; an upgrade closes it at
    /// once, and what is spoken then passes through a tunnel.
    pub(super) fn back<G: Close>(
        &self,
        mut response: Response<Download>,
        guard: G,
        offer: Option<Offer>,
    ) -> Response<Body<G>> {
        rewrite::strip_hop_by_hop(response.headers_mut());
        if let Some(offer) = offer.filter(|_| upgrade::is_accepted(&response)) {
            guard.close(End::Complete);
            let (head, body) = response.into_parts();
            let mut response = Response::from_parts(head, Body::empty());
            if let Some(service) = body.into_upgraded() {
                offer.accept(&mut response, service, self.timeouts.tunnel, self.drain.watch());
            }
            return response;
        }
        response.map(|body| Body::observed(body, self.timeouts.idle, guard))
    }
}
