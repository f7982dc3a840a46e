//! Tunnels of the egress port: blind, but for hosts whose TLS is ended here so that their calls can
//! be told apart.
//!
//! ```text
//! CONNECT ─▶ connect to the server ─▶ 200 ─▶ first bytes of the client
//!    HTTP (a proxy's client that tunnels everything) ─▶ served
//!    TLS to a host on the list ─▶ TLS with the server, then with the client ─▶ HTTP ─▶ served
//!    anything else, or anybody who would not have it ─▶ bytes both ways
//! ```
//!
//! The server is spoken to first, with what the client offers, so that the client is offered what
//! the server agreed to. A server that does not prove who it is is the client's to judge: it gets
//! the tunnel.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use bytes::BytesMut;
use http::Request;
use http::Response;
use http::uri::Authority as HostPort;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;
use tracing::warn;

use crate::http1::server::Abort;
use crate::net::rewind::Rewind;
use crate::net::stream::Io;
use crate::net::stream::Stream;
use crate::net::tls::authority::Authority;
use crate::net::tls::hello::Hello;
use crate::net::tls::hello::Offers;
use crate::net::tunnel;
use crate::proxy::body::Body;
use crate::proxy::called::Guard;
use crate::proxy::egress::Asked;
use crate::proxy::egress::Destination;
use crate::proxy::egress::Egress;
use crate::proxy::egress::refuse;
use crate::proxy::error::Error;
use crate::proxy::facts::ConnFacts;
use crate::proxy::first::First;
use crate::proxy::incoming::Incoming;
use crate::proxy::options::Origin;
use crate::proxy::options::Protocol;
use crate::proxy::refusals::Refusals;
use crate::proxy::serve::Handler;
use crate::proxy::upgrade::OnUpgrade;
use crate::proxy::upstream::Spoken;
use crate::record::outbound::Outbound;
use crate::sampling::wildcard;
use crate::sys::clock::Clock;
use crate::sys::task;
use crate::trace::exchange::Waiting;
use crate::trace::facts::End;
use crate::trace::facts::Scheme;
use crate::trace::facts::host_of;

/// Ends the TLS of chosen hosts.
#[derive(Debug)]
pub struct Intercept {
    /// Wildcard patterns of hosts, which mean port 443, or of hosts and ports.
    pub hosts: Vec<Box<str>>,
    /// Who signs what we show; none if nothing is to be intercepted.
    pub authority: Option<Arc<Authority>>,
    /// Who would not have it.
    refusals: RefCell<Refusals>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
}

/// What became of tunnels, shared by the workers.
#[derive(Debug, Default)]
pub struct Counters {
    /// TLS was ended here.
    pub intercepted: AtomicU64,
    /// HTTP was found without TLS.
    pub plain: AtomicU64,
    /// The client would not have our certificate.
    pub refused: AtomicU64,
    /// Left alone, because the client had refused before.
    pub left_alone: AtomicU64,
    /// The server did not prove who it is, or did not agree.
    pub unverified: AtomicU64,
    /// Nothing that is known was spoken.
    pub unknown: AtomicU64,
}

impl Intercept {
    /// Ends the TLS of `hosts` by certificates of `authority`.
    #[must_use]
    pub fn new(
        hosts: Vec<Box<str>>,
        authority: Option<Arc<Authority>>,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
    ) -> Self {
        Self { hosts, authority, refusals: RefCell::default(), clock, counters }
    }

    /// Who signs for a host, if its TLS is to be ended for `client`.
    fn authority(&self, client: IpAddr, to: &HostPort) -> Option<&Arc<Authority>> {
        let authority = self.authority.as_ref()?;
        let host = host_of(to.as_str());
        let named = |pattern: &str| match pattern.contains(':') {
            true => wildcard::matches(pattern, to.as_str()),
            false => to.port_u16() == Some(443) && wildcard::matches(pattern, host),
        };
        if !self.hosts.iter().any(|pattern| named(pattern)) {
            return None;
        }
        if self.refusals.borrow_mut().leave_alone(client, host, self.clock.now()) {
            count(&self.counters.left_alone);
            return None;
        }
        Some(authority)
    }

    fn refused(&self, client: IpAddr, host: &str) {
        count(&self.counters.refused);
        let now = self.clock.now();
        if self.refusals.borrow_mut().refused(client, host, now) {
            let ca = self.authority.as_ref().map(|authority| authority.files().ca.display());
            warn!(
                host,
                ca = ca.map(tracing::field::display),
                "a client does not trust our certificate, so its calls pass as blind tunnels for \
                 a while; point it at the CA: AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, SSL_CERT_FILE or \
                 CURL_CA_BUNDLE at bundle.pem, NODE_EXTRA_CA_CERTS at ca.pem, or Java at \
                 truststore.p12"
            );
        }
    }
}

