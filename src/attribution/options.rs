//! What the ledger may be told.

use std::time::Duration;

/// Options of the ledger, `[attribution]` in `proxy.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether values that came in with one request alone and go out with a call tell whose it is.
    pub fingerprint: bool,
    /// Whether it is looked at which thread of the service handles which request. While that tells
    /// something, each request is held back until a thread reads it.
    pub thread: bool,
    /// Whether it is looked at which process of the service has accepted which request.
    pub process: bool,
    /// Longest that a request is held back until a thread waits for its end; counted from when one has
    /// begun to read it, where threads have been seen.
    pub max_hold: Duration,
    /// Whether a call may be given to the only request that can have made it, once its route has
    /// earned that trust.
    pub sole: bool,
    /// Most requests the ledger knows at a time, open and recently closed together. A request
    /// beyond it is traced, but no call is attributed to it.
    pub max_requests: usize,
    /// Most outbound routes (method, host, path template) that are learned about. The half of it
    /// that was seen last is always known; a route that is forgotten has to earn its trust anew.
    pub max_routes: usize,
    /// How long a closed request is remembered, for calls that carry its header late. One that the
    /// service never answered may still be calling all that time.
    pub remember: Duration,
}

impl Default for Options {
    /// A request is held back for long only where no thread would serve it anyway: of those that
    /// waited in vain in a measurement none had one within a third of a second. So many requests are a minute's worth at 270 a second. Many more would not fit a core's
    /// cache, which every request would feel.
    fn default() -> Self {
        Self {
            fingerprint: true,
            thread: true,
            process: true,
            max_hold: Duration::from_millis(300),
            sole: true,
            max_requests: 16_384,
            max_routes: 4_096,
            remember: Duration::from_secs(60),
        }
    }
}
