//! CBOR: the members of the map at the top.

use std::borrow::Cow;

use serde_json::Map;
use serde_json::Number;
use serde_json::Value;

use crate::aws::body::MOST_DEPTH;

/// The members of a map whose names are texts, each as long as it is all there: its name, and its
/// value as it is written. It ends where the map does, or is cut off, or is none.
///
/// Source: RFC 8949, 3; Smithy RPC v2 CBOR, which sends maps of known and of unknown length.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    rest: Reader<'a>,
    left: Left,
}

impl<'a> Members<'a> {
    /// The members of the map that `body` begins with.
    #[must_use]
    pub fn new(body: &'a [u8]) -> Self {
        let mut rest = Reader(body);
        let left = match rest.head() {
            Some(Head { major: MAP, length, .. }) => Left(length),
            _ => Left(Some(0)),
        };
        Self { rest, left }
    }

    fn member(&mut self) -> Option<(Cow<'a, str>, &'a [u8])> {
        while self.left.next(&mut self.rest)? {
            let name = self.rest.item()?;
            let value = self.rest.item()?;
            if let Some(name) = Reader(name).text() {
                return Some((name, value));
            }
        }
        None
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let member = self.member();
        if member.is_none() {
            self.left = Left(Some(0));
        }
        member
    }
}

/// The value that is written as `cbor`, as JSON says it, unless it is none, or null: bytes in
/// Base64, times in seconds, as AWS's JSON protocols have them.
#[must_use]
pub fn value(cbor: &[u8]) -> Option<Value> {
    Reader(cbor).value(MOST_DEPTH).filter(|value| !value.is_null())
}

/// The text that is written as `cbor`, if it is one.
#[must_use]
pub fn text(cbor: &[u8]) -> Option<Box<str>> {
    Reader(cbor).text().map(Into::into)
}

/// How many elements there are in the list that is written as `cbor`, if it is one.
#[must_use]
pub fn count(cbor: &[u8]) -> Option<usize> {
    let mut rest = Reader(cbor);
    let Head { major: LIST, length, .. } = rest.head()? else { return None };
    let (mut left, mut count) = (Left(length), 0);
    while left.next(&mut rest)? {
        rest.item()?;
        count += 1;
    }
    Some(count)
}

/// The keys of the map that is written as `cbor`, if it is one, as often as they are there.
#[must_use]
pub fn keys(cbor: &[u8]) -> Option<Vec<String>> {
    let Head { major: MAP, .. } = Reader(cbor).head()? else { return None };
    Some(Members::new(cbor).map(|(name, _)| name.into_owned()).collect())
}

// The major types. Source: RFC 8949, 3.1.
const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// Ends what has no length.
const BREAK: u8 = 0xff;

/// How an item begins.
struct Head {
    major: u8,
    /// The low bits of its first byte.
    info: u8,
    /// The number behind them, unless there is none because the length is not known.
    length: Option<u64>,
}

/// How many items are left in a list or a map; none if that is not known beforehand.
#[derive(Clone, Debug)]
struct Left(Option<u64>);

impl Left {
    /// Whether another one comes, if that can be told.
    fn next(&mut self, rest: &mut Reader<'_>) -> Option<bool> {
        if let Some(left) = &mut self.0 {
            let more = *left > 0;
            *left = left.saturating_sub(1);
            return Some(more);
        }
        let ends = *rest.0.first()? == BREAK;
        if ends {
            rest.bytes(1)?;
        }
        Some(!ends)
    }
}

