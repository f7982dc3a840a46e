//! New signatures, held against a verifier of our own.

use std::sync::Arc;

use aws_credential_types::Credentials;
use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::resign::tests::verify::hash;
use crate::resign::tests::verify::verify;
use crate::sys::clock::SystemClock;
use crate::trace::time::Micros;
use crate::trace::time::Stamp;

mod verify;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// 2015-08-30 12:36:00 UTC, the moment of AWS's test suite.
#[derive(Debug)]
struct At;

impl Clock for At {
    fn now(&self) -> Stamp {
        Stamp::new(Micros::new(1_440_938_160_000_000), Duration::ZERO)
    }
}

fn resigner(token: Option<&str>, endpoints: &[(&str, &str)]) -> Resigner {
    let endpoints = endpoints.iter().map(|(name, uri)| ((*name).into(), uri.parse().unwrap()));
    let options = Options { enabled: true, endpoints: endpoints.collect(), max_body: 100 };
    let credentials = Credentials::new("AKIDEXAMPLE", SECRET, token.map(Into::into), None, "tests");
    Resigner { options, clock: Arc::new(At), keeper: Keeper::given(credentials) }
}

/// A request as an SDK would send it to us: `signed` are the headers that its signature covers.
fn request(service: &str, target: &str, headers: &[(&str, &str)], signed: &str) -> Request<()> {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=LOCAL/20991231/eu-central-1/{service}/aws4_request, \
         SignedHeaders=host;x-amz-date{}{signed}, Signature=00",
        if signed.is_empty() { "" } else { ";" }
    );
    let mut request = Request::post(target)
        .header("host", "127.0.0.1:8001")
        .header("x-amz-date", "20991231T000000Z")
        .header("authorization", authorization);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

fn sign(resigner: &Resigner, request: &mut Request<()>, body: &[u8]) -> Result<Plan, ResignError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut plan = resigner.plan(request)?;
        if let Some(kept) = plan.kept() {
            // In pieces, as it comes.
            body.chunks(7).try_for_each(|piece| kept.push(piece))?;
        }
        resigner.sign(&plan, request).await?;
        Ok(plan)
    })
}

fn text<'a>(request: &'a Request<()>, name: &str) -> &'a str {
    request.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn what_was_signed_for_us_is_signed_for_aws() {
    let headers = [
        ("x-amz-target", "DynamoDB_20120810.PutItem"),
        ("content-type", "application/x-amz-json-1.0"),
        ("content-length", "2"),
        ("user-agent", "aws-sdk-rust/1"),
        ("x-amz-security-token", "the service's own"),
    ];
    let mut request = request("dynamodb", "/", &headers, "content-type;x-amz-target");
    let plan = sign(&resigner(None, &[]), &mut request, b"{}").unwrap();
    assert_eq!(plan.origin, "https://dynamodb.eu-central-1.amazonaws.com/");
    assert_eq!(plan.into_kept().unwrap().into_bytes(), "{}");
    assert_eq!(text(&request, "host"), "dynamodb.eu-central-1.amazonaws.com");
    assert_eq!(text(&request, "x-amz-date"), "20150830T123600Z");
    assert!(
        text(&request, "authorization").starts_with(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-central-1/dynamodb/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature="
        ),
        "{}",
        text(&request, "authorization")
    );
    assert_eq!(text(&request, "x-amz-security-token"), "", "it belongs to other credentials");
    assert_eq!(verify(&request, SECRET, &hash(b"{}")), Ok(()));
}

#[test]
fn the_token_of_our_credentials_is_signed() {
    let mut request = request("sqs", "/", &[], "");
    sign(&resigner(Some("token"), &[]), &mut request, b"").unwrap();
    assert_eq!(text(&request, "x-amz-security-token"), "token");
    assert!(text(&request, "authorization").contains("host;x-amz-date;x-amz-security-token"));
    assert_eq!(verify(&request, SECRET, EMPTY), Ok(()));
}

#[test]
fn a_global_service_is_signed_for_where_it_is() {
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("content-length", "4")];
    let mut request = request("iam", "/", &headers, "content-type");
    let plan = sign(&resigner(None, &[]), &mut request, b"a=bc").unwrap();
    assert_eq!(plan.origin, "https://iam.amazonaws.com/");
    assert!(text(&request, "authorization").contains("/us-east-1/iam/"));
    assert_eq!(verify(&request, SECRET, &hash(b"a=bc")), Ok(()));
}

