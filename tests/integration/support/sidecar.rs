//! A sidecar in the test's own process, on ports the system chooses.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Instant;

use sideray::app::Addresses;
use sideray::app::App;
use sideray::app::Command;
use sideray::app::Control;
use sideray::app::StartError;
use sideray::app::Summary;
use sideray::app::World;
use sideray::config::Config;
use sideray::config::process::Workers;
use sideray::emit::options::Daemon as Target;
use sideray::emit::options::DaemonAddress;
use sideray::origin::options::Plugins;
use sideray::proxy::options::Origin as Upstream;
use sideray::proxy::options::Protocol;
use sideray::sampling::rule::Limits;
use sideray::sampling::rule::Rate;
use sideray::sampling::rule::Rules;
use sideray::viewer::store::Store;

use super::DEADLINE;
use super::client;
use super::daemon::Daemon;
use super::wire::Listener;
use super::world::ManualClock;
use super::world::SeqEntropy;

/// A running sidecar. Dropping it stops it at once; `stop` drains it.
#[derive(Debug)]
pub struct Sidecar {
    pub addresses: Addresses,
    pub store: Arc<Store>,
    control: Control,
    thread: Option<JoinHandle<Result<Summary, StartError>>>,
}

/// A configuration for tests: every request sampled, one worker, ports chosen by the system,
/// documents to `daemon`, requests to `upstream`.
pub fn config(upstream: SocketAddr, daemon: &Daemon) -> Config {
    config_at(upstream, daemon.address())
}

/// The same, with the daemon at `daemon`, whether there is one or not.
pub fn config_at(upstream: SocketAddr, daemon: SocketAddr) -> Config {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = Config::default();
    config.ingress.listen = any;
    config.egress.listen = any;
    config.admin.listen = any;
    config.ingress.upstream = http(upstream);
    config.sampling = always();
    config.egress.intercept.clear();
    // Whatever machine runs the tests is no part of them.
    config.origin.plugins = Plugins::Named(Vec::new());
    config.workers = Workers::Count(NonZeroUsize::MIN);
    let address = daemon.to_string();
    config.emit.daemon =
        Target::Remote(DaemonAddress { udp: address.clone().into(), tcp: address.into() });
    config
}

/// A service that the test plays, a daemon, and a sidecar in front of both.
pub async fn between() -> (Listener, Daemon, Sidecar) {
    between_with(|_| {}).await
}

/// The same with some of the configuration changed.
pub async fn between_with(change: impl FnOnce(&mut Config)) -> (Listener, Daemon, Sidecar) {
    let (service, daemon) = (Listener::bind().await, Daemon::start());
    let mut config = config(service.address(), &daemon);
    change(&mut config);
    let sidecar = Sidecar::start(config);
    (service, daemon, sidecar)
}

/// A server that speaks HTTP/1.1 in clear.
pub fn http(server: SocketAddr) -> Upstream {
    Upstream::new(Protocol::Http1, server.to_string().parse().unwrap())
}

/// A server that speaks HTTP/2 in clear.
pub fn h2c(server: SocketAddr) -> Upstream {
    Upstream { protocol: Protocol::H2c, ..http(server) }
}

/// A server that speaks TLS.
pub fn https(server: SocketAddr) -> Upstream {
    Upstream { protocol: Protocol::Tls, ..http(server) }
}

/// Rules that sample every request.
pub fn always() -> Rules {
    let rate = Rate::new(1.0).unwrap();
    Rules::new(Vec::new(), Limits { fixed_target: 0, rate })
}

/// Rules that sample none.
pub fn never() -> Rules {
    let rate = Rate::new(0.0).unwrap();
    Rules::new(Vec::new(), Limits { fixed_target: 0, rate })
}

impl Sidecar {
    /// A sidecar in the real world.
    pub fn start(config: Config) -> Self {
        let world = World::real(&config);
        Self::in_world(config, world)
    }

    /// A sidecar whose clock stands still and whose ids count up.
    pub fn start_still(config: Config, clock: &Arc<ManualClock>) -> Self {
        let clock = Arc::clone(clock) as _;
        let world = World { clock, entropy: SeqEntropy::worker, ..World::real(&config) };
        Self::in_world(config, world)
    }

    /// A sidecar in a world of the test's own.
    pub fn in_world(config: Config, world: World) -> Self {
        let store = Arc::clone(&world.store);
        let bound = App::bind(config, world).unwrap();
        let addresses = bound.addresses;
        let (control, commands) = Control::new();
        let thread = thread::spawn(move || bound.run(commands));
        Self { addresses, store, control, thread: Some(thread) }
    }

    /// Tells it something.
    pub fn tell(&self, command: Command) {
        self.control.tell(command);
    }

    /// Shuts it down in order and says what the run came to.
    pub async fn stop(self) -> Summary {
        self.control.tell(Command::Stop);
        self.ended().await
    }

    /// Waits for its end, which something else brings about, and says what the run came to.
    pub async fn ended(mut self) -> Summary {
        let thread = self.thread.take().unwrap();
        tokio::task::spawn_blocking(move || thread.join().unwrap().unwrap()).await.unwrap()
    }

    /// Waits until a sample on the metrics page is as wanted.
    pub async fn metric_becomes(&self, sample: &str, wanted: f64) {
        let end = Instant::now() + DEADLINE;
        loop {
            let value = self.metric(sample).await;
            if (value - wanted).abs() < f64::EPSILON {
                return;
            }
            assert!(Instant::now() < end, "{sample} is {value} and does not become {wanted}");
            tokio::task::yield_now().await;
        }
    }

    /// The value of a sample on the metrics page, by its name and labels as they stand there.
    pub async fn metric(&self, sample: &str) -> f64 {
        let page = self.page().await;
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(sample).and_then(|rest| rest.strip_prefix(' ')));
        line.unwrap_or_else(|| panic!("no {sample} in\n{page}")).parse().unwrap()
    }

    /// The metrics page.
    pub async fn page(&self) -> String {
        client::send(self.addresses.admin, client::get("/metrics")).await.into_body()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.control.tell(Command::Stop);
        self.control.tell(Command::Stop);
        let Some(thread) = self.thread.take() else { return };
        let ended = thread.join();
        if !thread::panicking() {
            ended.expect("no thread of the sidecar panics").unwrap();
        }
    }
}
