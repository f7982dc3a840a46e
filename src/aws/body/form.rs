//! `application/x-www-form-urlencoded`: the pairs of a form or a query.

use std::borrow::Cow;

use memchr::memchr_iter;
use memchr::memchr2;

/// The pairs of `form`, decoded; one that cannot be decoded is left out. The last one is left out as
/// well unless the form `ends` behind it.
///
/// Source: URL Standard, "application/x-www-form-urlencoded parsing"; a `%` that does not begin an
/// escape stands for itself.
pub fn pairs(form: &[u8], ends: Ends) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let end = match ends {
        Ends::Here => form.len(),
        Ends::Later => memchr::memrchr(b'&', form).unwrap_or(0),
    };
    let form = form.get(..end).unwrap_or_default();
    let mut start = 0;
    memchr_iter(b'&', form).chain([form.len()]).filter_map(move |end| {
        let pair = form.get(start..end)?;
        start = end + 1;
        let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
        let name = decoded(pair.get(..equals)?)?;
        let value = decoded(pair.get(equals + 1..).unwrap_or_default())?;
        (!pair.is_empty()).then_some((name, value))
    })
}

/// Where a form ends that is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// With what is given.
    Here,
    /// Behind it, perhaps in the middle of a pair.
    Later,
}

fn decoded(text: &[u8]) -> Option<Cow<'_, str>> {
    if memchr2(b'%', b'+', text).is_none() {
        return std::str::from_utf8(text).ok().map(Cow::Borrowed);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        let escape = behind.split_first_chunk().filter(|_| *first == b'%');
        let escaped =
            escape.and_then(|([high, low], behind)| Some((hex(*high)? * 16 + hex(*low)?, behind)));
        let (byte, behind) =
            escaped.unwrap_or((if *first == b'+' { b' ' } else { *first }, behind));
        decoded.push(byte);
        rest = behind;
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: &str, ends: Ends) -> Vec<(String, String)> {
        pairs(form.as_bytes(), ends).map(|(a, b)| (a.into(), b.into())).collect()
    }

    #[test]
    fn pairs_are_decoded() {
        let table: &[(&str, &[(&str, &str)])] = &[
            ("", &[]),
            ("&&", &[]),
            ("a=1&b=2", &[("a", "1"), ("b", "2")]),
            ("a&b=&=c&d=e=f", &[("a", ""), ("b", ""), ("", "c"), ("d", "e=f")]),
            ("a+b=c%20d%2B%26", &[("a b", "c d+&")]),
            ("a=%C3%BC&b=%FF&c=3", &[("a", "ü"), ("c", "3")]),
            ("a=%&b=%1&c=%1g&d=%%41", &[("a", "%"), ("b", "%1"), ("c", "%1g"), ("d", "%A")]),
        ];
        for (form, expected) in table {
            let expected: Vec<_> =
                expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(read(form, Ends::Here), expected, "pairs of {form}");
        }
    }

    #[test]
    fn a_pair_that_may_go_on_does_not_count() {
        for (form, expected) in [("a=1&b=2", 1), ("a=1&", 1), ("a=1", 0), ("", 0)] {
            assert_eq!(read(form, Ends::Later).len(), expected, "pairs of {form}");
        }
    }
}
