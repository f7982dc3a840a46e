//! Every rule of bodies in chunks, and that they come out as they went in.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// What is left of a body that was decoded: its bytes, its trailers, and what is behind it.
#[derive(Debug, PartialEq)]
struct Body {
    data: Vec<u8>,
    trailers: Option<HeaderMap>,
    behind: Vec<u8>,
}

/// Decodes a body that arrives in pieces that end at `cuts`; `None` if it does not end.
fn decode(bytes: &[u8], cuts: &[Index]) -> Result<Option<Body>, ChunkError> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    let (mut chunked, mut buf, mut data, mut arrived) =
        (Chunked::new(), BytesMut::new(), Vec::new(), 0);
    for cut in cuts {
        buf.extend_from_slice(&bytes[arrived..cut]);
        arrived = cut;
        while let Some(piece) = chunked.decode(&mut buf)? {
            match piece {
                Piece::Data(piece) => {
                    assert!(!piece.is_empty(), "a piece of nothing");
                    data.extend_from_slice(&piece);
                }
                Piece::End(trailers) => {
                    let behind = [&buf, &bytes[arrived..]].concat();
                    assert_eq!(chunked.decode(&mut buf), Ok(None), "there is nothing behind it");
                    return Ok(Some(Body { data, trailers, behind }));
                }
            }
        }
    }
    Ok(None)
}

/// What a body without trailers is decoded to.
fn data(bytes: &str) -> Result<Option<String>, ChunkError> {
    decode(bytes.as_bytes(), &[]).map(|body| body.map(|body| String::from_utf8(body.data).unwrap()))
}

/// The names in the trailers, each with its value.
fn trailers(fields: &str) -> Result<Vec<String>, ChunkError> {
    let text = format!("0\r\n{}\r\n", fields.replace('|', "\r\n"));
    let body = decode(text.as_bytes(), &[])?.expect("it is whole");
    let map = body.trailers;
    assert!(map.as_ref().is_none_or(|map| !map.is_empty()), "an empty map is none");
    let fields = map
        .iter()
        .flatten()
        .map(|(name, value)| format!("{name}: {}", std::str::from_utf8(value.as_bytes()).unwrap()));
    Ok(fields.collect())
}

#[test]
fn lines_before_chunks_have_one_form() {
    let size = Err(ChunkError::Size);
    for (case, line, want) in [
        ("a size", "5", Ok(Some("hello"))),
        ("zeros before it", "0000000000000005", Ok(Some("hello"))),
        ("an extension", "5;a", Ok(Some("hello"))),
        ("extensions", "5;a=b;c=\"d e\" ;f", Ok(Some("hello"))),
        ("white space around the semicolon", "5 \t; a = b", Ok(Some("hello"))),
        ("an empty extension", "5;", Ok(Some("hello"))),
        ("high bytes in an extension", "5;ä", Ok(Some("hello"))),
        ("none", "", size),
        ("a sign", "+5", size),
        ("a prefix", "0x5", size),
        ("a letter beyond f", "g", size),
        ("a dot", "5.", size),
        ("a comma", "5,5", size),
        ("white space before it", " 5", size),
        ("white space behind it", "5 ", size),
        ("a tab behind it", "5\t", size),
        ("another size behind it", "5 5", size),
        ("an extension without a semicolon", "5 a=b", size),
        ("a semicolon alone", ";", size),
        ("seventeen digits", "00000000000000005", size),
        ("more than 64 bits", "10000000000000005", size),
        ("a NUL behind it", "5\0", size),
        ("a control byte in an extension", "5;\u{1b}", size),
        ("a bare CR behind it", "5\r", size),
        ("a bare CR in an extension", "5;a\rb", size),
        ("a bare LF in an extension", "5;a\nb", Err(ChunkError::LineEnd)),
    ] {
        let want = want.map(|data| data.map(str::to_owned));
        assert_eq!(data(&format!("{line}\r\nhello\r\n0\r\n\r\n")), want, "{case}: {line:?}");
    }
    for (digit, length) in [('9', 9), ('a', 10), ('F', 15)] {
        let text = "x".repeat(length);
        assert_eq!(data(&format!("{digit}\r\n{text}\r\n0\r\n\r\n")), Ok(Some(text)));
    }
}