/// A tunnel whose two ends are there.
struct Ends {
    client: Box<dyn Io>,
    server: TcpStream,
    /// The subsegment, if it stays a tunnel.
    outbound: Outbound<Waiting>,
    /// What the client sent already.
    read: BytesMut,
}

impl Egress {
    /// `CONNECT`: the far side is connected to before the service is told that it is, so that a
    /// failure can be told as one.
    pub(super) async fn tunnel(
        self: &Rc<Self>,
        conn: &ConnFacts,
        authority: HostPort,
        mut request: Request<Incoming>,
    ) -> Response<Body<Guard>> {
        let evidence = self.evidence(conn, &request).await;
        let outbound = self.open(&request, Scheme::Tcp, authority.as_str(), None, evidence);
        let origin = self.routed(Origin::new(Protocol::Tls, authority));
        let server = match self.upstream.dial(&origin).await {
            Ok(server) => server,
            Err(error) => {
                return refuse(outbound, None, &error, Asked::Proxy)
                    .unwrap_or_else(|_| Response::new(Body::empty()));
            }
        };
        let client = OnUpgrade::of(&mut request);
        let (egress, conn) = (Rc::clone(self), conn.clone());
        drop(task::spawn(async move {
            let Some(client) = client.stream().await else {
                debug!("the service went away before its tunnel was open");
                return outbound.close(End::Cancelled);
            };
            let ends = Ends { client, server, outbound, read: BytesMut::new() };
            egress.open_tunnel(conn, origin, ends).await;
        }));
        Response::new(Body::empty())
    }

    /// Finds out what a tunnel is for.
    async fn open_tunnel(self: Rc<Self>, conn: ConnFacts, origin: Origin, mut ends: Ends) {
        let authority = self.intercept.authority(conn.peer, &origin.authority).cloned();
        // What calls plain HTTP through a tunnel does so on HTTP's own port.
        if authority.is_none() && origin.authority.port_u16() != Some(80) {
            return self.pass(ends).await;
        }
        let first = tokio::select! {
            first = First::read(&mut ends.client, &mut ends.read) => first.ok(),
            // Where the server has the first word, it is none of these.
            _ = ends.server.readable() => Some(First::Other),
            () = tokio::time::sleep(self.relay.timeouts.client) => None,
        };
        match (first, authority) {
            (Some(First::Tls), Some(authority)) => {
                self.end_tls(conn, origin, &authority, ends).await;
            }
            (Some(First::Http), _) => self.serve_plain(conn, origin, ends).await,
            (Some(First::Tls | First::Other) | None, _) => {
                count(&self.intercept.counters.unknown);
                self.pass(ends).await;
            }
        }
    }

    /// Passes bytes both ways.
    async fn pass(&self, ends: Ends) {
        let Ends { client, server, outbound, read } = ends;
        let client = Rewind::new(read.freeze(), Stream::Boxed(client));
        let (idle, watch) = (self.relay.timeouts.tunnel, self.relay.drain.watch());
        outbound.close_tunnel(tunnel::copy(client, server, idle, watch).await);
    }

    /// Serves HTTP that was found in a tunnel without TLS.
    async fn serve_plain(self: &Rc<Self>, conn: ConnFacts, mut origin: Origin, ends: Ends) {
        let Ends { client, server, outbound, read } = ends;
        if origin.connect_to.is_none() {
            origin.protocol = Protocol::Http1;
        }
        if self.upstream.adopt(&mut origin, server).await.is_err() {
            return outbound.close(End::Cancelled);
        }
        outbound.discard();
        count(&self.intercept.counters.plain);
        let client = Rewind::new(read.freeze(), Stream::Boxed(client));
        let to = Destination { origin, scheme: Scheme::Http, asked: Asked::Server };
        self.serve_within(conn, Stream::Boxed(Box::new(client)), to).await;
    }

    /// Ends TLS on both sides, if both would have it.
    async fn end_tls(
        self: &Rc<Self>,
        conn: ConnFacts,
        mut origin: Origin,
        authority: &Authority,
        mut ends: Ends,
    ) {
        let host: Box<str> = host_of(origin.authority.as_str()).into();
        let hello =
            timeout(self.relay.timeouts.client, Hello::read(&mut ends.client, &mut ends.read));
        let offers = match hello.await {
            Ok(Ok(Some(hello))) if hello.server_name.as_ref().is_none_or(|name| *name == host) => {
                hello.offers
            }
            _ => Offers::Others,
        };
        if offers == Offers::Others {
            count(&self.intercept.counters.unknown);
            return self.pass(ends).await;
        }
        if offers == Offers::Http1 && origin.protocol == Protocol::Tls {
            origin.protocol = Protocol::TlsHttp1;
        }
        let Ends { client, server, outbound, read } = ends;
        let spoken = match self.upstream.adopt(&mut origin, server).await {
            Ok(spoken) => spoken,
            Err(error) => {
                let ends = (client, outbound, read);
                return self.leave_to_client(&origin, &error, ends).await;
            }
        };
        let client = Rewind::new(read.freeze(), Stream::Boxed(client));
        match self.accept(authority, &host, alpn(spoken, offers), client).await {
            Ok(client) => self.serve_tls(conn, origin, &host, client, outbound).await,
            Err(()) => {
                self.intercept.refused(conn.peer, &host);
                outbound.close(End::Cancelled);
            }
        }
    }

