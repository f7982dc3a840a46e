//! Codecs of the two headers a trace travels in: `X-Amzn-Trace-Id` and `traceparent`.
//!
//! Reading is lenient and total: a piece that makes no sense is skipped and counted, what is left
//! is used, and nothing here can fail a request. Writing is canonical.

use std::fmt::Write as _;

use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;

/// Name of X-Ray's header, lower-case.
pub const X_AMZN_TRACE_ID: &str = "x-amzn-trace-id";
/// Name of the W3C Trace Context header.
pub const TRACEPARENT: &str = "traceparent";

/// Most bytes of foreign fields (`Lineage` and the like) that are carried on. The SDK for Node.js
/// allows 256; Lambda's longest documented `Lineage` is 255 bytes with its key.
pub const MAX_EXTRA: usize = 512;

/// What an incoming `Sampled` field asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampled {
    /// `0`: decided, not sampled.
    No,
    /// `1`: decided, sampled.
    Yes,
    /// `?`: the caller asks us to decide and to answer in the response.
    Ask,
}

/// A trace header as it was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceHeader {
    /// The trace, if the header named a valid one.
    pub root: Option<TraceId>,
    /// The caller's segment or subsegment.
    pub parent: Option<SegmentId>,
    /// The caller's sampling decision.
    pub sampled: Option<Sampled>,
    /// Foreign fields as `key=value` joined by `;`, to be carried on as they came.
    pub extra: Box<str>,
    /// How many pieces were skipped because they made no sense.
    pub skipped: u32,
}

impl TraceHeader {
    /// Reads an `X-Amzn-Trace-Id` value, the first of its [`members`]. Fields may come in any order and any case, with white
    /// space around them; the last of two wins; `Self`, which load balancers add, is dropped.
    /// Source: X-Ray developer guide, "Tracing header".
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        let mut header = Self::default();
        let mut extra = String::new();
        let first = members(value).next().unwrap_or_default();
        for piece in first.split(|byte| *byte == b';').map(<[u8]>::trim_ascii) {
            if !piece.is_empty() && header.take(piece, &mut extra).is_none() {
                header.skipped += 1;
            }
        }
        header.extra = extra.into_boxed_str();
        header
    }

    /// Takes one `key=value` piece in; `None` if it made no sense.
    fn take(&mut self, piece: &[u8], extra: &mut String) -> Option<()> {
        let equals = piece.iter().position(|byte| *byte == b'=')?;
        let (key, value) = piece.split_at_checked(equals)?;
        let (key, value) = (key.trim_ascii(), value.strip_prefix(b"=")?.trim_ascii());
        if key.eq_ignore_ascii_case(b"root") {
            self.root = Some(TraceId::parse(value)?);
        } else if key.eq_ignore_ascii_case(b"parent") {
            self.parent = Some(SegmentId::parse(value)?);
        } else if key.eq_ignore_ascii_case(b"sampled") {
            self.sampled = Some(match value {
                b"0" => Sampled::No,
                b"1" => Sampled::Yes,
                b"?" => Sampled::Ask,
                _ => return None,
            });
        } else if !key.eq_ignore_ascii_case(b"self") {
            carry(key, value, extra)?;
        }
        Some(())
    }

    /// Reads a `traceparent` value; `None` if it is not one. Source: W3C Trace Context §3.2.
    #[must_use]
    pub fn parse_traceparent(value: &[u8]) -> Option<Self> {
        let value = value.trim_ascii();
        let mut fields = value.split(|byte| *byte == b'-');
        let version = fields.next().filter(|v| v.len() == 2 && *v != b"ff")?;
        let lower_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if !version.iter().all(lower_hex) || (version == b"00" && value.len() != 55) {
            return None;
        }
        let root = TraceId::from_w3c(fields.next()?)?;
        let parent = SegmentId::parse(fields.next()?)?;
        let flags = fields.next().filter(|f| f.len() == 2 && f.iter().all(lower_hex))?;
        let recorded =
            matches!(flags.last(), Some(b'1' | b'3' | b'5' | b'7' | b'9' | b'b' | b'd' | b'f'));
        Some(Self {
            root: Some(root),
            parent: Some(parent),
            sampled: Some(if recorded { Sampled::Yes } else { Sampled::No }),
            ..Self::default()
        })
    }
}

