//! All the ways a bucket is addressed.

use proptest::prelude::*;

use super::*;

const ACCESS_POINT: &str = "arn:aws:s3:us-west-2:123456789012:accesspoint/my-point";
const OUTPOST: &str =
    "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-01/accesspoint/my-point";
const LAMBDA: &str = "arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/my-point";

#[test]
fn finds_the_bucket_in_every_style() {
    // what stands before the suffix, service, bucket
    for (labels, service, bucket) in [
        ("s3", "s3", ""),
        ("b.s3", "s3", "b"),
        ("b.c.s3", "s3", "b.c"),
        ("b.s3.us-west-2", "s3", "b"),
        ("b.s3-us-west-2", "s3", "b"),
        ("s3-us-west-2", "s3", ""),
        ("b.s3-external-1", "s3", "b"),
        ("b.s3-fips.us-west-2", "s3", "b"),
        ("b.s3.dualstack.us-west-2", "s3", "b"),
        ("b.s3-fips.dualstack.us-west-2", "s3", "b"),
        ("fips.s3.us-west-2", "s3", "fips"),
        ("dualstack.s3.us-west-2", "s3", "dualstack"),
        ("x-fips.y-cell1.s3.us-west-2", "s3", "x-fips.y-cell1"),
        ("us-west-2.s3", "s3", "us-west-2"),
        ("123456789012.s3.us-west-2", "s3", "123456789012"),
        ("b.s3-accelerate", "s3", "b"),
        ("b.s3-accelerate.dualstack", "s3", "b"),
        ("b--usw2-az1--x-s3.s3express-usw2-az1.us-west-2", "s3", "b--usw2-az1--x-s3"),
        ("b--usw2-az1--x-s3.s3express-fips-usw2-az1.us-west-2", "s3", "b--usw2-az1--x-s3"),
        ("s3express-control.us-west-2", "", ""),
        ("my-point-123456789012.s3-accesspoint.us-west-2", "s3", ACCESS_POINT),
        ("my-point-123456789012.s3-accesspoint-fips.dualstack.us-west-2", "s3", ACCESS_POINT),
        ("my-point-123456789012.s3-object-lambda.us-west-2", "s3", LAMBDA),
        ("route.s3-object-lambda.us-west-2", "s3", ""),
        ("my-point-123456789012.op-01.s3-outposts.us-west-2", "s3", OUTPOST),
        ("alias-o0.op-01.s3-outposts.us-west-2", "s3", "alias-o0"),
        ("s3-outposts.us-west-2", "", ""),
        ("mfzw.mrap.accesspoint.s3-global", "s3", "mfzw.mrap"),
        ("123456789012.s3-control.us-west-2", "s3control", ""),
        ("b.bucket.vpce-1a-2b.s3.us-west-2.vpce", "s3", "b"),
        ("bucket.vpce-1a-2b.s3.us-west-2.vpce", "s3", ""),
        ("my-point-123456789012.accesspoint.vpce-1a-2b.s3.us-west-2.vpce", "s3", ACCESS_POINT),
        ("123456789012.control.vpce-1a-2b.s3.us-west-2.vpce", "s3control", ""),
    ] {
        let host = format!("{labels}.amazonaws.com");
        let endpoint = Endpoint::parse(&host).unwrap();
        let found = Host::of(&endpoint).unwrap_or_else(|| panic!("{labels}"));
        assert_eq!(found.service.unwrap_or_default(), service, "service of {labels}");
        assert_eq!(found.bucket.as_deref().unwrap_or_default(), bucket, "bucket of {labels}");
        let has_account = labels.contains("123456789012") && !labels.contains("012.s3.");
        assert_eq!(found.account.is_some(), has_account, "account of {labels}");
    }
}

#[test]
fn what_is_no_api_of_it_is_none() {
    for labels in [
        "b.s3-website-us-west-2",
        "b.s3-website.us-west-2",
        "dynamodb.us-west-2",
        "s3tables.us-west-2",
        "s3vectors.us-west-2",
        "x.us-west-2.s3x",
    ] {
        let host = format!("{labels}.amazonaws.com");
        let endpoint = Endpoint::parse(&host).unwrap();
        assert_eq!(Host::of(&endpoint), None, "{labels}");
    }
}

#[test]
fn finds_the_region_in_the_old_form() {
    let endpoint = Endpoint::parse("b.s3-eu-west-1.amazonaws.com").unwrap();
    assert_eq!(Host::of(&endpoint).unwrap().region, Some("eu-west-1"));
}

#[test]
fn finds_the_bucket_in_hosts_of_emulators() {
    for (host, bucket) in [
        ("b.localhost", Some("b")),
        ("b.s3.localhost", Some("b")),
        ("s3.localhost", None),
        ("localhost", None),
        ("b.s3.localhost.localstack.cloud", Some("b")),
        ("minio.example.com", None),
        ("127.0.0.1", None),
    ] {
        assert_eq!(bucket_of_other(host), bucket, "{host}");
    }
}

proptest! {
    #[test]
    fn any_host_is_survived(front in "([a-z0-9.-]{0,20}|vpce-|bucket|accesspoint)[.]s3[a-z0-9.-]{0,40}") {
        let host = format!("{front}.amazonaws.com");
        if let Some(endpoint) = Endpoint::parse(&host) {
            let found = Host::of(&endpoint);
            prop_assert!(found.is_none_or(|host| host.account.is_none_or(is_account)));
        }
        let _ = bucket_of_other(&host);
    }
}
