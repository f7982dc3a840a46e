//! Methods and URIs, the patterns they fit, and what is in their labels.

use proptest::prelude::*;

use super::*;

fn target<'a>(method: &'a str, uri: &'a str, headers: &'a HeaderMap) -> Target<'a> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    Target { method, path, query, headers, bucket: None, label: "" }
}

fn shown(found: &Match<'_>) -> String {
    let labels: Vec<String> = found.labels.iter().map(|(n, v)| format!("{n}={v}")).collect();
    format!("{} {}", found.operation, labels.join(" ")).trim_end().to_owned()
}

#[test]
fn finds_the_operation_of_s3() {
    for (method, uri, expected) in [
        ("GET", "/", "ListBuckets"),
        ("GET", "/b", "ListObjects Bucket=b"),
        ("GET", "/b/", "ListObjects Bucket=b"),
        ("GET", "/b?list-type=2&prefix=x", "ListObjectsV2 Bucket=b"),
        ("GET", "/b?prefix=x&list%2Dtype=2", "ListObjectsV2 Bucket=b"),
        ("GET", "/b?list-type=1", "ListObjects Bucket=b"),
        ("GET", "/b?acl", "GetBucketAcl Bucket=b"),
        ("GET", "/b?acl=", "GetBucketAcl Bucket=b"),
        ("GET", "/b/k", "GetObject Bucket=b Key=k"),
        ("GET", "/b/k?partNumber=1", "GetObject Bucket=b Key=k"),
        ("GET", "/b/k?uploadId=u", "ListParts Bucket=b Key=k"),
        ("GET", "/b//k", "GetObject Bucket=b Key=/k"),
        ("GET", "/b//", "GetObject Bucket=b Key=/"),
        ("GET", "/b/a/../k%2F+%20", "GetObject Bucket=b Key=a/../k%2F+%20"),
        ("GET", "/b/k?analytics&id=1", "GetObject Bucket=b Key=k"),
        ("GET", "/b?analytics&id=1", "GetBucketAnalyticsConfiguration Bucket=b"),
        ("GET", "/b?analytics", "ListBucketAnalyticsConfigurations Bucket=b"),
        ("GET", "/b?lifecycle", "GetBucketLifecycleConfiguration Bucket=b"),
        ("PUT", "/b/k", "PutObject Bucket=b Key=k"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart Bucket=b Key=k"),
        ("PUT", "/b/k?acl&x-id=PutObjectAcl", "PutObjectAcl Bucket=b Key=k"),
        ("POST", "/b/k?uploads", "CreateMultipartUpload Bucket=b Key=k"),
        ("POST", "/b/k?uploadId=u", "CompleteMultipartUpload Bucket=b Key=k"),
        ("POST", "/b/k?select&select-type=2", "SelectObjectContent Bucket=b Key=k"),
        ("POST", "/b?delete", "DeleteObjects Bucket=b"),
        ("DELETE", "/b/k", "DeleteObject Bucket=b Key=k"),
        ("DELETE", "/b/k?uploadId=u", "AbortMultipartUpload Bucket=b Key=k"),
        ("HEAD", "/b/k", "HeadObject Bucket=b Key=k"),
        ("PATCH", "/b/k", ""),
        ("POST", "/b/k", ""),
        ("GET", "b", ""),
        ("GET", "", ""),
        ("GET", "//k", ""),
    ] {
        let headers = HeaderMap::new();
        let found = Match::of("s3", &target(method, uri, &headers));
        assert_eq!(found.as_ref().map(shown).unwrap_or_default(), expected, "{method} {uri}");
    }
}

#[test]
fn a_header_or_the_host_may_tell() {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-copy-source", "o/k".parse().unwrap());
    let copy = Match::of("s3", &target("PUT", "/b/k", &headers)).unwrap();
    assert_eq!(copy.operation, "CopyObject");
    let part = target("PUT", "/b/k?partNumber=1&uploadId=u", &headers);
    assert_eq!(Match::of("s3", &part).unwrap().operation, "UploadPartCopy");
    let express = Target { label: "s3express-control", ..target("GET", "/", &headers) };
    assert_eq!(Match::of("s3", &express).unwrap().operation, "ListDirectoryBuckets");
}

#[test]
fn the_bucket_may_be_in_the_host() {
    for (method, uri, expected) in [
        ("GET", "/", "ListObjects Bucket=b"),
        ("GET", "/?list-type=2", "ListObjectsV2 Bucket=b"),
        ("PUT", "/", "CreateBucket Bucket=b"),
        ("GET", "/k", "GetObject Bucket=b Key=k"),
        ("GET", "//k", "GetObject Bucket=b Key=/k"),
        ("GET", "/a/b/", "GetObject Bucket=b Key=a/b/"),
        ("HEAD", "/", "HeadBucket Bucket=b"),
        ("POST", "/?delete", "DeleteObjects Bucket=b"),
    ] {
        let headers = HeaderMap::new();
        let target = Target { bucket: Some("b"), ..target(method, uri, &headers) };
        let found = Match::of("s3", &target).map(|found| shown(&found));
        assert_eq!(found.as_deref(), Some(expected), "{method} {uri}");
    }
}

#[test]
fn finds_the_operation_of_others() {
    const ARN: &str = "arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Af";
    let invoke = format!("/2015-03-31/functions/{ARN}/invocations");
    let invoked = format!("Invoke FunctionName={ARN}");
    for (service, method, uri, expected) in [
        ("lambda", "POST", &*invoke, &*invoked),
        ("lambda", "GET", "/2015-03-31/functions", "ListFunctions"),
        ("lambda", "GET", "/2015-03-31/functions/", "ListFunctions"),
        ("apigateway", "GET", "/restapis/r", "GetRestApi restApiId=r"),
        (
            "apigatewaymanagementapi",
            "POST",
            "/%40connections/c%3D",
            "PostToConnection ConnectionId=c%3D",
        ),
        (
            "s3control",
            "GET",
            "/v20180820/mrap/instances/a/b/policy",
            "GetMultiRegionAccessPointPolicy Name=a/b",
        ),
        (
            "s3control",
            "GET",
            "/v20180820/mrap/instances/policy",
            "GetMultiRegionAccessPoint Name=policy",
        ),
        ("mediastore-data", "GET", "/", "ListItems"),
        ("mediastore-data", "GET", "/a/b", "GetObject Path=a/b"),
        ("xray", "POST", "/TraceSegments", "PutTraceSegments"),
        ("xray", "POST", "/TraceSegments/x", ""),
        ("nobody", "GET", "/", ""),
    ] {
        let headers = HeaderMap::new();
        let found = Match::of(service, &target(method, uri, &headers));
        assert_eq!(found.as_ref().map(shown).unwrap_or_default(), expected, "{service} {uri}");
    }
}

proptest! {
    #[test]
    fn any_request_is_survived(
        service in prop::sample::select(vec!["s3", "s3control", "lambda", "mediastore-data"]),
        method in prop::sample::select(vec!["GET", "PUT", "POST", "DELETE", "HEAD", ""]),
        uri in "(/[!-~]{0,12}){0,6}([?&][ -~]{0,12}){0,4}|\\PC{0,40}",
        bucket in prop::option::of("\\PC{0,8}"),
    ) {
        let headers = HeaderMap::new();
        let target = Target { bucket: bucket.as_deref(), ..target(method, &uri, &headers) };
        if let Some(found) = Match::of(service, &target) {
            prop_assert!(found.labels.iter().all(|(name, _)| !name.is_empty()));
        }
    }
}
