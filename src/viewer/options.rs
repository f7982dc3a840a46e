//! How much the embedded collector keeps.

/// Options of the embedded collector, `[collector]` in `proxy.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most traces kept; the oldest leaves first.
    pub max_traces: usize,
    /// Most bytes of documents kept, all traces together; the oldest trace leaves first.
    pub max_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_traces: 1_000, max_bytes: 16 * 1024 * 1024 }
    }
}
