//! The outbound handler: a call by the service becomes a subsegment.

use std::net::SocketAddr;
use std::rc::Rc;

use http::Request;
use http::Response;
use http::StatusCode;
use http::uri::Authority;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tracing::debug;

use crate::net::connect;
use crate::net::tunnel;
use crate::proxy::body::Body;
use crate::proxy::body::Upload;
use crate::proxy::error::Error;
use crate::proxy::error::Side;
use crate::proxy::facts;
use crate::proxy::facts::ConnFacts;
use crate::proxy::options::Origin;
use crate::proxy::options::Propagation;
use crate::proxy::options::Timeouts;
use crate::proxy::reply;
use crate::proxy::rewrite;
use crate::proxy::serve::Handler;
use crate::proxy::target::Target;
use crate::proxy::target::Unroutable;
use crate::proxy::upgrade;
use crate::proxy::upgrade::Gate;
use crate::proxy::upgrade::Offer;
use crate::proxy::upstream::Download;
use crate::proxy::upstream::Upstream;
use crate::record::outbound::Outbound;
use crate::record::recorder::Recorder;
use crate::sampling::wildcard;
use crate::sys::drain;
use crate::sys::task;
use crate::trace::exchange::Answered;
use crate::trace::exchange::Waiting;
use crate::trace::facts::End;
use crate::trace::facts::RequestView;
use crate::trace::facts::Scheme;
use crate::trace::facts::host_of;

/// One worker's outbound handler.
#[derive(Debug)]
pub struct Egress {
    /// Records what passes.
    pub recorder: Rc<Recorder>,
    /// The way to other services.
    pub upstream: Rc<Upstream>,
    /// Where we listen: what goes there would come back.
    pub own: SocketAddr,
    /// Wildcard patterns of hosts, with or without port, whose calls pass without a trace.
    pub no_trace: Vec<Box<str>>,
    /// Which trace headers go on.
    pub propagation: Propagation,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Tunnels outlive their request; a shutdown must wait for them.
    pub drain: drain::Observer,
}

impl Handler for Egress {
    type Guard = Outbound<Answered>;

    /// A call comes in and goes on to the server it names, or through a tunnel.
    async fn handle(
        &self,
        _conn: &ConnFacts,
        request: Request<Incoming>,
    ) -> Response<Body<Self::Guard>> {
        match Target::of(&request, self.own) {
            Ok(Target::Server(origin)) => self.forward(&origin, request).await,
            Ok(Target::Tunnel(authority)) => self.tunnel(&authority, request).await,
            Err(unroutable) => misdirected(unroutable),
        }
    }
}

impl Egress {
    async fn forward(
        &self,
        origin: &Origin,
        mut request: Request<Incoming>,
    ) -> Response<Body<Outbound<Answered>>> {
        let outbound = self.open(&request, scheme(origin), origin.authority.as_str());
        let offer = Offer::of(&mut request);
        let request = self.toward_server(request, &outbound, offer.as_ref());
        match self.upstream.send(origin, request).await {
            Ok(response) => self.answer(outbound, response, offer),
            Err(error) => refuse(outbound, &error),
        }
    }

    fn open<B>(&self, request: &Request<B>, scheme: Scheme, authority: &str) -> Outbound<Waiting> {
        debug!(method = %request.method(), authority, "call");
        if self.passes_untraced(authority) {
            return self.recorder.untraced();
        }
        let default = authority.strip_suffix(match scheme {
            Scheme::Http => ":80",
            Scheme::Https => ":443",
            Scheme::Tcp => "",
        });
        let view = RequestView {
            method: request.method(),
            scheme,
            authority: default.unwrap_or(authority),
            path: match scheme {
                Scheme::Http | Scheme::Https => facts::path(request),
                Scheme::Tcp => "",
            },
            user_agent: None,
            client: None,
        };
        self.recorder.outbound(&view, facts::incoming(request.headers()))
    }

    fn passes_untraced(&self, authority: &str) -> bool {
        let host = host_of(authority);
        self.no_trace.iter().any(|pattern| {
            wildcard::matches(pattern, host) || wildcard::matches(pattern, authority)
        })
    }

