//! Seams: the world as the rest of the program meets it. Each has a real body and can be given a
//! test's.

pub mod clock;
pub mod crew;
pub mod drain;
pub mod entropy;
pub mod idle;
pub mod link;
pub mod peer;
pub mod signal;
pub mod task;
pub mod throttle;