#[test]
fn what_hops_change_is_signed_only_if_it_was() {
    let headers = [
        ("connection", "keep-alive"),
        ("expect", "100-continue"),
        ("te", "trailers"),
        ("user-agent", "curl"),
        ("x-amzn-trace-id", "Root=1"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    ];
    let all = "connection;expect;te;user-agent;x-amzn-trace-id;x-amz-content-sha256";
    for (signed, expected) in [
        ("x-amz-content-sha256", "host;x-amz-content-sha256;x-amz-date"),
        (all, "host;user-agent;x-amz-content-sha256;x-amz-date;x-amzn-trace-id"),
    ] {
        let mut request = request("s3", "/bucket/key", &headers, signed);
        let before = request.headers().clone();
        let plan = sign(&resigner(None, &[]), &mut request, b"never seen").unwrap();
        assert!(plan.into_kept().is_none());
        let list = format!("SignedHeaders={expected}, ");
        assert!(text(&request, "authorization").contains(&list), "{request:?}");
        assert_eq!(verify(&request, SECRET, "UNSIGNED-PAYLOAD"), Ok(()));
        for (name, value) in headers {
            assert_eq!(before.get(name), Some(&HeaderValue::from_static(value)));
            assert_eq!(request.headers().get(name), before.get(name), "{name} stays");
        }
    }
}

#[test]
fn s3_is_told_what_is_signed_of_the_body_even_if_the_client_did_not() {
    let mut request = request("s3", "/b//a/../%2F+ü", &[("content-length", "5")], "");
    sign(&resigner(None, &[]), &mut request, b"hello").unwrap();
    assert_eq!(text(&request, "x-amz-content-sha256"), hash(b"hello"));
    assert_eq!(request.uri().path(), "/b//a/../%2F+ü", "it goes on as it came");
    assert_eq!(verify(&request, SECRET, &hash(b"hello")), Ok(()));
}

#[test]
fn endpoints_of_ones_own_come_first() {
    let all = &[("dynamodb", "http://10.0.0.1:8000"), ("*", "https://localhost:443/ignored")];
    for (service, headers, host) in [
        ("dynamodb", [("x-amz-target", "DynamoDB_20120810.ListTables")], "10.0.0.1:8000"),
        ("dynamodb", [("x-amz-target", "DynamoDBStreams_20120810.ListStreams")], "10.0.0.1:8000"),
        ("sqs", [("x-amz-target", "AmazonSQS.ListQueues")], "localhost"),
        ("execute-api", [("accept", "*/*")], "localhost"),
    ] {
        let mut request = request(service, "/", &headers, "");
        sign(&resigner(None, all), &mut request, b"").unwrap();
        assert_eq!(text(&request, "host"), host, "{service}");
        assert_eq!(verify(&request, SECRET, EMPTY), Ok(()));
    }
}

#[test]
fn what_cannot_be_signed_anew_is_told_apart() {
    let with = |name: &'static str, value: &'static str| request("s3", "/", &[(name, value)], name);
    let mut v4a = request("s3", "/", &[], "");
    v4a.headers_mut().insert(
        "authorization",
        HeaderValue::from_static(
            "AWS4-ECDSA-P256-SHA256 Credential=A/20150830/s3/aws4_request, SignedHeaders=host, \
             Signature=00",
        ),
    );
    let plain = |target: &str| Request::get(target).body(()).unwrap();
    let cases = [
        (plain("/"), "NotSigned", 421),
        (plain("/b/k?X-Amz-Signature=0&X-Amz-Credential=a"), "Presigned", 421),
        (v4a, "Scheme", 501),
        (request("evil.example/x", "/", &[], ""), "Malformed", 400),
        (request("", "/", &[], ""), "NotSigned", 421),
        (request("execute-api", "/stage/path", &[], ""), "UnknownService", 421),
        (request("s3express", "/", &[], ""), "UnknownService", 421),
        (with("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-EVENTS"), "EventSig", 501),
        (with("content-length", "101"), "TooLarge", 413),
        (with("x-amz-meta-name", "Zo\u{eb}"), "Malformed", 400),
        (request("s3", "/?prefix=%FF", &[], ""), "Malformed", 400),
        (with("x-sideray-credentials", "1"), "Loop", 508),
    ];
    for (mut request, name, status) in cases {
        let before = request.headers().clone();
        let error = sign(&resigner(None, &[]), &mut request, b"").unwrap_err();
        assert!(format!("{error:?}").starts_with(name), "{error:?}, not {name}");
        assert_eq!(error.status().as_u16(), status, "{error:?}");
        assert_eq!(request.headers(), &before, "what is refused stays as it came");
    }
}

#[test]
fn a_body_that_came_in_chunks_is_bounded_too() {
    let resigner = resigner(None, &[]);
    let chunked = || request("sqs", "/", &[("transfer-encoding", "chunked")], "");
    for (length, fits) in [(100, true), (101, false)] {
        let result = sign(&resigner, &mut chunked(), &vec![b'x'; length]);
        assert_eq!(result.is_ok(), fits, "{length} bytes: {result:?}");
    }
}

#[test]
fn workers_share_one() {
    fn shared<T: Send + Sync>(_: T) {}
    let tls = Client::load(&crate::net::tls::options::ClientOptions::default()).unwrap();
    let clock = Arc::new(SystemClock::start());
    shared(Arc::new(Resigner::new(Options::default(), tls, clock)));
}

/// Paths in every shape that may be sent, among them those that some would repair.
fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        Just(String::new()),
        Just(".".into()),
        Just("..".into()),
        Just("%2F".into()),
        "[a-zA-Z0-9._~:@!$&'()*+,;=-]{0,12}",
        "(%[0-9A-F]{2}){0,4}",
    ];
    proptest::collection::vec(segment, 0..6).prop_map(|all| format!("/{}", all.join("/")))
}

