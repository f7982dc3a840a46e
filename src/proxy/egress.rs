//! The outbound handler: a call by the service becomes a subsegment.

use std::net::SocketAddr;
use std::rc::Rc;

use http::Method;
use http::Request;
use http::Response;
use http::StatusCode;
use tracing::debug;

use crate::aws;
use crate::http1::server::Abort;
use crate::proxy::annotator::Annotator;
use crate::proxy::body::Body;
use crate::proxy::called;
use crate::proxy::called::AwsCall;
use crate::proxy::called::Guard;
use crate::proxy::error::Error;
use crate::proxy::error::Side;
use crate::proxy::facts;
use crate::proxy::facts::ConnFacts;
use crate::proxy::incoming::Incoming;
use crate::proxy::intercept::Intercept;
use crate::proxy::look::Looked;
use crate::proxy::options::Origin;
use crate::proxy::options::Protocol;
use crate::proxy::options::Route;
use crate::proxy::relay::Relay;
use crate::proxy::reply;
use crate::proxy::resign::Resign;
use crate::proxy::serve::Handler;
use crate::proxy::serve::Server;
use crate::proxy::target::Target;
use crate::proxy::target::Unroutable;
use crate::proxy::upgrade::Offer;
use crate::proxy::upstream::Upstream;
use crate::record::evidence::Evidence;
use crate::record::evidence::Question;
use crate::record::outbound::Called;
use crate::record::outbound::Outbound;
use crate::record::recorder::Recorder;
use crate::sampling::wildcard;
use crate::sys::crew::Crew;
use crate::trace::exchange::Waiting;
use crate::trace::facts::End;
use crate::trace::facts::RequestView;
use crate::trace::facts::Scheme;
use crate::trace::facts::host_of;
use crate::witness::Witness;

/// One worker's outbound handler.
#[derive(Debug)]
pub struct Egress {
    /// Records what passes.
    pub recorder: Rc<Recorder>,
    /// The way to other services.
    pub upstream: Rc<Upstream>,
    /// Where we listen: what goes there would come back.
    pub own: SocketAddr,
    /// Wildcard patterns of hosts, with or without port, and perhaps of paths behind them, whose
    /// calls pass without a trace.
    pub no_trace: Vec<Box<str>>,
    /// Wildcard patterns of hosts, without port, that report to X-Ray themselves.
    pub traced: Vec<Box<str>>,
    /// Other ways to some hosts.
    pub routes: Vec<Route>,
    /// Ends TLS in tunnels.
    pub intercept: Intercept,
    /// Signs anew what was signed for us; none if that is refused.
    pub resign: Option<Resign>,
    /// Serves what was found in a tunnel.
    pub server: Rc<Server>,
    /// Who looks who makes a call; none if nobody does.
    pub witness: Option<Witness>,
    /// Takes annotations from what passes.
    pub annotator: Rc<Annotator>,
    /// Who serves.
    pub crew: Rc<Crew>,
    /// How messages are passed on.
    pub relay: Relay,
}

/// Where a call goes, and how it came to us.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    /// The server.
    pub(super) origin: Origin,
    /// What the service believes to speak.
    pub(super) scheme: Scheme,
    /// Whether the service knows that it speaks to a proxy.
    pub(super) asked: Asked,
}

/// Whom a service asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Us, for another: a failure is answered with a status of ours.
    Proxy,
    /// The other, as far as it knows: a failure is what it would have seen without us.
    Server,
}

impl Handler for Rc<Egress> {
    type Guard = Guard;

    /// A call comes in and goes on to the server it names, or through a tunnel.
    async fn handle(
        &self,
        conn: &ConnFacts,
        request: Request<Incoming>,
    ) -> Result<Response<Body<Guard>>, Abort> {
        match Target::of(&request, self.own) {
            Ok(Target::Server(origin)) => self.proxy(conn, origin, request).await,
            Ok(Target::Tunnel(authority)) => Ok(self.tunnel(conn, authority, request).await),
            Err(Unroutable::Ourselves) if *request.method() != Method::CONNECT => {
                match &self.resign {
                    // On the heap, because it is large and most calls do not come that way.
                    Some(resign) => Box::pin(self.resign(resign, conn, request)).await,
                    None => Ok(misdirected(Unroutable::Ourselves)),
                }
            }
            Err(unroutable) => Ok(misdirected(unroutable)),
        }
    }
}

impl Egress {
    /// Passes a call on to the server that it asked us for.
    pub(super) async fn proxy(
        &self,
        conn: &ConnFacts,
        origin: Origin,
        request: Request<Incoming>,
    ) -> Result<Response<Body<Guard>>, Abort> {
        let scheme = match origin.protocol {
            Protocol::Http1 | Protocol::H2c => Scheme::Http,
            Protocol::Tls | Protocol::TlsHttp1 => Scheme::Https,
        };
        let to = Destination { origin: self.routed(origin), scheme, asked: Asked::Proxy };
        self.forward(conn, &to, request).await
    }

