//! A cursor over a JSON object: takes fields one by one, and knows where each stands. What is left
//! when the reader is done is unknown, so that a misspelt key is not missed.

use serde_json::Map;
use serde_json::Value;

use crate::api::Fault;
use crate::nearest;
use crate::trace::time::Micros;

/// What a parser of values returns.
pub(super) type Parsed<T> = Result<T, Fault>;

/// Most characters of a key that a fault quotes.
const QUOTED: usize = 60;

/// A time beyond this is not in seconds: the year is 2286.
const LAST_SECOND: f64 = 1e10;

/// A body as JSON.
pub(super) fn json(body: &[u8]) -> Parsed<Value> {
    serde_json::from_slice(body).map_err(|error| Fault::malformed("", &format!("no JSON: {error}")))
}

/// An object that is being read.
#[derive(Debug)]
pub(super) struct Fields {
    at: String,
    left: Map<String, Value>,
    /// The keys asked for so far.
    known: Vec<&'static str>,
}

impl Fields {
    /// The object `value`, which stands at `at`; `like` is an example of one.
    pub(super) fn of(value: Value, at: &str, like: &str) -> Parsed<Self> {
        let Value::Object(left) = value else {
            return Err(expected(at, &format!("an object, as {like}"), &value));
        };
        Ok(Self { at: at.to_owned(), left, known: Vec::new() })
    }

    /// Where `key` stands.
    pub(super) fn place(&self, key: &str) -> String {
        below(&self.at, key)
    }

    /// Whether `key` is there, and has not been read.
    pub(super) fn has(&self, key: &str) -> bool {
        self.left.get(key).is_some_and(|value| !value.is_null())
    }

    /// What `parse` makes of the field `key`, if it is there. `null` is as good as nothing.
    pub(super) fn find<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(Value, &str) -> Parsed<T>,
    ) -> Parsed<Option<T>> {
        self.known.push(key);
        match self.left.shift_remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => parse(value, &self.place(key)).map(Some),
        }
    }

    /// The same of a field that must be there; `like` is an example of it.
    pub(super) fn need<T>(
        &mut self,
        key: &'static str,
        like: &str,
        parse: impl FnOnce(Value, &str) -> Parsed<T>,
    ) -> Parsed<T> {
        let missing = || Fault::malformed(&self.place(key), &format!("missing; write {like}"));
        let missing = missing();
        self.find(key, parse)?.ok_or(missing)
    }

    /// What is left, of an object whose keys are free.
    pub(super) fn rest(self) -> Map<String, Value> {
        self.left
    }

    /// Nothing more is to be read.
    pub(super) fn finish(self) -> Parsed<()> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(key) => {
                let message = nearest::unknown("field", key, &self.known);
                Err(Fault::malformed(&self.place(&quoted(key)), &message))
            }
        }
    }
}

/// The place of `key` in what stands at `at`.
fn below(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}

/// A key of the user's on one line, in quotes if it needs them.
pub(super) fn quoted(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let short: String = key.chars().take(QUOTED).collect();
    let cut = if short.len() < key.len() { "…" } else { "" };
    if !short.is_empty() && short.chars().all(plain) {
        short + cut
    } else {
        format!("{short:?}{cut}")
    }
}

/// That `value` is of another type.
pub(super) fn expected(at: &str, what: &str, value: &Value) -> Fault {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Fault::malformed(at, &format!("expected {what}, found {found}"))
}

/// A text.
pub(super) fn text(value: Value, at: &str) -> Parsed<String> {
    let Value::String(text) = value else { return Err(expected(at, "a string", &value)) };
    Ok(text)
}

/// True or false.
#[expect(clippy::needless_pass_by_value, reason = "parsers take the value they are given")]
pub(super) fn flag(value: Value, at: &str) -> Parsed<bool> {
    value.as_bool().ok_or_else(|| expected(at, "true or false", &value))
}

/// A whole number that is not negative.
#[expect(clippy::needless_pass_by_value, reason = "parsers take the value they are given")]
pub(super) fn whole(value: Value, at: &str) -> Parsed<u64> {
    value.as_u64().ok_or_else(|| expected(at, "a whole number that is not negative", &value))
}

/// The same, that fits 32 bits.
pub(super) fn small(value: Value, at: &str) -> Parsed<u32> {
    let number = whole(value, at)?;
    u32::try_from(number).map_err(|_| Fault::refused(at, "larger than 4294967295"))
}

/// X-Ray's seconds since 1970, with a fraction.
#[expect(clippy::needless_pass_by_value, reason = "parsers take the value they are given")]
pub(super) fn seconds(value: Value, at: &str) -> Parsed<Micros> {
    let what = "seconds since 1970 as a number, as 1795348800.25";
    let seconds = value.as_f64().ok_or_else(|| expected(at, what, &value))?;
    if !(0.0..LAST_SECOND).contains(&seconds) {
        let message = format!("not a time: {what}, not milliseconds");
        return Err(Fault::refused(at, &message));
    }
    Ok(micros(seconds))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to 10^16, by the check before"
)]
fn micros(seconds: f64) -> Micros {
    Micros::new((seconds * 1e6).round() as u64)
}

/// What `parse` makes of each element of a list.
pub(super) fn list<T>(
    value: Value,
    at: &str,
    mut parse: impl FnMut(Value, &str) -> Parsed<T>,
) -> Parsed<Vec<T>> {
    let Value::Array(values) = value else { return Err(expected(at, "a list", &value)) };
    let elements = values.into_iter().enumerate();
    elements.map(|(index, value)| parse(value, &format!("{at}[{index}]"))).collect()
}
