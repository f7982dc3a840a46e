//! The log, and what is said before there is one. The one place that writes to standard error.

use std::error::Error;
use std::fmt::Display;
use std::io;
use std::io::IsTerminal;
use std::io::Write;

use tracing::error;
use tracing_subscriber::EnvFilter;

use crate::config::process::Format;
use crate::config::process::Log;

/// Starts the log, on standard error. A second start changes nothing.
pub(super) fn start(options: &Log) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&*options.level))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let started = match options.format {
        Format::Json => builder.json().flatten_event(true).try_init(),
        Format::Text => builder.with_target(false).try_init(),
    };
    if let Err(error) = started {
        complain(&error);
    }
}

/// Says what is wrong where there is no log yet, for people to read.
pub(super) fn complain(what: &dyn Display) {
    // Nobody is left to be told that standard error is closed.
    drop(writeln!(io::stderr(), "{what}"));
}

/// Logs an error with everything that caused it.
pub(super) fn report(error: &dyn Error, message: &'static str) {
    error!(%error, causes = causes(error), "{message}");
}

/// An error and everything that caused it, in one line.
pub(super) fn with_causes(error: &dyn Error) -> String {
    match causes(error) {
        causes if causes.is_empty() => error.to_string(),
        causes => format!("{error}: {causes}"),
    }
}

fn causes(error: &dyn Error) -> String {
    let mut causes = String::new();
    let mut source = error.source();
    while let Some(cause) = source {
        if !causes.is_empty() {
            causes.push_str(": ");
        }
        causes.push_str(&cause.to_string());
        source = cause.source();
    }
    causes
}