    /// Passes a call on to where it goes.
    pub(super) async fn forward(
        &self,
        conn: &ConnFacts,
        to: &Destination,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body<Guard>>, Abort> {
        let origin = &to.origin;
        let named = named(&request, to);
        let wire = called::wire(&request, &named);
        let call = aws::recognise(&wire).filter(|_| to.scheme != Scheme::Tcp);
        let signed = aws::scope::signs(wire.headers, wire.query, facts::XRAY.as_str());
        let evidence = self.evidence(conn, &request).await;
        let mut outbound = self.open(&request, to.scheme, &named, call.as_ref(), evidence);
        let mut pending = self.annotator.asked(&request, || &named, &mut outbound);
        let call = call.filter(|_| outbound.is_sampled()).map(|call| AwsCall::new(call, &request));
        let offer = Offer::of(&mut request);
        // What is signed is not ours to change.
        let carried = outbound.carried().filter(|_| !signed);
        let mut request = self.relay.onward(request, carried, offer.as_ref());
        request.body_mut().tap(call.as_ref().and_then(AwsCall::tap));
        match self.upstream.send(origin, request).await {
            Ok(response) => {
                let connected = response.extensions().get().copied();
                let mut outbound = outbound.answered(facts::response(&response), connected);
                pending.answered(&response, &mut outbound);
                let guard = match call {
                    Some(call) => call.answered(outbound, &response),
                    None => {
                        let bodies = self.relay.error_bodies;
                        Guard::Plain(Looked::at(outbound, &response, bodies, pending))
                    }
                };
                Ok(self.relay.back(response, guard, offer))
            }
            Err(error) => refuse(outbound, call, &error, to.asked),
        }
    }

    /// The way to a server, by the first route that names its host.
    pub(super) fn routed(&self, origin: Origin) -> Origin {
        let host = host_of(origin.authority.as_str());
        let route = self.routes.iter().find(|route| wildcard::matches(&route.host, host));
        match route {
            None => origin,
            Some(route) => Origin {
                protocol: route.protocol,
                authority: origin.authority,
                connect_to: Some(route.connect_to.clone()),
            },
        }
    }

    /// Opens the exchange of a request to `authority`, which is a call of an AWS API if `call` is
    /// there.
    pub(super) fn open<B>(
        &self,
        request: &Request<B>,
        scheme: Scheme,
        authority: &str,
        call: Option<&aws::Call>,
        evidence: Option<Evidence>,
    ) -> Outbound<Waiting> {
        debug!(method = %request.method(), authority, "call");
        // The recorders' own calls would trace themselves for ever.
        let xray = call.is_some_and(|call| call.service() == "xray");
        let path = match scheme {
            Scheme::Http | Scheme::Https => facts::path(request),
            Scheme::Tcp => "",
        };
        if xray || self.passes_untraced(authority, path) {
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
            path,
            user_agent: None,
            client: None,
        };
        if call.is_some() {
            self.recorder.meet(|| facts::runtime(request.headers()));
        }
        let prints = self.recorder.prints(facts::texts(request));
        let host = host_of(authority);
        let called = Called {
            traced: self.traced.iter().any(|pattern| wildcard::matches(pattern, host)),
            ..called::called(call, request.headers(), prints, evidence)
        };
        self.recorder.outbound(&view, facts::incoming(request.headers()), called)
    }

    /// Who makes a call, if it pays to look. Whoever reads the responses of several requests from
    /// one connection has made none of them, so over HTTP/2 there is nothing to see.
    pub(super) async fn evidence(
        &self,
        conn: &ConnFacts,
        request: &Request<Incoming>,
    ) -> Option<Evidence> {
        let (witness, link) = self.witness.as_ref().zip(conn.link)?;
        let over_http1 = matches!(request.body(), Incoming::Http1(_));
        let incoming = facts::incoming(request.headers());
        let Question { at, requests } = self.recorder.question(incoming).filter(|_| over_http1)?;
        // On the heap, because most calls do not need it.
        let caller = Box::pin(witness.caller(link, requests)).await;
        Some(Evidence { at, caller })
    }

    fn passes_untraced(&self, authority: &str, path: &str) -> bool {
        let host = host_of(authority);
        self.no_trace.iter().any(|pattern| {
            let slash = pattern.find('/').unwrap_or(pattern.len());
            let (of_host, of_path) = pattern.split_at(slash);
            (wildcard::matches(of_host, host) || wildcard::matches(of_host, authority))
                && (of_path.is_empty() || wildcard::matches(of_path, path))
        })
    }
}

/// The server as the request names it, for the record: within a tunnel its own `Host`, because one
/// tunnel may serve several.
fn named<B>(request: &Request<B>, to: &Destination) -> Box<str> {
    let own = match to.asked {
        Asked::Proxy => None,
        Asked::Server => facts::authority(request).map(str::to_ascii_lowercase),
    };
    own.map_or_else(|| to.origin.authority.as_str().into(), Into::into)
}

/// Ends a call that had no response: one of our own to whoever knows that we are there, else the
/// end that the server made. The document says why, and has no response either.
pub(super) fn refuse(
    outbound: Outbound<Waiting>,
    call: Option<AwsCall>,
    error: &Error,
    asked: Asked,
) -> Result<Response<Body<Guard>>, Abort> {
    debug!(%error, "no response");
    let end = match error.side() {
        Side::Client => End::Cancelled,
        Side::Upstream => End::Failed(error.failure()),
    };
    match call {
        Some(call) => call.refused(outbound, end),
        None => outbound.close(end),
    }
    match asked {
        Asked::Proxy => Ok(reply::gateway(error.status())),
        Asked::Server if error.is_reset() => Err(Abort::Reset),
        Asked::Server => Err(Abort::Close),
    }
}

fn misdirected(unroutable: Unroutable) -> Response<Body<Guard>> {
    debug!(%unroutable, "call goes nowhere");
    let (status, text) = match unroutable {
        Unroutable::Ourselves => (
            StatusCode::MISDIRECTED_REQUEST,
            "421 this is an HTTP proxy for the service's own calls, not a server: set HTTP_PROXY \
             and HTTPS_PROXY to its address; for AWS's SDKs, if they are to use AWS_ENDPOINT_URL, \
             write resign = true under [egress.aws] in proxy.toml\n",
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
