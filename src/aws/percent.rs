//! Percent-encoding, read only: what goes on is what came (RFC 3986 §2.1).

use std::borrow::Cow;
use std::cmp::Ordering;

/// The bytes of `text` with each `%XX` as the byte it stands for; any other `%` stands for itself.
pub fn decoded(text: &str) -> impl Iterator<Item = u8> + Clone + '_ {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (first, behind) = rest.split_first()?;
        rest = behind;
        if *first == b'%'
            && let [high, low, behind @ ..] = behind
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            rest = behind;
            return Some(high * 16 + low);
        }
        Some(*first)
    })
}

/// Whether `text` decodes to `plain`, in the case of `plain`. Most texts tell by their length.
#[must_use]
pub fn same(text: &str, plain: &str) -> bool {
    match text.len().cmp(&plain.len()) {
        Ordering::Less => false,
        Ordering::Equal => text == plain,
        Ordering::Greater => text.as_bytes().contains(&b'%') && decoded(text).eq(plain.bytes()),
    }
}

/// What `text` decodes to. Where that is no UTF-8, U+FFFD stands for what is not. At most three
/// times as long as `text`.
#[must_use]
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes: Vec<u8> = decoded(text).collect();
    Cow::Owned(
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    )
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decodes() {
        for (text, plain) in [
            ("", ""),
            ("a+b", "a+b"),
            ("a%2Fb%2fc", "a/b/c"),
            ("%", "%"),
            ("%2", "%2"),
            ("%zz%4", "%zz%4"),
            ("%C3%A9", "é"),
            ("%ff", "\u{fffd}"),
            ("%252F", "%2F"),
        ] {
            assert_eq!(decode(text), plain, "{text}");
        }
        assert!(same("X-Amz-Id", "X-Amz-Id") && same("X%2DAmz-Id", "X-Amz-Id"));
        assert!(!same("x-amz-id", "X-Amz-Id"));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".{0,64}|(%[0-9a-fA-F]{0,2}|é|x){0,30}") {
            prop_assert!(decode(&text).len() <= 3 * text.len());
        }
    }
}
