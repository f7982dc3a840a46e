//! The only thing a proxy handler knows of tracing: the recorder and its guards.

pub mod options;
