//! Any bytes as a body in chunks: it comes to the same in whatever pieces it arrives, and what was
//! taken out of its chunks comes out again of others.
#![no_main]

use bytes::BytesMut;
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use sideray::http1::chunked::Chunked;
use sideray::http1::chunked::Piece;

/// More than a line or the trailers may be.
const MOST_HELD: usize = 16 * 1024;

fuzz_target!(|bytes: &[u8]| {
    let whole = decode(bytes, bytes.len().max(1));
    for step in [1, 2, 7, 1024] {
        assert_eq!(decode(bytes, step), whole, "in pieces of {step}");
    }
    let Read { data, end: End::Ended { trailers, .. } } = whole else { return };
    let mut again = Vec::new();
    for chunk in data.chunks(10) {
        again.extend_from_slice(format!("{:x};again\r\n", chunk.len()).as_bytes());
        again.extend_from_slice(chunk);
        again.extend_from_slice(b"\r\n");
    }
    again.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.iter().flatten() {
        again.extend_from_slice(format!("{name}: ").as_bytes());
        again.extend_from_slice(value.as_bytes());
        again.extend_from_slice(b"\r\n");
    }
    again.extend_from_slice(b"\r\nbehind");
    // Written anew, extensions and trailers can be longer than they were, and than they may be.
    if data.len() < MOST_HELD && bytes.len() < MOST_HELD / 2 {
        let end = End::Ended { trailers, behind: b"behind".to_vec() };
        assert_eq!(decode(&again, again.len()), Read { data, end });
    }
});

#[derive(Debug, PartialEq)]
struct Read {
    data: Vec<u8>,
    end: End,
}

#[derive(Debug, PartialEq)]
enum End {
    Ended { trailers: Option<HeaderMap>, behind: Vec<u8> },
    Refused,
    Unfinished,
}

/// What becomes of a body that arrives in pieces of `step` bytes.
fn decode(bytes: &[u8], step: usize) -> Read {
    let (mut chunked, mut buf, mut data) = (Chunked::new(), BytesMut::new(), Vec::new());
    let mut pieces = bytes.chunks(step);
    while let Some(piece) = pieces.next() {
        buf.extend_from_slice(piece);
        loop {
            match chunked.decode(&mut buf) {
                Ok(Some(Piece::Data(piece))) => {
                    assert!(!piece.is_empty(), "a piece of nothing");
                    data.extend_from_slice(&piece);
                }
                Ok(Some(Piece::End(trailers))) => {
                    assert!(trailers.as_ref().is_none_or(|map| !map.is_empty()));
                    let behind =
                        pieces.fold(buf.to_vec(), |behind, piece| [&behind, piece].concat());
                    return Read { data, end: End::Ended { trailers, behind } };
                }
                Ok(None) => break,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    return Read { data, end: End::Refused };
                }
            }
        }
        assert!(buf.len() < MOST_HELD, "{} bytes wait for more", buf.len());
    }
    Read { data, end: End::Unfinished }
}
