//! Every rule of a request's head, with what it lets through and what it refuses.

use super::*;
use crate::http1::head::tests::wire;

fn parse(lines: &str) -> Result<RequestHead, HeadError> {
    let mut buf = BytesMut::from(&*wire(lines));
    parse_request(&mut buf, &mut 0, &Limits::default()).map(|head| head.expect("it is whole"))
}

/// What becomes of requests: each a case, its lines, and what is wrong with them, if anything.
fn judge(cases: &[(&str, &str, Option<HeadError>)]) {
    for (case, lines, want) in cases {
        assert_eq!(parse(lines).err(), *want, "{case}: {lines:?}");
    }
}

#[test]
fn all_that_came_is_in_the_request() {
    let head = parse(
        "PATCH /a%2Fb?c=d HTTP/1.1|HOST:a:80|Accept: \t a, b \t|X-Empty:|x-twice: 1|X-Twice: 2|\
         X-Latin: \u{e9}|Connection: X-Twice",
    )
    .unwrap();
    let request = head.request;
    assert_eq!(request.method(), Method::PATCH);
    assert_eq!(request.uri(), "/a%2Fb?c=d");
    let fields: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), std::str::from_utf8(value.as_bytes()).unwrap()))
        .collect();
    let want = [
        ("host", "a:80"),
        ("accept", "a, b"),
        ("x-empty", ""),
        ("x-twice", "1"),
        ("x-twice", "2"),
        ("x-latin", "\u{e9}"),
        ("connection", "X-Twice"),
    ];
    assert_eq!(fields, want);
    assert_eq!(head.framing, Framing::Length(0));
    assert!(head.persistent && !head.expects_continue);
}

#[test]
fn lines_have_one_form() {
    judge(&[
        ("no fields", "GET / HTTP/1.0", None),
        ("a method of its own", "M-SEARCH / HTTP/1.0", None),
        ("a method in lower case is another", "get / HTTP/1.0", None),
        ("every byte of a token", "GET / HTTP/1.0|!#$%&'*+-.^_`~09azAZ: x", None),
        ("tabs and high bytes in a value", "GET / HTTP/1.0|X: a\tb\u{ff}", None),
        ("a bare LF behind the first line", "GET / HTTP/1.0\nX: a", Some(HeadError::LineEnd)),
        ("a bare LF behind a field", "GET / HTTP/1.0|X: a\nY: b", Some(HeadError::LineEnd)),
        ("a bare LF as the empty line", "GET / HTTP/1.0|\nX: a", Some(HeadError::LineEnd)),
        ("a bare CR behind the first line", "GET / HTTP/1.0\rX: a", Some(HeadError::Malformed)),
        ("a bare CR in a value", "GET / HTTP/1.0|X: a\rY: b", Some(HeadError::Malformed)),
        ("a CR too many", "GET / HTTP/1.0|X: a\r|Y: b", Some(HeadError::Malformed)),
        ("a bare CR in a name", "GET / HTTP/1.0|X\r: a", Some(HeadError::Malformed)),
        ("a folded field", "GET / HTTP/1.0|X: a| b", Some(HeadError::Malformed)),
        ("a folded field, by a tab", "GET / HTTP/1.0|X: a|\tb", Some(HeadError::Malformed)),
        ("a fold before the first field", "GET / HTTP/1.0| X: a", Some(HeadError::Malformed)),
        ("a NUL in a value", "GET / HTTP/1.0|X: a\0", Some(HeadError::Malformed)),
        ("a control byte in a value", "GET / HTTP/1.0|X: a\u{1b}", Some(HeadError::Malformed)),
        ("a DEL in a value", "GET / HTTP/1.0|X: a\u{7f}", Some(HeadError::Malformed)),
        ("a NUL in a name", "GET / HTTP/1.0|X\0: a", Some(HeadError::Malformed)),
        ("a high byte in a name", "GET / HTTP/1.0|Xé: a", Some(HeadError::Malformed)),
        ("a space before the colon", "GET / HTTP/1.0|X : a", Some(HeadError::Malformed)),
        ("a tab before the colon", "GET / HTTP/1.0|X\t: a", Some(HeadError::Malformed)),
        ("a space in a name", "GET / HTTP/1.0|X Y: a", Some(HeadError::Malformed)),
        ("a name in quotes", "GET / HTTP/1.0|\"X\": a", Some(HeadError::Malformed)),
        ("an empty name", "GET / HTTP/1.0|: a", Some(HeadError::Malformed)),
        ("no colon", "GET / HTTP/1.0|X", Some(HeadError::Malformed)),
        ("a second request line", "GET / HTTP/1.0|GET / HTTP/1.0", Some(HeadError::Malformed)),
        ("no target", "GET HTTP/1.0", Some(HeadError::Malformed)),
        ("an empty target", "GET  HTTP/1.0", Some(HeadError::Malformed)),
        ("two spaces", "GET  / HTTP/1.0", Some(HeadError::Malformed)),
        ("two spaces before the version", "GET /  HTTP/1.0", Some(HeadError::Malformed)),
        ("a tab for a space", "GET\t/ HTTP/1.0", Some(HeadError::Malformed)),
        ("a space behind the version", "GET / HTTP/1.0 ", Some(HeadError::Malformed)),
        ("no method", "/ HTTP/1.0", Some(HeadError::Malformed)),
        ("a method that is no token", "G@T / HTTP/1.0", Some(HeadError::Malformed)),
        ("a response", "HTTP/1.1 200 OK", Some(HeadError::Malformed)),
    ]);
}

