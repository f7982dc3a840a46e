//! Running, and the shutdown, in this order: stop accepting, not ready, tell connections, wait
//! until the deadline, drop what is open (each exchange records that the shutdown broke it off),
//! close the queues, flush the sinks within their own deadline, say the counts.

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime;
use tokio::runtime::LocalOptions;
use tokio::sync::Notify;
use tokio::sync::mpsc;
use tracing::error;
use tracing::info;
use tracing::warn;

use crate::admin::metrics;
use crate::admin::metrics::Sources;
use crate::admin::server::Admin;
use crate::admin::v1::Api;
use crate::app::Bound;
use crate::app::Listeners;
use crate::app::StartError;
use crate::app::Tls;
use crate::app::central::Poller;
use crate::app::control::Command;
use crate::app::control::Commands;
use crate::app::control::Waited;
use crate::app::desk::Desk;
use crate::app::relay::Relay;
use crate::app::worker::Accepted;
use crate::app::worker::Common;
use crate::app::worker::Worker;
use crate::config::Config;
use crate::emit::options::Daemon;
use crate::emit::side::SideHandle;
use crate::net::listen;
use crate::origin;
use crate::record::recorder::Recorder;
use crate::record::recorder::Shared;
use crate::relay;
use crate::resign::Resigner;
use crate::sys::clock::Clock;
use crate::sys::drain;
use crate::sys::drain::Observer;
use crate::sys::drain::Phase;
use crate::sys::entropy::Entropy;
use crate::sys::task;
use crate::witness::Witness;

/// How often certificate files are looked at.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(10);

/// How long dropped connections may take to be gone after the deadline: they only have to be
/// polled once more.
const ABORT_WITHIN: Duration = Duration::from_secs(1);

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Documents recorded, those split off others among them.
    pub recorded: u64,
    /// Documents sent.
    pub sent: u64,
    /// Documents lost, each counted by its reason in the metrics.
    pub dropped: u64,
    /// How the run ended.
    pub end: RunEnd,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunEnd {
    /// Everything that was open was finished, everything queued was sent.
    #[default]
    Drained,
    /// The deadline passed, and what was still open was dropped.
    Aborted,
    /// A worker failed.
    Failed,
    /// It was told to stop a second time.
    AtOnce,
}

impl Bound {
    /// Serves until `commands` says stop, `POST /drain` comes, or a worker fails. Blocks.
    ///
    /// # Errors
    ///
    /// If the operating system refuses a runtime or a thread.
    pub fn run(self, commands: Commands) -> Result<Summary, StartError> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
            .map_err(|source| StartError::System {
                what: "there is no runtime to be had",
                source,
            })?;
        runtime.block_on(self.supervise(commands))
    }

    async fn supervise(self, mut commands: Commands) -> Result<Summary, StartError> {
        let (mut drain, observer) = drain::channel();
        let shared = Arc::clone(&self.shared);
        let limits = self.config.shutdown;
        let mut running = self.start(&observer)?;

        let mut end = running.until_told(&mut commands, &shared).await;
        info!(timeout = ?limits.timeout, "draining");
        drain.advance(Phase::Draining);
        match commands.during(limits.timeout, drain.done()).await {
            Waited::Done => {}
            Waited::TooLong => {
                warn!("the deadline of the shutdown has passed; dropping what is still open");
                end = end.max(RunEnd::Aborted);
                shared.abort();
                drain.advance(Phase::Aborting);
                drop(tokio::time::timeout(ABORT_WITHIN, drain.done()).await);
            }
            Waited::ToldAgain => return Ok(running.summary(RunEnd::AtOnce)),
        }
        drain.advance(Phase::Flushing);
        match commands.during(limits.flush + ABORT_WITHIN, running.all_ended(limits.flush)).await {
            Waited::Done => Ok(running.join(end, limits.flush)),
            Waited::TooLong => {
                let end = end.max(running.leave_behind());
                Ok(running.join(end, limits.flush))
            }
            Waited::ToldAgain => Ok(running.summary(RunEnd::AtOnce)),
        }
    }

    /// Starts the workers' threads, the admin port and the watch on certificate files.
    fn start(self, drain: &Observer) -> Result<Running, StartError> {
        let Self { addresses, config, world, shared, listeners, admin, .. } = self;
        let Self { relay, tls, outlet, side, access, .. } = self;
        let (access, access_side) = access.unzip();
        let (asked, certificates) = (Arc::<Notify>::default(), Arc::<Notify>::default());
        let common = Common {
            addresses,
            resigner: resigner(&config, &tls, &world.clock),
            witness: witness(&config),
            config: Arc::new(config),
            tls,
            outlet,
            access,
            shared,
            clock: world.clock,
            accepted: Accepted::default(),
            drain: drain.clone(),
        };
        // Those of each worker, and the desk's.
        let counters: Vec<_> = (0..=listeners.len()).map(|_| metrics::Worker::default()).collect();
        let relayed = Arc::<relay::counters::Counters>::default();
        let sources = Sources {
            shared: Arc::clone(&common.shared),
            workers: counters.clone(),
            ingress: Arc::clone(&common.accepted.ingress),
            egress: Arc::clone(&common.accepted.egress),
            store: world.store,
            file: side.as_ref().and_then(SideHandle::file_counters).cloned(),
            access: access_side.as_ref().and_then(SideHandle::file_counters).cloned(),
            witness: common.witness.clone(),
            relay: relay.as_ref().map(|_| Arc::clone(&relayed)),
            api: Arc::default(),
        };
        if let Some(tls) = common.tls.ingress.clone() {
            drop(task::spawn(tls.watch_files(CERTIFICATES_EVERY, Arc::clone(&certificates))));
        }
        look_around(&common.config, &common.shared);
        // Workers take the numbers below, so that each has chance of its own.
        let number = listeners.len();
        poll_central(&common, (world.entropy)(number));
        let of_desk = counters.last().cloned().unwrap_or_default();
        let desk = Desk::open(&common, &of_desk, (world.entropy)(number + 1), None);
        let api = common.config.admin.api.then(|| Rc::clone(&desk.recorder));
        serve_admin(admin, sources, api, (drain, &asked))?;
        let relay = relay
            .map(|port| Relay::start(port, &desk, &common, &relayed))
            .transpose()
            .map_err(|source| StartError::System { what: "the relay cannot be used", source })?;
        let (workers, ends) = start_workers(&common, listeners, &counters, world.entropy)?;
        let sides = [side, access_side];
        Ok(Running { workers, ends, asked, certificates, relay, desk: Some(desk), sides, counters })
    }
}

