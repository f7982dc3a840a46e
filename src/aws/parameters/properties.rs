//! Of any bytes: nothing breaks, and a beginning gives what the whole gives, or nothing.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::tests::object;
use super::tests::request_of;
use super::tests::response_of;
use super::*;
use crate::aws::examples::examples;
use crate::aws::examples::map;

#[test]
fn a_compressed_response_gives_what_it_gave_before() {
    for mut example in examples().into_iter().filter(|call| !call.response_fields.is_empty()) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(example.response_body.bytes()).unwrap();
        let gzipped = encoder.finish().unwrap();
        example.response_headers.extend(map(&[("content-encoding", "gzip")]));
        let parts = ResponseParts { whole: true, ..example.response(&gzipped) };
        assert_eq!(object(of_response(&parts)), example.response_fields, "{}", example.operation);
        for end in 0..gzipped.len() {
            let parts = ResponseParts { whole: false, ..example.response(&gzipped[..end]) };
            for (key, value) in of_response(&parts) {
                assert_eq!(example.response_fields.get(&*key), Some(&value));
            }
        }
    }
}

#[test]
fn a_cut_body_gives_what_the_whole_gives_or_nothing() {
    for example in examples() {
        let whole = request_of(&example);
        let body = example.request_body.bytes();
        for end in 0..body.len() {
            for (key, value) in example.request(&body[..end], of_request) {
                assert_eq!(whole.get(&*key), Some(&value), "{} {end}", example.operation);
            }
        }
        let whole = response_of(&example);
        let body = example.response_body.bytes();
        for end in (0..body.len()).step_by(body.len() / 1000 + 1) {
            for (key, value) in of_response(&example.response(&body[..end])) {
                assert_eq!(whole.get(&*key), Some(&value), "{} {end}", example.operation);
            }
        }
    }
}

fn protocols() -> impl Strategy<Value = Protocol> {
    prop::sample::select(vec![
        Protocol::Json,
        Protocol::Query,
        Protocol::Ec2,
        Protocol::RestJson,
        Protocol::RestXml,
        Protocol::Cbor,
    ])
}

/// Pieces of what bodies are made of, for better chances.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{\"",
        "\":",
        "\",\"",
        "[",
        "]",
        "}",
        "TableName",
        "QueueUrl",
        "Attributes",
        "&",
        "=",
        "1",
        "Attribute.1.Name",
        "Attribute.1.Value",
        "%2",
        "+",
        "<R>",
        "</R>",
        "<Contents>",
        "</Contents>",
        "<Buckets>",
        "<Bucket/>",
        "</Buckets>",
        "null",
        "\\u00",
        "ü",
    ]);
    prop_oneof![
        any::<Vec<u8>>(),
        prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_read(
        protocol in protocols(),
        call in prop::sample::select(examples()),
        body in bodies(),
        gzip: bool,
        whole: bool,
    ) {
        let headers = map(if gzip { &[("content-encoding", "gzip")] } else { &[] });
        call.request(&body, |parts| of_request(&RequestParts { protocol, headers: &headers, ..*parts }));
        let parts = ResponseParts { protocol, headers: &headers, whole, ..call.response(&body) };
        drop(of_response(&ResponseParts { status: 200, ..parts }));
    }

    #[test]
    fn of_any_bytes_a_beginning_gives_no_more(
        protocol in protocols(),
        call in prop::sample::select(examples()),
        body in bodies(),
        end: prop::sample::Index,
    ) {
        let length = body.len().to_string();
        let headers = map(&[("content-length", &length)]);
        let cut = &body[..end.index(body.len() + 1)];
        let of = |body: &[u8]| {
            call.request(body, |parts| of_request(&RequestParts { protocol, headers: &headers, ..*parts }))
        };
        let whole = of(&body);
        prop_assert!(of(cut).iter().all(|field| whole.contains(field)));
        let of = |body, whole| {
            of_response(&ResponseParts { protocol, whole, status: 200, ..call.response(body) })
        };
        let whole = of(&body, true);
        prop_assert!(of(cut, false).iter().all(|field| whole.contains(field)));
    }
}