#[test]
fn versions_are_ours_others_or_nonsense() {
    judge(&[
        ("1.1", "GET / HTTP/1.1|Host: a", None),
        ("1.0", "GET / HTTP/1.0", None),
        ("1.2", "GET / HTTP/1.2|Host: a", Some(HeadError::Version)),
        ("2.0", "GET / HTTP/2.0|Host: a", Some(HeadError::Version)),
        ("0.9", "GET / HTTP/0.9", Some(HeadError::Version)),
        ("none, as in 0.9", "GET /", Some(HeadError::Malformed)),
        ("lower case", "GET / http/1.1|Host: a", Some(HeadError::Malformed)),
        ("two digits", "GET / HTTP/1.10|Host: a", Some(HeadError::Malformed)),
        ("two digits of another", "GET / HTTP/2.10|Host: a", Some(HeadError::Malformed)),
        ("no minor one", "GET / HTTP/2|Host: a", Some(HeadError::Malformed)),
        ("a comma", "GET / HTTP/1,1|Host: a", Some(HeadError::Malformed)),
        ("another protocol", "GET / SHTTP/1.1|Host: a", Some(HeadError::Malformed)),
        ("a word before it", "GET / x HTTP/2.0|Host: a", Some(HeadError::Malformed)),
        ("nothing", "GET / |Host: a", Some(HeadError::Malformed)),
    ]);
}

