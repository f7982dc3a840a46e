//! The arguments, and the help that explains them. The doc comments here are that help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::Parser;
use clap::Subcommand;

use crate::cli::demo::service::Service;
use crate::config::source::Flags;

/// What stands below the long help of the program.
const AFTER: &str = "\
Examples:
  sideray demo --once                     See a trace, with nothing of your own
  sideray exec -- python3 -m http.server 8080
                                          Run a service with a sidecar beside it, then
                                          curl localhost:8000/ and
                                          curl localhost:8002/traces
  sideray run --upstream http://127.0.0.1:3000 --daemon 127.0.0.1:2000
                                          Stand in front of a service that runs already
  sideray check --config proxy.toml       Is this file right, and what does it mean?

Configuration:
  A flag beats the environment, the environment beats the file, the file beats the default.
  The file is the one that --config names, else ./proxy.toml if it is there, else none.
  The environment is that of the X-Ray SDKs: AWS_XRAY_DAEMON_ADDRESS, AWS_XRAY_TRACING_NAME,
  AWS_XRAY_CONTEXT_MISSING, AWS_XRAY_SDK_ENABLED, AWS_XRAY_SDK_DISABLED.

Exit codes:
  0      It was done; for run, after an orderly shutdown
  1      It could not start, or failed on the way
  2      The command line or the configuration is at fault
  exec   exits with COMMAND's own code; 127 when COMMAND was not found, 126 when it cannot be
         run, 128 + n when signal n ended it";

/// Traces a service nobody changed: AWS X-Ray segments and subsegments from the wire.
///
/// sideray stands beside a service. Requests come in through its ingress port and are handed to the
/// service; the service's own HTTP calls go out through its egress port. What both saw leaves as
/// X-Ray segment documents: for an X-Ray daemon, or for the collector that is built in.
#[derive(Clone, Debug, Parser)]
#[command(version, name = "sideray", after_long_help = AFTER, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the sidecar until it is told to stop
    ///
    /// SIGTERM or SIGINT stops it in order: it accepts nothing new, finishes what is open within
    /// shutdown.timeout, sends what waits, and exits with 0. A second signal ends it at once.
    /// SIGHUP reads the file again and swaps the sampling rules.
    Run(Settings),

    /// Run COMMAND with the sidecar beside it
    ///
    /// COMMAND's outbound calls are led through the egress port: HTTP_PROXY, HTTPS_PROXY and their
    /// lower-case twins point there, NO_PROXY spares the metadata addresses, NODE_USE_ENV_PROXY
    /// makes Node.js heed them, and JAVA_TOOL_OPTIONS tells a JVM the same. Where calls over TLS are
    /// looked into, it is told of the certificate to trust too. With a relay, AWS_XRAY_DAEMON_ADDRESS
    /// is the relay's. NODE_OPTIONS, PYTHONPATH and
    /// JAVA_TOOL_OPTIONS have it load the carriers, see `sideray carriers`. Its standard streams are
    /// passed on, and signals too. When it ends, the sidecar drains and exits with COMMAND's own
    /// code.
    #[command(after_long_help = EXEC)]
    Exec(Exec),

    /// Show a trace of a small shop of services, with nothing to set up
    ///
    /// Starts three untraced services (a front that calls a slow one and one that sometimes
    /// fails), a sidecar beside each, sends a few requests, and prints one trace as a tree. Then it
    /// serves until Ctrl-C, so that you can send requests of your own.
    Demo(Demo),

    /// One service of the demo
    #[command(hide = true)]
    DemoService(Service),

    /// Make, show or renew a certificate authority of your own for HTTPS calls
    ///
    /// To look into a call over TLS, sideray shows a certificate for its host that it has signed
    /// itself. By default what it signs with lives in memory and ends with the process. One that
    /// lies on disk is for where the programs beside it are given its certificate beforehand.
    #[command(after_long_help = CA)]
    Ca(Ca),

    /// Write the carriers, for a service that `exec` does not start
    ///
    /// A carrier is a small hook for a runtime (Node.js, Python, Java) by which an unchanged service
    /// sends the trace header of the request it serves on with the calls it makes, so that each call
    /// has its true parent. `exec` has its command load them; where the service is started otherwise, in
    /// a pod say, this writes them and prints the variables to set on it.
    #[command(after_long_help = CARRIERS)]
    Carriers(Carriers),

    /// Check the configuration without running anything
    ///
    /// Prints "ok" and the configuration in force as TOML, flags and environment included; or
    /// every fault at once, with its key, its line and how to mend it, and exits with 2.
    Check(Settings),
}

/// What stands below the long help of `exec`.
const EXEC: &str = "\
Examples:
  sideray exec -- python3 -m http.server 8080
  sideray exec --upstream http://127.0.0.1:3000 --name shop -- node server.js
  sideray exec --config proxy.toml -- gunicorn -b 127.0.0.1:8080 app:app";

