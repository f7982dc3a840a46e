//! What went wrong: the flags, and the `cause` block.

use std::borrow::Cow;

use serde::Serialize;

use crate::trace::id::SegmentId;

/// The `error`, `throttle` and `fault` flags; several may be set together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The client's error: a 4xx.
    pub error: bool,
    /// The server asked the client to slow down: a 429.
    pub throttle: bool,
    /// The server's fault: a 5xx, or it could not be reached.
    pub fault: bool,
}

impl Flags {
    /// The flags a status stands for. Source: X-Ray developer guide, "Errors, faults, and
    /// exceptions".
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        Self { error: status >= 400 && status < 500, throttle: status == 429, fault: status >= 500 }
    }

    /// Those of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            error: self.error || other.error,
            throttle: self.throttle || other.throttle,
            fault: self.fault || other.fault,
        }
    }
}

/// Why an exchange failed. Source: X-Ray developer guide, "Segment documents", `cause`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Where the program was started, if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<Box<str>>,
    /// What was thrown, what came first in front.
    pub exceptions: Vec<Exception>,
}

/// One exception.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exception {
    /// Its id, minted like a segment's.
    pub id: SegmentId,
    /// Its message.
    pub message: Box<str>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// Whether the called service threw it.
    pub remote: bool,
    /// The exception that made it be thrown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<SegmentId>,
    /// Frames that were left out of the stack.
    #[serde(skip_serializing_if = "is_zero")]
    pub truncated: u32,
    /// Where it was thrown, the innermost frame first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<Frame>,
}

/// One frame of a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// The file.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub path: Box<str>,
    /// The line in it.
    #[serde(skip_serializing_if = "is_zero")]
    pub line: u32,
    /// The function.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub label: Box<str>,
}

impl Exception {
    /// One of the type `kind`, thrown here, without more to say.
    #[must_use]
    pub fn new(id: SegmentId, kind: impl Into<Cow<'static, str>>) -> Self {
        let (message, kind, remote) = (Box::default(), kind.into(), false);
        Self { id, message, kind, remote, cause: None, truncated: 0, stack: Vec::new() }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}
