//! The local API as a function of values: from a request's path and JSON to what is said, or to
//! what is wrong with it, where, and how to mend it.
//!
//! [`route`] reads paths, [`said`] what is put to a request, [`piece`] the subsegments that a
//! program begins and ends by itself. Nothing here knows which requests there are.

use crate::trace::segment::remarks::Refused;

pub mod details;
mod fields;
pub mod piece;
pub mod route;
pub mod said;

/// Most bytes that the body of a request may have; a document has no room for more.
pub const MAX_BODY: usize = 64 * 1024;

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not what the route takes: no JSON, a key that is not known, a value of another type.
    #[error("{0}")]
    Malformed(Box<str>),
    /// It is well-formed, and yet cannot be recorded.
    #[error("{0}")]
    Refused(Box<str>),
}

impl Fault {
    fn malformed(at: &str, message: &str) -> Self {
        Self::Malformed(placed(at, message))
    }

    fn refused(at: &str, message: &str) -> Self {
        Self::Refused(placed(at, message))
    }

    fn limit(at: &str, refused: Refused) -> Self {
        Self::refused(at, &refused.to_string())
    }
}

/// What is said of the place `at`, which is empty for the body as a whole.
fn placed(at: &str, message: &str) -> Box<str> {
    if at.is_empty() { message.into() } else { format!("{at}: {message}").into() }
}
