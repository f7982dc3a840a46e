//! Bodies in chunks: out of their framing, as they come. Source: RFC 9112 §7.1.
//!
//! The framing lines are read as strictly as a head, for the same reason. `trailers` has what may
//! come behind the last chunk.

use bytes::Buf;
use bytes::Bytes;
use bytes::BytesMut;
use http::HeaderMap;
use memchr::memchr;

use crate::http1::lines;
use crate::http1::lines::Endless;

mod trailers;

/// Most bytes of the line before a chunk, its CR LF with it. It is a size of a few digits, but for
/// extensions that nobody uses.
const MAX_LINE: usize = 4 * 1024;

/// Most digits of a size: what 64 bits hold.
const MAX_DIGITS: usize = 16;

/// Most bytes of extensions in one body: without a bound, a body could be hardly anything else.
const MAX_EXTENSIONS: usize = 16 * 1024;

/// Most bytes of the trailers, the empty line behind them with it.
const MAX_TRAILERS: usize = 16 * 1024;

/// Takes a body out of its chunks. It holds back nothing: what is not decoded yet stays with the
/// caller.
#[derive(Debug, Default)]
pub struct Chunked {
    next: Next,
    /// How far the line or the trailers that come next have been searched for their end.
    seen: usize,
    /// How many bytes of extensions there were.
    extensions: usize,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default)]
enum Next {
    /// The line before a chunk.
    #[default]
    Line,
    /// So many bytes of the chunk, more than none.
    Data(u64),
    /// The CR LF behind a chunk.
    DataEnd,
    /// The trailers, or the empty line alone.
    Trailers,
    /// Whatever is behind the body.
    Nothing,
}

/// A piece of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Some of its bytes, never none: a chunk or as much of it as has come.
    Data(Bytes),
    /// The end of the body, with the trailers that may go on, if there were any.
    End(Option<HeaderMap>),
}

/// Why a body in chunks cannot be read on. Where it ends can no longer be told, so the connection
/// is of no use afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Something else than CR LF stands behind the bytes of a chunk.
    #[error("a chunk is longer than it was said to be")]
    DataEnd,
    /// The line before a chunk, or all extensions together, are longer than they may be.
    #[error("the chunk extensions are too long")]
    Extensions,
    /// A line ends in LF without CR.
    #[error("a line of the chunked body does not end in CR LF")]
    LineEnd,
    /// The line before a chunk does not begin with a size, or has more than extensions behind it.
    #[error("the size of a chunk is malformed")]
    Size,
    /// The trailers are not fields.
    #[error("the trailers are malformed")]
    Trailers,
    /// The trailers are more bytes or more fields than may be.
    #[error("the trailers are too large")]
    TrailersLarge,
}

impl Chunked {
    /// A body that begins with what is decoded first.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece off the front of `buf`; `None` if more bytes are needed.
    ///
    /// Bytes are handed out as they come, not gathered to whole chunks, and share the memory of
    /// `buf`. To get on, `buf` must be able to hold 16 KiB: so long may a line or the trailers be,
    /// which are taken off only as a whole. Behind the end there is nothing, and `buf` is left to
    /// whatever comes next.
    ///
    /// # Errors
    ///
    /// [`ChunkError`] says what is wrong; it must not be called again then.
    pub fn decode(&mut self, buf: &mut BytesMut) -> Result<Option<Piece>, ChunkError> {
        loop {
            match self.next {
                Next::Line => match self.line(buf)? {
                    None => return Ok(None),
                    Some(0) => self.next = Next::Trailers,
                    Some(size) => self.next = Next::Data(size),
                },
                Next::Data(left) => return Ok(self.data(left, buf)),
                Next::DataEnd => match **buf {
                    [b'\r', b'\n', ..] => {
                        buf.advance(2);
                        self.next = Next::Line;
                    }
                    [] | [b'\r'] => return Ok(None),
                    _ => return Err(ChunkError::DataEnd),
                },
                Next::Trailers => return self.trailers(buf),
                Next::Nothing => return Ok(None),
            }
        }
    }

    /// Takes the line before a chunk, and says the chunk's size.
    fn line(&mut self, buf: &mut BytesMut) -> Result<Option<u64>, ChunkError> {
        if buf.first().is_some_and(|first| !first.is_ascii_hexdigit()) {
            return Err(ChunkError::Size);
        }
        let bytes = buf.get(..MAX_LINE).unwrap_or(buf);
        let Some(at) = memchr(b'\n', bytes.get(self.seen..).unwrap_or_default()) else {
            self.seen = bytes.len();
            let full = bytes.len() == MAX_LINE;
            return if full { Err(ChunkError::Extensions) } else { Ok(None) };
        };
        let end = self.seen + at;
        let line = bytes.get(..end).and_then(|line| line.strip_suffix(b"\r"));
        let (size, extensions) = size(line.ok_or(ChunkError::LineEnd)?).ok_or(ChunkError::Size)?;
        self.extensions += extensions;
        if self.extensions > MAX_EXTENSIONS {
            return Err(ChunkError::Extensions);
        }
        self.seen = 0;
        buf.advance(end + 1);
        Ok(Some(size))
    }

    /// Takes what has come of the `left` bytes of a chunk.
    fn data(&mut self, left: u64, buf: &mut BytesMut) -> Option<Piece> {
        if buf.is_empty() {
            return None;
        }
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let left = left.saturating_sub(length as u64);
        self.next = if left == 0 { Next::DataEnd } else { Next::Data(left) };
        Some(Piece::Data(buf.split_to(length).freeze()))
    }

    /// Takes the trailers, with the empty line that ends them.
    fn trailers(&mut self, buf: &mut BytesMut) -> Result<Option<Piece>, ChunkError> {
        let end =
            lines::end(buf, &mut self.seen, MAX_TRAILERS).map_err(|endless| match endless {
                Endless::BareLineFeed => ChunkError::LineEnd,
                Endless::TooLong => ChunkError::TrailersLarge,
            })?;
        let Some(end) = end else { return Ok(None) };
        self.next = Next::Nothing;
        Ok(Some(Piece::End(trailers::parse(&buf.split_to(end).freeze())?)))
    }
}

/// The size of a chunk, and how many bytes of extensions there are behind it. They say nothing to
/// us and are not sent on, so that it is enough that no byte of them could be taken for the end of
/// the line.
fn size(line: &[u8]) -> Option<(u64, usize)> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (digits, extensions) = line.split_at_checked(digits)?;
    let plain = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
    let separate = extensions.is_empty() || extensions.trim_ascii_start().starts_with(b";");
    if !(1..=MAX_DIGITS).contains(&digits.len()) || !separate || !extensions.iter().all(plain) {
        return None;
    }
    let size = digits.iter().try_fold(0_u64, |size, digit| {
        Some((size << 4) | u64::from(char::from(*digit).to_digit(16)?))
    })?;
    Some((size, extensions.len()))
}

#[cfg(test)]
mod tests;
