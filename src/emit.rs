//! Documents on their way out: a bounded queue a worker, an encoder, and the sinks.

pub mod options;
