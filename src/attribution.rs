//! Which open inbound request caused this outbound call, or an honest "unknown".
//!
//! A service that nobody changed seldom says which request a call of its own is for, so the answer
//! is put together from evidence, and a wrong parent is worse than none. [`ledger`] holds the
//! ladder: each source of evidence is asked in turn, the surest first, and what none of them can
//! tell is [`verdict::Method::Unknown`]. A source is a module beside it: `header` (rule 1) and
//! `sole` (rule 5) are there; a further one takes its place on the ladder between them.
//!
//! Everything here is a function of values: no I/O, no clock, no lock, no chance.

mod header;
pub mod ledger;
pub mod options;
pub mod requests;
mod route;
mod sole;
mod timeline;
pub mod verdict;
