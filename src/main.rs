//! The `sideray` program.
fn main() {}
