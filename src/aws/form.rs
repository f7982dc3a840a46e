//! What is to be known of a query's form to say which operation it asks for.

use std::borrow::Cow;

use crate::aws::percent;
use crate::aws::scope;

/// The longest name of an operation that is believed; the longest there is has 64 letters.
const MAX_OPERATION: usize = 128;

/// The two fields of a form that name what is asked for. Source: Smithy 2.0, "AWS query protocol".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Form<'a> {
    /// The operation.
    pub action: Option<Cow<'a, str>>,
    /// The version of the API, by which services that sign alike are told apart.
    pub version: Option<Cow<'a, str>>,
}

impl<'a> Form<'a> {
    /// Reads a form, or the beginning of one if it is not the `whole`: then its last field may be
    /// cut off, and is not read.
    pub(super) fn read(bytes: &'a [u8], whole: bool) -> Self {
        let end = if whole { Some(bytes.len()) } else { memchr::memrchr(b'&', bytes) };
        let fields = end.and_then(|end| bytes.get(..end)).unwrap_or_default();
        // What comes before bytes that are no text is text all the same.
        let text = match std::str::from_utf8(fields) {
            Ok(text) => text,
            Err(error) => {
                let valid = fields.get(..error.valid_up_to()).unwrap_or_default();
                std::str::from_utf8(valid).unwrap_or_default()
            }
        };
        Self::parse(text)
    }

    /// Reads the query of a URL, raw.
    pub(super) fn parse(text: &'a str) -> Self {
        let mut form = Self::default();
        for (key, value) in scope::parameters(text) {
            if form.action.is_none() && key == "Action" {
                form.action = Some(percent::decode(value)).filter(|name| is_operation(name));
            } else if form.version.is_none() && key == "Version" {
                form.version = Some(percent::decode(value));
            }
            if form.action.is_some() && form.version.is_some() {
                break;
            }
        }
        form
    }
}

/// Whether a text from outside can be the name of an operation.
pub(super) fn is_operation(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_OPERATION
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_whole() {
        for (bytes, whole, action, version) in [
            (
                "Action=SendMessage&Version=2012-11-05",
                true,
                Some("SendMessage"),
                Some("2012-11-05"),
            ),
            ("Action=SendMessage&Version=2012-11", false, Some("SendMessage"), None),
            ("QueueUrl=x&Action=Send", false, None, None),
            ("QueueUrl=%ff&Action=Send", true, Some("Send"), None),
            ("Message=\u{e9}&Action=Send%4dessage", true, Some("SendMessage"), None),
            ("Action=a%20b&Action=Later", true, Some("Later"), None),
            ("Action=&Version=1", true, None, Some("1")),
            ("", true, None, None),
            ("Action=Publish", false, None, None),
        ] {
            let form = Form::read(bytes.as_bytes(), whole);
            assert_eq!(
                (form.action.as_deref(), form.version.as_deref()),
                (action, version),
                "{bytes}"
            );
        }
        assert_eq!(Form::read(b"Action=A&x=\xff&Version=1", true).action.as_deref(), Some("A"));
    }
}
