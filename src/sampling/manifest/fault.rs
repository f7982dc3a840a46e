//! What can be wrong in a rules file, where, and how to mend it.

use serde_json::Value;
use thiserror::Error;

/// One fault in a rules file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{at} {problem}")]
pub struct Fault {
    /// Where: a path such as `rules[2].rate`, or a line and column where the text is not JSON.
    pub at: Box<str>,
    /// What is wrong, and how to mend it.
    pub problem: Problem,
}

/// What is wrong at a place of a rules file; shown with how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// The default rule has a pattern.
    #[error(
        "is a pattern, but the default rule takes every request: remove it, or make it one of rules"
    )]
    Matcher,
    /// A key is missing.
    #[error("is missing: add it as {wanted}")]
    Missing {
        /// What belongs there.
        wanted: &'static str,
    },
    /// The text is not JSON.
    #[error("is not JSON ({message}): mend it there")]
    Syntax {
        /// What the JSON parser stumbled over.
        message: Box<str>,
    },
    /// A key that is not known at this place, or not in this version.
    #[error("is not a key here: remove it, or use one of {known}")]
    Unknown {
        /// The keys that are known, separated by commas.
        known: Box<str>,
    },
    /// A value that cannot stand here.
    #[error("is {found}: make it {wanted}")]
    Wrong {
        /// The value, or what kind of value it is.
        found: Box<str>,
        /// What belongs there.
        wanted: &'static str,
    },
}

impl Fault {
    /// A fault at a path; the empty path is the whole file.
    pub(super) fn new(at: String, problem: Problem) -> Self {
        let at = if at.is_empty() { "the file".into() } else { at.into_boxed_str() };
        Self { at, problem }
    }

    /// The text cannot be read as JSON.
    pub(super) fn syntax(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        // The parser says the place behind the message; here it stands in front.
        let place = format!(" at line {line} column {column}");
        let message = text.strip_suffix(&place).unwrap_or(&text).into();
        Self::new(format!("line {line} column {column}"), Problem::Syntax { message })
    }
}

impl Problem {
    /// A key that is not among the `known` ones.
    pub(super) fn unknown(known: &[&str]) -> Self {
        Self::Unknown { known: known.join(", ").into_boxed_str() }
    }

    /// `value` cannot stand where `wanted` belongs. Texts and collections are named by their kind
    /// only, because they may be long.
    pub(super) fn wrong(value: &Value, wanted: &'static str) -> Self {
        let found = match value {
            Value::Null => "null".into(),
            Value::Bool(value) => value.to_string().into_boxed_str(),
            Value::Number(value) => value.to_string().into_boxed_str(),
            Value::String(_) => "a text".into(),
            Value::Array(_) => "a list".into(),
            Value::Object(_) => "an object".into(),
        };
        Self::Wrong { found, wanted }
    }
}
