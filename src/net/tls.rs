//! TLS both ways.

pub mod options;
