//! `sideray exec`: the sidecar with a service beside it, which it starts and outlives.

use std::ffi::OsString;
use std::io;
use std::io::IsTerminal;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
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

use crate::app::Addresses;
use crate::app::Command;
use crate::app::Control;
use crate::cli::args::Exec;
use crate::cli::exit;
use crate::cli::log;
use crate::cli::run;
use crate::config::env;
use crate::proxy::options::METADATA;

/// Runs COMMAND beside a sidecar and returns COMMAND's exit code.
#[must_use]
pub fn exec(args: &Exec) -> u8 {
    let bound = match run::start(&args.settings) {
        Ok(bound) => bound,
        Err(code) => return code,
    };
    let ports = bound.addresses;
    let (control, commands) = Control::new();
    let sidecar = thread::Builder::new().name("sidecar".into()).spawn(move || bound.run(commands));
    let sidecar = match sidecar {
        Ok(sidecar) => sidecar,
        Err(error) => {
            log::report(&error, "cannot start");
            return exit::FAILED;
        }
    };
    let code = beside(&args.command, ports);
    control.tell(Command::Stop);
    match sidecar.join() {
        Ok(Ok(_)) => code,
        Ok(Err(error)) => {
            log::report(&error, "the sidecar failed");
            exit::FAILED
        }
        Err(_) => exit::FAILED,
    }
}

/// Runs the command to its end, with its outbound calls led to the egress port.
fn beside(command: &[OsString], ports: Addresses) -> u8 {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.and_then(|runtime| runtime.block_on(supervise(command, ports)));
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

async fn supervise(command: &[OsString], ports: Addresses) -> io::Result<ExitStatus> {
    // Heard before anybody knows where to send one, so that none can end the sidecar alone.
    let mut signals = signals()?;
    run::announce(&ports);
    let (program, arguments) =
        command.split_first().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .envs(environment(ports.egress, env::no_proxy().as_deref()))
        .spawn()?;
    info!(pid = child.id(), "command started");
    loop {
        tokio::select! {
            status = child.wait() => return status,
            Some(signal) = signals.recv() => pass_on(&child, signal),
        }
    }
}

/// The variables that lead a program's calls through the egress port.
fn environment(egress: SocketAddr, no_proxy: Option<&str>) -> Vec<(&'static str, String)> {
    let proxy = format!("http://{}", reachable(egress));
    let spared = no_proxy.into_iter().chain(METADATA).collect::<Vec<_>>().join(",");
    let mut variables: Vec<_> = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"]
        .map(|name| (name, proxy.clone()))
        .into();
    variables.extend(["NO_PROXY", "no_proxy"].map(|name| (name, spared.clone())));
    variables.push(("NODE_USE_ENV_PROXY", "1".into()));
    variables
}

/// Where a listener can be reached from this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback: IpAddr = match address.ip() {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let ip = if address.ip().is_unspecified() { loopback } else { address.ip() };
    SocketAddr::new(ip, address.port())
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
    fn the_environment_leads_calls_to_the_egress_port() {
        let egress = "0.0.0.0:8001".parse().unwrap();
        let variables = environment(egress, Some("internal.example"));
        let of = |name| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
        };
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
            assert_eq!(of(name), Some("http://127.0.0.1:8001"), "{name}");
        }
        for name in ["NO_PROXY", "no_proxy"] {
            let spared: Vec<_> = of(name).unwrap().split(',').collect();
            assert_eq!(spared[0], "internal.example");
            assert!(spared.contains(&"169.254.169.254"), "{spared:?}");
        }
        assert_eq!(of("NODE_USE_ENV_PROXY"), Some("1"));
    }

    #[test]
    fn statuses_become_a_shells_codes() {
        for (raw, want) in [(0, 0), (7 << 8, 7), (15, 143), (9, 137)] {
            assert_eq!(code(ExitStatus::from_raw(raw)), want);
        }
    }
}
