//! The outbound handler: a call by the service becomes a subsegment.

use std::net::SocketAddr;
use std::rc::Rc;

use http::Request;
use http::Response;
use http::StatusCode;
use http::uri::Authority;
use tracing::debug;

use crate::net::connect;
use crate::proxy::body::Body;
use crate::proxy::error::Error;
use crate::proxy::error::Side;
use crate::proxy::facts;
use crate::proxy::facts::ConnFacts;
use crate::proxy::incoming::Incoming;
use crate::proxy::options::Origin;
use crate::proxy::relay::Relay;
use crate::proxy::reply;
use crate::proxy::serve::Handler;
use crate::proxy::target::Target;
use crate::proxy::target::Unroutable;
use crate::proxy::upgrade::Offer;
use crate::proxy::upgrade::OnUpgrade;
use crate::proxy::upstream::Upstream;
use crate::record::outbound::Outbound;
use crate::record::recorder::Recorder;
use crate::sampling::wildcard;
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
    /// How messages are passed on.
    pub relay: Relay,
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
        let request = self.relay.onward(request, outbound.carried(), offer.as_ref());
        match self.upstream.send(origin, request).await {
            Ok(response) => {
                let outbound = outbound.answered(facts::response(&response));
                self.relay.back(response, outbound, offer)
            }
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

    /// `CONNECT`: the far side is connected to before the service is told that it is, so that a
    /// failure can be told as one.
    async fn tunnel(
        &self,
        authority: &Authority,
        mut request: Request<Incoming>,
    ) -> Response<Body<Outbound<Answered>>> {
        let outbound = self.open(&request, Scheme::Tcp, authority.as_str());
        let (host, port) = (host_of(authority.as_str()), authority.port_u16().unwrap_or_default());
        let remote = match connect::connect(host, port, self.relay.timeouts.connect).await {
            Ok(remote) => remote,
            Err(error) => return refuse(outbound, &Error::Connect(error)),
        };
        let service = OnUpgrade::of(&mut request);
        let (idle, watch) = (self.relay.timeouts.tunnel, self.relay.drain.watch());
        drop(task::spawn(async move {
            if let Some(facts) = service.tunnel(remote, idle, watch).await {
                outbound.close_tunnel(facts);
            } else {
                debug!("the service went away before its tunnel was open");
                outbound.close(End::Cancelled);
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
