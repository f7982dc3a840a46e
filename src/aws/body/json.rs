//! JSON: the members of the object at the top.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr2;
use serde::Deserializer as _;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::Value;

/// The members of an object, each as long as it can be told where it ends: its name, and its value
/// as it is written. It ends where the object does, or is cut off, or is none.
///
/// Source: RFC 8259. Values are told apart but not checked; [`value`] does that.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Members<'a> {
    /// The members of the object that `body` begins with.
    #[must_use]
    pub fn new(body: &'a [u8]) -> Self {
        Self { rest: after(body, b'{').unwrap_or_default() }
    }

    fn member(&mut self) -> Option<(Cow<'a, str>, &'a [u8])> {
        let (name, rest) = string(self.rest.trim_ascii_start())?;
        let (value, rest) = span(after(rest, b':')?.trim_ascii_start())?;
        // Behind the last there is a brace instead.
        self.rest = after(rest, b',').unwrap_or_default();
        Some((unescaped(name)?, value))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let member = self.member();
        if member.is_none() {
            self.rest = &[];
        }
        member
    }
}

/// The value that is written as `json`, unless it is none, or `null`. Of nesting there may be as
/// much as `serde_json` allows, which is 128.
#[must_use]
pub fn value(json: &[u8]) -> Option<Value> {
    serde_json::from_slice(json).ok().filter(|value: &Value| !value.is_null())
}

/// The text that is written as `json`, if it is one.
#[must_use]
pub fn text(json: &[u8]) -> Option<Box<str>> {
    serde_json::from_slice(json).ok()
}

/// How many elements there are in the list that is written as `json`, if it is one.
#[must_use]
pub fn count(json: &[u8]) -> Option<usize> {
    struct Count;
    impl<'de> Visitor<'de> for Count {
        type Value = usize;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<usize, A::Error> {
            let mut count = 0;
            while list.next_element::<IgnoredAny>()?.is_some() {
                count += 1;
            }
            Ok(count)
        }
    }
    serde_json::Deserializer::from_slice(json).deserialize_seq(Count).ok()
}

/// The keys of the map that is written as `json`, if it is one, as often as they are there.
#[must_use]
pub fn keys(json: &[u8]) -> Option<Vec<String>> {
    struct Keys;
    impl<'de> Visitor<'de> for Keys {
        type Value = Vec<String>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
            let mut keys = Vec::new();
            while let Some((key, IgnoredAny)) = map.next_entry()? {
                keys.push(key);
            }
            Ok(keys)
        }
    }
    serde_json::Deserializer::from_slice(json).deserialize_map(Keys).ok()
}

/// What is behind `byte`, if that is what `json` has first, but for space.
fn after(json: &[u8], byte: u8) -> Option<&[u8]> {
    let (first, rest) = json.trim_ascii_start().split_first()?;
    (*first == byte).then_some(rest)
}

/// The string that `json` begins with, without its quotes but with its escapes, and what is behind.
fn string(json: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = json.strip_prefix(b"\"")?;
    let mut end = 0;
    loop {
        end += memchr2(b'"', b'\\', text.get(end..)?)?;
        match text.get(end)? {
            b'"' => break,
            _ => end += 2,
        }
    }
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// The string without its escapes.
fn unescaped(name: &[u8]) -> Option<Cow<'_, str>> {
    if name.contains(&b'\\') {
        serde_json::from_slice(&[b"\"", name, b"\""].concat()).ok().map(Cow::Owned)
    } else {
        std::str::from_utf8(name).ok().map(Cow::Borrowed)
    }
}

/// The value that `json` begins with, and what is behind it. A number or a word has ended only when
/// there is something behind it.
fn span(json: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = match json.first()? {
        b'"' => json.len() - string(json)?.1.len(),
        b'{' | b'[' => nested(json)?,
        _ => json
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b' ' | b'\t' | b'\r' | b'\n'))?,
    };
    json.split_at_checked(end)
}

