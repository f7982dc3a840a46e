//! HTTP/1.1 on the wire, both ends of it. Source: RFC 9112.
//!
//! The pure part reads bytes: [`head`] (what is not unambiguous is refused), [`framing`],
//! [`chunked`]. The other part speaks over a connection: [`server`] answers requests, [`client`]
//! makes them. Neither has a task or a channel of its own: a request that passes through both costs
//! two reads and two writes, and wakes one task twice.

pub mod chunked;
pub mod client;
mod decode;
mod encode;
pub mod error;
pub mod framing;
pub mod head;
mod lines;
pub mod server;
mod transport;