/// A worker's thread.
type Thread = JoinHandle<io::Result<()>>;

/// Starts the workers' threads. Each sends a message when it ends.
fn start_workers(
    common: &Common,
    listeners: Vec<Listeners>,
    counters: &[metrics::Worker],
    entropy: fn(usize) -> Box<dyn Entropy>,
) -> Result<(Vec<Thread>, mpsc::Receiver<()>), StartError> {
    let (ended, ends) = mpsc::channel(listeners.len().max(1));
    let mut workers = Vec::with_capacity(listeners.len());
    for (number, (listeners, counters)) in listeners.into_iter().zip(counters).enumerate() {
        let (common, counters) = (common.clone(), counters.clone());
        let worker = Worker { common, listeners, entropy: entropy(number), counters };
        workers.push(start_worker(number, worker, Ended(ended.clone()))?);
    }
    Ok((workers, ends))
}

/// Who signs AWS calls anew, if that is wanted.
fn resigner(config: &Config, tls: &Tls, clock: &Arc<dyn Clock>) -> Option<Arc<Resigner>> {
    let options = &config.egress.resign;
    options.enabled.then(|| {
        let tls = (*tls.to_others).clone();
        Arc::new(Resigner::new(options.clone(), tls, Arc::clone(clock)))
    })
}

/// Has X-Ray asked for its sampling rules, if they are to count.
fn poll_central(common: &Common, entropy: Box<dyn Entropy>) {
    if let (Some(central), Daemon::Remote(daemon)) =
        (common.shared.sampler().central(), &common.config.emit.daemon)
    {
        let poller = Poller {
            central: Arc::clone(central),
            daemon: daemon.tcp.clone(),
            clock: Arc::clone(&common.clock),
            entropy,
        };
        drop(task::spawn(poller.run()));
    }
}

/// Finds out what machine this is, beside everything else; segments say it once it is known.
fn look_around(config: &Config, shared: &Arc<Shared>) {
    if !config.record.enabled {
        return;
    }
    let (options, shared) = (config.origin.clone(), Arc::clone(shared));
    let look = async move {
        let tell = |found: &origin::Found| shared.learn(|site| found.add_to(site));
        origin::search(&options, tell).await;
    };
    drop(task::spawn(look));
}

/// Whoever looks at the service for the sake of its calls, if that is wanted and possible.
fn witness(config: &Config) -> Option<Witness> {
    let wanted = &config.attribution;
    if !config.record.enabled || !(wanted.thread || wanted.process) {
        return None;
    }
    let port = config.ingress.upstream.authority.port_u16();
    match Witness::start(wanted.thread, port) {
        Ok(witness) => Some(witness),
        Err(error) => {
            warn!(%error, "calls are not attributed by process or thread");
            None
        }
    }
}

