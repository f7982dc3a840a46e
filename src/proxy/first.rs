//! What a tunnel is used for, told by the first bytes that its client sends.

use std::io;

use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;

/// Longest method that is waited for before what comes is taken for something else.
const METHOD: usize = 20;

/// What the first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// A request of HTTP/1.1, or the preface of HTTP/2.
    Http,
    /// Neither.
    Other,
    /// A handshake of TLS.
    Tls,
}

impl First {
    /// Reads from `io` into `read` until it is clear what is spoken. An end before that tells that
    /// nothing is.
    pub(super) async fn read(
        io: &mut (impl AsyncRead + Unpin),
        read: &mut BytesMut,
    ) -> io::Result<Self> {
        loop {
            if let Some(first) = Self::of(read) {
                return Ok(first);
            }
            if io.read_buf(read).await? == 0 {
                return Ok(Self::Other);
            }
        }
    }

    /// What begins so; none while it may still be either.
    fn of(read: &[u8]) -> Option<Self> {
        match read {
            [] | [0x16] => return None,
            // The record's type and its legacy version. Source: RFC 8446 §5.1.
            [0x16, 0x03, ..] => return Some(Self::Tls),
            [..] => {}
        }
        let method = read.iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'-');
        let length = method.count();
        let begins = |target: &u8| matches!(target, b'/' | b'*' | b'h' | b'H');
        match read.get(length..) {
            _ if length == 0 || length > METHOD => Some(Self::Other),
            Some([] | [b' ']) => None,
            Some([b' ', target, ..]) if begins(target) => Some(Self::Http),
            Some(_) | None => Some(Self::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_what_is_spoken() {
        for (bytes, want) in [
            (b"".as_slice(), None),
            (b"\x16", None),
            (b"\x16\x03", Some(First::Tls)),
            (b"\x16\x03\x01\x02\x00", Some(First::Tls)),
            (b"\x16\x01", Some(First::Other)),
            (b"GE", None),
            (b"GET ", None),
            (b"GET /", Some(First::Http)),
            (b"OPTIONS *", Some(First::Http)),
            (b"M-SEARCH *", Some(First::Http)),
            (b"POST http://a/", Some(First::Http)),
            (b"PRI * HTTP/2.0", Some(First::Http)),
            (b"GETT", None),
            (b"SSH-2.0-x", Some(First::Other)),
            (b"EHLO mail.example", Some(First::Other)),
            (b"get /", Some(First::Other)),
            (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", Some(First::Other)),
            (b"\0\0\0\x08", Some(First::Other)),
        ] {
            assert_eq!(First::of(bytes), want, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
