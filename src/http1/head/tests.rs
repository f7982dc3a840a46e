//! What holds for every head: its bounds, how it arrives, and that nothing makes it panic.

use http::Method;
use http::Version;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::http1::framing::Framing;

const REQUEST: &str = "POST /a?b=c HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\n";

/// The lines of a head as they go over the wire: a `|` stands for each end of a line.
pub(super) fn wire(lines: &str) -> String {
    format!("{}\r\n\r\n", lines.replace('|', "\r\n"))
}

#[test]
fn a_head_is_taken_off_the_front() {
    let mut buf = BytesMut::from(format!("\r\n\r\n{REQUEST}{REQUEST}hello").as_bytes());
    for _ in 0..2 {
        let mut seen = 0;
        let head = parse_request(&mut buf, &mut seen, &Limits::default()).unwrap().unwrap();
        assert_eq!(head.request.uri(), "/a?b=c");
        assert_eq!(head.framing, Framing::Length(5));
        assert_eq!(seen, 0, "the next head is searched for from its start");
    }
    assert_eq!(buf, "hello");
}

#[test]
fn values_share_the_bytes_that_came() {
    let mut buf = BytesMut::from(REQUEST);
    let came = buf.as_ptr_range();
    let head = parse_request(&mut buf, &mut 0, &Limits::default()).unwrap().unwrap();
    let host = head.request.headers()["host"].as_bytes().as_ptr();
    assert!(came.contains(&host), "a value was copied");
    assert!(came.contains(&head.request.uri().path().as_ptr()), "the target was copied");
}

#[test]
fn a_head_that_drips_in_is_searched_once() {
    let (mut buf, mut seen) = (BytesMut::new(), 0);
    for byte in REQUEST.bytes() {
        assert!(parse_request(&mut buf, &mut seen, &Limits::default()).unwrap().is_none());
        assert_eq!(seen, buf.len());
        buf.extend_from_slice(&[byte]);
    }
    assert!(parse_request(&mut buf, &mut seen, &Limits::default()).unwrap().is_some());
    assert_eq!((seen, buf.len()), (0, 0));
}

#[test]
fn limits_are_kept_to_the_byte() {
    let limits = Limits { bytes: 100, fields: 3 };
    let of = |text: &str| {
        parse_request(&mut BytesMut::from(text), &mut 0, &limits).map(|head| head.is_some())
    };
    let padded = |length: usize| {
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
        format!("{start}{}\r\n\r\n", "x".repeat(length - start.len() - 4))
    };
    assert_eq!(of(&padded(100)), Ok(true), "exactly what may be");
    assert_eq!(of(&padded(101)), Err(HeadError::Large), "one more");
    assert_eq!(of(&padded(200)[..99]), Ok(false), "not whole, and may still become so");
    assert_eq!(of(&padded(200)[..100]), Err(HeadError::Large), "cannot become whole");
    assert_eq!(of(&format!("\r\n{}", padded(98))), Ok(true), "empty lines count");
    assert_eq!(of(&format!("\r\n{}", padded(99))), Err(HeadError::Large), "empty lines count");

    let target = |length: usize| format!("GET /{} HTTP/1.1", "x".repeat(length));
    assert_eq!(of(&target(85)), Ok(false), "99 bytes of a first line");
    assert_eq!(of(&target(86)), Err(HeadError::TargetLength), "100 bytes of it");
    assert_eq!(of(&format!("{}\r\nHost: a\r\n\r\n", target(90))), Err(HeadError::TargetLength));

    assert_eq!(of("GET / HTTP/1.1\r\nHost: a\r\nX:\r\nX:\r\n\r\n"), Ok(true), "three fields");
    assert_eq!(of("GET / HTTP/1.1\r\nHost: a\r\nX:\r\nX:\r\nX:\r\n\r\n"), Err(HeadError::Fields));
}

