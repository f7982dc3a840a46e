//! The two handlers, inbound and outbound, and what they are made of.

pub mod options;
