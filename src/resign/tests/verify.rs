//! A verifier of SigV4, written from its description alone. Source: IAM user guide, "Create a
//! signed AWS API request".

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::Request;
use ring::digest;
use ring::hmac;

/// The SHA-256 of `bytes`, as requests have it.
pub(super) fn hash(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// Whether the signature is right; else what it should be of.
pub(super) fn verify(request: &Request<()>, secret: &str, payload: &str) -> Result<(), String> {
    let header = |name: &str| {
        let values = request.headers().get_all(name).iter();
        let values = values.map(|value| trim(value.to_str().unwrap()));
        values.collect::<Vec<_>>().join(",")
    };
    let authorization = header("authorization");
    let fields: BTreeMap<&str, &str> = authorization
        .trim_start_matches("AWS4-HMAC-SHA256 ")
        .split(", ")
        .map(|field| field.split_once('=').unwrap())
        .collect();
    let (_, scope) = fields["Credential"].split_once('/').unwrap();
    let raw = scope.split('/').nth(2).unwrap().starts_with("s3");
    let signed = fields["SignedHeaders"];
    assert!(signed.split(';').is_sorted(), "{signed}");
    assert!(signed.split(';').any(|name| name == "host"), "{signed}");

    let path = request.uri().path();
    let lines: String =
        signed.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
    let canonical = [
        request.method().as_str(),
        &if raw { path.to_owned() } else { encode(normal(path).as_bytes(), b"/") },
        &query(request.uri().query().unwrap_or_default()),
        &lines,
        signed,
        payload,
    ]
    .join("\n");
    let date = header("x-amz-date");
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hash(canonical.as_bytes()));
    let key =
        scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, word| mac(&key, word));
    let right = hex(&mac(&key, &text)) == fields["Signature"];
    if right && date.starts_with(scope.split('/').next().unwrap()) {
        Ok(())
    } else {
        Err(canonical)
    }
}

fn trim(value: &str) -> String {
    value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn encode(bytes: &[u8], also: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || also.contains(byte) {
            text.push(char::from(*byte));
        } else {
            write!(text, "%{byte:02X}").unwrap();
        }
        text
    })
}

fn decode(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                let digits = std::str::from_utf8(&digits).unwrap();
                decoded.push(u8::from_str_radix(digits, 16).unwrap());
            }
            b'+' => decoded.push(b' '),
            byte => decoded.push(byte),
        }
    }
    decoded
}

fn query(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut pairs: Vec<(String, String)> = pairs
        .map(|(name, value)| (encode(&decode(name), b""), encode(&decode(value), b"")))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// RFC 3986 §5.2.4, and no empty segments.
fn normal(path: &str) -> String {
    let mut kept = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let last = path.rsplit('/').next().unwrap();
    let tail = if !kept.is_empty() && ["", ".", ".."].contains(&last) { "/" } else { "" };
    format!("/{}{tail}", kept.join("/"))
}

/// What AWS has published: a request, its authorization and the hash of its body.
#[test]
fn agrees_with_published_examples() {
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    // The test suite of SigV4, "get-vanilla".
    let vanilla = Request::get("/")
        .header("host", "example.amazonaws.com")
        .header("x-amz-date", "20150830T123600Z")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        );
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    assert_eq!(verify(&vanilla.body(()).unwrap(), secret, EMPTY), Ok(()));
    // S3 API reference, "Example: GET object".
    let object = Request::get("/test.txt")
        .header("host", "examplebucket.s3.amazonaws.com")
        .header("range", "bytes=0-9")
        .header("x-amz-content-sha256", EMPTY)
        .header("x-amz-date", "20130524T000000Z")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        );
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    assert_eq!(verify(&object.body(()).unwrap(), secret, EMPTY), Ok(()));
}
