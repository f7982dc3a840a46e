//! Values as they came, made into what a document may say.

use std::borrow::Cow;

use serde_json::Number;
use serde_json::Value;

use crate::annotate::rule::Kind;
use crate::trace::segment::remarks::Scalar;

/// Most bytes of a value that are looked at: a thousand characters, which is what X-Ray keeps, of
/// four bytes each, and some more.
const LONGEST: usize = 4_096;

/// A value as its source has it.
#[derive(Debug)]
pub(super) enum Read<'a> {
    /// Bytes of whatever encoding, to be read as their rule says.
    Raw(Cow<'a, [u8]>),
    /// Known beforehand.
    Known(&'a Scalar),
}

/// It is not of the type that it was to be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Untyped;

/// The text of `bytes` without what surrounds it and without control characters; what is not UTF-8
/// is replaced. None if nothing is left.
pub(super) fn clean(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let text = String::from_utf8_lossy(bytes.get(..LONGEST).unwrap_or(bytes));
    let text: Cow<'_, str> = if text.contains(char::is_control) {
        text.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned().into()
    } else {
        match text {
            Cow::Borrowed(text) => text.trim().into(),
            Cow::Owned(text) => text.trim().to_owned().into(),
        }
    };
    Some(text).filter(|text| !text.is_empty())
}

/// The value of `bytes` that is of this kind; none if there is nothing.
pub(super) fn typed(kind: Kind, bytes: &[u8]) -> Option<Result<Scalar, Untyped>> {
    let text = clean(bytes)?;
    let value = match kind {
        Kind::Text => Some(Scalar::text(&text)),
        Kind::Number => number(&text).map(Scalar::Number),
        Kind::Boolean => boolean(&text).map(Scalar::Boolean),
    };
    Some(value.ok_or(Untyped))
}

/// A decimal number, with or without sign, fraction and exponent.
fn number(text: &str) -> Option<Number> {
    let whole = || text.parse::<i64>().map(Number::from);
    whole().or_else(|_| text.parse::<u64>().map(Number::from)).ok().or_else(|| {
        // What is infinite, or not a number, is no number of JSON.
        text.parse::<f64>().ok().and_then(Number::from_f64)
    })
}

fn boolean(text: &str) -> Option<bool> {
    let is = |words: [&str; 2]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["true", "1"]) {
        return Some(true);
    }
    is(["false", "0"]).then_some(false)
}

/// The value of a text whose type nobody has said: `true`, `false`, or a number as one writes it
/// by hand, of which no digit would be lost; else a text.
pub(super) fn guessed(text: &str) -> Scalar {
    match text {
        "true" => Scalar::Boolean(true),
        "false" => Scalar::Boolean(false),
        _ => plain_number(text).map_or_else(|| Scalar::text(text), Scalar::Number),
    }
}

/// A number in decimal digits, without leading zeros and without exponent.
fn plain_number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let plain = whole == "0" || !whole.starts_with('0');
    if !(are_digits(whole) && are_digits(fraction) && plain) {
        return None;
    }
    match text.parse::<i64>() {
        Ok(number) => Some(number.into()),
        // As many digits as any double keeps.
        Err(_) if digits.len() <= 16 => text.parse().ok().and_then(Number::from_f64),
        Err(_) => None,
    }
}

/// The bytes that percent-encoding stands for; what is not encoded, or wrongly, stands for itself.
pub(super) fn decoded(text: &str) -> impl Iterator<Item = u8> {
    let mut left = text.as_bytes();
    std::iter::from_fn(move || {
        let (first, rest) = left.split_first()?;
        left = rest;
        if let (b'%', [high, low, rest @ ..]) = (first, rest)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            left = rest;
            return Some(high << 4 | low);
        }
        Some(*first)
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The bytes of a value, decoded only if it has to be.
pub(super) fn plain(text: &str) -> Cow<'_, [u8]> {
    if text.contains('%') { decoded(text).take(LONGEST).collect() } else { text.as_bytes().into() }
}

/// The same of a form's field, in which `+` is a space.
pub(super) fn plain_of_form(text: &str) -> Cow<'_, [u8]> {
    if text.contains('+') {
        Cow::Owned(plain(&text.replace('+', " ")).into_owned())
    } else {
        plain(text)
    }
}

