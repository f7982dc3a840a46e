//! Trace ids and segment ids: fixed arrays that can be minted, parsed and shown, and the W3C form
//! of each.

use std::fmt;

use serde::Serialize;
use serde::Serializer;

use crate::trace::time::Micros;

/// The id of a trace: `1-` + 8 hex digits of epoch seconds + `-` + 24 hex digits of chance.
///
/// The time part is not validated, by X-Ray neither, so ids that came from a W3C trace are fine.
/// Source: X-Ray developer guide, "Sending trace data", trace id format.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// Length of the X-Ray text form in bytes.
    pub const TEXT_LEN: usize = 35;

    /// Mints an id for a trace that starts now. `bits` must be random: 96 of them are used.
    #[must_use]
    pub fn mint(now: Micros, bits: u128) -> Self {
        let seconds = u32::try_from(now.whole_seconds()).unwrap_or(u32::MAX);
        let mut id = bits.to_be_bytes();
        id[..4].copy_from_slice(&seconds.to_be_bytes());
        Self(id)
    }

    /// Parses the X-Ray form, lower-case hex only, exactly 35 bytes. The all-zero id that SDKs
    /// send for "not sampled" is refused: nothing can be joined to it.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (version, rest) = text.split_at_checked(2)?;
        let (time, rest) = rest.split_at_checked(8)?;
        let (hyphen, random) = rest.split_at_checked(1)?;
        if version != b"1-" || hyphen != b"-" {
            return None;
        }
        let mut id = [0; 16];
        let (head, tail) = id.split_at_mut(4);
        decode_hex(time, head)?;
        decode_hex(random, tail)?;
        (id != [0; 16]).then_some(Self(id))
    }

    /// The W3C trace id (32 lower-case hex digits) as an X-Ray one: the same digits.
    /// The all-zero id is invalid. Source: W3C Trace Context §3.2.2.3.
    #[must_use]
    pub fn from_w3c(hex: &[u8]) -> Option<Self> {
        let mut id = [0; 16];
        decode_hex(hex, &mut id)?;
        (id != [0; 16]).then_some(Self(id))
    }

    /// The X-Ray text form in a stack buffer.
    #[must_use]
    pub fn to_text(self) -> Hex<{ Self::TEXT_LEN }> {
        let mut text = [b'-'; Self::TEXT_LEN];
        let (time, random) = self.0.split_at(4);
        text[0] = b'1';
        encode_hex(time, &mut text[2..10]);
        encode_hex(random, &mut text[11..]);
        Hex(text)
    }

    /// The W3C text form, 32 hex digits.
    #[must_use]
    pub fn to_w3c(self) -> Hex<32> {
        let mut text = [0; 32];
        encode_hex(&self.0, &mut text);
        Hex(text)
    }
}

/// The id of a segment or subsegment, 64 bits, also a valid W3C parent id. Never zero: the SDKs
/// send sixteen zeros for "not sampled" and the W3C forbids them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentId([u8; 8]);

impl SegmentId {
    /// Mints an id from random `bits`.
    #[must_use]
    pub const fn mint(bits: u64) -> Self {
        let bits = if bits == 0 { 1 } else { bits };
        Self(bits.to_be_bytes())
    }

    /// Parses sixteen lower-case hex digits, not all zero.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut id = [0; 8];
        decode_hex(text, &mut id)?;
        (id != [0; 8]).then_some(Self(id))
    }

    /// Another id that is unique where this one is: all bits turned over.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self::mint(!u64::from_be_bytes(self.0))
    }

    /// The text form in a stack buffer.
    #[must_use]
    pub fn to_text(self) -> Hex<16> {
        let mut text = [0; 16];
        encode_hex(&self.0, &mut text);
        Hex(text)
    }
}

/// ASCII text of a known length, on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex<const N: usize>([u8; N]);

impl<const N: usize> Hex<N> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The text's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Gives both id types their text in `Display`, `Debug` and documents.
macro_rules! shown_as_text {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.to_text().as_str())
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.to_text().as_str())
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.to_text().as_str())
            }
        }
    };
}

shown_as_text!(TraceId);
shown_as_text!(SegmentId);

const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Fills `into` from exactly twice as many lower-case hex digits.
fn decode_hex(text: &[u8], into: &mut [u8]) -> Option<()> {
    if text.len() != into.len() * 2 {
        return None;
    }
    for (byte, pair) in into.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = (hex_value(*high)? << 4) | hex_value(*low)?;
    }
    Some(())
}

/// Writes `bytes` as lower-case hex; `into` holds two digits for each.
fn encode_hex(bytes: &[u8], into: &mut [u8]) {
    const fn digit(nibble: u8) -> u8 {
        if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
    }
    for (pair, byte) in into.chunks_exact_mut(2).zip(bytes) {
        if let [high, low] = pair {
            *high = digit(byte >> 4);
            *low = digit(byte & 0x0f);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mints_the_documented_form() {
        let id =
            TraceId::mint(Micros::new(0x5759_e988 * 1_000_000), 0xbd86_2e3f_e1be_46a9_9427_2793);
        assert_eq!(id.to_string(), "1-5759e988-bd862e3fe1be46a994272793");
        assert_eq!(id.to_w3c().as_str(), "5759e988bd862e3fe1be46a994272793");
        assert_eq!(SegmentId::mint(0x53f3).to_string(), "00000000000053f3");
    }

    #[test]
    fn refuses_what_is_not_an_id() {
        for bad in [
            "",
            "1-",
            "1-5759e988-bd862e3fe1be46a99427279",
            "1-5759e988-bd862e3fe1be46a9942727930",
            "1-5759E988-bd862e3fe1be46a994272793",
            "2-5759e988-bd862e3fe1be46a994272793",
            "1-5759e988_bd862e3fe1be46a994272793",
            "1-5759e98g-bd862e3fe1be46a994272793",
            "1-00000000-000000000000000000000000",
        ] {
            assert_eq!(TraceId::parse(bad.as_bytes()), None, "{bad}");
        }
        for bad in
            ["", "53995c3f42cd8ad", "53995c3f42cd8ad80", "53995C3f42cd8ad8", "0000000000000000"]
        {
            assert_eq!(SegmentId::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(seconds in 0..u64::from(u32::MAX), bits in 1..u128::MAX, id in any::<u64>()) {
            let trace = TraceId::mint(Micros::new(seconds * 1_000_000), bits);
            prop_assume!(trace.0 != [0; 16]);
            prop_assert_eq!(TraceId::parse(trace.to_text().as_bytes()), Some(trace));
            prop_assert_eq!(TraceId::from_w3c(trace.to_w3c().as_bytes()), Some(trace));
            let segment = SegmentId::mint(id);
            prop_assert_eq!(SegmentId::parse(segment.to_text().as_bytes()), Some(segment));
        }

        #[test]
        fn parsing_never_panics(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = TraceId::parse(&text);
            let _ = TraceId::from_w3c(&text);
            let _ = SegmentId::parse(&text);
        }
    }
}
