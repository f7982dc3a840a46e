//! How connections are made: an address, TLS where it is spoken, and what is spoken within.

use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;

use http::uri::Scheme;
use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpStream;
use tracing::debug;

use crate::http1::client as http1;
use crate::net::connect;
use crate::net::stream::Stream;
use crate::net::tls::client::Alpn;
use crate::net::tls::client::Client;
use crate::net::tls::client::Negotiated;
use crate::proxy::error::Error;
use crate::proxy::error::Wire;
use crate::proxy::options::Origin;
use crate::proxy::options::Protocol;
use crate::proxy::options::Timeouts;
use crate::proxy::upstream::connection::Connection;
use crate::proxy::upstream::connection::Sender;
use crate::sys::clock::Clock;
use crate::sys::idle::Idle;
use crate::sys::link::Link;
use crate::sys::task;
use crate::trace::facts::Connected;
use crate::trace::facts::host_of;

/// How connections are made.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) tls: Arc<Client>,
    pub(super) timeouts: Timeouts,
    pub(super) clock: Arc<dyn Clock>,
}

impl Connector {
    /// A new connection to `origin`, within the time for connecting, and how long that took. Over
    /// TLS it speaks one of `protocols`.
    pub(super) async fn connect(
        &self,
        origin: &Origin,
        protocols: Alpn,
    ) -> Result<(Connection, Connected), Error> {
        let making = async {
            let (tcp, connected) = self.timed_dial(origin).await?;
            let dialled = self.clock.now();
            let connection = self.speak(origin, tcp, protocols).await?;
            let tls = matches!(origin.protocol, Protocol::Tls | Protocol::TlsHttp1);
            let tls = tls.then(|| self.clock.now().since(dialled));
            Ok((connection, Connected { tls, ..connected }))
        };
        self.in_time(origin, making).await
    }

    /// The same over a connection that is there already.
    pub(super) async fn adopt(&self, origin: &Origin, tcp: TcpStream) -> Result<Connection, Error> {
        self.in_time(origin, self.speak(origin, tcp, Alpn::Http)).await
    }

    /// A connection to `origin` for something else than HTTP.
    pub(super) async fn open(&self, origin: &Origin) -> Result<Stream, Error> {
        let making = async {
            let tcp = self.dial(origin).await?;
            Ok(self.secure(origin, tcp, Alpn::Http1).await?.0)
        };
        self.in_time(origin, making).await
    }

    /// A connection to where `origin` is, without TLS even where it speaks that.
    pub(super) async fn dial(&self, origin: &Origin) -> Result<TcpStream, Error> {
        Ok(self.timed_dial(origin).await?.0)
    }

    async fn timed_dial(&self, origin: &Origin) -> Result<(TcpStream, Connected), Error> {
        let address = origin.address();
        let port = address.port_u16().unwrap_or_default();
        let (start, looked_up) = (self.clock.now(), Cell::new(None));
        let note = || looked_up.set(Some(self.clock.now()));
        let host = host_of(address.as_str());
        let tcp = connect::connect_telling(host, port, self.timeouts.connect, note).await;
        let tcp = tcp.map_err(Error::Connect)?;
        let dns = looked_up.get().map(|end| end.since(start));
        let dial = self.clock.now().since(looked_up.get().unwrap_or(start));
        Ok((tcp, Connected { dns, dial, tls: None }))
    }

    async fn in_time<T>(
        &self,
        origin: &Origin,
        making: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let after = self.timeouts.connect;
        tokio::time::timeout(after, making).await.unwrap_or_else(|_| {
            Err(Error::ConnectTimeout { authority: origin.authority.as_str().into(), after })
        })
    }

    async fn speak(
        &self,
        origin: &Origin,
        tcp: TcpStream,
        protocols: Alpn,
    ) -> Result<Connection, Error> {
        let link = link(&tcp);
        let (stream, negotiated) = self.secure(origin, tcp, protocols).await?;
        let (sender, link) = match negotiated {
            Negotiated::Http1 => (Sender::Http1(http1::Connection::new(stream)), link),
            Negotiated::H2 => (http2(stream, scheme(origin.protocol)).await?, None),
        };
        let patience = Idle::new(self.timeouts.response);
        Ok(Connection { origin: origin.clone(), link, sender, patience })
    }

    /// TLS, where it is spoken, and what is spoken within.
    async fn secure(
        &self,
        origin: &Origin,
        tcp: TcpStream,
        protocols: Alpn,
    ) -> Result<(Stream, Negotiated), Error> {
        let protocols = match origin.protocol {
            Protocol::Http1 => return Ok((Stream::Plain(tcp), Negotiated::Http1)),
            Protocol::H2c => return Ok((Stream::Plain(tcp), Negotiated::H2)),
            Protocol::Tls => protocols,
            Protocol::TlsHttp1 => Alpn::Http1,
        };
        let host = host_of(origin.authority.as_str());
        let handshake = self.tls.handshake(tcp, host, protocols).await;
        let (tls, negotiated) = handshake.map_err(Error::Tls)?;
        Ok((Stream::Client(Box::new(tls)), negotiated))
    }
}

fn link(tcp: &TcpStream) -> Option<Link> {
    Some(Link { near: tcp.local_addr().ok()?, far: tcp.peer_addr().ok()? })
}

fn scheme(protocol: Protocol) -> Scheme {
    match protocol {
        Protocol::Http1 | Protocol::H2c => Scheme::HTTP,
        Protocol::Tls | Protocol::TlsHttp1 => Scheme::HTTPS,
    }
}

async fn http2(io: Stream, scheme: Scheme) -> Result<Sender, Error> {
    let mut builder = http2::Builder::new(task::LocalExecutor);
    builder.timer(TokioTimer::new());
    let handshake = builder.handshake(TokioIo::new(io)).await;
    let (sender, connection) = handshake.map_err(|error| Error::Reset(Wire::Http2(error)))?;
    drop(task::spawn(async move {
        if let Err(error) = connection.await {
            debug!(%error, "upstream connection closed");
        }
    }));
    Ok(Sender::Http2(sender, scheme))
}