/// What stands below the long help of `ca`.
const CA: &str = "\
Examples:
  sideray ca create
  sideray ca create --dir /etc/sideray/ca --days 365
  sideray ca show --json
  sideray ca renew

In proxy.toml, [egress.intercept] ca_cert and ca_key then name its files. Of those, hand out ca.pem
only: whoever has ca.key can pass for any host with who trusts ca.pem.";

/// What stands below the long help of `carriers`.
const CARRIERS: &str = "\
Examples:
  sideray carriers --out /sideray/carriers
  env $(sideray carriers --out /tmp/carriers) node server.js

SIDERAY_CARRIER=off in the service's environment makes them do nothing.";

/// How long a certificate authority is valid unless told otherwise: long enough to be renewed once
/// a year with time to spare.
const CA_DAYS: u32 = 730;

/// Most days that it may be valid: a hundred years.
const MOST_CA_DAYS: i64 = 36_500;

/// Where the configuration comes from, and the few keys that are often changed at the prompt.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Configuration file [default: ./proxy.toml if it is there]
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Where requests to the service come in [default: 0.0.0.0:8000]
    #[arg(long, value_name = "ADDRESS")]
    pub ingress_listen: Option<String>,

    /// The service: http://, h2c:// or https://, host and port [default: http://127.0.0.1:8080]
    #[arg(long, short, value_name = "ORIGIN")]
    pub upstream: Option<String>,

    /// Where the service's own calls come in [default: 127.0.0.1:8001]
    #[arg(long, value_name = "ADDRESS")]
    pub egress_listen: Option<String>,

    /// Where health, metrics and traces are served [default: 127.0.0.1:8002]
    #[arg(long, value_name = "ADDRESS")]
    pub admin_listen: Option<String>,

    /// The service's name in traces [default: service]
    #[arg(long, short, value_name = "NAME")]
    pub name: Option<String>,

    /// Who takes the documents: "embedded", "host:port", or "tcp:host:port udp:host:port"
    /// [default: embedded]
    #[arg(long, short, value_name = "DAEMON")]
    pub daemon: Option<String>,

    /// How many worker threads; 0 is one for each core [default: 0]
    #[arg(long, short, value_name = "N")]
    pub workers: Option<String>,
}

impl Settings {
    /// The flags as the configuration takes them, word for word.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags {
            admin_listen: self.admin_listen.clone(),
            daemon: self.daemon.clone(),
            egress_listen: self.egress_listen.clone(),
            ingress_listen: self.ingress_listen.clone(),
            name: self.name.clone(),
            upstream: self.upstream.clone(),
            workers: self.workers.clone(),
        }
    }
}

/// Arguments of `exec`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// Those of the sidecar.
    #[command(flatten)]
    pub settings: Settings,

    /// Do not have COMMAND load the carriers that send trace headers on
    #[arg(long)]
    pub no_carriers: bool,

    /// The command to run, and its arguments
    #[arg(last = true, required = true, num_args = 1.., value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Arguments of `carriers`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Carriers {
    /// The directory to write them to; it is made if need be
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `ca`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Ca {
    /// What to do with it.
    #[command(subcommand)]
    pub command: CaCommand,
}

/// What to do with a certificate authority.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum CaCommand {
    /// Make one: ca.pem, and ca.key, which nobody but you can read
    Create(CaCreate),
    /// Show its subject, fingerprint, validity and files
    Show {
        /// Where it is [default: $XDG_DATA_HOME/sideray/ca, else ~/.local/share/sideray/ca]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// As a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Make it a new certificate, for the same key
    Renew(CaRenew),
}

/// Arguments of `ca create`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct CaCreate {
    /// Where to put it [default: $XDG_DATA_HOME/sideray/ca, else ~/.local/share/sideray/ca]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// How long it is valid
    #[arg(long, value_name = "DAYS", default_value_t = CA_DAYS, value_parser = clap::value_parser!(u32).range(1..=MOST_CA_DAYS))]
    pub days: u32,

    /// Overwrite one that is there; whoever trusts it will not trust the new one
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `ca renew`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct CaRenew {
    /// Where it is [default: $XDG_DATA_HOME/sideray/ca, else ~/.local/share/sideray/ca]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// How long it is valid from now
    #[arg(long, value_name = "DAYS", default_value_t = CA_DAYS, value_parser = clap::value_parser!(u32).range(1..=MOST_CA_DAYS))]
    pub days: u32,

    /// Make it a new key too; whoever trusts the old one will not trust the new one
    #[arg(long)]
    pub new_key: bool,
}

/// Arguments of `demo`.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demo {
    /// Stop once the trace is printed
    #[arg(long)]
    pub once: bool,
}

#[cfg(test)]
mod tests;
