//! Appends JSON to a buffer, for the few documents that every request leaves.
//!
//! What is in every document is written here, piece by piece, in less than half the time that a
//! general serializer takes for it (`cargo bench --bench core`); what is seldom there goes through
//! [`Json::value`].

use serde::Serialize;

use crate::trace::time::Micros;

/// JSON in the making. Commas, colons and braces are the caller's, in the literals it writes.
#[derive(Debug)]
pub(super) struct Json<'a>(&'a mut Vec<u8>);

impl<'a> Json<'a> {
    /// Appends to `buffer`.
    pub(super) const fn new(buffer: &'a mut Vec<u8>) -> Self {
        Self(buffer)
    }

    /// Appends a piece of JSON as it is.
    pub(super) fn raw(&mut self, json: &str) {
        self.0.extend_from_slice(json.as_bytes());
    }

    /// Appends a string, escaped where it must be.
    pub(super) fn string(&mut self, text: &str) {
        let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
        if text.as_bytes().iter().all(plain) {
            self.0.push(b'"');
            self.raw(text);
            self.0.push(b'"');
        } else {
            self.value(text);
        }
    }

    /// Appends a whole number.
    pub(super) fn number(&mut self, number: u64) {
        self.digits(number, 1);
    }

    /// Appends X-Ray's floating point seconds, to the microsecond.
    pub(super) fn seconds(&mut self, at: Micros) {
        self.number(at.get() / 1_000_000);
        self.0.push(b'.');
        self.digits(at.get() % 1_000_000, 6);
    }

    /// Appends anything. Encoding into memory cannot fail; if it did, `null` would stand there.
    pub(super) fn value(&mut self, value: &(impl Serialize + ?Sized)) {
        let start = self.0.len();
        if serde_json::to_writer(&mut *self.0, value).is_err() {
            self.0.truncate(start);
            self.raw("null");
        }
    }

    /// Appends a number with at least `width` digits.
    fn digits(&mut self, mut number: u64, width: usize) {
        let mut digits = [b'0'; 20];
        let mut used = 0;
        for digit in digits.iter_mut().rev() {
            if number == 0 && used >= width {
                break;
            }
            *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
            used += 1;
        }
        self.0.extend_from_slice(digits.split_at(digits.len() - used).1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn written(write: impl FnOnce(&mut Json<'_>)) -> String {
        let mut buffer = Vec::new();
        write(&mut Json::new(&mut buffer));
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn seconds_keep_their_microseconds() {
        for (micros, text) in [
            (1_478_293_361_271_001, "1478293361.271001"),
            (1_478_293_361_000_000, "1478293361.000000"),
            (1_000_020, "1.000020"),
            (0, "0.000000"),
        ] {
            assert_eq!(written(|json| json.seconds(Micros::new(micros))), text);
        }
    }

    proptest! {
        #[test]
        fn numbers_and_strings_read_back(number in any::<u64>(), text in any::<String>()) {
            prop_assert_eq!(written(|json| json.number(number)), number.to_string());
            let string: Value = serde_json::from_str(&written(|json| json.string(&text))).unwrap();
            prop_assert_eq!(string, Value::String(text));
        }
    }
}
