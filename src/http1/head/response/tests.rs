//! Every rule of a response's head, with what it lets through and what it refuses.

use super::*;
use crate::http1::head::tests::wire;

fn parse(asked: &Method, lines: &str) -> Result<ResponseHead, HeadError> {
    let mut buf = BytesMut::from(&*wire(lines));
    let head = parse_response(&mut buf, &mut 0, &Limits::default(), asked);
    head.map(|head| head.expect("it is whole"))
}

#[test]
fn status_lines_have_one_form() {
    for (case, lines, want) in [
        ("usual", "HTTP/1.1 200 OK", Ok(200)),
        ("no reason", "HTTP/1.1 200 ", Ok(200)),
        ("no reason and no space", "HTTP/1.1 200", Ok(200)),
        ("a reason of words", "HTTP/1.0 404 Not\tFound, sorry", Ok(404)),
        ("a reason in another language", "HTTP/1.1 404 não", Ok(404)),
        ("the lowest", "HTTP/1.1 100 x", Ok(100)),
        ("the highest", "HTTP/1.1 999 x", Ok(999)),
        ("too low", "HTTP/1.1 099 x", Err(HeadError::Malformed)),
        ("two digits", "HTTP/1.1 20 OK", Err(HeadError::Malformed)),
        ("four digits", "HTTP/1.1 2000 OK", Err(HeadError::Malformed)),
        ("a sign", "HTTP/1.1 +20 OK", Err(HeadError::Malformed)),
        ("no status", "HTTP/1.1 OK", Err(HeadError::Malformed)),
        ("two spaces", "HTTP/1.1  200 OK", Err(HeadError::Malformed)),
        ("a control byte", "HTTP/1.1 200 O\0K", Err(HeadError::Malformed)),
        ("a bare CR", "HTTP/1.1 200 OK\rX: a", Err(HeadError::Malformed)),
        ("a bare LF", "HTTP/1.1 200 OK\nX: a", Err(HeadError::LineEnd)),
        ("a bare LF without a reason", "HTTP/1.1 200\nX: a", Err(HeadError::LineEnd)),
        ("an empty line before it", "|HTTP/1.1 200 OK", Err(HeadError::Malformed)),
        ("another version", "HTTP/1.2 200 OK", Err(HeadError::Version)),
        ("HTTP/2", "HTTP/2.0 200 OK", Err(HeadError::Version)),
        ("HTTP/2 without its minor", "HTTP/2 200 OK", Err(HeadError::Malformed)),
        ("another protocol", "ICY 200 OK", Err(HeadError::Malformed)),
        ("a request", "GET / HTTP/1.1", Err(HeadError::Malformed)),
        ("a folded field", "HTTP/1.1 200 OK|X: a| b", Err(HeadError::Malformed)),
        ("a space before the colon", "HTTP/1.1 200 OK|X : a", Err(HeadError::Malformed)),
        ("no colon", "HTTP/1.1 200 OK|X", Err(HeadError::Malformed)),
        ("an imitation", "HTTP/1.1 200 OK|Content_Length: 5", Err(HeadError::Malformed)),
        ("a host says nothing here", "HTTP/1.1 200 OK|Host: a b|Host: c", Ok(200)),
    ] {
        let status = parse(&Method::GET, lines).map(|head| head.response.status().as_u16());
        assert_eq!(status, want, "{case}: {lines:?}");
    }
}