    /// TLS with the client.
    async fn accept(
        &self,
        authority: &Authority,
        host: &str,
        alpn: &[u8],
        client: Rewind,
    ) -> Result<TlsStream<Rewind>, ()> {
        let config = authority.server(host, &[alpn]).map_err(|error| {
            warn!(host, error = &error as &dyn std::error::Error, "no certificate was minted");
        })?;
        let accepting = TlsAcceptor::from(config).accept(client);
        let accepted = timeout(self.relay.timeouts.client, accepting).await.map_err(drop)?;
        accepted.map_err(|error| debug!(host, %error, "TLS with the client failed"))
    }

    /// Serves what a client says within TLS, once it is clear that it is HTTP.
    async fn serve_tls(
        self: &Rc<Self>,
        conn: ConnFacts,
        origin: Origin,
        host: &str,
        mut client: TlsStream<Rewind>,
        outbound: Outbound<Waiting>,
    ) {
        let mut read = BytesMut::new();
        let first = First::read(&mut client, &mut read);
        let first = timeout(self.relay.timeouts.client, first).await;
        match first {
            Ok(Ok(First::Http)) => {}
            // Some clients look at our certificate only after the handshake, and just go.
            Ok(Err(_) | Ok(First::Other)) if read.is_empty() => {
                self.intercept.refused(conn.peer, host);
                return outbound.close(End::Cancelled);
            }
            Ok(Ok(First::Other | First::Tls)) => {
                return self.pass_within(&origin, client, outbound, read).await;
            }
            Ok(Err(_)) | Err(_) => return outbound.close(End::Cancelled),
        }
        outbound.discard();
        count(&self.intercept.counters.intercepted);
        self.intercept.refusals.borrow_mut().trusted(conn.peer, host);
        let client = Rewind::new(read.freeze(), Stream::Boxed(Box::new(client)));
        let to = Destination { origin, scheme: Scheme::Https, asked: Asked::Server };
        self.serve_within(conn, Stream::Boxed(Box::new(client)), to).await;
    }

    /// Passes on what is not HTTP after all, within TLS on both sides.
    async fn pass_within(
        &self,
        origin: &Origin,
        client: TlsStream<Rewind>,
        outbound: Outbound<Waiting>,
        read: BytesMut,
    ) {
        count(&self.intercept.counters.unknown);
        let server = match self.upstream.open(origin).await {
            Ok(server) => server,
            Err(error) => return outbound.close(End::Failed(error.failure())),
        };
        let client = Rewind::new(read.freeze(), Stream::Boxed(Box::new(client)));
        let (idle, watch) = (self.relay.timeouts.tunnel, self.relay.drain.watch());
        outbound.close_tunnel(tunnel::copy(client, server, idle, watch).await);
    }

    /// The server would not speak TLS with us: what there is to say about it the client shall hear
    /// from the server itself.
    async fn leave_to_client(
        &self,
        origin: &Origin,
        error: &Error,
        (client, outbound, read): (Box<dyn Io>, Outbound<Waiting>, BytesMut),
    ) {
        count(&self.intercept.counters.unverified);
        let host = origin.authority.as_str();
        warn!(host, %error, "TLS is not ended here: the server is left to the client to judge");
        match self.upstream.dial(origin).await {
            Ok(server) => self.pass(Ends { client, server, outbound, read }).await,
            Err(error) => outbound.close(End::Failed(error.failure())),
        }
    }

    async fn serve_within(self: &Rc<Self>, conn: ConnFacts, io: Stream, to: Destination) {
        let member = self.crew.join(self.relay.drain.watch());
        let within = Within { egress: Rc::clone(self), to: Rc::new(to) };
        Box::pin(self.server.serve(io, conn, member, &within)).await;
    }
}

/// The protocol that a client is offered: what the server speaks, if the client can, else what it
/// can.
const fn alpn(spoken: Spoken, offers: Offers) -> &'static [u8] {
    match (spoken, offers) {
        (Spoken::Http2, Offers::Http2) => b"h2",
        (Spoken::Http1 | Spoken::Http2, _) => b"http/1.1",
    }
}

/// Answers what comes through one tunnel: all of it goes to where the tunnel does.
#[derive(Clone, Debug)]
struct Within {
    egress: Rc<Egress>,
    to: Rc<Destination>,
}

impl Handler for Within {
    type Guard = Guard;

    async fn handle(
        &self,
        conn: &ConnFacts,
        request: Request<Incoming>,
    ) -> Result<Response<Body<Guard>>, Abort> {
        self.egress.forward(conn, &self.to, request).await
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
