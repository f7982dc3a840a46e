//! What the process itself may be told: its admin port, logs, workers, and how it ends.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::emit::options::LinesTo;

/// Options of the admin port, `[admin]` in `proxy.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where health, metrics and traces are served.
    pub listen: SocketAddr,
    /// Whether programs are heard there that tell of their own requests.
    pub api: bool,
}

/// Options of the log, `[log]` in `proxy.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Where each request leaves a line; none by default.
    pub access: Option<LinesTo>,
    /// A level, or directives as `tracing_subscriber::EnvFilter` reads them; checked, so that it
    /// does.
    pub level: Box<str>,
    /// How a line looks.
    pub format: Format,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object.
    Json,
    /// Text for people.
    Text,
}

/// How many workers there are, `[runtime] workers` in `proxy.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// So many.
    Count(NonZeroUsize),
    /// One for each core that this process may use.
    PerCore,
}

impl Workers {
    /// The number, for which the machine is asked when there is none; one if it does not know.
    #[must_use]
    pub fn count(self) -> NonZeroUsize {
        match self {
            Self::Count(count) => count,
            Self::PerCore => std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        }
    }
}

/// How long the end may take, `[shutdown]` in `proxy.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// For open exchanges to finish, before they are broken off.
    pub timeout: Duration,
    /// After that, for waiting documents to be sent.
    pub flush: Duration,
}

impl Default for Admin {
    /// Loopback: what it serves is not for everybody.
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8002)), api: true }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { access: None, level: "info".into(), format: Format::Text }
    }
}

impl Default for Shutdown {
    /// Together below the 30 seconds after which Kubernetes and ECS kill.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(20), flush: Duration::from_secs(2) }
    }
}
