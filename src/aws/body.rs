//! Readers of bodies, of which only the first bytes may be there.
//!
//! Each takes a value only when it has seen its end, and the first of several by one name: what is
//! read of the beginning of a body is what is read of all of it, or nothing. None fails; each costs
//! time in proportion to what it is given, and memory to what it takes.

pub mod cbor;
pub mod encoding;
pub mod form;
pub mod json;
pub mod xml;

/// The deepest nesting that is followed. AWS's own models nest much less, but for documents of the
/// user's, which no reader takes.
const MOST_DEPTH: usize = 64;
