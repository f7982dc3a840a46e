//! sideray: traces a service nobody changed.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::cast_possible_truncation,
        reason = "tests may panic"
    )
)]

pub mod admin;
pub mod app;
pub mod attribution;
pub mod cli;
pub mod config;
pub mod emit;
pub mod net;
pub mod proxy;
pub mod record;
pub mod sampling;
pub mod sys;
pub mod trace;
pub mod viewer;
