//! The embedded collector: a bounded store of traces and the JSON that shows them.

pub mod options;