/// What has not been read.
#[derive(Clone, Debug)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: u64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }

    fn head(&mut self) -> Option<Head> {
        let first = *self.bytes(1)?.first()?;
        let (major, info) = (first >> 5, first & 0x1f);
        let length = match info {
            0..24 => Some(u64::from(info)),
            24..28 => {
                let bytes = self.bytes(1 << (info - 24))?;
                Some(bytes.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)))
            }
            31 if matches!(major, BYTES..=MAP) => None,
            _ => return None,
        };
        Some(Head { major, info, length })
    }

    /// The bytes of the next item, if it is all there.
    fn item(&mut self) -> Option<&'a [u8]> {
        let start = self.0;
        self.skip(MOST_DEPTH)?;
        start.get(..start.len() - self.0.len())
    }

    fn skip(&mut self, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let Head { major, length, .. } = self.head()?;
        match (major, length) {
            (BYTES | TEXT, Some(length)) => {
                self.bytes(length)?;
            }
            (BYTES..=MAP, _) => {
                let mut left = Left(length);
                while left.next(self)? {
                    self.skip(depth)?;
                    if major == MAP {
                        self.skip(depth)?;
                    }
                }
            }
            (TAG, _) => self.skip(depth)?,
            _ => {}
        }
        Some(())
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let mut rest = self.clone();
        let Head { major, info, length } = rest.head()?;
        let value = match major {
            UNSIGNED => length?.into(),
            NEGATIVE => match i64::try_from(length?) {
                Ok(length) => (-1 - length).into(),
                Err(_) => return None,
            },
            BYTES => return Some(base64(&self.string(BYTES)?).into()),
            TEXT => return Some(self.text()?.into()),
            LIST => {
                let (mut left, mut list) = (Left(length), Vec::new());
                while left.next(&mut rest)? {
                    list.push(rest.value(depth)?);
                }
                list.into()
            }
            MAP => {
                let (mut left, mut map) = (Left(length), Map::new());
                while left.next(&mut rest)? {
                    let key = rest.text()?.into_owned();
                    map.insert(key, rest.value(depth)?);
                }
                map.into()
            }
            TAG => rest.value(depth)?,
            _ => simple(info, length?)?,
        };
        *self = rest;
        Some(value)
    }

    fn text(&mut self) -> Option<Cow<'a, str>> {
        match self.string(TEXT)? {
            Cow::Borrowed(text) => std::str::from_utf8(text).ok().map(Cow::Borrowed),
            Cow::Owned(text) => String::from_utf8(text).ok().map(Cow::Owned),
        }
    }

    /// The bytes of a string of the type `wanted`, of its pieces if it is in pieces.
    fn string(&mut self, wanted: u8) -> Option<Cow<'a, [u8]>> {
        let head = self.head().filter(|head| head.major == wanted)?;
        if let Some(length) = head.length {
            return self.bytes(length).map(Cow::Borrowed);
        }
        let (mut left, mut string) = (Left(None), Vec::new());
        while left.next(self)? {
            let piece = self.head().filter(|head| head.major == wanted)?;
            string.extend_from_slice(self.bytes(piece.length?)?);
        }
        Some(Cow::Owned(string))
    }
}

/// What has no content but a few bits. Source: RFC 8949, 3.3.
fn simple(info: u8, bits: u64) -> Option<Value> {
    let float = match (info, u32::try_from(bits)) {
        (20, _) => return Some(false.into()),
        (21, _) => return Some(true.into()),
        (22 | 23, _) => return Some(Value::Null),
        (25, Ok(bits)) => half(bits),
        (26, Ok(bits)) => f32::from_bits(bits).into(),
        (27, _) => f64::from_bits(bits),
        _ => return None,
    };
    Number::from_f64(float).map(Value::Number)
}

/// A float of 16 bits. Source: RFC 8949, appendix D.
fn half(bits: u32) -> f64 {
    let (exponent, fraction) = (bits >> 10 & 0x1f, f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * f64::exp2(-24.0),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction + 1024.0) * f64::exp2(f64::from(exponent) - 25.0),
    };
    if bits >> 15 & 1 == 0 { size } else { -size }
}

/// Source: RFC 4648, 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| {
            bits << 8 | u32::from(three.get(at).copied().unwrap_or_default())
        });
        for at in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * at) & 0x3f) as usize);
            text.push(if at > three.len() { '=' } else { char::from(*digit.unwrap_or(&b'=')) });
        }
    }
    text
}

#[cfg(test)]
pub(in crate::aws) mod tests;
