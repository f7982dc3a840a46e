//! The whole sidecar, put together: [`App::bind`] takes its ports, [`Bound::run`] serves them.
//!
//! One thread a worker, each with its own runtime, listeners, pools and document queue; one more
//! thread, the caller's, for the admin port, signals and the shutdown.

mod central;
mod control;
mod desk;
mod lifecycle;
mod relay;
mod worker;

use std::net::SocketAddr;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::sync::Arc;

use tracing::warn;

pub use self::control::Command;
pub use self::control::Commands;
pub use self::control::Control;
pub use self::lifecycle::RunEnd;
pub use self::lifecycle::Summary;
use crate::config::Config;
use crate::emit::options::Daemon;
use crate::emit::options::LinesTo;
use crate::emit::side;
use crate::emit::side::SideHandle;
use crate::emit::side::SideSender;
use crate::emit::sinks::Sinks;
use crate::net::listen;
use crate::net::listen::BindError;
use crate::net::tls;
use crate::net::tls::TlsFileError;
use crate::net::tls::authority::Authority;
use crate::net::tls::authority::AuthorityError;
use crate::net::tls::options::AuthorityOptions;
use crate::net::tls::options::default_dir;
use crate::origin;
use crate::proxy;
use crate::record::recorder::Shared;
use crate::relay::port::Port;
use crate::sys::clock::Clock;
use crate::sys::clock::SystemClock;
use crate::sys::entropy::Entropy;
use crate::sys::entropy::SystemEntropy;
use crate::viewer::store::Store;

/// The world the sidecar lives in; tests bring their own.
#[derive(Debug)]
pub struct World {
    /// The clock of all workers.
    pub clock: Arc<dyn Clock>,
    /// Makes the source of chance of one worker, given its number.
    pub entropy: fn(usize) -> Box<dyn Entropy>,
    /// The embedded collector. Several sidecars in one process may share one.
    pub store: Arc<Store>,
}

impl World {
    /// The real one, with a collector as `config` wants it.
    #[must_use]
    pub fn real(config: &Config) -> Self {
        Self {
            clock: Arc::new(SystemClock::start()),
            entropy: |_| Box::new(SystemEntropy::default()),
            store: Arc::new(Store::new(config.collector)),
        }
    }
}

