//! What the recorder may be told.

use std::time::Duration;

use crate::record::naming::Naming;
use crate::trace::segment::Name;

/// Options of the recorder, of `[service]`, `[attribution]`, `[emit]` in `proxy.toml`.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether anything is recorded at all. Not recording leaves a plain proxy that passes trace
    /// headers on untouched.
    pub enabled: bool,
    /// The name of the service's segments.
    pub name: Name,
    /// Other names that some of them have.
    pub naming: Naming,
    /// What becomes of an outbound call whose parent is unknown.
    pub unknown: Unknown,
    /// Whether central sampling rules come before the local ones.
    pub central: bool,
    /// Which requests that the rules passed over are recorded all the same.
    pub keep: Keep,
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

/// Which requests are recorded because of how they ended. None, by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Those that end in a 5xx or fail.
    pub fault: bool,
    /// Those that are told to slow down, by a 429.
    pub throttle: bool,
    /// Those that end in any 4xx, or that the client gives up.
    pub error: bool,
    /// Those that take longer.
    pub slower_than: Option<Duration>,
    /// Most of them in each second.
    pub per_second: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { fault: false, throttle: false, error: false, slower_than: None, per_second: 10 }
    }
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
            naming: Naming::default(),
            unknown: Unknown::Root,
            central: false,
            keep: Keep::default(),
            in_progress_after: Duration::from_secs(10),
            stream_after: 100,
        }
    }
}
