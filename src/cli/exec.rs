//! `sideray exec`: the sidecar with a service beside it, which it starts and outlives.

mod environment;
mod jvm;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::thread;

use rustix::process::Pid;
use rustix::process::Signal;
use tokio::process::Child;
use tokio::runtime;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::sync::mpsc;
use tracing::debug;
use tracing::error;
use tracing::info;
use tracing::warn;

use crate::app::Addresses;
use crate::app::Command;
use crate::app::Control;
use crate::carriers::Carriers;
use crate::carriers::JAVA_OPTIONS;
use crate::cli::args::Exec;
use crate::cli::exec::environment::Variable;
use crate::cli::exec::environment::environment;
use crate::cli::exit;
use crate::cli::log;
use crate::cli::run;
use crate::config::env;
use crate::net::tls::authority::Authority;
use crate::net::tls::authority::files::WriteError;
use crate::net::tls::authority::public::PublicFiles;

/// Runs COMMAND beside a sidecar and returns COMMAND's exit code.
#[must_use]
pub fn exec(args: &Exec) -> u8 {
    // Of its own: two sidecars must not overwrite each other's.
    let own = run::ca_dir().join(std::process::id().to_string());
    let bound = match run::start(&args.settings, own.clone()) {
        Ok(bound) => bound,
        Err(code) => return code,
    };
    let (ports, api) = (bound.addresses, bound.api());
    let authority = bound.authority().cloned();
    if let Some(Err(error)) = authority.as_deref().map(add_users_certificates) {
        log::report(&error, "cannot start");
        return exit::FAILED;
    }
    let (control, commands) = Control::new();
    let sidecar = thread::Builder::new().name("sidecar".into()).spawn(move || bound.run(commands));
    let sidecar = match sidecar {
        Ok(sidecar) => sidecar,
        Err(error) => {
            log::report(&error, "cannot start");
            return exit::FAILED;
        }
    };
    let public = authority.as_deref().map(Authority::files);
    let hooks = (!args.no_carriers).then(|| carriers(&own.join("carriers"))).flatten();
    let code = beside(&args.command, (ports, api), public, hooks.as_ref());
    control.tell(Command::Stop);
    if hooks.is_some() {
        drop(fs::remove_dir_all(own.join("carriers")));
        drop(fs::remove_dir(&own));
    }
    // Nobody is to trust it any more.
    if let Some(public) = public.filter(|public| public.ca.starts_with(&own)) {
        public.remove();
    }
    match sidecar.join() {
        Ok(Ok(_)) => code,
        Ok(Err(error)) => {
            log::report(&error, "the sidecar failed");
            exit::FAILED
        }
        Err(_) => exit::FAILED,
    }
}

/// The carriers, written for the command. Without them calls may have no parent, which is no reason
/// not to run it.
fn carriers(dir: &Path) -> Option<Carriers> {
    match Carriers::write(dir) {
        Ok(written) => Some(written),
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            warn!(error, "the command runs without carriers");
            None
        }
    }
}

/// Has the command trust what its user wants trusted, besides the authority.
fn add_users_certificates(authority: &Authority) -> Result<(), WriteError> {
    match environment::trusted(&env::variable) {
        none if none.is_empty() => Ok(()),
        named => authority.also_trust(&named),
    }
}

/// Runs the command to its end, with its outbound calls led to the egress port.
fn beside(
    command: &[OsString],
    (ports, api): (Addresses, Option<SocketAddr>),
    public: Option<&PublicFiles>,
    carriers: Option<&Carriers>,
) -> u8 {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let mut variables = environment(ports.egress, api, &env::variable, public);
    variables.extend(ports.relay.map(environment::daemon));
    if let Some(carriers) = carriers {
        switch_on(carriers, command, &mut variables);
    }
    let ended = runtime.and_then(|runtime| runtime.block_on(supervise(command, ports, variables)));
    match ended {
        Ok(status) => code(status),
        Err(error) => {
            let command = command.first().map(|name| name.to_string_lossy()).unwrap_or_default();
            error!(%command, %error, "cannot run the command");
            if error.kind() == io::ErrorKind::NotFound {
                exit::NOT_FOUND
            } else {
                exit::NOT_EXECUTABLE
            }
        }
    }
}

/// Adds to what the command would have without carriers.
fn switch_on(carriers: &Carriers, command: &[OsString], variables: &mut Vec<Variable>) {
    let so_far = |name: &str| {
        let ours = variables.iter().find(|(other, _)| *other == name);
        ours.map(|(_, value)| value.clone()).or_else(|| env::variable(name))
    };
    let mut more = carriers.environment(&so_far);
    let image = jvm::without_agents(command, &env::variable);
    if image.is_some() || jvm::archives(command, &env::variable) {
        info!(?image, "a JVM of this command could not load its carrier, and gets none");
        more.retain(|(name, _)| *name != JAVA_OPTIONS);
    }
    variables.retain(|(name, _)| more.iter().all(|(other, _)| name != other));
    variables.extend(more);
}

async fn supervise(
    command: &[OsString],
    ports: Addresses,
    variables: Vec<Variable>,
) -> io::Result<ExitStatus> {
    // Heard before anybody knows where to send one, so that none can end the sidecar alone.
    let mut signals = signals()?;
    run::announce(&ports);
    let (program, arguments) =
        command.split_first().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let mut child =
        tokio::process::Command::new(program).args(arguments).envs(variables).spawn()?;
    info!(pid = child.id(), "command started");
    loop {
        tokio::select! {
            status = child.wait() => return status,
            Some(signal) = signals.recv() => pass_on(&child, signal),
        }
    }
}

/// Hears the signals that are meant for the command. What a terminal sends goes to every process
/// in its foreground, the command among them, and is not passed on a second time.
fn signals() -> io::Result<mpsc::Receiver<Signal>> {
    let (heard, signals) = mpsc::channel(16);
    let from_terminal = io::stdin().is_terminal();
    for (kind, number) in [
        (SignalKind::terminate(), Signal::TERM),
        (SignalKind::hangup(), Signal::HUP),
        (SignalKind::user_defined1(), Signal::USR1),
        (SignalKind::user_defined2(), Signal::USR2),
        (SignalKind::interrupt(), Signal::INT),
        (SignalKind::quit(), Signal::QUIT),
    ] {
        let mut stream = signal(kind)?;
        let keyboard = number == Signal::INT || number == Signal::QUIT;
        let heard = heard.clone();
        let pass = async move {
            while stream.recv().await.is_some() {
                if !(keyboard && from_terminal) && heard.send(number).await.is_err() {
                    return;
                }
            }
        };
        spawn(pass);
    }
    Ok(signals)
}

#[expect(clippy::disallowed_methods, reason = "the runtime of `exec` is not a worker's")]
fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(future));
}

fn pass_on(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(Err(error)) = pid.map(|pid| rustix::process::kill_process(pid, signal)) {
        debug!(%error, "the command is gone before the signal");
    }
}

/// A status as a shell tells it.
fn code(status: ExitStatus) -> u8 {
    let by_signal = || status.signal().map(|signal| i32::from(exit::BY_SIGNAL) + signal);
    let code = status.code().or_else(by_signal).unwrap_or_else(|| exit::FAILED.into());
    u8::try_from(code & 0xff).unwrap_or(exit::FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_become_a_shells_codes() {
        for (raw, want) in [(0, 0), (7 << 8, 7), (15, 143), (9, 137)] {
            assert_eq!(code(ExitStatus::from_raw(raw)), want);
        }
    }
}
