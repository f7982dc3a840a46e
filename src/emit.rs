//! Documents on their way out: a bounded queue a worker, an encoder, and the sinks.
//!
//! Each worker has a [`queue`] of its own, which a request only ever offers to, and an [`emitter`]
//! that takes documents from it in batches, encodes them and hands them to its [`sinks`]: the
//! daemon over [`udp`], and on the [`side`] whatever can block, the file and the embedded
//! collector, on one thread for all workers. Whatever is lost on the way is in [`counters`].

pub mod counters;
pub mod emitter;
pub mod options;
pub mod queue;
pub mod side;
pub mod sinks;
pub mod udp;

#[cfg(test)]
mod testing;