#[test]
fn limits_beyond_our_own_are_ours() {
    let limits = Limits { bytes: usize::MAX, fields: usize::MAX };
    let of = |text: String| {
        parse_request(&mut BytesMut::from(text.as_bytes()), &mut 0, &limits).map(|_| ())
    };
    let fields = |count| format!("GET / HTTP/1.0\r\n{}\r\n", "X: x\r\n".repeat(count));
    assert_eq!(of(fields(128)), Ok(()));
    assert_eq!(of(fields(129)), Err(HeadError::Fields));
    let target = |length: usize| format!("GET /{} HTTP/1.0\r\n\r\n", "x".repeat(length - 1));
    assert_eq!(of(target(65_534)), Ok(()));
    assert_eq!(of(target(65_535)), Err(HeadError::TargetLength));
    let none = Limits { bytes: 0, fields: 0 };
    let head = parse_request(&mut BytesMut::from("G"), &mut 0, &none);
    assert_eq!(head.map(|_| ()), Err(HeadError::TargetLength), "no room at all");
}

#[test]
fn what_can_never_become_a_head_is_refused_before_it_ends() {
    for (case, bytes, error) in [
        ("a bare LF", "GET / HTTP/1.1\n", HeadError::LineEnd),
        ("a bare LF behind a good line", "GET / HTTP/1.1\r\nHost: a\n", HeadError::LineEnd),
        ("a bare LF that comes first", "\nG", HeadError::Malformed),
        ("a bare CR that comes first", "\rG", HeadError::Malformed),
        ("a TLS handshake", "\u{16}\u{3}\u{1}", HeadError::Malformed),
        ("a space first", " GET", HeadError::Malformed),
        ("a fifth empty line", "\r\n\r\n\r\n\r\n\r\nGET", HeadError::Malformed),
    ] {
        let of = |mut buf: BytesMut, mut seen| {
            parse_request(&mut buf, &mut seen, &Limits::default()).map(|_| ())
        };
        assert_eq!(of(BytesMut::from(bytes), 0), Err(error), "{case}");
        let earlier = &bytes[..bytes.len() - 1];
        if of(BytesMut::from(earlier), 0).is_ok() {
            let again = of(BytesMut::from(bytes), earlier.len());
            assert_eq!(again, Err(error), "{case}, searched up to its last byte before");
        }
    }
}

#[test]
fn every_error_has_a_status_and_words_for_the_client() {
    for (error, status) in [
        (HeadError::Coding, 501),
        (HeadError::Fields, 431),
        (HeadError::Framing, 400),
        (HeadError::Host, 400),
        (HeadError::Large, 431),
        (HeadError::LineEnd, 400),
        (HeadError::Malformed, 400),
        (HeadError::Target, 400),
        (HeadError::TargetLength, 414),
        (HeadError::Version, 505),
    ] {
        assert_eq!(error.status().as_u16(), status, "{error:?}");
        assert_eq!(error.to_string(), error.advice());
        assert!(!error.advice().is_empty());
    }
}

/// What a head was read as, in a form that compares; `None` if it never was whole.
type Read = Result<Option<(String, Framing, bool, BytesMut)>, HeadError>;

/// Reads a request that arrives in pieces that end at `cuts`.
fn request_in_pieces(bytes: &[u8], cuts: &[Index], limits: &Limits) -> Read {
    in_pieces(bytes, cuts, |buf, seen| {
        let head = parse_request(buf, seen, limits)?;
        Ok(head.map(|head| {
            let text = format!("{:?} {}", head.request, head.expects_continue);
            (text, head.framing, head.persistent)
        }))
    })
}

fn response_in_pieces(bytes: &[u8], cuts: &[Index], limits: &Limits) -> Read {
    in_pieces(bytes, cuts, |buf, seen| {
        let head = parse_response(buf, seen, limits, &Method::GET)?;
        Ok(head.map(|head| (format!("{:?}", head.response), head.framing, head.persistent)))
    })
}