/// Why the sidecar could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port could not be taken.
    #[error("{port}: {source}")]
    Bind {
        /// Which port.
        port: &'static str,
        /// Why.
        source: BindError,
    },
    /// A certificate could not be used.
    #[error(transparent)]
    Tls(#[from] TlsFileError),
    /// The certificate authority could not be used.
    #[error(transparent)]
    Authority(AuthorityError),
    /// The file of documents could not be opened, or its thread not be started.
    #[error(transparent)]
    Documents(#[from] side::StartError),
    /// The operating system refused a runtime, a thread or a signal handler.
    #[error("{what}")]
    System {
        /// What was refused.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

/// The addresses that were bound, ports chosen by the system included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The ingress port.
    pub ingress: SocketAddr,
    /// The egress port.
    pub egress: SocketAddr,
    /// The admin port.
    pub admin: SocketAddr,
    /// The relay's, over UDP and TCP, if there is one.
    pub relay: Option<SocketAddr>,
}

/// A sidecar that holds its ports and serves nothing yet.
#[derive(Debug)]
pub struct Bound {
    /// Where it will serve.
    pub addresses: Addresses,
    config: Config,
    world: World,
    shared: Arc<Shared>,
    listeners: Vec<Listeners>,
    admin: TcpListener,
    relay: Option<Port>,
    tls: Tls,
    outlet: Outlet,
    side: Option<SideHandle>,
    /// The access log, if there is one.
    access: Option<(SideSender, SideHandle)>,
}

/// Where documents leave, and the way to the thread for what can block, where there is one.
#[derive(Clone, Debug)]
enum Outlet {
    /// To a daemon at this address, and to a file besides.
    Daemon(Box<str>, Option<SideSender>),
    /// To the embedded collector.
    Embedded(SideSender),
}

impl Outlet {
    /// One way there.
    fn sinks(&self, clock: &Arc<dyn Clock>) -> Sinks {
        let clock = Arc::clone(clock);
        match self.clone() {
            Self::Daemon(address, side) => Sinks::daemon(&address, side, clock),
            Self::Embedded(side) => Sinks::embedded(side, clock),
        }
    }
}

/// One worker's listeners.
#[derive(Debug)]
struct Listeners {
    ingress: TcpListener,
    egress: TcpListener,
}

/// The certificates, loaded before anything is served.
#[derive(Clone, Debug)]
struct Tls {
    ingress: Option<Arc<tls::server::Server>>,
    to_service: Arc<tls::client::Client>,
    to_others: Arc<tls::client::Client>,
    /// Who signs for the hosts whose TLS is ended here.
    authority: Option<Arc<Authority>>,
}

impl Bound {
    /// The certificate authority, if the TLS of any host is to be ended here.
    #[must_use]
    pub const fn authority(&self) -> Option<&Arc<Authority>> {
        self.tls.authority.as_ref()
    }

    /// Where programs are heard that tell of their own requests, if they are.
    #[must_use]
    pub fn api(&self) -> Option<SocketAddr> {
        self.config.admin.api.then_some(self.addresses.admin)
    }
}

/// The sidecar.
#[derive(Debug)]
pub struct App;

impl App {
    /// Takes the ports, loads the certificates, opens the file of documents. Nothing is served
    /// until [`Bound::run`].
    ///
    /// # Errors
    ///
    /// [`StartError`] says what is in the way.
    pub fn bind(config: Config, world: World) -> Result<Bound, StartError> {
        let workers = config.workers.count();
        let ingress = bind("ingress", config.ingress.listen, workers)?;
        let egress = bind("egress", config.egress.listen, workers)?;
        let mut admin = bind("admin", config.admin.listen, NonZeroUsize::MIN)?;
        let relay = config.relay.listen.map(Port::bind).transpose();
        let relay = relay.map_err(|source| StartError::Bind { port: "relay", source })?;
        let tls = Tls {
            ingress: config.ingress.tls.as_ref().map(tls::server::Server::load).transpose()?,
            to_service: Arc::new(tls::client::Client::load(&config.ingress.upstream_tls)?),
            to_others: Arc::new(tls::client::Client::load(&config.egress.tls)?),
            authority: authority(&config.egress, &world.clock)?,
        };
        let (outlet, side) = start_outlet(&config, &world)?;
        let access = config.log.access.as_ref().filter(|_| config.record.enabled);
        let access =
            access.map(|to| side::start(Some(to), None, Arc::clone(&world.clock))).transpose()?;
        let shared = Arc::new(Shared::new(
            config.record.clone(),
            config.attribution.clone(),
            config.sampling.clone(),
            Arc::clone(&world.clock),
            secret(&world),
        ));
        shared.learn(|site| origin::given(&config.origin, site));
        let listeners = ingress.into_iter().zip(egress);
        let listeners: Vec<_> =
            listeners.map(|(ingress, egress)| Listeners { ingress, egress }).collect();
        let admin = admin.swap_remove(0);
        let addresses = addresses(&listeners, &admin, relay.as_ref())?;
        Ok(Bound {
            addresses,
            config,
            world,
            shared,
            listeners,
            admin,
            relay,
            tls,
            outlet,
            side,
            access,
        })
    }
}

/// The key by which values of heads are hashed; new at each start.
fn secret(world: &World) -> [u8; 16] {
    let mut entropy = (world.entropy)(usize::MAX);
    let (high, low) = (entropy.bits(), entropy.bits());
    ((u128::from(high) << 64) | u128::from(low)).to_ne_bytes()
}

/// The certificate authority, if any host's TLS is to be ended here. One of the configuration's own
/// must be usable; without one that can be made, tunnels stay blind.
fn authority(
    egress: &proxy::options::Egress,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<Authority>>, StartError> {
    if egress.intercept.is_empty() {
        return Ok(None);
    }
    let options = AuthorityOptions {
        dir: egress.ca_dir.clone().unwrap_or_else(|| default_dir(None)),
        files: egress.ca.clone(),
    };
    match Authority::open(&options, Arc::clone(clock)) {
        Ok(authority) => Ok(Some(authority)),
        Err(source) if egress.ca.is_some() => Err(StartError::Authority(source)),
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            warn!(error, "calls over TLS pass as blind tunnels: the CA could not be made");
            Ok(None)
        }
    }
}

fn bind(
    port: &'static str,
    address: SocketAddr,
    workers: NonZeroUsize,
) -> Result<Vec<TcpListener>, StartError> {
    listen::bind(address, workers).map_err(|source| StartError::Bind { port, source })
}

/// Starts the thread for what can block, the embedded collector and the file of documents, if
/// there is either.
fn start_outlet(
    config: &Config,
    world: &World,
) -> Result<(Outlet, Option<SideHandle>), StartError> {
    let file = config.emit.file.clone().map(LinesTo::File);
    let file = file.as_ref();
    let clock = Arc::clone(&world.clock);
    match &config.emit.daemon {
        Daemon::Embedded => {
            let store = Arc::clone(&world.store);
            let consumer: side::Consumer = Box::new(move |document| store.insert(document));
            let (sender, handle) = side::start(file, Some(consumer), clock)?;
            Ok((Outlet::Embedded(sender), Some(handle)))
        }
        Daemon::Remote(daemon) if file.is_some() => {
            let (sender, handle) = side::start(file, None, clock)?;
            Ok((Outlet::Daemon(daemon.udp.clone(), Some(sender)), Some(handle)))
        }
        Daemon::Remote(daemon) => Ok((Outlet::Daemon(daemon.udp.clone(), None), None)),
    }
}

fn addresses(
    listeners: &[Listeners],
    admin: &TcpListener,
    relay: Option<&Port>,
) -> Result<Addresses, StartError> {
    let unknown = |source| StartError::System { what: "a listener has no address", source };
    let none = || unknown(std::io::Error::from(std::io::ErrorKind::NotFound));
    let first = listeners.first().ok_or_else(none)?;
    Ok(Addresses {
        ingress: first.ingress.local_addr().map_err(unknown)?,
        egress: first.egress.local_addr().map_err(unknown)?,
        admin: admin.local_addr().map_err(unknown)?,
        relay: relay.map(|port| port.address),
    })
}
