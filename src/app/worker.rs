//! One worker: a thread with a runtime, listeners, handlers, pools and a document queue of its
//! own.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;
use tokio::runtime::LocalOptions;
use tokio::time::MissedTickBehavior;
use tracing::debug;

use crate::admin::metrics;
use crate::annotate::Rules;
use crate::annotate::rule::Side;
use crate::app::Addresses;
use crate::app::Listeners;
use crate::app::Outlet;
use crate::app::Tls;
use crate::app::desk::Desk;
use crate::config::Config;
use crate::emit::options::Daemon;
use crate::emit::side::Lines;
use crate::emit::side::SideSender;
use crate::net::listen;
use crate::net::listen::Conn;
use crate::net::stream::Stream;
use crate::net::tls::server;
use crate::proxy::annotator::Annotator;
use crate::proxy::egress::Egress;
use crate::proxy::facts::ConnFacts;
use crate::proxy::ingress::Ingress;
use crate::proxy::intercept::Intercept;
use crate::proxy::relay::Relay;
use crate::proxy::resign::Resign;
use crate::proxy::serve::Handler;
use crate::proxy::serve::Server;
use crate::proxy::upstream::Upstream;
use crate::record::recorder::Recorder;
use crate::record::recorder::Shared;
use crate::resign::Resigner;
use crate::sys::clock::Clock;
use crate::sys::crew::Crew;
use crate::sys::drain::Observer;
use crate::sys::drain::Phase;
use crate::sys::entropy::Entropy;
use crate::sys::link::Link;
use crate::sys::task;
use crate::trace::facts::Scheme;
use crate::witness::Witness;

/// How often idle connections and long requests are looked at.
const TICK: Duration = Duration::from_secs(1);

/// Everything one worker is made of; sent to its thread.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) common: Common,
    pub(super) listeners: Listeners,
    pub(super) entropy: Box<dyn Entropy>,
    pub(super) counters: metrics::Worker,
}

/// What all workers share, or have each a copy of.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) config: Arc<Config>,
    pub(super) addresses: Addresses,
    pub(super) tls: Tls,
    pub(super) resigner: Option<Arc<Resigner>>,
    pub(super) witness: Option<Witness>,
    pub(super) outlet: Outlet,
    /// The access log, if there is one.
    pub(super) access: Option<SideSender>,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) accepted: Accepted,
    pub(super) drain: Observer,
}

/// Connections accepted by all workers, by port.
#[derive(Clone, Debug, Default)]
pub(super) struct Accepted {
    pub(super) ingress: Arc<listen::Counters>,
    pub(super) egress: Arc<listen::Counters>,
}

impl Worker {
    /// Serves until the shutdown is over. Blocks its thread.
    ///
    /// # Errors
    ///
    /// If the operating system has no runtime to give, or refuses a listener.
    pub(super) fn run(self) -> io::Result<()> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())?;
        runtime.block_on(self.serve())
    }

    async fn serve(self) -> io::Result<()> {
        let Self { common, listeners, entropy, counters } = self;
        let lines = common.access.clone().map(Lines::new);
        let desk = Desk::open(&common, &counters, entropy, lines);
        let recorder = Rc::clone(&desk.recorder);
        let (to_service, to_others) =
            upstreams(&common.config, &common.tls, &common.clock, &counters);
        let ticking =
            task::spawn(tick(Rc::clone(&recorder), [to_service.clone(), to_others.clone()]));

        let (propagation, drain) = (common.config.propagation, &common.drain);
        let error_bodies = common.config.error_bodies;
        let relay = |timeouts| Relay { propagation, timeouts, error_bodies, drain: drain.clone() };
        let ingress = Ingress {
            recorder: Rc::clone(&recorder),
            upstream: to_service,
            origin: common.config.ingress.upstream.clone(),
            witness: common.witness.clone(),
            annotator: annotator(&common.config, &counters, Side::Ingress),
            relay: relay(common.config.ingress.timeouts),
        };
        let crew = Rc::new(Crew::default());
        drop(task::spawn(Rc::clone(&crew).follow(common.drain.clone())));
        let egress = Egress {
            recorder: Rc::clone(&recorder),
            upstream: to_others,
            own: common.addresses.egress,
            no_trace: no_trace(&common.config, &common.addresses),
            traced: common.config.egress.traced.clone(),
            routes: common.config.egress.routes.clone(),
            intercept: intercept(&common.config, &common.tls, &common.clock, &counters),
            resign: common
                .resigner
                .map(|resigner| Resign { resigner, counters: Arc::clone(&counters.resign) }),
            witness: common.witness,
            annotator: annotator(&common.config, &counters, Side::Egress),
            server: Rc::new(Server::new(common.config.egress.timeouts)),
            crew: Rc::clone(&crew),
            relay: relay(common.config.egress.timeouts),
        };
        let server = Rc::clone(&egress.server);
        let egress = Port::new(Rc::new(egress), server, common.addresses.egress, (drain, &crew));
        let server = Rc::new(Server::new(common.config.ingress.timeouts));
        let ingress = Port::new(Rc::new(ingress), server, common.addresses.ingress, (drain, &crew));
        let ingress = Port { tls: common.tls.ingress, ..ingress };
        let (inbound, outbound) = tokio::join!(
            ingress.accept(listeners.ingress, common.accepted.ingress),
            egress.accept(listeners.egress, common.accepted.egress),
        );
        inbound.and(outbound)?;

        common.drain.clone().reached(Phase::Flushing).await;
        ticking.abort();
        desk.close(common.config.shutdown.flush).await;
        Ok(())
    }
}

