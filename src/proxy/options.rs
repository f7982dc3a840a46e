//! What the two ports may be told.

use std::hash::Hash;
use std::hash::Hasher;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::uri::Authority;

use crate::net::tls::options::CaFiles;
use crate::net::tls::options::ClientOptions;
use crate::net::tls::options::ServerOptions;
use crate::resign;

/// Options of the ingress port, `[ingress]` in `proxy.toml`.
#[derive(Clone, Debug)]
pub struct Ingress {
    /// Where requests come in.
    pub listen: SocketAddr,
    /// The service.
    pub upstream: Origin,
    /// The certificate to show; plain HTTP without one.
    pub tls: Option<ServerOptions>,
    /// Whom to trust when the upstream speaks TLS.
    pub upstream_tls: ClientOptions,
    /// The waits.
    pub timeouts: Timeouts,
    /// The pool of connections to the service.
    pub pool: Pool,
}

/// Options of the egress port, `[egress]` in `proxy.toml`.
#[derive(Clone, Debug)]
pub struct Egress {
    /// Where the service's own calls come in.
    pub listen: SocketAddr,
    /// Whom to trust when a called service speaks TLS to us.
    pub tls: ClientOptions,
    /// What passes without a trace, as wildcard patterns on the host without port, with one on the
    /// path behind it or without.
    pub no_trace: Vec<Box<str>>,
    /// Hosts that report to X-Ray themselves, as wildcard patterns on the host without port.
    pub traced: Vec<Box<str>>,
    /// Hosts whose TLS is ended here, as wildcard patterns on the host without port.
    pub intercept: Vec<Box<str>>,
    /// Where the files are written that make clients trust our certificate authority; none is the
    /// user's own directory.
    pub ca_dir: Option<PathBuf>,
    /// A certificate authority that lasts; none is one in memory.
    pub ca: Option<CaFiles>,
    /// Where hosts are really found; the first that matches counts.
    pub routes: Vec<Route>,
    /// How AWS calls are signed anew that were signed for this port.
    pub resign: resign::options::Options,
    /// The waits.
    pub timeouts: Timeouts,
    /// The pool of connections to called services.
    pub pool: Pool,
}

/// Another way to some hosts, as curl's `--connect-to`: only what is connected to changes; the name
/// that TLS verifies, `Host` and URL stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// A wildcard pattern on the host without port.
    pub host: Box<str>,
    /// What is spoken there.
    pub protocol: Protocol,
    /// Host and port.
    pub connect_to: Authority,
}

/// A server to send requests to: protocol, host and port.
///
/// Two are the same if they are written the same, to the letter: `Authority` would compare and hash
/// without regard to case, one character at a time, for every request. Whoever makes one writes it
/// in lower case.
#[derive(Clone, Debug)]
pub struct Origin {
    /// What is spoken to it.
    pub protocol: Protocol,
    /// Host and port; the port is always there.
    pub authority: Authority,
    /// Host and port to connect to instead, where a route says so.
    pub connect_to: Option<Authority>,
}

impl Origin {
    /// The server at `authority` itself.
    #[must_use]
    pub const fn new(protocol: Protocol, authority: Authority) -> Self {
        Self { protocol, authority, connect_to: None }
    }

    /// Where to connect to.
    #[must_use]
    pub fn address(&self) -> &Authority {
        self.connect_to.as_ref().unwrap_or(&self.authority)
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.protocol == other.protocol
            && self.authority.as_str() == other.authority.as_str()
            && self.connect_to.as_ref().map(Authority::as_str)
                == other.connect_to.as_ref().map(Authority::as_str)
    }
}

impl Eq for Origin {}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.protocol.hash(state);
        self.authority.as_str().hash(state);
    }
}

/// What is spoken to an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `http://`: HTTP/1.1 in clear.
    Http1,
    /// `h2c://`: HTTP/2 in clear, by prior knowledge.
    H2c,
    /// `https://`: TLS, HTTP/2 or HTTP/1.1 by ALPN.
    Tls,
    /// TLS and HTTP/1.1, for whoever would see a difference.
    TlsHttp1,
}

/// How long the proxy waits for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection to be made, name look-up and TLS included. Then `502`, or `504`.
    pub connect: Duration,
    /// From the whole request sent to the head of its response. Then `504`.
    pub response: Duration,
    /// Between two pieces of a body, either way. Then the exchange is broken off.
    pub idle: Duration,
    /// For a client to send the whole head of its next request, counted from the end of the last
    /// exchange or from the connection's start. Then the connection is closed.
    pub client: Duration,
    /// For a tunnel or an upgraded connection to stay silent both ways. Then it is closed.
    pub tunnel: Duration,
}

/// A pool of idle connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Most idle connections kept by each worker, all origins together; zero keeps none.
    pub max_idle: usize,
    /// How long a connection may be idle and still be used again.
    pub idle_timeout: Duration,
}

/// What the trace headers of both ports are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Propagation {
    /// Send `X-Amzn-Trace-Id` on.
    pub xray: bool,
    /// Send `traceparent` on.
    pub w3c: bool,
}

impl Default for Timeouts {
    /// Connect: five seconds, enough for two lost SYNs. Response: a minute, as nginx and HAProxy
    /// set-ups have it. Idle: a minute. Client: longer than the 60 s for which AWS load balancers
    /// keep idle connections, so that they close first and never meet a reset. Tunnel: an hour,
    /// because WebSockets and database connections are silent for long.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            response: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            client: Duration::from_secs(75),
            tunnel: Duration::from_secs(3600),
        }
    }
}

impl Default for Pool {
    /// Idle for four seconds at most: below the five seconds after which Node's and uvicorn's
    /// servers close, so that the pool lets go first.
    fn default() -> Self {
        Self { max_idle: 256, idle_timeout: Duration::from_secs(4) }
    }
}

impl Default for Propagation {
    fn default() -> Self {
        Self { xray: true, w3c: false }
    }
}

/// Hosts that answer a machine about itself: the metadata and credential addresses of EC2, ECS
/// and EKS, in both families. SDKs poll them; a trace of that is noise.
pub const METADATA: [&str; 5] =
    ["169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23"];

/// The suffixes of AWS's APIs in all partitions.
pub const AWS: [&str; 10] = [
    "*.amazonaws.com",
    "*.amazonaws.com.cn",
    "*.api.aws",
    "*.api.amazonwebservices.com.cn",
    "*.on.aws",
    "*.amazonaws.eu",
    "*.c2s.ic.gov",
    "*.sc2s.sgov.gov",
    "*.csp.hci.ic.gov",
    "*.cloud.adc-e.uk",
];

impl Default for Ingress {
    /// Every address, port 8000, in front of the port most services have by default.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8000)),
            upstream: Origin::new(Protocol::Http1, Authority::from_static("127.0.0.1:8080")),
            tls: None,
            upstream_tls: ClientOptions::default(),
            timeouts: Timeouts::default(),
            pool: Pool::default(),
        }
    }
}

impl Default for Egress {
    /// Loopback only: whoever reaches the port can call anything through it.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8001)),
            tls: ClientOptions::default(),
            no_trace: METADATA.map(Box::from).to_vec(),
            traced: Vec::new(),
            intercept: AWS.map(Box::from).to_vec(),
            ca_dir: None,
            ca: None,
            routes: Vec::new(),
            resign: resign::options::Options::default(),
            timeouts: Timeouts::default(),
            pool: Pool::default(),
        }
    }
}
