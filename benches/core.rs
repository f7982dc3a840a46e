//! Micro-benches of the core.
fn main() {}
