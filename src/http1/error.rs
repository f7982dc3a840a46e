//! What can go wrong on the wire.

use std::io;

use crate::http1::chunked::ChunkError;
use crate::http1::head::HeadError;

/// Why a message could not be read or written to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body's chunks are not what RFC 9112 §7.1 says.
    #[error("the body is not valid chunked coding")]
    Chunk(#[source] ChunkError),
    /// The connection was closed in the middle of a message, or before it.
    #[error("the connection was closed")]
    Closed,
    /// The head of the message is not HTTP, or not unambiguous.
    #[error("the head is not valid HTTP")]
    Head(#[source] HeadError),
    /// More came than may come before a response.
    #[error("more than {0} informational responses to one request")]
    Interim(u32),
    /// The operating system reported an error.
    #[error("the connection broke")]
    Io(#[source] io::Error),
    /// The body of a message of our own is longer or shorter than its head said.
    #[error("the body is not as long as was declared")]
    Length,
}

impl Error {
    /// Whether the far side broke the protocol, rather than the connection.
    #[must_use]
    pub const fn is_protocol(&self) -> bool {
        match self {
            Self::Chunk(_) | Self::Head(_) | Self::Interim(_) => true,
            Self::Closed | Self::Io(_) | Self::Length => false,
        }
    }
}