/// Serves the admin port until the process ends: it must answer during the drain too. What
/// programs tell is recorded there, if that is wanted.
fn serve_admin(
    listener: TcpListener,
    sources: Sources,
    api: Option<Rc<Recorder>>,
    (drain, asked): (&Observer, &Arc<Notify>),
) -> Result<(), StartError> {
    let listener = tokio::net::TcpListener::from_std(listener)
        .map_err(|source| StartError::System { what: "the admin port cannot be used", source })?;
    let api = api.map(|recorder| Api::new(recorder, Arc::clone(&sources.api)));
    let admin = Rc::new(Admin::new(sources, drain.clone(), Arc::clone(asked), api));
    let serve = move |conn| drop(task::spawn(Rc::clone(&admin).serve(conn)));
    let counters = Arc::<listen::Counters>::default();
    let drain = drain.clone();
    drop(task::spawn(listen::accept(listener, drain, Phase::Flushing, counters, serve)));
    Ok(())
}

fn start_worker(number: usize, worker: Worker, ended: Ended) -> Result<Thread, StartError> {
    let body = move || {
        let _ended = ended;
        worker.run()
    };
    thread::Builder::new()
        .name(format!("worker-{number}"))
        .spawn(body)
        .map_err(|source| StartError::System { what: "there is no thread to be had", source })
}

/// Held by a worker's thread; says that it has ended, even if it panics.
struct Ended(mpsc::Sender<()>);

impl Drop for Ended {
    fn drop(&mut self) {
        // There is room for every worker's message; an error says that nobody listens any more.
        self.0.try_send(()).ok();
    }
}

/// A sidecar whose threads run.
struct Running {
    workers: Vec<Thread>,
    /// One message from each worker that has ended; closed once all have.
    ends: mpsc::Receiver<()>,
    asked: Arc<Notify>,
    /// Has the certificate files looked at.
    certificates: Arc<Notify>,
    /// Hears SDKs; none once it has ended, or if it is not wanted.
    relay: Option<Relay>,
    /// The supervisor's own; none once it was closed.
    desk: Option<Desk>,
    /// The threads for documents and for the access log, as far as there are such.
    sides: [Option<SideHandle>; 2],
    /// Those of each worker, and the desk's.
    counters: Vec<metrics::Worker>,
}

impl Running {
    /// Waits until there is a reason to shut down, and puts rules in force meanwhile.
    async fn until_told(&mut self, commands: &mut Commands, shared: &Shared) -> RunEnd {
        loop {
            tokio::select! {
                command = commands.0.recv() => match command {
                    Some(Command::SetRules(rules)) => shared.set_rules(rules),
                    Some(Command::LoadCertificates) => self.certificates.notify_one(),
                    Some(Command::Stop) | None => return RunEnd::Drained,
                },
                () = self.asked.notified() => return RunEnd::Drained,
                _ = self.ends.recv() => {
                    error!("a worker has ended before its time; shutting down");
                    return RunEnd::Failed;
                }
            }
        }
    }

    /// Flushes what is queued here, while the workers do the same, and waits for them to end.
    async fn all_ended(&mut self, flush: Duration) {
        let (relay, desk) = (self.relay.take(), self.desk.take());
        let closed = async {
            if let Some(relay) = relay {
                relay.ended().await;
            }
            if let Some(desk) = desk {
                desk.close(flush).await;
            }
        };
        let workers = async { while self.ends.recv().await.is_some() {} };
        tokio::join!(closed, workers);
    }

    /// Forgets the workers that have not ended in time.
    fn leave_behind(&mut self) -> RunEnd {
        let all = self.workers.len();
        self.workers.retain(JoinHandle::is_finished);
        if self.workers.len() < all { RunEnd::Aborted } else { RunEnd::Drained }
    }

    /// Takes in what the threads have to say, which have ended, or are in their last instructions.
    fn join(mut self, mut end: RunEnd, deadline: Duration) -> Summary {
        for worker in std::mem::take(&mut self.workers) {
            match worker.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    error!(%error, "a worker failed");
                    end = RunEnd::Failed;
                }
                Err(_) => end = RunEnd::Failed,
            }
        }
        for side in std::mem::take(&mut self.sides).into_iter().flatten() {
            if !side.join(deadline) {
                warn!("documents or log lines were still to be stored when the time for it ended");
                end = end.max(RunEnd::Aborted);
            }
        }
        self.summary(end)
    }

    fn summary(self, end: RunEnd) -> Summary {
        let counts = self.counters.iter().map(|worker| worker.emit.counts());
        let summary = counts.fold(Summary { end, ..Summary::default() }, |sum, counts| Summary {
            recorded: sum.recorded + counts.offered + counts.split,
            sent: sum.sent + counts.sent,
            dropped: sum.dropped + counts.dropped_in_all(),
            end,
        });
        info!(recorded = summary.recorded, sent = summary.sent, dropped = summary.dropped, "done");
        summary
    }
}
