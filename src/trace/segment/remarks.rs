//! What is said of a segment or subsegment beyond what was seen of it: annotations, metadata, a
//! user, exceptions. All of it is bounded, so that it fits into a document with the rest.

mod amend;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Number;
use serde_json::Value;

use crate::trace::json::Json;
use crate::trace::segment::cause::Exception;
use crate::trace::segment::cause::Flags;

/// Most annotations of a request, its calls together: X-Ray indexes no more of a trace. Source:
/// X-Ray developer guide, "Annotations and metadata".
pub const MAX_ANNOTATIONS: usize = 50;

/// Most characters of an annotation's key. Source: as above, which counts those of texts too.
const MAX_KEY: usize = 500;
/// Most characters of an annotation that is a text.
pub const MAX_TEXT: usize = 1_000;

/// Most characters of a user. Source: X-Ray developer guide, "Segment documents".
pub const MAX_USER: usize = 250;

/// Most exceptions.
const MAX_EXCEPTIONS: usize = 16;

/// Most bytes of JSON that all remarks on one segment may take: half of a document, so that what
/// was taken need not be cut.
pub const ROOM: usize = 32 * 1024;

/// Bytes of memory that an annotation, a value of metadata, an exception or a frame of its stack
/// takes besides its texts, about.
const ENTRY: usize = 96;

/// The namespace of metadata for which none was named, as in the SDKs.
pub const DEFAULT_NAMESPACE: &str = "default";

/// What is said of one segment or subsegment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remarks {
    annotations: Vec<(Key, Scalar)>,
    /// JSON by key, by namespace: as text, which takes a fraction of what values in memory do.
    metadata: BTreeMap<Box<str>, BTreeMap<Box<str>, Box<str>>>,
    user: Option<Box<str>>,
    pub(super) exceptions: Vec<Exception>,
    pub(super) flags: Flags,
    pub(super) working_directory: Option<Box<str>>,
    /// Bytes of JSON, about.
    size: usize,
}

/// The key of an annotation: 1 to 500 ASCII letters, digits and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Box<str>);

/// The value of an annotation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// A text; at most a thousand characters of it are kept.
    Text(Box<str>),
    /// A number.
    Number(Number),
    /// True or false.
    Boolean(bool),
}

/// Why a remark was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There are [`MAX_ANNOTATIONS`].
    #[error("a trace has at most {MAX_ANNOTATIONS} annotations")]
    Annotations,
    /// There are as many exceptions as may be.
    #[error("a segment has at most {MAX_EXCEPTIONS} exceptions")]
    Exceptions,
    /// What there is takes [`ROOM`].
    #[error("what is said of a segment or subsegment takes at most {ROOM} bytes of JSON")]
    Room,
    /// The namespace of metadata belongs to AWS, or to us.
    #[error("namespaces that begin with \"AWS.\" are AWS's own, and \"sideray\" is ours")]
    Reserved,
}

