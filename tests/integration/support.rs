//! What tests are made of.

pub mod catcher;
pub mod client;
pub mod daemon;
pub mod hold;
pub mod origin;
pub mod pieces;
pub mod port;
pub mod program;
pub mod prometheus;
pub mod samples;
pub mod service;
pub mod sidecar;
pub mod tls;
pub mod traces;
pub mod wire;
pub mod world;

use std::time::Duration;

/// How long anything is waited for before a test fails. No test is as slow as this when it passes.
pub const DEADLINE: Duration = Duration::from_secs(10);
