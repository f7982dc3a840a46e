//! Signatures as clients write them, and what is none.

use http::HeaderName;
use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
    });
    pairs.collect()
}

#[test]
fn reads_what_a_request_is_signed_for() {
    const V4A: &str = "AWS4-ECDSA-P256-SHA256 Credential=AKID/20260102/s3/aws4_request, \
                       SignedHeaders=host;x-amz-region-set, Signature=00";
    let v4 = |scope: &str, between: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential={scope}{between}SignedHeaders=host{between}Signature=00"
        )
    };
    let cases = [
        (
            v4("AKID/20260102/us-east-1/s3/aws4_request", ", "),
            "",
            Some((Scheme::V4, Some("us-east-1"), "s3")),
        ),
        (
            v4("AKID/20260102/cn-north-1/sqs/aws4_request", ","),
            "",
            Some((Scheme::V4, Some("cn-north-1"), "sqs")),
        ),
        (
            v4("a/b/c/20260102/local/kms/aws4_request", ",   "),
            "",
            Some((Scheme::V4, Some("local"), "kms")),
        ),
        (v4("AKID/20260102//s3/aws4_request", ", "), "", Some((Scheme::V4, None, "s3"))),
        (v4("AKID/20260102/us-east-1//aws4_request", ", "), "", None),
        (v4("AKID", ", "), "", None),
        (V4A.into(), "us-east-1", Some((Scheme::V4a, Some("us-east-1"), "s3"))),
        (V4A.into(), "*", Some((Scheme::V4a, None, "s3"))),
        (V4A.into(), "us-east-1,us-west-2", Some((Scheme::V4a, None, "s3"))),
        (V4A.into(), "", Some((Scheme::V4a, None, "s3"))),
        ("AWS AKID:c2lnbmF0dXJl".into(), "", Some((Scheme::V2, None, "s3"))),
        ("AWS AKID".into(), "", None),
        ("AWS4-HMAC-SHA256".into(), "", None),
        ("Bearer AWS4-HMAC-SHA256".into(), "", None),
        (String::new(), "", None),
    ];
    for (value, set, expected) in cases {
        let map = headers(&[("authorization", &value), (REGION_SET, set)]);
        let scope = Scope::of(&map).map(|scope| (scope.scheme, scope.region, scope.service));
        assert_eq!(scope, expected, "{value}");
    }
    assert_eq!(Scope::of(&HeaderMap::new()), None);
}

#[test]
fn knows_which_headers_are_signed() {
    const V4: &str = "AWS4-HMAC-SHA256 Credential=A/20260102/us-east-1/s3/aws4_request, \
                      SignedHeaders=host;X-Amzn-Trace-Id;x-amz-date, Signature=00";
    let cases = [
        (V4, "", "x-amzn-trace-id", true),
        (V4, "", "X-AMZN-TRACE-ID", true),
        (V4, "", "x-amz-date", true),
        (V4, "", "host", true),
        (V4, "", "x-amzn-trace", false),
        (V4, "", "x-amzn-trace-id-x", false),
        (V4, "", "", false),
        ("AWS AKID:sig", "", "x-amz-date", true),
        ("AWS AKID:sig", "", "Content-Type", true),
        ("AWS AKID:sig", "", "x-amzn-trace-id", false),
        ("Bearer x", "", "host", false),
        ("", "a=b&X-Amz-SignedHeaders=host%3Bx-amzn-trace-id", "x-amzn-trace-id", true),
        ("", "X-Amz-SignedHeaders=host;x-amzn-trace-id&a=b", "x-amzn-trace-id", true),
        ("", "X-Amz-SignedHeaders=host%3bx-amzn%2dtrace-id", "x-amzn-trace-id", true),
        ("", "X%2DAmz-SignedHeaders=x-amzn-trace-id", "x-amzn-trace-id", true),
        ("", "X-Amz-SignedHeaders=host", "x-amzn-trace-id", false),
        ("", "X-Amz-SignedHeaders=", "x-amzn-trace-id", false),
        ("", "AWSAccessKeyId=A&Signature=s&Expires=1", "x-amz-acl", true),
        ("", "AWSAccessKeyId=A&Signature=s&Expires=1", "x-amzn-trace-id", false),
    ];
    for (authorization, query, name, expected) in cases {
        let map = headers(&[("authorization", authorization)]);
        assert_eq!(signs(&map, query, name), expected, "{name} by {authorization} {query}");
    }
    // Which of two signatures counts is the server's affair.
    let mut two = headers(&[("authorization", "Bearer x")]);
    two.append("authorization", HeaderValue::from_static(V4));
    assert!(signs(&two, "", "x-amzn-trace-id"));
}

#[test]
fn knows_presigned_urls() {
    for (query, expected) in [
        ("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A&X-Amz-Signature=0", true),
        ("X-Amz-Signature=0", true),
        ("x-id=GetObject&X%2DAmz%2DSignature=0", true),
        ("AWSAccessKeyId=A&Signature=s&Expires=1", true),
        ("Signature=s&Expires=1", false),
        ("Action=Select&AWSAccessKeyId=A&Signature=s&SignatureVersion=2", false),
        ("list-type=2", false),
        ("", false),
    ] {
        assert_eq!(is_presigned(query), expected, "{query}");
    }
}

proptest! {
    #[test]
    fn any_header_and_query_are_survived(value in "[ -~]{0,200}", query in "[!-~]{0,200}") {
        let map = headers(&[("authorization", &value)]);
        prop_assert!(Scope::of(&map).is_none_or(|scope| !scope.service.is_empty()));
        prop_assert!(!signs(&map, "", "x-amzn-trace-id") || value.contains("SignedHeaders"));
        let _ = (signs(&map, &query, "host"), is_presigned(&query));
    }

    #[test]
    fn every_name_in_the_list_is_signed_and_no_other(
        names in proptest::collection::vec("[a-z-]{1,12}", 1..8),
        other in "[a-z-]{1,12}",
    ) {
        let list = names.join(";");
        let value = format!("AWS4-HMAC-SHA256 Credential=a, SignedHeaders={list}, Signature=0");
        let map = headers(&[("authorization", &value)]);
        let query = format!("X-Amz-SignedHeaders={}", list.replace(';', "%3B"));
        for name in names.iter().chain([&other]) {
            prop_assert_eq!(signs(&map, "", name), names.contains(name));
            prop_assert_eq!(signs(&HeaderMap::new(), &query, name), names.contains(name));
        }
    }
}