#[test]
fn the_end_of_the_body_is_told_in_one_way() {
    for (fields, want) in [
        ("X: y", Ok(Framing::UntilClose)),
        ("Content-Length: 5", Ok(Framing::Length(5))),
        ("Content-Length: 5|Content-Length: 5", Ok(Framing::Length(5))),
        ("Content-Length: 5, 5|Content-Length: 5", Ok(Framing::Length(5))),
        ("Transfer-Encoding: Chunked", Ok(Framing::Chunked)),
        ("Content-Length: 5|Content-Length: 6", Err(HeadError::Framing)),
        ("Content-Length: 5, 6", Err(HeadError::Framing)),
        ("Content-Length: 5,", Err(HeadError::Framing)),
        ("Content-Length: five", Err(HeadError::Framing)),
        ("Content-Length: 5|Transfer-Encoding: chunked", Err(HeadError::Framing)),
        ("Transfer-Encoding: chunked|Transfer-Encoding: chunked", Err(HeadError::Framing)),
        ("Transfer-Encoding: gzip", Err(HeadError::Framing)),
        ("Transfer-Encoding: chunked, gzip", Err(HeadError::Framing)),
        ("Transfer-Encoding: identity", Err(HeadError::Framing)),
        ("Transfer-Encoding: gzip, chunked", Err(HeadError::Coding)),
        ("Transfer-Encoding: zstd", Err(HeadError::Coding)),
    ] {
        let head = parse(&Method::GET, &format!("HTTP/1.1 200 OK|{fields}"));
        assert_eq!(head.map(|head| head.framing), want, "{fields:?}");
        for (asked, status) in [(Method::HEAD, 200), (Method::GET, 204), (Method::GET, 304)] {
            let head = parse(&asked, &format!("HTTP/1.1 {status} x|{fields}"));
            let bodiless = want.map(|_| Framing::Length(0));
            assert_eq!(head.map(|head| head.framing), bodiless, "{asked} {status} {fields:?}");
        }
    }
    let old = parse(&Method::GET, "HTTP/1.0 200 OK|Transfer-Encoding: chunked");
    assert_eq!(old.err(), Some(HeadError::Framing));
}

#[test]
fn equal_lengths_become_one_field() {
    for fields in [
        "Content-Length: 5|X: y|Content-Length: 05",
        "Content-Length: 5 , 5",
        "Content-Length: 5, 5|Content-Length: 5,5",
    ] {
        let head = parse(&Method::HEAD, &format!("HTTP/1.1 200 OK|{fields}")).unwrap();
        let lengths: Vec<_> = head.response.headers().get_all("content-length").iter().collect();
        assert_eq!(lengths, ["5"], "{fields:?}");
    }
}

#[test]
fn some_responses_have_no_body() {
    for (asked, status, want) in [
        (Method::GET, 100, true),
        (Method::GET, 101, true),
        (Method::GET, 103, true),
        (Method::POST, 204, true),
        (Method::POST, 304, true),
        (Method::HEAD, 500, true),
        (Method::CONNECT, 200, true),
        (Method::CONNECT, 502, false),
        (Method::GET, 200, false),
        (Method::GET, 205, false),
    ] {
        let head = parse(&asked, &format!("HTTP/1.1 {status} x|Content-Length: 5")).unwrap();
        let framing = Framing::Length(if want { 0 } else { 5 });
        assert_eq!(head.framing, framing, "{asked} {status}");
        assert_eq!(head.response.headers()["content-length"], "5", "fields stay as they came");
    }
}

#[test]
fn connections_go_on_as_their_version_has_it() {
    for (lines, want) in [
        ("HTTP/1.1 200 OK|Content-Length: 5", true),
        ("HTTP/1.1 200 OK|Transfer-Encoding: chunked", true),
        ("HTTP/1.1 304 x", true),
        ("HTTP/1.1 200 OK", false),
        ("HTTP/1.1 200 OK|Connection: keep-alive", false),
        ("HTTP/1.1 200 OK|Content-Length: 5|Connection: Close", false),
        ("HTTP/1.0 200 OK|Content-Length: 5", false),
        ("HTTP/1.0 200 OK|Content-Length: 5|Connection: keep-alive", true),
        ("HTTP/1.0 200 OK|Connection: keep-alive", false),
    ] {
        assert_eq!(parse(&Method::GET, lines).unwrap().persistent, want, "{lines:?}");
    }
}
