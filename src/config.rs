//! The configuration: `proxy.toml`, the environment and the command line, lowered once into the
//! options of each component.
//!
//! A flag beats the environment, the environment beats the file, the file beats the default. All
//! that is wrong is told at once. From here on a configuration cannot be wrong: no other room
//! reads the file or the environment.
//!
//! [`load`] reads (`read` walks the text, `value` parses single values, `lower` and `rules` put
//! them where they belong, `cross` compares them), [`Config::to_toml`] writes.

use std::fmt;
use std::net::SocketAddr;

use crate::annotate::rule::Rule;
use crate::annotate::rule::Source;
use crate::attribution;
use crate::config::fault::Faults;
use crate::config::fault::Findings;
use crate::config::process::Admin;
use crate::config::process::Log;
use crate::config::process::Shutdown;
use crate::config::process::Workers;
use crate::config::source::Sources;
use crate::emit;
use crate::origin;
use crate::proxy::options::Egress;
use crate::proxy::options::Ingress;
use crate::proxy::options::Propagation;
use crate::record;
use crate::relay;
use crate::sampling::rule::Rules;
use crate::viewer;

mod annotate;
mod cross;
pub mod env;
pub mod fault;
mod lower;
mod naming;
pub mod process;
mod read;
mod rules;
mod site;
pub mod source;
mod value;
mod write;

/// Everything the program can be told, resolved and sound.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[ingress]`.
    pub ingress: Ingress,
    /// `[egress]`.
    pub egress: Egress,
    /// `[trace] propagate`.
    pub propagation: Propagation,
    /// `[trace] error_bodies`.
    pub error_bodies: bool,
    /// `[attribution]`, but for `unknown`, which is the recorder's.
    pub attribution: attribution::options::Options,
    /// `[service]`, `[trace] enabled`, `[attribution] unknown` and the recorder's part of `[emit]`.
    pub record: record::options::Options,
    /// `[origin]` and `[service] version`.
    pub origin: origin::options::Options,
    /// `[emit]`.
    pub emit: emit::options::Options,
    /// `[collector]`.
    pub collector: viewer::options::Options,
    /// `[relay]`.
    pub relay: relay::options::Options,
    /// `[sampling]`.
    pub sampling: Rules,
    /// `[[annotate]]`.
    pub annotate: Vec<Rule>,
    /// `[admin]`.
    pub admin: Admin,
    /// `[log]`.
    pub log: Log,
    /// `[runtime] workers`.
    pub workers: Workers,
    /// `[shutdown]`.
    pub shutdown: Shutdown,
}

/// The configuration that `sources` make together.
///
/// Reads no file but a sampling manifest that the configuration names. Called at the start, and
/// again for every SIGHUP.
///
/// # Errors
///
/// Every fault of every source, in the order of flags, environment and file.
pub fn load(sources: &Sources) -> Result<Config, Faults> {
    let mut findings = Findings::default();
    let config = gather(sources, &mut findings);
    match findings.faults() {
        None => Ok(config),
        Some(faults) => Err(faults),
    }
}

/// Reads all there is; where something is wrong, the default stands in for it.
fn gather(sources: &Sources, findings: &mut Findings) -> Config {
    let (name, text) = match &sources.file {
        Some(file) => (file.path.display().to_string(), file.text.as_str()),
        None => (String::new(), ""),
    };
    let text = read::Text::new(&name, text);
    let config =
        read::document(&text, findings, |root| lower::config(root, &sources.env, &sources.flags));
    cross::check(&config, findings);
    config
}

impl Default for Config {
    /// What is in force when nothing is configured: every component's defaults.
    fn default() -> Self {
        gather(&Sources::default(), &mut Findings::default())
    }
}

impl Config {
    /// What is allowed, but should be seen before somebody else does: one sentence each, to be
    /// logged at the start and shown by `check`.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let open = |address: SocketAddr| !address.ip().to_canonical().is_loopback();
        let mut warnings = Vec::new();
        if open(self.egress.listen) {
            warnings.push(format!(
                "egress.listen = {}: not a loopback address, so this is an open proxy: whoever \
                 reaches the port can call anything that this machine can",
                self.egress.listen
            ));
        }
        if open(self.admin.listen) {
            warnings.push(format!(
                "admin.listen = {}: not a loopback address: whoever reaches the port can read \
                 the traces, add to them, and drain the sidecar",
                self.admin.listen
            ));
        }
        if let Some(listen) = self.relay.listen.filter(|listen| open(*listen)) {
            warnings.push(format!(
                "relay.listen = {listen}: not a loopback address: whoever reaches the port can add \
                 to traces and put questions to X-Ray"
            ));
        }
        if !self.record.enabled {
            warnings.push(
                "trace.enabled = false: nothing is recorded; requests pass as through a plain \
                 proxy"
                    .to_owned(),
            );
        }
        if !self.record.enabled && self.log.access.is_some() {
            warnings.push(
                "log.access: nothing is written, because trace.enabled = false: the access log \
                 joins requests to their traces"
                    .to_owned(),
            );
        }
        for rule in &self.annotate {
            if let Source::Env(name, None) = &rule.source {
                let unset = format!("annotate.env = {name:?}: not set here; the rule says nothing");
                warnings.push(unset);
            }
        }
        warnings
    }
}

impl fmt::Display for Config {
    /// The configuration as TOML, see [`Config::to_toml`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_toml())
    }
}

#[cfg(test)]
mod tests;