fn upstreams(
    config: &Config,
    tls: &Tls,
    clock: &Arc<dyn Clock>,
    counters: &metrics::Worker,
) -> (Rc<Upstream>, Rc<Upstream>) {
    let (ingress, egress) = (&config.ingress, &config.egress);
    let to_service = Upstream::new(
        Arc::clone(&tls.to_service),
        ingress.timeouts,
        ingress.pool,
        Arc::clone(clock),
        Arc::clone(&counters.to_service),
    );
    let to_others = Upstream::new(
        Arc::clone(&tls.to_others),
        egress.timeouts,
        egress.pool,
        Arc::clone(clock),
        Arc::clone(&counters.to_others),
    );
    (Rc::new(to_service), Rc::new(to_others))
}

fn annotator(config: &Config, counters: &metrics::Worker, side: Side) -> Rc<Annotator> {
    let (rules, counters) = (Rules::of(&config.annotate, side), Arc::clone(&counters.annotate));
    Rc::new(Annotator { rules, counters })
}

fn intercept(
    config: &Config,
    tls: &Tls,
    clock: &Arc<dyn Clock>,
    counters: &metrics::Worker,
) -> Intercept {
    let (hosts, authority) = (config.egress.intercept.clone(), tls.authority.clone());
    Intercept::new(hosts, authority, Arc::clone(clock), Arc::clone(&counters.intercept))
}

/// The hosts that pass untraced: the configured ones; the daemon, and who stands for it; and the admin
/// port, which the service may call.
fn no_trace(config: &Config, addresses: &Addresses) -> Vec<Box<str>> {
    let daemon = match &config.emit.daemon {
        Daemon::Embedded => Vec::new(),
        Daemon::Remote(daemon) => vec![daemon.udp.clone(), daemon.tcp.clone()],
    };
    let relay = addresses.relay.map(|relay| relay.to_string().into_boxed_str());
    let port = addresses.admin.port();
    let near = ["127.0.0.1", "[::1]", "localhost"].map(|host| format!("{host}:{port}").into());
    let own = near.into_iter().chain([addresses.admin.to_string().into()]).chain(relay);
    config.egress.no_trace.iter().cloned().chain(daemon).chain(own).collect()
}

async fn tick(recorder: Rc<Recorder>, upstreams: [Rc<Upstream>; 2]) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        recorder.tick();
        for upstream in &upstreams {
            upstream.sweep();
        }
    }
}

/// One port of one worker.
struct Port<H> {
    handler: H,
    server: Rc<Server>,
    local: SocketAddr,
    tls: Option<Arc<server::Server>>,
    drain: Observer,
    crew: Rc<Crew>,
}

impl<H: Handler> Port<H> {
    /// A port without TLS.
    fn new(
        handler: H,
        server: Rc<Server>,
        local: SocketAddr,
        (drain, crew): (&Observer, &Rc<Crew>),
    ) -> Self {
        Self { handler, server, local, tls: None, drain: drain.clone(), crew: Rc::clone(crew) }
    }

    /// Accepts connections, and serves each by a task of its own, until the shutdown begins.
    async fn accept(
        self,
        listener: TcpListener,
        counters: Arc<listen::Counters>,
    ) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let drain = self.drain.clone();
        let port = Rc::new(self);
        let serve = move |conn: Conn| drop(task::spawn(Rc::clone(&port).serve(conn)));
        listen::accept(listener, drain, Phase::Draining, counters, serve).await;
        Ok(())
    }

    async fn serve(self: Rc<Self>, conn: Conn) {
        let member = self.crew.join(self.drain.watch());
        let Some(tls) = &self.tls else {
            let link = conn.io.local_addr().ok().map(|near| Link { near, far: conn.peer });
            let facts = ConnFacts::new(conn.peer, self.local, Scheme::Http).over(link);
            let io = Stream::Plain(conn.io);
            return self.server.serve(io, facts, member, &self.handler).await;
        };
        let handshake = tls.acceptor().accept(conn.io);
        match tokio::time::timeout(self.server.patience(), handshake).await {
            Ok(Ok(stream)) => {
                let facts = ConnFacts::new(conn.peer, self.local, Scheme::Https);
                let io = Stream::Server(Box::new(stream));
                self.server.serve(io, facts, member, &self.handler).await;
            }
            Ok(Err(error)) => debug!(%error, peer = %conn.peer, "TLS handshake failed"),
            Err(_) => debug!(peer = %conn.peer, "TLS handshake took too long"),
        }
    }
}
