//! Any bytes as the head of a request and of a response: it comes to the same in whatever pieces it
//! arrives, it has one framing, and written down as it was understood it is understood the same.
#![no_main]

use std::fmt::Debug;

use bytes::BytesMut;
use http::HeaderMap;
use http::Method;
use http::Version;
use http::header;
use libfuzzer_sys::fuzz_target;
use sideray::http1::framing::Framing;
use sideray::http1::head::HeadError;
use sideray::http1::head::Limits;
use sideray::http1::head::RequestHead;
use sideray::http1::head::ResponseHead;
use sideray::http1::head::parse_request;
use sideray::http1::head::parse_response;

const LIMITS: Limits = Limits { bytes: 4 * 1024, fields: 32 };

fuzz_target!(|bytes: &[u8]| {
    let whole = request(bytes, bytes.len().max(1));
    for step in [1, 7] {
        same(&request(bytes, step), &whole, step);
    }
    if let Some((head, _)) = whole {
        check_request(&head);
    }
    for asked in [Method::GET, Method::HEAD, Method::CONNECT] {
        let whole = response(bytes, bytes.len().max(1), &asked);
        for step in [1, 7] {
            same(&response(bytes, step, &asked), &whole, step);
        }
        if let Some((head, _)) = whole {
            check_response(&head, &asked);
        }
    }
});

/// A head that was taken off, and what is behind it.
type Read<H> = Option<(H, Vec<u8>)>;

fn same<H: Debug>(pieces: &Read<H>, whole: &Read<H>, step: usize) {
    assert_eq!(format!("{pieces:?}"), format!("{whole:?}"), "in pieces of {step}");
}

fn request(bytes: &[u8], step: usize) -> Read<RequestHead> {
    read(bytes, step, |buf, seen| parse_request(buf, seen, &LIMITS))
}

fn response(bytes: &[u8], step: usize, asked: &Method) -> Read<ResponseHead> {
    read(bytes, step, |buf, seen| parse_response(buf, seen, &LIMITS, asked))
}

/// What becomes of a head that arrives in pieces of `step` bytes: nothing, if it is refused.
fn read<H>(
    bytes: &[u8],
    step: usize,
    mut parse: impl FnMut(&mut BytesMut, &mut usize) -> Result<Option<H>, HeadError>,
) -> Read<H> {
    let (mut buf, mut seen) = (BytesMut::new(), 0);
    let mut pieces = bytes.chunks(step);
    while let Some(piece) = pieces.next() {
        buf.extend_from_slice(piece);
        match parse(&mut buf, &mut seen) {
            Ok(Some(head)) => {
                assert_eq!(seen, 0, "the next head is searched for from its start");
                let behind = pieces.fold(buf.to_vec(), |behind, piece| [&behind, piece].concat());
                return Some((head, behind));
            }
            Ok(None) => assert!(buf.len() < LIMITS.bytes, "{} bytes wait for more", buf.len()),
            Err(error) => {
                assert!(error.status().is_client_error() || error.status().is_server_error());
                return None;
            }
        }
    }
    None
}

fn check_request(head: &RequestHead) {
    let request = &head.request;
    let (headers, uri) = (request.headers(), request.uri());
    check_framing(head.framing, Framing::Length(0), request.version(), headers);
    assert_eq!(request.method() == Method::CONNECT, uri.path_and_query().is_none());
    let hosts = headers.get_all(header::HOST).iter().count();
    assert!(hosts <= 1 && (hosts == 1 || request.version() == Version::HTTP_10), "{hosts} hosts");
    if let Some(host) = headers.get(header::HOST) {
        assert!(!host.as_bytes().iter().any(|byte| b"@,/?#\\ \t".contains(byte)), "{host:?}");
        assert!(host.to_str().is_ok(), "{host:?}");
    }
    // A target without a path is written with one.
    if uri.scheme().is_none() {
        let line = format!("{} {uri} {:?}", request.method(), request.version());
        let again = request_again(&written(&line, headers));
        assert_eq!(format!("{again:?}"), format!("{head:?}"), "understood differently: {line}");
    }
}

fn request_again(bytes: &[u8]) -> RequestHead {
    let limits = Limits { bytes: usize::MAX, ..LIMITS };
    let head = parse_request(&mut BytesMut::from(bytes), &mut 0, &limits);
    head.expect("it was understood before").expect("it is whole")
}

fn check_response(head: &ResponseHead, asked: &Method) {
    let response = &head.response;
    let headers = response.headers();
    let status = response.status();
    let bodiless = *asked == Method::HEAD
        || status.is_informational()
        || [204, 304].contains(&status.as_u16())
        || (*asked == Method::CONNECT && status.is_success());
    if bodiless {
        assert_eq!(head.framing, Framing::Length(0));
    } else {
        check_framing(head.framing, Framing::UntilClose, response.version(), headers);
    }
    assert!(!head.persistent || head.framing != Framing::UntilClose);
    let line = format!("{:?} {} reason", response.version(), status.as_u16());
    let limits = Limits { bytes: usize::MAX, ..LIMITS };
    let mut bytes = BytesMut::from(&*written(&line, headers));
    let again = parse_response(&mut bytes, &mut 0, &limits, asked);
    let again = again.expect("it was understood before").expect("it is whole");
    assert_eq!(format!("{again:?}"), format!("{head:?}"), "understood differently: {line}");
}

/// One field at most tells the framing, and the framing is what it tells.
fn check_framing(framing: Framing, otherwise: Framing, version: Version, headers: &HeaderMap) {
    let lengths: Vec<_> = headers.get_all(header::CONTENT_LENGTH).iter().collect();
    let codings: Vec<_> = headers.get_all(header::TRANSFER_ENCODING).iter().collect();
    match (&*lengths, &*codings) {
        ([], []) => assert_eq!(framing, otherwise),
        ([length], []) => {
            assert!(length.as_bytes().iter().all(u8::is_ascii_digit), "{length:?}");
            let length = length.to_str().unwrap().parse().unwrap();
            assert_eq!(framing, Framing::Length(length));
        }
        ([], [coding]) => {
            assert!(coding.as_bytes().eq_ignore_ascii_case(b"chunked"), "{coding:?}");
            assert_eq!((framing, version), (Framing::Chunked, Version::HTTP_11));
        }
        _ => panic!("two framings: {headers:?}"),
    }
}

/// A head with this first line and these fields.
fn written(line: &str, headers: &HeaderMap) -> Vec<u8> {
    let mut bytes = format!("{line}\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: ").as_bytes());
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}
