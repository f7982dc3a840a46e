//! Where documents go, and how many may wait.

use std::path::PathBuf;

/// Options of the emitter, `[emit]` in `proxy.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Who takes the documents.
    pub daemon: Daemon,
    /// A file to append each document to, one JSON line each, besides.
    pub file: Option<PathBuf>,
    /// Most documents that may wait in one worker's queue. One more is dropped and counted.
    pub queue: usize,
}

/// Who takes the documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// The collector inside this process.
    Embedded,
    /// An X-Ray daemon, or a CloudWatch agent.
    Remote(DaemonAddress),
}

/// The two addresses of an X-Ray daemon, each as `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonAddress {
    /// Where documents are sent.
    pub udp: Box<str>,
    /// Where sampling rules are asked for.
    pub tcp: Box<str>,
}

/// Where lines are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinesTo {
    /// To standard output.
    Stdout,
    /// To the end of this file, which is made if need be. One that was moved away is made anew.
    File(PathBuf),
}

impl Default for Options {
    fn default() -> Self {
        Self { daemon: Daemon::Embedded, file: None, queue: 16_384 }
    }
}