/// As a value of JSON.
pub(super) fn to_json(value: Scalar) -> Value {
    match value {
        Scalar::Text(text) => Value::String(text.into()),
        Scalar::Number(number) => Value::Number(number),
        Scalar::Boolean(flag) => Value::Bool(flag),
    }
}

/// As a text.
pub(super) fn to_text(value: Scalar) -> Box<str> {
    match value {
        Scalar::Text(text) => text,
        Scalar::Number(number) => number.to_string().into(),
        Scalar::Boolean(flag) => flag.to_string().into(),
    }
}

/// Bytes that it keeps.
pub(super) fn weight(value: &Scalar) -> usize {
    match value {
        Scalar::Text(text) => text.len(),
        Scalar::Number(_) | Scalar::Boolean(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_cleaned() {
        for (bytes, text) in [
            (&b" a b "[..], Some("a b")),
            (b"", None),
            (b" \t ", None),
            (b"\x1b[31m\x07", Some("[31m")),
            (b"a\xffb", Some("a\u{fffd}b")),
            (b"\x00 a \x7f", Some("a")),
            ("gr\u{fc}n\u{85}".as_bytes(), Some("gr\u{fc}n")),
        ] {
            assert_eq!(clean(bytes).as_deref(), text, "{bytes:?}");
        }
        assert_eq!(clean(&[b'a'; 5_000]).unwrap().len(), LONGEST);
    }

    #[test]
    fn values_have_the_type_they_are_to_have() {
        for (kind, text, value) in [
            (Kind::Text, "42", Some(json!("42"))),
            (Kind::Number, "42", Some(json!(42))),
            (Kind::Number, "-7", Some(json!(-7))),
            (Kind::Number, "18446744073709551615", Some(json!(u64::MAX))),
            (Kind::Number, "1.5e3", Some(json!(1500.0))),
            (Kind::Number, "007", Some(json!(7))),
            (Kind::Number, "1e999", None),
            (Kind::Number, "inf", None),
            (Kind::Number, "NaN", None),
            (Kind::Number, "4 2", None),
            (Kind::Number, "0x10", None),
            (Kind::Boolean, "TRUE", Some(json!(true))),
            (Kind::Boolean, "1", Some(json!(true))),
            (Kind::Boolean, "false", Some(json!(false))),
            (Kind::Boolean, "0", Some(json!(false))),
            (Kind::Boolean, "yes", None),
        ] {
            let read = typed(kind, text.as_bytes()).unwrap().ok().map(to_json);
            assert_eq!(read, value, "{kind:?} {text}");
        }
        assert_eq!(typed(Kind::Number, b" "), None, "nothing is of no type");
    }

    #[test]
    fn a_type_is_guessed_only_where_it_is_plain() {
        for (text, value) in [
            ("true", json!(true)),
            ("True", json!("True")),
            ("0", json!(0)),
            ("-1", json!(-1)),
            ("1.50", json!(1.5)),
            ("007", json!("007")),
            ("1e3", json!("1e3")),
            ("+1", json!("+1")),
            (".5", json!(".5")),
            ("5.", json!("5.")),
            ("9223372036854775807", json!(i64::MAX)),
            ("9223372036854775808", json!("9223372036854775808")),
            ("0.12345678901234", json!(0.123_456_789_012_34)),
            ("0.123456789012345678", json!("0.123456789012345678")),
            ("null", json!("null")),
        ] {
            assert_eq!(to_json(guessed(text)), value, "{text}");
        }
    }

    #[test]
    fn percent_encoding_is_taken_out() {
        for (text, want) in [
            ("a%20b", &b"a b"[..]),
            ("%e2%82%AC", "\u{20ac}".as_bytes()),
            ("100%", b"100%"),
            ("%2", b"%2"),
            ("%zz+", b"%zz+"),
        ] {
            assert_eq!(&*plain(text), want, "{text}");
        }
        assert_eq!(&*plain_of_form("a+b%2Bc"), b"a b+c");
    }
}