fn in_pieces(
    bytes: &[u8],
    cuts: &[Index],
    mut parse: impl FnMut(
        &mut BytesMut,
        &mut usize,
    ) -> Result<Option<(String, Framing, bool)>, HeadError>,
) -> Read {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    let (mut buf, mut seen, mut arrived) = (BytesMut::new(), 0, 0);
    for cut in cuts {
        buf.extend_from_slice(&bytes[arrived..cut]);
        arrived = cut;
        if let Some((text, framing, persistent)) = parse(&mut buf, &mut seen)? {
            buf.extend_from_slice(&bytes[arrived..]);
            return Ok(Some((text, framing, persistent, buf)));
        }
    }
    Ok(None)
}

/// Pieces of heads, put together to what is one, or nearly.
fn nearly_a_head() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "GET / HTTP/1.1\r\n",
        "HTTP/1.1 200 OK\r\n",
        "Host: a\r\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "X-Long: some value of a field\r\n",
        "\r\n",
        "\n",
        "\r",
        " ",
        ":",
        "x",
        "\u{0}",
        "ü",
    ]);
    vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn a_request_is_the_same_in_whatever_pieces_it_comes(
        names in vec("[A-Za-z][A-Za-z0-9-]{0,20}x", 0..20),
        value in "[!-~]{1,20}( [!-~]{1,20}){0,3}",
        path in "/[a-z0-9/]{0,40}",
        empty in 0..4_usize,
        behind in "[a-z\r\n]{0,40}",
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let fields: String = names.iter().map(|name| format!("{name}: {value}\r\n")).collect();
        let empty = "\r\n".repeat(empty);
        let text = format!("{empty}GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n{behind}");
        let whole = request_in_pieces(text.as_bytes(), &[], &Limits::default());
        let (_, _, _, left) = whole.clone().unwrap().expect("it is whole");
        prop_assert_eq!(left, behind.as_bytes());
        prop_assert_eq!(request_in_pieces(text.as_bytes(), &cuts, &Limits::default()), whole);
    }

    #[test]
    fn a_response_is_the_same_in_whatever_pieces_it_comes(
        names in vec("[A-Za-z][A-Za-z0-9-]{0,20}x", 0..20),
        reason in "[ -~]{0,20}",
        status in 100..1000_u16,
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let fields: String = names.iter().map(|name| format!("{name}:\r\n")).collect();
        let text = format!("HTTP/1.1 {status} {reason}\r\n{fields}\r\n");
        let whole = response_in_pieces(text.as_bytes(), &[], &Limits::default());
        prop_assert!(matches!(whole, Ok(Some(_))), "{whole:?}");
        prop_assert_eq!(response_in_pieces(text.as_bytes(), &cuts, &Limits::default()), whole);
    }

    #[test]
    fn what_is_nearly_a_head_is_judged_the_same_in_pieces(
        bytes in nearly_a_head(),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let limits = Limits { bytes: 120, fields: 4 };
        for read in [request_in_pieces, response_in_pieces] {
            let whole = read(&bytes, &[], &limits).map_err(|_| ());
            prop_assert_eq!(read(&bytes, &cuts, &limits).map_err(|_| ()), whole);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..512), seen in 0..600_usize) {
        for end in ["", "\r\n\r\n"] {
            let mut bytes = BytesMut::from(&*bytes);
            bytes.extend_from_slice(end.as_bytes());
            let mut seen = seen;
            drop(parse_request(&mut bytes.clone(), &mut seen, &Limits::default()));
            drop(parse_response(&mut bytes, &mut seen, &Limits::default(), &Method::GET));
        }
    }
}

#[test]
fn versions_are_told_apart() {
    for (version, want) in [("HTTP/1.0", Version::HTTP_10), ("HTTP/1.1", Version::HTTP_11)] {
        let text = wire(&format!("GET / {version}|Host: a"));
        let head = parse_request(&mut BytesMut::from(&*text), &mut 0, &Limits::default());
        assert_eq!(head.unwrap().unwrap().request.version(), want);
        let text = wire(&format!("{version} 200 OK"));
        let limits = Limits::default();
        let head = parse_response(&mut BytesMut::from(&*text), &mut 0, &limits, &Method::GET);
        assert_eq!(head.unwrap().unwrap().response.version(), want);
    }
}
