//! A segment or subsegment as the viewer reads it: whatever is absent, or of another type than
//! X-Ray documents, is as if it had not been said.

use serde_json::Value;

/// A segment or subsegment within a document.
#[derive(Clone, Copy, Debug)]
pub struct Entity<'a>(&'a Value);

impl<'a> Entity<'a> {
    /// The entity that `document` is.
    #[must_use]
    pub const fn new(document: &'a Value) -> Self {
        Self(document)
    }

    /// Its id.
    #[must_use]
    pub fn id(self) -> Option<&'a str> {
        self.text("/id")
    }

    /// The id of what it is below, where it is not embedded in that.
    #[must_use]
    pub fn parent_id(self) -> Option<&'a str> {
        self.text("/parent_id")
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.text("/name").unwrap_or("(no name)")
    }

    /// Whether it is a subsegment that was sent on its own.
    #[must_use]
    pub fn is_separate(self) -> bool {
        self.text("/type") == Some("subsegment")
    }

    /// When it began, in seconds since the Unix epoch.
    #[must_use]
    pub fn start(self) -> Option<f64> {
        self.number("/start_time")
    }

    /// When it ended, in seconds since the Unix epoch; none while it is in progress.
    #[must_use]
    pub fn end(self) -> Option<f64> {
        self.number("/end_time")
    }

    /// The request's method.
    #[must_use]
    pub fn method(self) -> Option<&'a str> {
        self.text("/http/request/method")
    }

    /// The request's URL.
    #[must_use]
    pub fn url(self) -> Option<&'a str> {
        self.text("/http/request/url")
    }

    /// The response's status.
    #[must_use]
    pub fn status(self) -> Option<u64> {
        self.0.pointer("/http/response/status")?.as_u64()
    }

    /// Whether `flag` is set: `error`, `throttle` or `fault`.
    #[must_use]
    pub fn flag(self, flag: &str) -> bool {
        self.0.get(flag).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The message of the first exception of its cause.
    #[must_use]
    pub fn cause(self) -> Option<&'a str> {
        self.text("/cause/exceptions/0/message")
    }

    /// The subsegments that travel inside it.
    pub fn subsegments(self) -> impl Iterator<Item = Self> {
        self.0.get("subsegments").and_then(Value::as_array).into_iter().flatten().map(Self)
    }

    /// Calls `see` with this entity and every one inside it, parents first.
    pub fn walk(self, see: &mut impl FnMut(Self)) {
        see(self);
        // No deeper than the parser let the document be nested.
        self.subsegments().for_each(|child| child.walk(see));
    }

    fn text(self, pointer: &str) -> Option<&'a str> {
        self.0.pointer(pointer)?.as_str()
    }

    fn number(self, pointer: &str) -> Option<f64> {
        self.0.pointer(pointer)?.as_f64()
    }
}
