//! The language of X-Ray: times, ids, headers, what is seen of an exchange, and the documents that
//! say it.
//!
//! Everything here is a value or a function of values: no I/O, no clock, no lock, no log. Read
//! [`exchange`] for how a request becomes a segment, [`segment`] for the document model and
//! [`document`] for the bytes that leave.

pub mod document;
pub mod exchange;
pub mod facts;
pub mod header;
pub mod id;
mod json;
pub mod segment;
pub mod site;
pub mod time;
