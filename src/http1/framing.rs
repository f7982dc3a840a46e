//! How the end of a body is told, and the two fields that tell it. Source: RFC 9112 §6.

/// How the end of a body is told. Source: RFC 9112 §6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// It is exactly so many bytes; zero is no body.
    Length(u64),
    /// It comes in chunks, the last of which says so.
    Chunked,
    /// It goes on until the connection ends. Only responses do this.
    UntilClose,
}

/// What a `Transfer-Encoding` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// `chunked` and nothing else.
    Chunked,
    /// Well-formed, and more than we can do.
    Unsupported,
    /// It leaves in doubt where the body ends, or is no list of codings.
    Unclear,
}

/// The codings there are besides `chunked`. Source: RFC 9112 §7.2, and `identity` of RFC 2616.
const CODINGS: [&[u8]; 6] =
    [b"compress", b"deflate", b"gzip", b"identity", b"x-compress", b"x-gzip"];

impl Coding {
    /// Reads the one `Transfer-Encoding` of a message, without white space around it.
    pub(super) fn parse(value: &[u8]) -> Self {
        if value.eq_ignore_ascii_case(b"chunked") {
            return Self::Chunked;
        }
        let known = |name: &[u8]| CODINGS.iter().any(|coding| name.eq_ignore_ascii_case(coding));
        let mut names = value.rsplit(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        match names.next() {
            Some(last) if last.eq_ignore_ascii_case(b"chunked") && names.all(known) => {
                Self::Unsupported
            }
            // A coding that we do not know may well tell its end.
            Some(only) if only.len() == value.len() && is_token(only) && !known(only) => {
                Self::Unsupported
            }
            Some(_) | None => Self::Unclear,
        }
    }
}

/// Reads one `Content-Length`: digits, and nothing else. Source: RFC 9110 §8.6.
pub(super) fn length(value: &[u8]) -> Option<u64> {
    // The library's own parser would take a sign.
    value
        .iter()
        .try_fold(0_u64, |sum, byte| {
            let digit = byte.is_ascii_digit().then(|| byte & 0x0f)?;
            sum.checked_mul(10)?.checked_add(digit.into())
        })
        .filter(|_| !value.is_empty())
}

/// Reads a `Content-Length` that may be a list of equal values, as some servers and what is before
/// them make of two fields: the length, and the first of the list. Source: RFC 9110 §8.6.
pub(super) fn lengths(value: &[u8]) -> Option<(u64, &[u8])> {
    let mut members = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let first = members.next()?;
    let agreed = length(first)?;
    members.all(|other| length(other) == Some(agreed)).then_some((agreed, first))
}

/// Whether `text` is a token. Source: RFC 9110 §5.6.2.
pub(super) fn is_token(text: &[u8]) -> bool {
    let in_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(in_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_digits_that_fit() {
        for (value, want) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("99999999999999999999999", None),
            ("", None),
            ("+5", None),
            ("-5", None),
            ("5 5", None),
            ("5,5", None),
            ("0x5", None),
            ("5.0", None),
            ("٥", None),
        ] {
            assert_eq!(length(value.as_bytes()), want, "{value:?}");
        }
    }

    #[test]
    fn a_list_of_lengths_is_one_length() {
        for (value, want) in [
            ("5", Some((5, "5"))),
            ("5, 5 ,05", Some((5, "5"))),
            ("5,6", None),
            ("5,", None),
            (",5", None),
            ("5,,5", None),
            ("5;5", None),
            ("", None),
        ] {
            let want = want.map(|(length, first)| (length, first.as_bytes()));
            assert_eq!(lengths(value.as_bytes()), want, "{value:?}");
        }
    }

    #[test]
    fn codings_are_ours_not_ours_or_unclear() {
        for (value, want) in [
            ("chunked", Coding::Chunked),
            ("CHUNKED", Coding::Chunked),
            ("gzip, chunked", Coding::Unsupported),
            ("identity,X-Gzip ,\tChunked", Coding::Unsupported),
            ("xchunked", Coding::Unsupported),
            ("zstd", Coding::Unsupported),
            ("", Coding::Unclear),
            ("gzip", Coding::Unclear),
            ("identity", Coding::Unclear),
            ("chunked, gzip", Coding::Unclear),
            ("chunked, chunked", Coding::Unclear),
            ("chunked,", Coding::Unclear),
            (",chunked", Coding::Unclear),
            ("zstd, chunked", Coding::Unclear),
            ("gzip;q=1, chunked", Coding::Unclear),
            ("chunked;q=1", Coding::Unclear),
            ("\"chunked\"", Coding::Unclear),
            ("chunked\u{a0}", Coding::Unclear),
            ("chunk ed", Coding::Unclear),
        ] {
            assert_eq!(Coding::parse(value.as_bytes()), want, "{value:?}");
        }
    }
}
