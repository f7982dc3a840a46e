//! `sideray demo`: a small shop of untraced services with sidecars beside them, and one trace of
//! it.

pub mod service;

use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime;
use tokio::runtime::LocalOptions;

use self::service::Role;
use crate::app::Addresses;
use crate::app::App;
use crate::app::Command as Tell;
use crate::app::Control;
use crate::app::StartError;
use crate::app::Summary as RunSummary;
use crate::app::World;
use crate::cli::args::Demo;
use crate::cli::exit;
use crate::cli::log;
use crate::config::Config;
use crate::config::process::Log;
use crate::origin::options::Plugins;
use crate::proxy::options::Origin;
use crate::proxy::options::Protocol;
use crate::sampling::rule::Limits;
use crate::sampling::rule::Rate;
use crate::sampling::rule::Rules;
use crate::sys::signal::Signals;
use crate::trace::segment::Name;
use crate::viewer::store::Store;
use crate::viewer::store::Trace;
use crate::viewer::tree;
use crate::viewer::tree::Style;

/// The waits between the requests that are sent until one shows all there is to show. Each is
/// longer than the second for which an answered request is still suspected of a call, so that the
/// calls of the next one can be told apart; and they differ, because calls in a rhythm look like a
/// timer's. A route earns its trust at the fourth call.
const WAITS: [Duration; 7] = [
    Duration::from_millis(1_100),
    Duration::from_millis(1_400),
    Duration::from_millis(1_900),
    Duration::from_millis(1_250),
    Duration::from_millis(1_650),
    Duration::from_millis(1_050),
    Duration::from_millis(2_300),
];