fn query() -> impl Strategy<Value = String> {
    let text = prop_oneof!["[a-zA-Z0-9._~/:@!$'()*,;-]{0,8}", "(%[2-7][0-9A-F]|[a-z]){0,6}"];
    let pair = (text.clone(), proptest::option::of(text))
        .prop_map(|(name, value)| value.map_or(name.clone(), |value| format!("{name}={value}")));
    proptest::collection::vec(pair, 0..6).prop_map(|all| all.join("&"))
}

fn headers() -> impl Strategy<Value = Vec<(String, String, bool)>> {
    let header = ("x-(a|b|amz-meta|amzn)-[a-c]{1,2}", "[!-~]{0,6}( {1,3}[!-~]{1,6}){0,2}");
    proptest::collection::vec((header, any::<bool>()), 0..8)
        .prop_map(|all| all.into_iter().map(|((n, v), signed)| (n, v, signed)).collect())
}

proptest! {
    #[test]
    fn whatever_is_signed_verifies(
        service in prop_oneof!["s3", "dynamodb", "lambda", "ses", "bedrock", "made-up"],
        path in path(),
        query in query(),
        given in headers(),
        body in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let target = if query.is_empty() { path } else { format!("{path}?{query}") };
        let signed: Vec<&str> =
            given.iter().filter(|(_, _, signed)| *signed).map(|(name, _, _)| &**name).collect();
        let length = body.len().to_string();
        let mut all: Vec<(&str, &str)> =
            given.iter().map(|(name, value, _)| (&**name, &**value)).collect();
        all.push(("content-length", &length));
        let mut request = request(&service, &target, &all, &signed.join(";"));
        let before = request.clone();
        let signing = sign(&resigner(Some("token"), &[]), &mut request, &body);
        prop_assert!(signing.is_ok(), "{signing:?}");

        prop_assert_eq!(verify(&request, SECRET, &hash(&body)), Ok(()));
        prop_assert_eq!(request.uri(), before.uri());
        let list = text(&request, "authorization").to_owned();
        let list = list.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
        for (name, _) in before.headers() {
            let ours = ["host", "x-amz-date", "authorization"].contains(&name.as_str());
            prop_assert!(ours || before.headers().get_all(name) == request.headers().get_all(name));
            let is_signed = list.split(';').any(|one| one == name);
            prop_assert!(ours || is_signed == signed.contains(&name.as_str()), "{name}");
        }
    }

    #[test]
    fn any_request_is_survived(
        authorization in proptest::collection::vec(any::<u8>(), 0..200),
        target in "/[ -~]{0,40}",
        stated in proptest::option::of("[ -~]{0,70}"),
    ) {
        let authorization = [b"AWS4-HMAC-SHA256 Credential=A/".as_slice(), &authorization].concat();
        let Ok(authorization) = HeaderValue::from_bytes(&authorization) else { return Ok(()) };
        let Ok(mut request) = Request::get(target).body(()) else { return Ok(()) };
        request.headers_mut().insert("authorization", authorization);
        if let Some(stated) = stated {
            request.headers_mut().insert("x-amz-content-sha256", stated.parse().unwrap());
        }
        drop(sign(&resigner(None, &[]), &mut request, b""));
    }
}
