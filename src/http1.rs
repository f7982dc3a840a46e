//! HTTP/1.1 as bytes: heads, and where the message behind one ends.
//!
//! Nothing here reads a socket or waits: bytes are handed in as they came, and what is whole is
//! taken off their front. The rule throughout is one unambiguous framing, or a refusal, because
//! two readers of one message that disagree about its end are how requests are smuggled
//! (RFC 9112 §11.2). Read [`head`] for heads, [`framing`] for how the end of a body is told, and
//! [`chunked`] for bodies whose length nobody knows beforehand.

pub mod chunked;
pub mod framing;
pub mod head;
mod lines;