/// The length of the object or the list that `json` begins with. Which bracket closes which is not
/// looked at.
fn nested(json: &[u8]) -> Option<usize> {
    let (mut rest, mut depth) = (json, 0_usize);
    loop {
        let at = rest.iter().position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']'))?;
        rest = match rest.get(at)? {
            b'"' => string(rest.get(at..)?)?.1,
            byte => {
                depth = if matches!(byte, b'{' | b'[') { depth + 1 } else { depth - 1 };
                rest.get(at + 1..)?
            }
        };
        if depth == 0 {
            return Some(json.len() - rest.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn members(json: &str) -> Vec<(String, &str)> {
        let members = Members::new(json.as_bytes());
        members.map(|(name, json)| (name.into(), str::from_utf8(json).unwrap())).collect()
    }

    #[test]
    fn members_are_found_as_far_as_they_are_there() {
        let deep = format!("{{\"a\":{}", "[".repeat(60_000));
        let table: &[(&str, &[(&str, &str)])] = &[
            (r#"{}"#, &[]),
            (r#""#, &[]),
            (r#"[{"a":1}]"#, &[]),
            (r#"<a>"#, &[]),
            (r#"{"a":1}"#, &[("a", "1")]),
            (" {\n\"a\" : 1 , \"b\"\t:\r[ 2 ] } ", &[("a", "1"), ("b", "[ 2 ]")]),
            (
                r#"{"a":"x,\"}\\","b":{"c":"}]"},"d":null}"#,
                &[("a", r#""x,\"}\\""#), ("b", r#"{"c":"}]"}"#), ("d", "null")],
            ),
            (r#"{"\u0061\"":true}"#, &[("a\"", "true")]),
            (r#"{"a":1,"a":2}"#, &[("a", "1"), ("a", "2")]),
            // Cut off.
            (r#"{"a":12"#, &[]),
            (r#"{"a":12,"#, &[("a", "12")]),
            (r#"{"a":tru"#, &[]),
            (r#"{"a":"x"#, &[]),
            (r#"{"a":"x\"#, &[]),
            (r#"{"a":"x\""#, &[]),
            (r#"{"a":"x""#, &[("a", r#""x""#)]),
            (r#"{"a":[1,{"b":2}"#, &[]),
            (r#"{"a":1,"b"#, &[("a", "1")]),
            // No JSON.
            (r#"{"a":1 "b":2}"#, &[("a", "1")]),
            (r#"{"a" 1}"#, &[]),
            (r#"{a:1}"#, &[]),
            (r#"{"\x":1,"b":2}"#, &[]),
            (&deep, &[]),
        ];
        for (json, expected) in table {
            let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect();
            assert_eq!(members(json), expected, "members of {json:.60}");
        }
    }

    #[test]
    fn values_are_taken_only_when_they_are_json() {
        assert_eq!(value(b"[1,{\"a\":null}]"), serde_json::from_str("[1,{\"a\":null}]").ok());
        for json in ["null", "", "[1}", "1 2", "tru", "\"\\x\""] {
            assert_eq!(value(json.as_bytes()), None, "value of {json:?}");
        }
        let deep = ["[".repeat(60_000), "]".repeat(60_000)].concat();
        assert_eq!(value(deep.as_bytes()), None);
        assert_eq!(count(deep.as_bytes()), Some(1));
        let table = [("[]", Some(0)), ("[1,[2,3]]", Some(2)), ("{}", None), ("null", None)];
        for (json, expected) in table {
            assert_eq!(count(json.as_bytes()), expected, "count of {json}");
        }
        assert_eq!(keys(b"{\"b\":{\"c\":1},\"a\":2}"), Some(vec!["b".into(), "a".into()]));
        assert_eq!(keys(b"[]"), None);
        assert_eq!(text(b"\"a\\nb\"").as_deref(), Some("a\nb"));
        assert_eq!(text(b"1"), None);
    }

    proptest! {
        #[test]
        fn a_beginning_has_the_first_members_of_the_whole(json in "[\\[\\]{}\":,\\\\ a1\n]{0,60}") {
            let whole = members(&json);
            for cut in (0..json.len()).filter_map(|end| json.get(..end)) {
                let cut = members(cut);
                prop_assert_eq!(&cut[..], &whole[..cut.len()]);
            }
        }
    }
}
