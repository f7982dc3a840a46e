//! What the new signature says of the body, decided from the head alone. Source: S3 API reference,
//! "Authenticating requests: using the Authorization header", "x-amz-content-sha256".

use std::fmt;

use bytes::Bytes;
use bytes::BytesMut;
use http::HeaderMap;
use http::HeaderName;
use http::header::CONTENT_LENGTH;
use http::header::TRANSFER_ENCODING;
use sha2::Digest as _;
use sha2::Sha256;

use crate::resign::error::ResignError;
use crate::resign::hex;

/// Where a request says what is signed of its body.
pub(super) const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// What is signed of a body.
#[derive(Debug)]
pub(super) enum Payload {
    /// There is none.
    Empty,
    /// What the head says, a hash or a word: the body passes unseen.
    Stated(Box<str>),
    /// What the head says, and each chunk by a signature of its own, which becomes a new one.
    Chunks(Box<str>),
    /// Its hash, which is not said: the body must be there first.
    Whole(Kept),
}

/// A body that is kept until its hash is known. Hashed piece by piece, so that no large one holds
/// up a worker.
pub struct Kept {
    data: BytesMut,
    hash: Sha256,
    max: usize,
}

impl Kept {
    /// Nothing yet; at most `max` bytes.
    fn new(max: usize) -> Self {
        Self { data: BytesMut::new(), hash: Sha256::new(), max }
    }

    /// Takes the next piece of the body.
    ///
    /// # Errors
    ///
    /// [`ResignError::TooLarge`] beyond what may be kept.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), ResignError> {
        if piece.len() > self.max.saturating_sub(self.data.len()) {
            return Err(ResignError::TooLarge);
        }
        self.hash.update(piece);
        self.data.extend_from_slice(piece);
        Ok(())
    }

    /// The hash of all pieces, as signatures have it.
    pub(super) fn hash(&self) -> String {
        hex(self.hash.clone().finalize())
    }

    /// All pieces.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.data.freeze()
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("len", &self.data.len()).finish_non_exhaustive()
    }
}

impl Payload {
    /// Decides; a body that is to be kept may have `max` bytes.
    pub(super) fn of(headers: &HeaderMap, max: usize) -> Result<Self, ResignError> {
        if let Some(stated) = headers.get(X_AMZ_CONTENT_SHA256) {
            return match stated.to_str().map_err(|_| ResignError::Malformed)? {
                "STREAMING-AWS4-HMAC-SHA256-EVENTS" => Err(ResignError::EventSignatures),
                other if other.starts_with("STREAMING-AWS4-ECDSA") => Err(ResignError::Scheme),
                signed if signed.starts_with("STREAMING-AWS4-HMAC-SHA256-PAYLOAD") => {
                    Ok(Self::Chunks(signed.into()))
                }
                stated => Ok(Self::Stated(stated.into())),
            };
        }
        if headers.contains_key(TRANSFER_ENCODING) {
            return Ok(Self::Whole(Kept::new(max)));
        }
        let Some(length) = headers.get(CONTENT_LENGTH) else { return Ok(Self::Empty) };
        let length = length.to_str().ok().and_then(|length| length.parse::<u64>().ok());
        match length.ok_or(ResignError::Malformed)? {
            0 => Ok(Self::Empty),
            length if usize::try_from(length).is_ok_and(|length| length <= max) => {
                Ok(Self::Whole(Kept::new(max)))
            }
            _ => Err(ResignError::TooLarge),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_body_of_which_nothing_is_said_must_be_kept() {
        let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for (name, value, expected) in [
            ("x-amz-content-sha256", hash, "Stated"),
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD", "Stated"),
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "Stated"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "Chunks"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "Chunks"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-EVENTS", "EventSignatures"),
            ("x-amz-content-sha256", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "Scheme"),
            ("accept", "*/*", "Empty"),
            ("content-length", "0", "Empty"),
            ("content-length", "100", "Whole"),
            ("content-length", "101", "TooLarge"),
            ("content-length", "99999999999999999999", "Malformed"),
            ("transfer-encoding", "chunked", "Whole"),
        ] {
            let headers =
                HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]);
            let found = match Payload::of(&headers, 100) {
                Ok(payload) => format!("{payload:?}"),
                Err(error) => format!("{error:?}"),
            };
            assert!(found.starts_with(expected), "{name}: {value} gives {found}");
        }
    }
}