    fn toward_server(
        &self,
        mut request: Request<Incoming>,
        outbound: &Outbound<Waiting>,
        offer: Option<&Offer>,
    ) -> Request<Upload> {
        rewrite::to_origin_form(&mut request);
        rewrite::strip_hop_by_hop(request.headers_mut());
        rewrite::carry(request.headers_mut(), outbound.carried(), self.propagation);
        if let Some(offer) = offer {
            offer.renew(request.headers_mut());
        }
        let gate = Gate::of(&mut request);
        request.map(|body| Upload::new(body, self.timeouts.idle, gate))
    }

    fn answer(
        &self,
        outbound: Outbound<Waiting>,
        mut response: Response<Download>,
        offer: Option<Offer>,
    ) -> Response<Body<Outbound<Answered>>> {
        rewrite::strip_hop_by_hop(response.headers_mut());
        let outbound = outbound.answered(facts::response(&response));
        if let Some(offer) = offer.filter(|_| upgrade::is_accepted(&response)) {
            outbound.close(End::Complete);
            offer.accept(&mut response, self.timeouts.tunnel, self.drain.watch());
            return response.map(|_| Body::empty());
        }
        response.map(|body| Body::observed(body, self.timeouts.idle, outbound))
    }

    /// `CONNECT`: the far side is connected to before the service is told that it is, so that a
    /// failure can be told as one.
    async fn tunnel(
        &self,
        authority: &Authority,
        mut request: Request<Incoming>,
    ) -> Response<Body<Outbound<Answered>>> {
        let outbound = self.open(&request, Scheme::Tcp, authority.as_str());
        let (host, port) = (host_of(authority.as_str()), authority.port_u16().unwrap_or_default());
        let remote = match connect::connect(host, port, self.timeouts.connect).await {
            Ok(remote) => remote,
            Err(error) => return refuse(outbound, &Error::Connect(error)),
        };
        let service = hyper::upgrade::on(&mut request);
        let (idle, watch) = (self.timeouts.tunnel, self.drain.watch());
        drop(task::spawn(async move {
            match service.await {
                Ok(service) => {
                    let facts = tunnel::copy(TokioIo::new(service), remote, idle, watch).await;
                    outbound.close_tunnel(facts);
                }
                Err(error) => {
                    debug!(%error, "the service went away before its tunnel was open");
                    outbound.close(End::Cancelled);
                }
            }
        }));
        Response::new(Body::empty())
    }
}

const fn scheme(origin: &Origin) -> Scheme {
    use crate::proxy::options::Protocol;
    match origin.protocol {
        Protocol::Http1 | Protocol::H2c => Scheme::Http,
        Protocol::Tls => Scheme::Https,
    }
}

/// Answers a call that had no response with one of our own. The document says why, and has no
/// response either: the called service sent none.
fn refuse(outbound: Outbound<Waiting>, error: &Error) -> Response<Body<Outbound<Answered>>> {
    debug!(%error, "no response");
    outbound.close(match error.side() {
        Side::Client => End::Cancelled,
        Side::Upstream => End::Failed(error.failure()),
    });
    reply::gateway(error.status())
}

fn misdirected(unroutable: Unroutable) -> Response<Body<Outbound<Answered>>> {
    debug!(%unroutable, "call goes nowhere");
    let (status, text) = match unroutable {
        Unroutable::Ourselves => (
            StatusCode::MISDIRECTED_REQUEST,
            "421 this is an HTTP proxy for the service's own calls, not a server: set HTTP_PROXY \
             to its address, or send it requests for other hosts\n",
        ),
        Unroutable::NoHost => (StatusCode::BAD_REQUEST, "400 the request names no host\n"),
        Unroutable::NoPort => {
            (StatusCode::BAD_REQUEST, "400 a port is from 1 to 65535, and CONNECT wants one\n")
        }
        Unroutable::Scheme => {
            (StatusCode::BAD_REQUEST, "400 only http and https URLs can be called\n")
        }
    };
    reply::text(status, text)
}