#[test]
fn chunks_end_where_they_say() {
    for (case, bytes, want) in [
        ("no chunk", "0\r\n\r\n", Ok(Some(""))),
        ("two chunks", "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", Ok(Some("abc"))),
        ("line ends in a chunk", "4\r\n\r\n\r\n\r\n0\r\n\r\n", Ok(Some("\r\n\r\n"))),
        ("many zeros at the end", "1\r\na\r\n0000\r\n\r\n", Ok(Some("a"))),
        ("an extension at the end", "1\r\na\r\n0;b\r\n\r\n", Ok(Some("a"))),
        ("not yet the end", "1\r\na\r\n0\r\n\r", Ok(None)),
        ("not yet the end of a chunk", "2\r\na", Ok(None)),
        ("not yet the end of a line", "2\r", Ok(None)),
        ("too long", "1\r\nab\r\n0\r\n\r\n", Err(ChunkError::DataEnd)),
        ("too long by a CR", "1\r\na\r\r\n0\r\n\r\n", Err(ChunkError::DataEnd)),
        ("too short", "3\r\nab\r\n0\r\n\r\n", Err(ChunkError::DataEnd)),
        ("LF behind a chunk", "1\r\na\n0\r\n\r\n", Err(ChunkError::DataEnd)),
        ("CR behind a chunk", "1\r\na\r0\r\n\r\n", Err(ChunkError::DataEnd)),
        ("nothing behind a chunk", "1\r\na0\r\n\r\n", Err(ChunkError::DataEnd)),
        ("an empty line between", "1\r\na\r\n\r\n0\r\n\r\n", Err(ChunkError::Size)),
        ("LF behind a size", "1\na\r\n0\r\n\r\n", Err(ChunkError::LineEnd)),
        ("LF behind the last size", "0\n\r\n", Err(ChunkError::LineEnd)),
        ("LF at the end", "0\r\n\n", Err(ChunkError::LineEnd)),
    ] {
        assert_eq!(data(bytes), want.map(|data| data.map(str::to_owned)), "{case}: {bytes:?}");
    }
}

#[test]
fn pieces_are_handed_out_as_they_come() {
    let (mut chunked, mut buf) = (Chunked::new(), BytesMut::from("ffffffffffffffff\r\nab"));
    assert_eq!(chunked.decode(&mut buf), Ok(Some(Piece::Data(Bytes::from("ab")))));
    assert_eq!(chunked.decode(&mut buf), Ok(None));
    buf.extend_from_slice(b"c");
    assert_eq!(chunked.decode(&mut buf), Ok(Some(Piece::Data(Bytes::from("c")))));
    assert!(buf.is_empty(), "nothing is kept back");
}

#[test]
fn what_is_behind_the_body_stays() {
    let body = decode(b"1\r\na\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n", &[]).unwrap().unwrap();
    assert_eq!(body.behind, b"GET / HTTP/1.1\r\n");
    assert_eq!(body.trailers.unwrap()["x"], "y");
}

#[test]
fn what_can_never_become_a_body_is_refused_at_once() {
    for (bytes, error) in [
        ("x", ChunkError::Size),
        ("\r", ChunkError::Size),
        ("5\n", ChunkError::LineEnd),
        ("1\r\nab", ChunkError::DataEnd),
        ("1\r\na\rb", ChunkError::DataEnd),
        ("0\r\n\n", ChunkError::LineEnd),
        ("0\r\nX: y\n", ChunkError::LineEnd),
    ] {
        assert_eq!(data(bytes), Err(error), "{bytes:?}");
    }
}

#[test]
fn bounds_are_kept_to_the_byte() {
    let line = |length: usize| format!("1;{}\r\n", "x".repeat(length - 4));
    let one = |line: &str| data(&format!("{line}a\r\n0\r\n\r\n"));
    assert_eq!(one(&line(MAX_LINE)), Ok(Some("a".to_owned())));
    assert_eq!(one(&line(MAX_LINE + 1)), Err(ChunkError::Extensions));
    assert_eq!(data(&line(MAX_LINE + 1)[..MAX_LINE]), Err(ChunkError::Extensions), "no LF in it");
    assert_eq!(data(&line(MAX_LINE + 1)[..MAX_LINE - 1]), Ok(None), "may still become one");

    let chunk = format!("1{}\r\na\r\n", ";".repeat(1024));
    let all = chunk.repeat(MAX_EXTENSIONS / 1024);
    assert!(data(&format!("{all}0\r\n\r\n")).is_ok_and(|data| data.is_some()));
    assert_eq!(data(&format!("{all}0;\r\n\r\n")), Err(ChunkError::Extensions));

    let section = |length: usize| format!("X: {}\r\n\r\n", "x".repeat(length - 7));
    let behind = |section: &str| data(&format!("0\r\n{section}"));
    assert_eq!(behind(&section(MAX_TRAILERS)), Ok(Some(String::new())));
    assert_eq!(behind(&section(MAX_TRAILERS + 1)), Err(ChunkError::TrailersLarge));
    let part = &section(MAX_TRAILERS + 1)[..MAX_TRAILERS];
    assert_eq!(behind(part), Err(ChunkError::TrailersLarge));
    assert_eq!(behind(&part[1..]), Ok(None));

    assert_eq!(trailers(&"X:|".repeat(64)).map(|fields| fields.len()), Ok(64));
    assert_eq!(trailers(&"X:|".repeat(65)), Err(ChunkError::TrailersLarge));
}