/// How often the collector is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// Why there is nothing to see.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("a service of the demo cannot be started")]
    Service(#[source] io::Error),
    #[error(transparent)]
    Sidecar(#[from] StartError),
    #[error("no request led to a whole trace; this machine may be too busy, try again")]
    NoTrace,
    #[error("standard output cannot be written to")]
    Output(#[source] io::Error),
}

/// Shows the demo and returns the exit code.
#[must_use]
pub fn demo(args: Demo) -> u8 {
    log::start(&Log { level: "warn".into(), ..Log::default() });
    let runtime =
        runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    let shown = match runtime {
        Ok(runtime) => runtime.block_on(show(args)),
        Err(error) => Err(DemoError::Service(error)),
    };
    match shown {
        Ok(()) => exit::OK,
        Err(error) => {
            log::report(&error, "the demo failed");
            exit::FAILED
        }
    }
}

async fn show(args: Demo) -> Result<(), DemoError> {
    let shop = Shop::open(args)?;
    let trace = shop.shop_around().await.ok_or(DemoError::NoTrace)?;
    let mut out = io::stdout();
    let style = if out.is_terminal() { Style::Colored } else { Style::Plain };
    let mut text = tree::render(&trace, style);
    if !args.once {
        text.push_str(&shop.invitation());
    }
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(DemoError::Output)?;
    if !args.once {
        Signals::listen().map_err(DemoError::Service)?.next().await;
    }
    Ok(())
}

/// Three services and a sidecar beside each, all of which share one collector.
struct Shop {
    store: Arc<Store>,
    front: Sidecar,
    _stock: Sidecar,
    _payment: Sidecar,
    _services: [Killed; 3],
}

impl Shop {
    fn open(args: Demo) -> Result<Self, DemoError> {
        let defaults = defaults();
        let store = Arc::new(Store::new(defaults.collector));
        let [front, stock, payment] = [listener()?, listener()?, listener()?];
        let beside_stock = Sidecar::start("stock", &stock, &defaults, &store)?;
        let beside_payment = Sidecar::start("payment", &payment, &defaults, &store)?;
        let beside_front = if args.once {
            Sidecar::start("front", &front, &defaults, &store)?
        } else {
            Sidecar::start_at_home("front", &front, &defaults, &store)?
        };
        let calls = [
            format!("stock.localhost:{}/items/42", beside_stock.addresses.ingress.port()),
            format!("payment.localhost:{}/charge", beside_payment.addresses.ingress.port()),
        ];
        let proxy = beside_front.addresses.egress;
        let services = [
            start(Role::Stock, stock, None, &[])?,
            start(Role::Payment, payment, None, &[])?,
            start(Role::Front, front, Some(proxy), &calls)?,
        ];
        Ok(Self {
            store,
            front: beside_front,
            _stock: beside_stock,
            _payment: beside_payment,
            _services: services,
        })
    }

    /// Sends requests until one of them led to a trace that shows everything: all three services,
    /// joined, and a fault.
    async fn shop_around(&self) -> Option<Trace> {
        let front = self.front.addresses.ingress.to_string();
        for wait in WAITS {
            // What the shop answers is in the trace.
            drop(service::call(&front, "shop.localhost/checkout").await);
            let mut waited = Duration::ZERO;
            while waited < wait {
                tokio::time::sleep(LOOK).await;
                waited += LOOK;
                if let Some(trace) = self.whole_trace() {
                    return Some(trace);
                }
            }
        }
        None
    }

    fn whole_trace(&self) -> Option<Trace> {
        let whole = |summary: &crate::viewer::summary::Summary| {
            summary.segments == 3 && summary.subsegments == 2 && summary.has_fault
        };
        let id = self.store.summaries(16).into_iter().find(whole)?.id;
        self.store.trace(&id.to_string())
    }

    fn invitation(&self) -> String {
        let Addresses { ingress, admin, .. } = self.front.addresses;
        format!(
            "\nThe shop is open. Send it requests, and look at their traces:\n  \
             curl http://{ingress}/checkout\n  curl http://{admin}/traces\nCtrl-C closes it.\n"
        )
    }
}

/// The default configuration, with every request sampled and every port chosen by the system.
fn defaults() -> Config {
    let mut config = Config::default();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.ingress.listen = any;
    config.egress.listen = any;
    config.admin.listen = any;
    let rate = Rate::new(1.0).unwrap_or_else(|| Limits::default().rate);
    config.sampling = Rules::new(Vec::new(), Limits { rate, ..Limits::default() });
    // It is no part of anything.
    config.origin.plugins = Plugins::Named(Vec::new());
    // The shop calls nobody over TLS.
    config.egress.intercept.clear();
    config
}

/// A sidecar of the demo. Dropping it stops it.
struct Sidecar {
    addresses: Addresses,
    control: Control,
    thread: Option<JoinHandle<Result<RunSummary, StartError>>>,
}

impl Sidecar {
    fn start(
        name: &str,
        service: &TcpListener,
        defaults: &Config,
        store: &Arc<Store>,
    ) -> Result<Self, DemoError> {
        let mut config = defaults.clone();
        let port = service.local_addr().map_err(DemoError::Service)?.port();
        if let Ok(authority) = format!("127.0.0.1:{port}").try_into() {
            config.ingress.upstream = Origin::new(Protocol::Http1, authority);
        }
        config.record.name = Name::new(name);
        let world = World { store: Arc::clone(store), ..World::real(&config) };
        let bound = App::bind(config, world)?;
        let addresses = bound.addresses;
        let (control, commands) = Control::new();
        let thread = thread::Builder::new()
            .name(format!("sidecar-{name}"))
            .spawn(move || bound.run(commands))
            .map_err(DemoError::Service)?;
        Ok(Self { addresses, control, thread: Some(thread) })
    }

    /// On the ports that the documentation speaks of, if they are free.
    fn start_at_home(
        name: &str,
        service: &TcpListener,
        defaults: &Config,
        store: &Arc<Store>,
    ) -> Result<Self, DemoError> {
        let mut home = defaults.clone();
        home.ingress.listen.set_port(8000);
        home.egress.listen.set_port(8001);
        home.admin.listen.set_port(8002);
        match Self::start(name, service, &home, store) {
            Err(DemoError::Sidecar(StartError::Bind { .. })) => {
                Self::start(name, service, defaults, store)
            }
            started => started,
        }
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // Told twice: nothing the demo has open is worth waiting for.
        self.control.tell(Tell::Stop);
        self.control.tell(Tell::Stop);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn listener() -> Result<TcpListener, DemoError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(DemoError::Service)
}

/// Starts a service: this program once more, with `listener` for its standard input.
fn start(
    role: Role,
    listener: TcpListener,
    proxy: Option<SocketAddr>,
    calls: &[String],
) -> Result<Killed, DemoError> {
    let program = std::env::current_exe().map_err(DemoError::Service)?;
    let mut command = Command::new(program);
    command.arg("demo-service").arg(role.as_str()).stdin(Stdio::from(OwnedFd::from(listener)));
    if let Some(proxy) = proxy {
        command.env("HTTP_PROXY", format!("http://{proxy}"));
    }
    for call in calls {
        command.arg("--calls").arg(call);
    }
    command.spawn().map(Killed).map_err(DemoError::Service)
}

/// A child that does not outlive the demo.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // An error says that it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
