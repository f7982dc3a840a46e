//! Chunks signed anew, held against the examples that AWS published.

use std::time::Duration;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use http::Request;
use proptest::prelude::*;

use super::*;
use crate::resign::sign::Signing;

/// What a client signed with a key of its own.
const OLD: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The chain of AWS's examples, which begins with `seed`. Source: as for the room.
fn chain(seed: &str) -> Chain {
    let credentials = Credentials::new(
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        None,
        None,
        "tests",
    );
    let signing = Signing {
        service: "s3",
        region: "us-east-1",
        scheme: "https",
        host: "s3.amazonaws.com",
        credentials: &credentials,
        at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600),
    };
    let request = Request::put("/").header("x-amz-date", "20130524T000000Z").body(()).unwrap();
    signing.chain(&request, seed)
}

/// AWS's example: 66,560 times the letter a, in a chunk of 65,536 and one of what is left.
fn body(signatures: [&str; 3], trailers: &str) -> Vec<u8> {
    let [first, second, last] = signatures;
    let mut body = format!("10000{EXTENSION}{first}\r\n{}\r\n", "a".repeat(65_536));
    body += &format!("400{EXTENSION}{second}\r\n{}\r\n", "a".repeat(1_024));
    body += &format!("0{EXTENSION}{last}\r\n{trailers}\r\n");
    body.into_bytes()
}

fn pushed(seed: &str, body: &[u8], piece: usize) -> Result<(BytesMut, bool), ChunksError> {
    let mut chunks = Chunks::new(chain(seed), 65_536);
    let mut out = BytesMut::new();
    body.chunks(piece).try_for_each(|piece| chunks.push(piece, &mut out))?;
    Ok((out, chunks.is_whole()))
}

#[test]
fn the_published_example_is_signed_as_published() {
    let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    let expected = [
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ];
    for piece in [1, 1_000, 100_000] {
        let (out, whole) = pushed(seed, &body([OLD; 3], ""), piece).unwrap();
        assert!(whole);
        assert_eq!(out, body(expected, ""), "in pieces of {piece}");
    }
}

#[test]
fn trailers_are_signed_as_published() {
    let seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
    let expected = [
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    ];
    let signature = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";
    let trailers = |signature| {
        format!("x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:{signature}\r\n")
    };
    let (out, whole) = pushed(seed, &body([OLD; 3], &trailers(OLD)), 1_000).unwrap();
    assert!(whole);
    assert_eq!(out, body(expected, &trailers(signature)));
}

#[test]
fn what_is_no_such_body_does_not_go_on() {
    let with = |text: &str| text.replace("SIGNED", &format!("{EXTENSION}{OLD}"));
    for text in [
        "5\r\nhello\r\n0\r\n\r\n",
        "5;chunk-signature=00\r\n",
        "5SIGNED;more\r\n",
        "SIGNED\r\n\r\n\r\n",
        "gSIGNED\r\n",
        "10001SIGNED\r\n",
        "ffffffffffffffffffSIGNED\r\n",
        "5SIGNED\nhello\r\n",
        "5SIGNED\r\nhello!\r\n",
        "0SIGNED\r\n\r\nmore",
        "0SIGNED\r\nno trailer\r\n",
        "0SIGNED\r\nx-amz-trailer-signature:00\r\n",
    ] {
        assert_eq!(pushed("seed", with(text).as_bytes(), 3), Err(ChunksError), "{text:?}");
    }
    let endless = vec![b'0'; MAX_LINE + 1];
    assert_eq!(pushed("seed", &endless, 100), Err(ChunksError));
    let trailers = format!("0{EXTENSION}{OLD}\r\n{}", "a:b\r\n".repeat(MAX_LINE));
    assert_eq!(pushed("seed", trailers.as_bytes(), 100), Err(ChunksError));
}

#[test]
fn a_body_that_breaks_off_is_not_whole() {
    let body = body([OLD; 3], "");
    for length in [0, 10, 100, 65_700, body.len() - 1] {
        let (out, whole) = pushed("seed", &body[..length], 1_000).unwrap();
        assert!(!whole && out.len() <= length, "{length}");
    }
}

proptest! {
    #[test]
    fn any_body_is_survived_and_kept_within_bounds(
        body in proptest::collection::vec(prop_oneof![
            "[0-9a-f]{1,3}".prop_map(|size| format!("{size}{EXTENSION}{OLD}\r\n")),
            "[a-z\r\n:;]{0,40}".prop_map(String::from),
            Just("\r\n".to_owned()),
        ], 0..8),
        piece in 1..50_usize,
    ) {
        let body = body.concat();
        if let Ok((out, whole)) = pushed("seed", body.as_bytes(), piece) {
            prop_assert!(out.len() <= body.len());
            prop_assert!(!whole || out.len() == body.len(), "no length changes");
        }
    }
}