#[test]
fn trailers_are_fields() {
    assert_eq!(trailers(""), Ok(vec![]));
    let some = trailers("Grpc-Status: 0|X-Sum: \t a b\t|x-sum: c|ETag: \"d\"|");
    let want = ["grpc-status: 0", "x-sum: a b", "x-sum: c", "etag: \"d\""].map(str::to_owned);
    assert_eq!(some, Ok(want.to_vec()));
    for fields in [
        "X|",
        "X : y|",
        ": y|",
        "X: y| z|",
        " X: y|",
        "X: y\rZ: z|",
        "X: \0|",
        "X: \u{7f}|",
        "Ä: y|",
        "\rX: y|",
        "X y: z|",
        "Content_Length: 5|",
        "transfer_encoding: chunked|",
    ] {
        assert_eq!(trailers(fields), Err(ChunkError::Trailers), "{fields:?}");
    }
}

#[test]
fn trailers_that_come_too_late_are_dropped() {
    for name in [
        "Age",
        "Authorization",
        "Cache-Control",
        "Connection",
        "Content-Encoding",
        "Content-Length",
        "Content-Range",
        "Content-Type",
        "Cookie",
        "Date",
        "Expect",
        "Expires",
        "Forwarded",
        "Host",
        "If-Match",
        "If-None-Match",
        "If-Range",
        "Keep-Alive",
        "Location",
        "Max-Forwards",
        "Pragma",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "Range",
        "Retry-After",
        "Set-Cookie",
        "TE",
        "Trailer",
        "Traceparent",
        "Tracestate",
        "Transfer-Encoding",
        "Upgrade",
        "Vary",
        "WWW-Authenticate",
        "X-Amzn-Trace-Id",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
    ] {
        assert_eq!(trailers(&format!("{name}: 5|")), Ok(vec![]), "{name}");
        let kept = trailers(&format!("X-Sum: 1|{name}: 5|"));
        assert_eq!(kept, Ok(vec!["x-sum: 1".to_owned()]), "{name}");
    }
}

/// Pieces of bodies, put together to what is one, or nearly.
fn nearly_a_body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "1\r\na\r\n",
        "2;ext=1\r\nab\r\n",
        "0\r\n",
        "\r\n",
        "X: y\r\n",
        "Host: a\r\n",
        "\r",
        "\n",
        "5",
        ";",
        " ",
        "x",
        "\u{0}",
    ]);
    vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn a_body_comes_out_as_it_went_in(
        chunks in vec((vec(any::<u8>(), 1..300), "(;[a-z]{1,5}(=[a-z]{1,5})?)?"), 0..12),
        trailer in prop::option::of("[a-z]{1,20}"),
        behind in vec(any::<u8>(), 0..20),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let (mut wire, mut want) = (Vec::new(), Vec::new());
        for (chunk, extension) in &chunks {
            wire.extend_from_slice(format!("{:X}{extension}\r\n", chunk.len()).as_bytes());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
            want.extend_from_slice(chunk);
        }
        let field = trailer.iter().map(|value| format!("X-Sum: {value}\r\n")).collect::<String>();
        wire.extend_from_slice(format!("0\r\n{field}\r\n").as_bytes());
        wire.extend_from_slice(&behind);

        let body = decode(&wire, &cuts).unwrap().expect("it is whole");
        prop_assert_eq!(body.data, want);
        prop_assert_eq!(body.behind, behind);
        let sum = body.trailers.map(|map| map["x-sum"].to_str().unwrap().to_owned());
        prop_assert_eq!(sum, trailer);
    }

    #[test]
    fn what_is_nearly_a_body_is_judged_the_same_in_pieces(
        bytes in nearly_a_body(),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        prop_assert_eq!(decode(&bytes, &cuts), decode(&bytes, &[]));
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..512), cuts in vec(any::<Index>(), 0..8)) {
        prop_assert_eq!(decode(&bytes, &cuts), decode(&bytes, &[]));
    }
}