#[test]
fn targets_have_the_form_of_their_method() {
    judge(&[
        ("origin form", "GET /a/b?c=/d?e HTTP/1.1|Host: a", None),
        ("two slashes are a path", "GET //evil.example/ HTTP/1.1|Host: a", None),
        ("absolute form", "GET http://a/b HTTP/1.1|Host: a", None),
        ("absolute form of another scheme", "GET ftp://a:21/b HTTP/1.1|Host: a", None),
        ("absolute form without a path", "GET http://a?b HTTP/1.1|Host: a", None),
        ("absolute form, another host", "GET http://a/b HTTP/1.1|Host: b", None),
        ("absolute form for OPTIONS", "OPTIONS http://a HTTP/1.1|Host: a", None),
        ("authority form", "CONNECT a:443 HTTP/1.1|Host: a:443", None),
        ("authority form of an address", "CONNECT [::1]:443 HTTP/1.1|Host: a", None),
        ("asterisk form", "OPTIONS * HTTP/1.1|Host: a", None),
        ("asterisk form of others", "GET * HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("asterisk form of CONNECT", "CONNECT * HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("asterisk and more", "OPTIONS *a HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("authority form of others", "GET a:443 HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("a host for a path", "GET a HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("origin form of CONNECT", "CONNECT / HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("absolute form of CONNECT", "CONNECT http://a HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("a user of CONNECT", "CONNECT u@a:443 HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("a port of CONNECT", "CONNECT a:65536 HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("a path of CONNECT", "CONNECT a:443/ HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("a fragment", "GET /a#b HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("a fragment, absolute", "GET http://a/#b HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("a fragment of CONNECT", "CONNECT a:443#b HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("no authority", "GET http:///a HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("no scheme", "GET ://a HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("a scheme of digits", "GET 1://a HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("one slash", "GET http:/a HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("a relative path", "GET a/b HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("a query alone", "GET ?a HTTP/1.1|Host: a", Some(HeadError::Target)),
        ("a backslash", "GET \\a HTTP/1.1|Host: a", Some(HeadError::Target)),
    ]);
}

#[test]
fn a_request_names_one_host() {
    judge(&[
        ("with a port", "GET / HTTP/1.1|Host: shop.example:8080", None),
        ("empty, as for a target without one", "GET / HTTP/1.1|Host:", None),
        ("none in 1.0", "GET / HTTP/1.0", None),
        ("none in 1.1", "GET / HTTP/1.1", Some(HeadError::Host)),
        ("none in 1.1, absolute form", "GET http://a/ HTTP/1.1", Some(HeadError::Host)),
        ("two", "GET / HTTP/1.1|Host: a|Host: b", Some(HeadError::Host)),
        ("two that are equal", "GET / HTTP/1.1|Host: a|host: a", Some(HeadError::Host)),
        ("two in 1.0", "GET / HTTP/1.0|Host: a|X: y|HOST: a", Some(HeadError::Host)),
        ("empty, absolute form", "GET http://a/ HTTP/1.1|Host:", Some(HeadError::Host)),
        ("empty, CONNECT", "CONNECT a:443 HTTP/1.1|Host:", Some(HeadError::Host)),
        ("empty and one", "GET / HTTP/1.1|Host:|Host: a", Some(HeadError::Host)),
        ("a user", "GET / HTTP/1.1|Host: u@a", Some(HeadError::Host)),
        ("a list", "GET / HTTP/1.1|Host: a, b", Some(HeadError::Host)),
        ("a path", "GET / HTTP/1.1|Host: a/b", Some(HeadError::Host)),
        ("a port too high, in 1.0", "GET / HTTP/1.0|Host: a:65536", Some(HeadError::Host)),
    ]);
}

#[test]
fn the_end_of_the_body_is_told_in_one_way() {
    let post = |fields: &str| parse(&format!("POST / HTTP/1.1|Host: a|{fields}"));
    for (fields, framing) in [
        ("X: y", Framing::Length(0)),
        ("Content-Length: 0", Framing::Length(0)),
        ("Content-Length: \t 5 \t", Framing::Length(5)),
        ("content-length: 18446744073709551615", Framing::Length(u64::MAX)),
        ("Transfer-Encoding: chunked", Framing::Chunked),
        ("TRANSFER-ENCODING:\t Chunked\t", Framing::Chunked),
    ] {
        assert_eq!(post(fields).map(|head| head.framing), Ok(framing), "{fields:?}");
    }
    for fields in [
        "Content-Length:",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: 5 5",
        "Content-Length: 5, 5",
        "Content-Length: 0x5",
        "Content-Length: 18446744073709551616",
        "Content-Length: 5|Content-Length: 6",
        "Content-Length: 5|Content-Length: 5",
        "Content-Length: 5|Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked|Content-Length: 0",
        "Transfer-Encoding: gzip, chunked|Content-Length: 5",
        "Transfer-Encoding: chunked|Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip|Transfer-Encoding: chunked",
        "Transfer-Encoding: zstd|Transfer-Encoding: zstd",
        "Transfer-Encoding:",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: chunked;a=b",
        "Transfer-Encoding: chunked,",
    ] {
        assert_eq!(post(fields).err(), Some(HeadError::Framing), "{fields:?}");
    }
    for fields in ["Transfer-Encoding: gzip, Chunked", "Transfer-Encoding: zstd"] {
        assert_eq!(post(fields).err(), Some(HeadError::Coding), "{fields:?}");
    }
    for fields in ["Content_Length: 5", "transfer_encoding: chunked", "X_Forwarded-Host: b"] {
        assert_eq!(post(fields).err(), Some(HeadError::Malformed), "{fields:?}");
    }
    for fields in ["X-Forwarded-Host: b", "Content_Lengths: 5", "My_Field: x"] {
        assert!(post(fields).is_ok(), "{fields:?}");
    }
    judge(&[
        ("a length in 1.0", "POST / HTTP/1.0|Content-Length: 5", None),
        ("a coding in 1.0", "POST / HTTP/1.0|Transfer-Encoding: chunked", Some(HeadError::Framing)),
    ]);
}

#[test]
fn connections_go_on_as_their_version_has_it() {
    for (fields, in_11, in_10) in [
        ("X: y", true, false),
        ("Connection: keep-alive", true, true),
        ("Connection: Keep-Alive, TE", true, true),
        ("Connection: te|Connection: KEEP-ALIVE", true, true),
        ("Connection: close", false, false),
        ("Connection: te ,\tCLOSE", false, false),
        ("Connection: te|Connection: close", false, false),
        ("Connection: keep-alive, close", false, false),
        ("Connection: closed", true, false),
        ("Connection: x close", true, false),
        ("Connection:", true, false),
    ] {
        for (version, want) in [("1.1", in_11), ("1.0", in_10)] {
            let head = parse(&format!("GET / HTTP/{version}|Host: a|{fields}")).unwrap();
            assert_eq!(head.persistent, want, "{fields:?} in {version}");
        }
    }
}

#[test]
fn a_client_waits_only_with_a_body() {
    for (lines, want) in [
        ("POST / HTTP/1.1|Host: a|Expect: 100-continue|Content-Length: 5", true),
        ("POST / HTTP/1.1|Host: a|expect: 100-Continue|Transfer-Encoding: chunked", true),
        ("POST / HTTP/1.1|Host: a|Expect: 100-continue|Content-Length: 0", false),
        ("POST / HTTP/1.1|Host: a|Expect: 100-continue", false),
        ("POST / HTTP/1.0|Expect: 100-continue|Content-Length: 5", false),
        ("POST / HTTP/1.1|Host: a|Expect: 200-ok|Content-Length: 5", false),
        ("POST / HTTP/1.1|Host: a|Content-Length: 5", false),
    ] {
        assert_eq!(parse(lines).unwrap().expects_continue, want, "{lines:?}");
    }
}
