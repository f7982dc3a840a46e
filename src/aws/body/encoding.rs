//! `Content-Encoding`: bodies as they were before.

use std::borrow::Cow;

use flate2::Decompress;
use flate2::FlushDecompress;
use flate2::Status;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// Most bytes that are taken out of a compressed body.
pub const MOST_DECODED: usize = 256 * 1024;

/// A body without its encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain<'a> {
    /// Its bytes, or the first of them.
    pub bytes: Cow<'a, [u8]>,
    /// Whether these are all.
    pub whole: bool,
}

/// What the `body` of a message with `headers` was before it was encoded, as far as that can be said
/// of what is there of it; nothing of an encoding that is not known here. `whole`, if `body` is all
/// of it.
///
/// Source: RFC 9110, 8.4.1; also takes a `deflate` without its wrapping, as browsers do.
#[must_use]
pub fn plain<'a>(headers: &HeaderMap, body: &'a [u8], whole: bool) -> Plain<'a> {
    let encoding = headers.get(CONTENT_ENCODING).map_or(&b""[..], |value| value.as_bytes());
    let is = |name: &str| encoding.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
    if body.is_empty() || encoding.is_empty() || is("identity") {
        return Plain { bytes: Cow::Borrowed(body), whole };
    }
    let inflated = if is("gzip") || is("x-gzip") {
        gzip(body).map(|deflated| inflate(Decompress::new(false), deflated))
    } else if is("deflate") {
        Some(inflate(Decompress::new(is_wrapped(body)), body))
    } else {
        None
    };
    let (bytes, ended) = inflated.unwrap_or_default();
    Plain { bytes: Cow::Owned(bytes), whole: ended }
}

/// What is behind the header of the gzip file that `file` begins with. Source: RFC 1952, 2.3.
fn gzip(file: &[u8]) -> Option<&[u8]> {
    let (header, mut rest) = file.split_first_chunk::<10>()?;
    let [0x1f, 0x8b, 8, flags, ..] = *header else { return None };
    if flags & 0b100 != 0 {
        let (length, extra) = rest.split_first_chunk()?;
        rest = extra.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    // A name and a comment, each with a zero behind it.
    for flag in [0b1000, 0b1_0000] {
        if flags & flag != 0 {
            rest = rest.get(memchr::memchr(0, rest)? + 1..)?;
        }
    }
    if flags & 0b10 != 0 { rest.get(2..) } else { Some(rest) }
}

/// Whether there is a zlib header. Source: RFC 1950, 2.2.
fn is_wrapped(body: &[u8]) -> bool {
    body.first_chunk().is_some_and(|two| {
        two.first().is_some_and(|method| method & 0x0f == 8) && u16::from_be_bytes(*two) % 31 == 0
    })
}

/// What comes out of `deflated` before it ends, breaks, or is too much, and whether it has ended.
fn inflate(mut with: Decompress, deflated: &[u8]) -> (Vec<u8>, bool) {
    let mut inflated =
        Vec::with_capacity(deflated.len().saturating_mul(4).clamp(1024, MOST_DECODED));
    loop {
        let read = usize::try_from(with.total_in()).unwrap_or(usize::MAX);
        let rest = deflated.get(read..).unwrap_or_default();
        let before = (with.total_in(), with.total_out());
        let status = with.decompress_vec(rest, &mut inflated, FlushDecompress::None);
        match status {
            Ok(Status::StreamEnd) => return (inflated, true),
            Ok(Status::Ok | Status::BufError) => {}
            Err(_) => return (inflated, false),
        }
        let is_full = inflated.len() == inflated.capacity();
        let is_stuck = before == (with.total_in(), with.total_out());
        if inflated.len() >= MOST_DECODED || (is_stuck && !is_full) {
            return (inflated, false);
        }
        if is_full {
            inflated.reserve_exact(inflated.len().min(MOST_DECODED - inflated.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::GzBuilder;
    use flate2::write::DeflateEncoder;
    use flate2::write::ZlibEncoder;
    use http::HeaderValue;

    use super::*;

    fn text() -> Vec<u8> {
        (0..20_000_u32)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_string().into_bytes())
            .collect()
    }

    fn gzipped(text: &[u8]) -> Vec<u8> {
        let builder = GzBuilder::new().filename("a").comment("b").extra(*b"AB\x01\x00c");
        let mut encoder = builder.write(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(encoding: &'static str, body: &[u8]) -> (Vec<u8>, bool) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        let plain = plain(&headers, body, true);
        (plain.bytes.into_owned(), plain.whole)
    }

    #[test]
    fn each_encoding_is_undone() {
        let text = text();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&text).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(&text).unwrap();
        let (zlib, raw) = (zlib.finish().unwrap(), raw.finish().unwrap());
        let whole = (text.clone(), true);
        for (encoding, body, expected) in [
            ("gzip", &gzipped(&text), &whole),
            ("X-GZIP ", &gzipped(&text), &whole),
            ("deflate", &zlib, &whole),
            ("deflate", &raw, &whole),
            ("identity", &text, &whole),
            ("", &text, &whole),
            ("br", &text, &(Vec::new(), false)),
            ("gzip", &text, &(Vec::new(), false)),
        ] {
            assert!(read(encoding, body) == *expected, "{encoding} went wrong");
        }
    }

    #[test]
    fn of_a_beginning_the_beginning_is_read() {
        let (text, whole) = (text(), gzipped(&text()));
        let mut longest = 0;
        for end in (1..whole.len()).step_by(997) {
            let (read, all) = read("gzip", &whole[..end]);
            assert!(text.starts_with(&read), "{end} bytes give something else");
            assert!(!all && read.len() >= longest, "{end} bytes give less than fewer bytes");
            longest = read.len();
        }
        assert!(longest > text.len() / 2, "most of it has been read");
    }

    #[test]
    fn a_bomb_is_cut_off() {
        let (read, all) = read("gzip", &gzipped(&vec![b'a'; 100 << 20]));
        assert!(read.len() == MOST_DECODED && read.capacity() <= 2 * MOST_DECODED && !all);
    }
}
