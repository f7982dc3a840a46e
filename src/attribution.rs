//! Which open inbound request caused this outbound call, or an honest "unknown".
//!
//! A service that nobody changed seldom says which request a call of its own is for, so the answer
//! is put together from evidence, and a wrong parent is worse than none. [`ledger`] knows the
//! requests, `ladder` asks each source of evidence, the surest first, and what none of them can tell
//! is [`verdict::Method::Unknown`]. A source is a module beside it: `header` (rule 1),
//! [`fingerprint`] (2), `thread` (3), `process` (4) and `sole` (5).
//!
//! Everything here is a function of values: no I/O, no clock, no lock, no chance.

pub mod caller;
pub mod fingerprint;
mod habit;
mod header;
mod ladder;
pub mod ledger;
pub mod options;
mod process;
pub mod requests;
mod route;
mod score;
mod sole;
mod thread;
mod timeline;
pub mod verdict;
