//! `sideray run`: the sidecar until it is told to stop.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::thread;

use tokio::runtime;
use tracing::error;
use tracing::info;
use tracing::warn;

use crate::app::Addresses;
use crate::app::App;
use crate::app::Bound;
use crate::app::Command;
use crate::app::Control;
use crate::app::RunEnd;
use crate::app::World;
use crate::cli::args::Settings;
use crate::cli::exit;
use crate::cli::log;
use crate::cli::resolve::resolve;
use crate::config::Config;
use crate::config::env;
use crate::config::env::Env;
use crate::net::tls::options::default_dir;
use crate::sys::signal::Request;
use crate::sys::signal::Signals;

/// Runs the sidecar and returns the exit code.
#[must_use]
pub fn run(settings: &Settings) -> u8 {
    let bound = match start(settings, ca_dir()) {
        Ok(bound) => bound,
        Err(code) => return code,
    };
    let (control, commands) = Control::new();
    if let Err(error) = hear_signals(control, settings.clone()) {
        error!(%error, "signals cannot be heard");
        return exit::FAILED;
    }
    // Only now: who reads this may send a signal next.
    announce(&bound.addresses);
    match bound.run(commands) {
        Ok(summary) => match summary.end {
            RunEnd::Drained | RunEnd::Aborted => exit::OK,
            RunEnd::AtOnce | RunEnd::Failed => exit::FAILED,
        },
        Err(error) => {
            log::report(&error, "cannot run");
            exit::FAILED
        }
    }
}

/// Where the CA's files go where the configuration does not say: this user's own directory.
pub(super) fn ca_dir() -> PathBuf {
    default_dir(env::variable("XDG_RUNTIME_DIR").as_deref().map(Path::new))
}

/// Reads the configuration, starts the log and takes the ports; the exit code if it cannot. The
/// CA's files go to `ca_dir` where the configuration does not say.
///
/// # Errors
///
/// With the exit code, after everything there is to say has been said.
pub(super) fn start(settings: &Settings, ca_dir: PathBuf) -> Result<Bound, u8> {
    let (source, mut config) = resolve(settings, Env::process()).map_err(|faults| {
        log::complain(&faults);
        exit::USAGE
    })?;
    config.egress.ca_dir.get_or_insert(ca_dir);
    log::start(&config.log);
    info!(version = env!("CARGO_PKG_VERSION"), source, "starting");
    bind(config)
}

/// Takes the ports; the exit code if it cannot.
fn bind(config: Config) -> Result<Bound, u8> {
    for warning in config.warnings() {
        warn!("{warning}");
    }
    let world = World::real(&config);
    App::bind(config, world).map_err(|error| {
        log::report(&error, "cannot start");
        exit::FAILED
    })
}

/// Says where it can be reached.
pub(super) fn announce(ports: &Addresses) {
    info!(port = "ingress", address = %ports.ingress, "listening");
    info!(port = "egress", address = %ports.egress, "listening");
    info!(port = "admin", address = %ports.admin, "listening");
    if let Some(relay) = ports.relay {
        info!(port = "relay", address = %relay, "listening");
    }
}

/// Starts the thread that turns signals into commands.
fn hear_signals(control: Control, settings: Settings) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = runtime.block_on(async { Signals::listen() })?;
    let hear = move || runtime.block_on(obey(signals, &control, &settings));
    thread::Builder::new().name("signals".into()).spawn(hear)?;
    Ok(())
}

async fn obey(mut signals: Signals, control: &Control, settings: &Settings) {
    loop {
        match signals.next().await {
            Request::Stop => control.tell(Command::Stop),
            Request::Reload => reload(control, settings),
        }
    }
}

/// Has the certificates looked at, reads the configuration again and puts its sampling rules in
/// force. A faulty one changes nothing.
fn reload(control: &Control, settings: &Settings) {
    control.tell(Command::LoadCertificates);
    match resolve(settings, Env::process()) {
        Ok((source, config)) => {
            control.tell(Command::SetRules(config.sampling));
            info!(source, "sampling rules read again; other keys are read at the start only");
        }
        Err(faults) => {
            for fault in faults.as_slice() {
                error!(%fault, "configuration refused; the old rules stay in force");
            }
        }
    }
}
