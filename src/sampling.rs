//! Which requests are recorded: rules, their reservoirs and rates, as pure values.
//!
//! Nothing here reads a clock, draws a random number or takes a lock: the second and the random
//! bits are arguments, and whoever shares a reservoir guards it. Read [`local`] for how a request
//! is decided, [`rule`] for how it finds its rule, [`wildcard`] for what a pattern means, and
//! [`manifest`] for the file the rules may come from.

pub mod central;
pub mod local;
pub mod manifest;
pub mod reservoir;
pub mod rule;
pub mod wildcard;