/// The headers in an `X-Amzn-Trace-Id` value: more than one where several lines were joined by
/// commas, as whoever passes them on may do (RFC 9110 §5.3). A foreign field may have commas too.
pub fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut left = Some(value);
    std::iter::from_fn(move || {
        let all = left.take()?;
        let commas = all.iter().enumerate().filter(|(_, byte)| **byte == b',').map(|(at, _)| at);
        let mut cuts = commas.filter_map(|at| all.split_at_checked(at));
        let cut = cuts.find_map(|(member, after)| Some((member, next_member(after)?)));
        left = cut.map(|(_, next)| next);
        Some(cut.map_or(all, |(member, _)| member))
    })
}

/// What begins behind a comma, if that is a header.
fn next_member(after: &[u8]) -> Option<&[u8]> {
    let next = after.strip_prefix(b",")?.trim_ascii_start();
    next.get(..5)?.eq_ignore_ascii_case(b"root=").then_some(next)
}

/// Appends a foreign field if it can be sent on: visible ASCII, and within [`MAX_EXTRA`].
fn carry(key: &[u8], value: &[u8], extra: &mut String) -> Option<()> {
    let visible = |bytes: &[u8]| bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
    if key.is_empty() || value.is_empty() || !visible(key) || !visible(value) {
        return None;
    }
    let separator = usize::from(!extra.is_empty());
    if extra.len() + separator + key.len() + 1 + value.len() > MAX_EXTRA {
        return None;
    }
    if separator == 1 {
        extra.push(';');
    }
    extra.push_str(std::str::from_utf8(key).ok()?);
    extra.push('=');
    extra.push_str(std::str::from_utf8(value).ok()?);
    Some(())
}

/// The ids that go on with a request: which trace, who calls, and whether it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The trace.
    pub root: TraceId,
    /// The segment or subsegment that makes the call.
    pub parent: SegmentId,
    /// The decision; `?` is never sent on.
    pub sampled: bool,
}

impl Context {
    /// The `X-Amzn-Trace-Id` value that carries this context and the foreign fields `extra` on.
    #[must_use]
    pub fn to_xray(self, extra: &str) -> String {
        let mut value = String::with_capacity(80 + extra.len());
        value.push_str("Root=");
        value.push_str(self.root.to_text().as_str());
        value.push_str(";Parent=");
        value.push_str(self.parent.to_text().as_str());
        value.push_str(if self.sampled { ";Sampled=1" } else { ";Sampled=0" });
        if !extra.is_empty() {
            value.push(';');
            value.push_str(extra);
        }
        value
    }

    /// The `traceparent` value that carries this context on.
    #[must_use]
    pub fn to_traceparent(self) -> String {
        let mut value = String::with_capacity(55);
        let (root, parent) = (self.root.to_w3c(), self.parent.to_text());
        let flags = u8::from(self.sampled);
        let written = write!(value, "00-{}-{}-{flags:02x}", root.as_str(), parent.as_str());
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
        value
    }
}

