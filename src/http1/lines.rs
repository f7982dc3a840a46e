//! Where a section of lines ends: a head, or the trailers behind a chunked body.

use memchr::memchr_iter;

/// Why a section of lines never ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endless {
    /// A line ends in LF without CR. Some take that for the end of a line, and others do not.
    BareLineFeed,
    /// It is longer than it may be.
    TooLong,
}

/// Where the empty line ends that `bytes` have as their first, or behind their other lines; `None`
/// if more bytes are needed. It is an error once `most` bytes do not hold the section.
///
/// `seen` is how far `bytes` have been searched before, so that a section that drips in byte by
/// byte is not scanned anew each time; whoever takes the section off sets it back to 0. Up to the
/// end that is found, every LF follows a CR; a CR without LF is for the parser to see.
pub(super) fn end(bytes: &[u8], seen: &mut usize, most: usize) -> Result<Option<usize>, Endless> {
    let bytes = bytes.get(..most).unwrap_or(bytes);
    for at in memchr_iter(b'\n', bytes.get(*seen..).unwrap_or_default()) {
        let end = *seen + at + 1;
        match bytes.get(..end).unwrap_or_default() {
            [b'\r', b'\n'] | [.., b'\r', b'\n', b'\r', b'\n'] => return Ok(Some(end)),
            [.., b'\r', b'\n'] => {}
            _ => return Err(Endless::BareLineFeed),
        }
    }
    *seen = bytes.len();
    if bytes.len() >= most { Err(Endless::TooLong) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_ends_at_its_first_empty_line() {
        for (bytes, want) in [
            ("", Ok(None)),
            ("\r", Ok(None)),
            ("\r\n", Ok(Some(2))),
            ("\r\n\r\n", Ok(Some(2))),
            ("a\r\n", Ok(None)),
            ("a\r\n\r", Ok(None)),
            ("a\r\n\r\n", Ok(Some(5))),
            ("a\r\nb\r\n\r\n\n", Ok(Some(8))),
            ("a\r\rb", Ok(None)),
            ("\n", Err(Endless::BareLineFeed)),
            ("a\nb", Err(Endless::BareLineFeed)),
            ("a\r\n\n", Err(Endless::BareLineFeed)),
            ("a\r\nbcdefgh", Err(Endless::TooLong)),
            ("abcdef\r\n\r\n", Ok(Some(10))),
            ("abcdefg\r\n\r\n", Err(Endless::TooLong)),
        ] {
            assert_eq!(end(bytes.as_bytes(), &mut 0, 10), want, "{bytes:?} at once");
            let mut seen = 0;
            let drip = (0..=bytes.len())
                .map(|arrived| end(&bytes.as_bytes()[..arrived], &mut seen, 10))
                .find(|found| *found != Ok(None));
            assert_eq!(drip.unwrap_or(Ok(None)), want, "{bytes:?} byte by byte");
        }
    }

    #[test]
    fn what_was_searched_is_not_searched_again() {
        let mut seen = 0;
        assert_eq!(end(b"a\r\nb\r", &mut seen, 100), Ok(None));
        assert_eq!(seen, 5);
        assert_eq!(end(b"\n\n\n\n\n\n", &mut seen, 100), Err(Endless::BareLineFeed), "the last");
        assert_eq!(end(b"a", &mut seen, 100), Ok(None), "more than there is: not a panic");
    }
}
