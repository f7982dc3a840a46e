//! What a service says of a request itself, in headers of its response that are for us alone:
//! `X-Sideray-Annotate: key=value; key="a text"`, in as many lines as it likes, and
//! `X-Sideray-User: name`.
//!
//! `true`, `false` and plain decimal numbers have their type; all else is a text, and so is what
//! stands in double quotes, in which `\"` and `\\` are those characters. A value with a semicolon
//! must stand in quotes. Of two pairs with one key, and of two users, the later counts.

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;

use crate::annotate::text;
use crate::trace::segment::remarks::Key;
use crate::trace::segment::remarks::Scalar;

const ANNOTATE: HeaderName = HeaderName::from_static("x-sideray-annotate");
const USER: HeaderName = HeaderName::from_static("x-sideray-user");

/// Most pairs of one response that are looked at.
pub const MAX_PAIRS: usize = 64;

/// What a service has said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Annotations, in their order.
    pub annotations: Vec<(Key, Scalar)>,
    /// Who the request is for.
    pub user: Option<Box<str>>,
    /// Pairs and users that made no sense, or were beyond [`MAX_PAIRS`].
    pub malformed: u64,
}

/// Whether a service says anything. Asked for every response.
#[must_use]
pub fn is_there(headers: &HeaderMap) -> bool {
    // To look at the names there are costs less than to look for two that are not.
    headers.keys().any(|name| name.as_str().starts_with("x-sideray-"))
}

/// Takes the headers out, for the client is not to see them.
pub fn remove(headers: &mut HeaderMap) {
    headers.remove(ANNOTATE);
    headers.remove(USER);
}

/// What the headers say.
#[must_use]
pub fn read(headers: &HeaderMap) -> Said {
    let mut said = Said::default();
    let lines = headers.get_all(ANNOTATE).iter().map(HeaderValue::as_bytes);
    let mut left = MAX_PAIRS;
    for line in lines {
        let line = String::from_utf8_lossy(line);
        for pair in pairs(&line) {
            if left == 0 {
                said.malformed += 1;
                break;
            }
            left -= 1;
            match read_pair(pair) {
                Some(pair) => said.annotations.push(pair),
                None => said.malformed += 1,
            }
        }
    }
    for line in headers.get_all(USER) {
        match text::clean(line.as_bytes()) {
            Some(user) => said.user = Some(user.into()),
            None => said.malformed += 1,
        }
    }
    said
}

/// The pieces between semicolons that stand in no quotes; blank ones are left out.
fn pairs(line: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let pieces = line.split(move |c: char| {
        let ends = c == ';' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        ends
    });
    pieces.map(str::trim).filter(|piece| !piece.is_empty())
}

fn read_pair(pair: &str) -> Option<(Key, Scalar)> {
    let (key, value) = pair.split_once('=')?;
    let key = Key::clean(key.trim())?;
    let value = value.trim();
    let value = match value.strip_prefix('"') {
        None => text::guessed(&text::clean(value.as_bytes())?),
        Some(value) => Scalar::text(&text::clean(unquoted(value)?.as_bytes())?),
    };
    Some((key, value))
}

/// What stands in quotes, of which the first is behind us; none if they end elsewhere than at the
/// end.
fn unquoted(text: &str) -> Option<String> {
    let mut bare = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return characters.next().is_none().then_some(bare),
            '\\' => bare.push(characters.next()?),
            c => bare.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::json;

    use super::*;

    fn said(lines: &[(&HeaderName, &[u8])]) -> Said {
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            headers.append(*name, HeaderValue::from_bytes(line).unwrap());
        }
        assert_eq!(is_there(&headers), !lines.is_empty());
        let said = read(&headers);
        remove(&mut headers);
        assert!(headers.is_empty());
        said
    }

    fn annotations(said: &Said) -> Vec<(&str, Value)> {
        let pairs = said.annotations.iter();
        pairs.map(|(key, value)| (key.as_str(), text::to_json(value.clone()))).collect()
    }

    #[test]
    fn pairs_are_read_as_they_are_written() {
        for (line, want, malformed) in [
            ("tenant=acme", vec![("tenant", json!("acme"))], 0),
            (
                " a = 1 ; b=true;c=1.5; ",
                vec![("a", json!(1)), ("b", json!(true)), ("c", json!(1.5))],
                0,
            ),
            ("a=\"1\";b=\"x;y=\\\"z\\\\\"", vec![("a", json!("1")), ("b", json!("x;y=\"z\\"))], 0),
            ("order-id=007", vec![("order_id", json!("007"))], 0),
            ("a=b=c", vec![("a", json!("b=c"))], 0),
            ("gr\u{fc}n=\u{20ac}", vec![("gr_n", json!("\u{20ac}"))], 0),
            ("a", vec![], 1),
            ("=1", vec![], 1),
            ("-=1", vec![], 1),
            ("a=", vec![], 1),
            ("a=\"\"", vec![], 1),
            ("a=\"b", vec![], 1),
            ("a=\"b\" c; d=1", vec![("d", json!(1))], 1),
            ("a=\"b\\", vec![], 1),
            ("", vec![], 0),
            (";;", vec![], 0),
        ] {
            let said = said(&[(&ANNOTATE, line.as_bytes())]);
            assert_eq!(annotations(&said), want, "{line}");
            assert_eq!(said.malformed, malformed, "{line}");
        }
    }

    #[test]
    fn the_later_user_counts_and_blank_ones_do_not() {
        let said = said(&[(&USER, b" ann "), (&USER, b"bob\xff"), (&USER, b" ")]);
        assert_eq!((said.user.as_deref(), said.malformed), (Some("bob\u{fffd}"), 1));
    }

    #[test]
    fn so_many_pairs_are_looked_at() {
        let line = (0..=MAX_PAIRS).map(|n| format!("k{n}={n}")).collect::<Vec<_>>().join(";");
        let all = said(&[(&ANNOTATE, line.as_bytes())]);
        assert_eq!((all.annotations.len(), all.malformed), (MAX_PAIRS, 1));
        let bad = said(&[(&ANNOTATE, "=;".repeat(9_999).as_bytes()), (&ANNOTATE, b"a=1")]);
        assert_eq!((bad.annotations.len(), bad.malformed), (0, MAX_PAIRS as u64 + 2));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(lines in prop::collection::vec("[a-b=;\"\\\\ 0-9\u{80}-\u{ff}]{0,20}", 0..5)) {
            let name = ANNOTATE;
            let headers: Vec<_> = lines.iter().map(|line| (&name, line.as_bytes())).collect();
            for (key, _) in &said(&headers).annotations {
                prop_assert!(Key::new(key.as_str()).is_some());
            }
        }
    }
}