/// The value of `X-Amzn-Trace-Id` on a response: the trace, and the decision if it was asked for.
#[must_use]
pub fn response_value(root: TraceId, answer: Option<bool>) -> String {
    let mut value = String::with_capacity(50);
    value.push_str("Root=");
    value.push_str(root.to_text().as_str());
    match answer {
        Some(true) => value.push_str(";Sampled=1"),
        Some(false) => value.push_str(";Sampled=0"),
        None => {}
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";
    const PARENT: &str = "53995c3f42cd8ad8";

    /// input, root?, parent?, sampled, extra, skipped
    type Case = (&'static str, bool, bool, Option<Sampled>, &'static str, u32);

    #[test]
    fn lines_that_were_joined_are_told_apart() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[""]),
            ("Root=a;Parent=b", &["Root=a;Parent=b"]),
            ("Root=a, Root=b,ROOT=c", &["Root=a", "Root=b", "ROOT=c"]),
            ("Root=a;Tags=x,y, z;Parent=b,Root=c", &["Root=a;Tags=x,y, z;Parent=b", "Root=c"]),
            (",Root=", &["", "Root="]),
            ("Root=a,", &["Root=a,"]),
        ];
        for (value, expected) in cases {
            let found: Vec<_> = members(value.as_bytes()).collect();
            let expected: Vec<_> = expected.iter().map(|member| member.as_bytes()).collect();
            assert_eq!(found, expected, "{value}");
        }
        let joined = format!("Root={ROOT};Sampled=1, Root=1-5759e988-aa;Parent={PARENT}");
        let header = TraceHeader::parse(joined.as_bytes());
        assert_eq!((header.parent, header.sampled), (None, Some(Sampled::Yes)), "the first alone");
        assert_eq!(header.skipped, 0);
    }

    #[test]
    fn understands_what_the_sdks_send_and_what_they_stumble_over() {
        let cases: &[Case] = &[
            ("Root=R;Parent=P;Sampled=1", true, true, Some(Sampled::Yes), "", 0),
            ("Root=R; Parent=P; Sampled=0;", true, true, Some(Sampled::No), "", 0),
            (" sampled=? ;; PARENT=P;root=R", true, true, Some(Sampled::Ask), "", 0),
            (
                "Self=1-x;Root=R;Lineage=25:aa|3;Foo=a=b",
                true,
                false,
                None,
                "Lineage=25:aa|3;Foo=a=b",
                0,
            ),
            ("Root=nonsense;Parent=P", false, true, None, "", 1),
            ("Root=R;garbage;Parent=;Sampled=2", true, false, None, "", 3),
            (
                "Root=1-00000000-000000000000000000000000;Parent=0000000000000000",
                false,
                false,
                None,
                "",
                2,
            ),
            ("Sampled=1;Sampled=0", false, false, Some(Sampled::No), "", 0),
            ("=x;a\tb=c", false, false, None, "", 2),
            ("", false, false, None, "", 0),
        ];
        for (input, root, parent, sampled, extra, skipped) in cases {
            let text =
                input.replace("=R", &format!("={ROOT}")).replace("=P", &format!("={PARENT}"));
            let got = TraceHeader::parse(text.as_bytes());
            assert_eq!(got.root.is_some(), *root, "root of {input}");
            assert_eq!(got.parent.is_some(), *parent, "parent of {input}");
            assert_eq!(got.sampled, *sampled, "sampled of {input}");
            assert_eq!(&*got.extra, *extra, "extra of {input}");
            assert_eq!(got.skipped, *skipped, "skipped of {input}");
        }
    }

    #[test]
    fn foreign_fields_are_bounded() {
        let long = format!("Root={ROOT};A={};B=kept", "x".repeat(MAX_EXTRA));
        let got = TraceHeader::parse(long.as_bytes());
        assert_eq!((&*got.extra, got.skipped), ("B=kept", 1));
    }

    #[test]
    fn reads_traceparent() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (value, sampled) in [
            (format!("00-{trace}-{PARENT}-01"), Some(Sampled::Yes)),
            (format!("00-{trace}-{PARENT}-02"), Some(Sampled::No)),
            (format!("cc-{trace}-{PARENT}-01-future"), Some(Sampled::Yes)),
            (format!("ff-{trace}-{PARENT}-01"), None),
            (format!("00-{trace}-{PARENT}-01-more"), None),
            (format!("00-{}-{PARENT}-01", "0".repeat(32)), None),
            (format!("00-{trace}-{PARENT}"), None),
            (format!("00-{}-{PARENT}-01", trace.to_uppercase()), None),
            (String::new(), None),
        ] {
            let got = TraceHeader::parse_traceparent(value.as_bytes());
            assert_eq!(got.as_ref().and_then(|h| h.sampled), sampled, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_written_header_reads_back(trace in 1..u128::MAX, parent in any::<u64>(), sampled in any::<bool>()) {
            let root = TraceId::mint(crate::trace::time::Micros::new(1_478_293_361_000_000), trace);
            let context = Context { root, parent: SegmentId::mint(parent), sampled };
            let xray = TraceHeader::parse(context.to_xray("Lineage=1:a|2").as_bytes());
            let w3c = TraceHeader::parse_traceparent(context.to_traceparent().as_bytes()).unwrap();
            for got in [&xray, &w3c] {
                prop_assert_eq!(got.root, Some(root));
                prop_assert_eq!(got.parent, Some(context.parent));
                prop_assert_eq!(got.sampled, Some(if sampled { Sampled::Yes } else { Sampled::No }));
            }
            prop_assert_eq!(&*xray.extra, "Lineage=1:a|2");
        }

        #[test]
        fn any_bytes_are_survived_and_what_is_kept_can_be_sent(value in proptest::collection::vec(any::<u8>(), 0..1024)) {
            let header = TraceHeader::parse(&value);
            drop(TraceHeader::parse_traceparent(&value));
            prop_assert!(header.extra.len() <= MAX_EXTRA);
            prop_assert!(http::HeaderValue::from_str(&header.extra).is_ok());
        }
    }
}