impl Key {
    /// `text`, if it is a key as it stands.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let sound = (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(is_plain);
        sound.then(|| Self(text.into()))
    }

    /// The key nearest to `text`: what a key may not have becomes `_`, and what is too long is cut.
    /// None without any letter or digit.
    #[must_use]
    pub fn clean(text: &str) -> Option<Self> {
        let plain = |c: char| if u8::try_from(c).is_ok_and(is_plain) { c } else { '_' };
        let key: String = text.chars().take(MAX_KEY).map(plain).collect();
        key.bytes().any(|byte| byte != b'_').then(|| Self(key.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar {
    /// A text, cut to what X-Ray takes.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(cut(text, MAX_TEXT).into())
    }

    /// A value of JSON, if it is text, number or boolean.
    #[must_use]
    pub fn of_json(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::text(text)),
            Value::Number(number) => Some(Self::Number(number.clone())),
            Value::Bool(flag) => Some(Self::Boolean(*flag)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// The first `most` characters.
fn cut(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}

impl Remarks {
    /// Nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many annotations there are.
    #[must_use]
    pub const fn annotations(&self) -> usize {
        self.annotations.len()
    }

    /// Sets an annotation; one of the same key is replaced.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is no room; nothing has changed then.
    pub fn annotate(&mut self, key: Key, value: Scalar) -> Result<(), Refused> {
        let full = self.annotations.len() >= MAX_ANNOTATIONS;
        let before = self.annotations.iter_mut().find(|(other, _)| *other == key);
        if before.is_none() && full {
            return Err(Refused::Annotations);
        }
        let now = key.0.len() + weight(&value);
        let was = before.as_ref().map_or(0, |(key, value)| key.0.len() + weight(value));
        let size = fits(self.size - was + now)?;
        match before {
            Some(before) => *before = (key, value),
            None => self.annotations.push((key, value)),
        }
        self.size = size;
        Ok(())
    }

    /// Sets a value of metadata; one of the same namespace and key is replaced.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is no room, or the namespace is not the user's; nothing has changed
    /// then.
    pub fn describe(&mut self, namespace: &str, key: &str, value: &Value) -> Result<(), Refused> {
        if namespace.starts_with("AWS.") || namespace == "sideray" {
            return Err(Refused::Reserved);
        }
        self.describe_by(namespace, key, value.to_string().into())
    }

    fn describe_by(&mut self, namespace: &str, key: &str, json: Box<str>) -> Result<(), Refused> {
        let before = self.metadata.get(namespace);
        let was = before.and_then(|of| of.get(key)).map_or(0, |was| pair(key, was.len()));
        let opened = if before.is_none() { pair(namespace, 2) } else { 0 };
        self.size = fits(self.size - was + opened + pair(key, json.len()))?;
        self.metadata.entry(namespace.into()).or_default().insert(key.into(), json);
        Ok(())
    }

    /// Says who the request is for.
    pub fn set_user(&mut self, user: &str) {
        let user: Box<str> = cut(user, MAX_USER).into();
        self.size = self.size + user.len() - self.user.as_ref().map_or(0, |was| was.len());
        self.user = Some(user);
    }

    /// Adds an exception. Whether that is a fault is for [`flag`](Self::flag) to say.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is no room; nothing has changed then.
    pub fn throw(&mut self, exception: Exception) -> Result<(), Refused> {
        if self.exceptions.len() >= MAX_EXCEPTIONS {
            return Err(Refused::Exceptions);
        }
        self.size = fits(self.size + weight(&exception))?;
        self.exceptions.push(exception);
        Ok(())
    }

    /// Adds the exception that the response names, if there is room, and raises these flags.
    pub fn blame(&mut self, exception: Exception, flags: Flags) {
        self.flag(flags);
        // One that does not fit is one of many.
        self.throw(exception).ok();
    }

    /// The flags that were raised.
    #[must_use]
    pub const fn flags(&self) -> Flags {
        self.flags
    }

    /// Raises flags, besides those that the status raises.
    pub const fn flag(&mut self, flags: Flags) {
        self.flags = self.flags.or(flags);
    }

    /// Says where the program was started that threw an exception.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is no room; nothing has changed then.
    pub fn started_in(&mut self, directory: &str) -> Result<(), Refused> {
        let was = self.working_directory.as_ref().map_or(0, weight);
        self.size = fits(self.size - was + weight(&directory))?;
        self.working_directory = Some(directory.into());
        Ok(())
    }

    /// Bytes of JSON that it takes, about.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Bytes of memory that it takes, about.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let described: usize = self.metadata.values().map(|of| 1 + of.len()).sum();
        let thrown: usize = self.exceptions.iter().map(|one| 1 + one.stack.len()).sum();
        self.size + ENTRY * (self.annotations.len() + described + thrown)
    }

    /// Forgets annotations beyond the first `most`. Returns how many.
    pub fn limit(&mut self, most: usize) -> usize {
        let over = self.annotations.split_off(most.min(self.annotations.len()));
        let taken: usize = over.iter().map(|(key, value)| key.0.len() + weight(value)).sum();
        self.size -= taken;
        over.len()
    }

    /// `user`, behind a comma.
    pub(super) fn write_user(&self, json: &mut Json<'_>) {
        if let Some(user) = &self.user {
            json.raw(",\"user\":");
            json.string(user);
        }
    }

    /// `annotations`, behind a comma.
    pub(super) fn write_annotations(&self, json: &mut Json<'_>) {
        let mut between = ",\"annotations\":{";
        for (key, value) in &self.annotations {
            json.raw(between);
            json.string(&key.0);
            json.raw(":");
            json.value(value);
            between = ",";
        }
        if between == "," {
            json.raw("}");
        }
    }

    /// The namespaces of metadata, each behind what `between` says, which is a comma afterwards.
    pub(super) fn write_metadata(&self, json: &mut Json<'_>, between: &mut &'static str) {
        for (namespace, of) in &self.metadata {
            json.raw(between);
            json.string(namespace);
            let mut inner = ":{";
            for (key, value) in of {
                json.raw(inner);
                json.string(key);
                json.raw(":");
                json.raw(value);
                inner = ",";
            }
            json.raw("}");
            *between = ",";
        }
    }
}

fn fits(size: usize) -> Result<usize, Refused> {
    if size <= ROOM { Ok(size) } else { Err(Refused::Room) }
}

/// Bytes that a key and its value of this length take as JSON, with the comma that may follow.
fn pair(key: &str, value: usize) -> usize {
    weight(&key) + value + 2
}

/// Bytes that a value takes as JSON; what cannot be written takes none.
fn weight(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

#[cfg(test)]
mod tests;
