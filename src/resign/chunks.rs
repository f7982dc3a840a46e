//! Uploads whose chunks are signed one by one, signed anew as they pass.
//!
//! ```text
//! 10000;chunk-signature=…64 digits…⏎ …65,536 bytes…⏎
//! 0;chunk-signature=…⏎
//! x-amz-checksum-crc32:…⏎ x-amz-trailer-signature:…⏎    (if trailers were announced)
//! ⏎
//! ```
//!
//! Each signature covers the one before it, in a chain that begins with the request's own. A chunk is
//! kept until its signature, which stands before it, is known. Every signature is as long as the one
//! in its place, so the length of the whole does not change. Source: S3 API reference, "Signature
//! calculations for the authorization header: transferring payload in multiple chunks" and
//! "… including trailing headers".

use std::fmt;

use bytes::BytesMut;
use sha2::Digest as _;
use sha2::Sha256;

use crate::resign::EMPTY;
use crate::resign::hex;
use crate::resign::sign::Chain;

/// Longest line between two chunks, and most bytes of trailers.
const MAX_LINE: usize = 8 * 1024;

/// What stands between the length of a chunk and its signature.
const EXTENSION: &str = ";chunk-signature=";

/// Digits of a signature.
const DIGITS: usize = 64;

/// The trailer that signs the others.
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// What came is not a body of signed chunks, or has a larger chunk than may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunks of the body are malformed or too large")]
pub struct ChunksError;

/// The way of one body.
pub struct Chunks {
    chain: Chain,
    step: Step,
    /// The line that is coming in.
    line: Vec<u8>,
    /// How long the chunk that is coming in says it is, as it says so.
    size: String,
    /// The trailers that were seen, as they are signed.
    trailers: String,
    chunk: BytesMut,
    hash: Sha256,
    /// Most bytes of a chunk.
    max: usize,
}

/// What is to come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The line before a chunk.
    Head,
    /// So many bytes of a chunk.
    Data(usize),
    /// The end of the line behind a chunk.
    Tail,
    /// Trailers, or the empty line that ends them.
    Trailers,
    /// Nothing.
    End,
}

impl Chunks {
    /// A body whose head was signed as `chain` has it, in chunks of at most `max` bytes.
    pub(super) fn new(chain: Chain, max: usize) -> Self {
        Self {
            chain,
            step: Step::Head,
            line: Vec::new(),
            size: String::new(),
            trailers: String::new(),
            chunk: BytesMut::new(),
            hash: Sha256::new(),
            max,
        }
    }

    /// Takes the next bytes of the body, and appends to `out` what can be sent on.
    ///
    /// # Errors
    ///
    /// If they are not what they should be. The body cannot go on.
    pub fn push(&mut self, mut data: &[u8], out: &mut BytesMut) -> Result<(), ChunksError> {
        while !data.is_empty() {
            data = match self.step {
                Step::Data(left) => self.data(left, data),
                Step::Head | Step::Tail | Step::Trailers => self.line(data, out)?,
                Step::End => return Err(ChunksError),
            };
        }
        Ok(())
    }

    /// Whether the body has come to its end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.step == Step::End
    }

    fn data<'d>(&mut self, left: usize, data: &'d [u8]) -> &'d [u8] {
        let (own, rest) = data.split_at_checked(left).unwrap_or((data, &[]));
        self.chunk.extend_from_slice(own);
        self.hash.update(own);
        let left = left.saturating_sub(own.len());
        self.step = if left == 0 { Step::Tail } else { Step::Data(left) };
        rest
    }

    /// Takes bytes up to the end of the line, and acts on the line if it has ended.
    fn line<'d>(&mut self, data: &'d [u8], out: &mut BytesMut) -> Result<&'d [u8], ChunksError> {
        let end = memchr::memchr(b'\n', data);
        let (own, rest) = end.and_then(|end| data.split_at_checked(end + 1)).unwrap_or((data, &[]));
        if self.line.len() + own.len() > MAX_LINE {
            return Err(ChunksError);
        }
        self.line.extend_from_slice(own);
        if end.is_some() {
            let line = std::mem::take(&mut self.line);
            let line = line.strip_suffix(b"\r\n").ok_or(ChunksError)?;
            self.ended(std::str::from_utf8(line).map_err(|_| ChunksError)?, out)?;
        }
        Ok(rest)
    }

    fn ended(&mut self, line: &str, out: &mut BytesMut) -> Result<(), ChunksError> {
        match self.step {
            Step::Head => self.begin(line, out),
            Step::Tail if line.is_empty() => {
                self.flush(out);
                self.step = Step::Head;
                Ok(())
            }
            Step::Trailers => self.trailer(line, out),
            Step::Data(_) | Step::Tail | Step::End => Err(ChunksError),
        }
    }

    /// The line before a chunk.
    fn begin(&mut self, line: &str, out: &mut BytesMut) -> Result<(), ChunksError> {
        let (size, signature) = line.split_once(EXTENSION).ok_or(ChunksError)?;
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex(size) || !is_hex(signature) || signature.len() != DIGITS {
            return Err(ChunksError);
        }
        let length = usize::from_str_radix(size, 16).map_err(|_| ChunksError)?;
        if length > self.max {
            return Err(ChunksError);
        }
        size.clone_into(&mut self.size);
        self.step = Step::Data(length);
        if length == 0 {
            self.flush(out);
            self.step = Step::Trailers;
        }
        Ok(())
    }

    /// Signs the chunk that is there, and sends it on; the last has neither bytes nor an end.
    fn flush(&mut self, out: &mut BytesMut) {
        let hash = hex(self.hash.finalize_reset());
        let signature = self.chain.chunk(EMPTY, &hash);
        for part in [&self.size, EXTENSION, signature, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        if !self.chunk.is_empty() {
            out.extend_from_slice(&self.chunk);
            out.extend_from_slice(b"\r\n");
            self.chunk.clear();
        }
    }

    fn trailer(&mut self, line: &str, out: &mut BytesMut) -> Result<(), ChunksError> {
        if line.is_empty() {
            out.extend_from_slice(b"\r\n");
            self.step = Step::End;
            return Ok(());
        }
        let (name, value) = line.split_once(':').ok_or(ChunksError)?;
        if name.eq_ignore_ascii_case(TRAILER_SIGNATURE) {
            if value.trim().len() != DIGITS {
                return Err(ChunksError);
            }
            let signature = self.chain.trailers(&hex(Sha256::digest(&self.trailers)));
            let line = line.replace(value.trim(), signature);
            out.extend_from_slice(line.as_bytes());
        } else {
            let canonical = format!("{}:{}\n", name.to_ascii_lowercase(), value.trim());
            if self.trailers.len() + canonical.len() > MAX_LINE {
                return Err(ChunksError);
            }
            self.trailers.push_str(&canonical);
            out.extend_from_slice(line.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("step", &self.step).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
