//! What the recorder may be told.

use std::time::Duration;

use crate::trace::segment::Name;

/// Options of the recorder, of `[service]`, `[attribution]`, `[emit]` in `proxy.toml`.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether anything is recorded at all. Not recording leaves a plain proxy that passes trace
    /// headers on untouched.
    pub enabled: bool,
    /// The name of the service's segments.
    pub name: Name,
    /// What becomes of an outbound call whose parent is unknown.
    pub unknown: Unknown,
    /// Whether central sampling rules come before the local ones.
    pub central: bool,
    /// After how long an open request sends a document that says it is in progress.
    pub in_progress_after: Duration,
    /// How many closed subsegments an open segment gathers before they are sent ahead of it.
    pub stream_after: usize,
}

/// What becomes of an outbound call whose parent is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// It starts a trace of its own.
    Root,
    /// It passes untraced.
    None(Missing),
}

/// How loudly a call passes untraced: the SDKs' context-missing strategies, none of which may
/// fail a request here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is counted only.
    Ignore,
    /// It is counted, and warned of at a bounded rate.
    Log,
}

impl Default for Options {
    /// The threshold of streaming is that of the SDKs for Java and Node.js.
    fn default() -> Self {
        Self {
            enabled: true,
            name: Name::new("service"),
            unknown: Unknown::Root,
            central: false,
            in_progress_after: Duration::from_secs(10),
            stream_after: 100,
        }
    }
}
