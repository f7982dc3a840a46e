//! Whole requests, as the SDKs and others send them.

use http::HeaderName;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use proptest::prelude::*;

use super::*;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// What a request such as `POST host/path?query | scope REGION/SERVICE | name: value | form BODY` is
/// recognised as; `boto` stands for an SDK that says no more than its name.
fn recognised(sent: &str) -> Option<Call> {
    let mut parts = sent.split(" | ");
    let (method, url) = parts.next().unwrap().split_once(' ').unwrap();
    let (host, uri) = url.split_at(url.find('/').unwrap());
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let mut headers = HeaderMap::new();
    let mut body = None;
    for part in parts {
        let (name, value) = match part.split_once(' ') {
            None if part == "boto" => ("user-agent:", "Boto3/1.44.0 md/Botocore#1.44.0".to_owned()),
            None => panic!("{part}"),
            Some(("form", form)) => {
                body = Some(form);
                ("content-type:", FORM.to_owned())
            }
            Some(("scope", scope)) => ("authorization:", signed_for(scope)),
            Some((name, value)) => (name, value.to_owned()),
        };
        let name: HeaderName = name.trim_end_matches(':').parse().unwrap();
        headers.insert(name, value.parse().unwrap());
    }
    let method = method.parse().unwrap();
    let mut call = recognise(&Wire { method: &method, host, path, query, headers: &headers })?;
    assert_eq!(call.needs_body(), body.is_some(), "{sent}");
    call.read_body(body.unwrap_or_default().as_bytes(), true);
    Some(call)
}

fn signed_for(scope: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential=AKID/20260102/{scope}/aws4_request, SignedHeaders=host")
}

/// `name service operation region account`, with `-` for what is not known.
fn shown(sent: &str) -> String {
    let Some(call) = recognised(sent) else { return "none".into() };
    let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let (operation, region) = (or(call.operation()), or(call.region()));
    format!("{} {} {operation} {region} {}", call.name(), call.service(), or(call.account_id()))
}

#[test]
fn each_protocol_says_its_operation() {
    for (sent, expected) in [
        (
            "POST dynamodb.us-east-1.amazonaws.com/ | scope us-east-1/dynamodb \
             | x-amz-target: DynamoDB_20120810.PutItem",
            "dynamodb dynamodb PutItem us-east-1 -",
        ),
        (
            "POST 123456789012.ddb.eu-west-1.amazonaws.com/ | scope eu-west-1/dynamodb \
             | x-amz-target: DynamoDB_20120810.PutItem",
            "dynamodb dynamodb PutItem eu-west-1 123456789012",
        ),
        (
            "POST kms.us-east-1.amazonaws.com/ | scope us-east-1/kms \
             | x-amz-target: TrentService.Encrypt",
            "kms kms Encrypt us-east-1 -",
        ),
        (
            "POST monitoring.us-east-1.amazonaws.com/service/GraniteServiceVersion20100801/operation/PutMetricData \
             | scope us-east-1/monitoring | smithy-protocol: rpc-v2-cbor",
            "monitoring cloudwatch PutMetricData us-east-1 -",
        ),
        (
            "POST ec2.us-east-1.amazonaws.com/ | scope us-east-1/ec2 \
             | form Action=DescribeVpcs&Version=2016-11-15",
            "ec2 ec2 DescribeVpcs us-east-1 -",
        ),
        (
            "POST iam.amazonaws.com/ | scope us-east-1/iam \
             | form Action=GetUser&Version=2010-05-08",
            "iam iam GetUser aws-global -",
        ),
        (
            "POST lambda.us-east-1.amazonaws.com/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af/invocations \
             | scope us-east-1/lambda",
            "lambda lambda Invoke us-east-1 123456789012",
        ),
        ("GET b.s3.amazonaws.com/k | scope eu-west-1/s3", "s3 s3 GetObject eu-west-1 -"),
        (
            "POST xray.us-east-1.amazonaws.com/TraceSegments | scope us-east-1/xray",
            "xray xray PutTraceSegments us-east-1 -",
        ),
    ] {
        assert_eq!(shown(sent), expected, "{sent}");
    }
}

#[test]
fn services_that_sign_alike_are_told_apart() {
    for (sent, expected) in [
        (
            "POST email.us-east-1.amazonaws.com/ | scope us-east-1/ses \
             | form Action=SendEmail&Version=2010-12-01",
            "email ses SendEmail us-east-1 -",
        ),
        (
            "POST email.us-east-1.amazonaws.com/v2/email/outbound-emails | scope us-east-1/ses",
            "email sesv2 SendEmail us-east-1 -",
        ),
        (
            "POST elasticloadbalancing.us-east-1.amazonaws.com/ \
             | scope us-east-1/elasticloadbalancing \
             | form Action=DescribeLoadBalancers&Version=2012-06-01",
            "elasticloadbalancing elb DescribeLoadBalancers us-east-1 -",
        ),
        (
            "POST elasticloadbalancing.us-east-1.amazonaws.com/ \
             | scope us-east-1/elasticloadbalancing \
             | form Action=DescribeLoadBalancers&Version=2015-12-01",
            "elasticloadbalancing elbv2 DescribeLoadBalancers us-east-1 -",
        ),
        (
            "POST localhost/ | scope us-east-1/dynamodb \
             | x-amz-target: DynamoDBStreams_20120810.GetRecords",
            "streams.dynamodb dynamodbstreams GetRecords us-east-1 -",
        ),
        (
            "POST runtime.sagemaker.us-east-1.amazonaws.com/endpoints/e/invocations \
             | scope us-east-1/sagemaker",
            "runtime.sagemaker sagemaker-runtime InvokeEndpoint us-east-1 -",
        ),
        // DocumentDB and Neptune are spoken to as RDS: same host, same scope, same version.
        (
            "POST rds.us-east-1.amazonaws.com/ | scope us-east-1/rds \
             | form Action=DescribeDBClusters&Version=2014-10-31",
            "rds rds DescribeDBClusters us-east-1 -",
        ),
    ] {
        assert_eq!(shown(sent), expected, "{sent}");
    }
}

#[test]
fn hosts_that_are_not_aws_are_called_by_signature() {
    for (sent, expected) in [
        ("GET 127.0.0.1/b/k | scope us-east-1/s3", "s3 s3 GetObject us-east-1 -"),
        ("GET b.localhost/k | scope us-east-1/s3", "s3 s3 GetObject us-east-1 -"),
        ("GET 127.0.0.1/b/k | authorization: AWS AKID:c2ln", "s3 s3 GetObject - -"),
        (
            "POST localhost/ | scope us-east-1/iam | form Action=GetUser&Version=2010-05-08",
            "iam iam GetUser us-east-1 -",
        ),
        (
            "POST localhost/123456789012/q | scope us-east-1/sqs | form Action=SendMessage",
            "sqs sqs SendMessage us-east-1 123456789012",
        ),
        (
            "POST localhost/ | x-amz-target: AWSCognitoIdentityProviderService.InitiateAuth",
            "cognito-idp cognito-idp InitiateAuth - -",
        ),
        (
            "POST localhost/ | boto | form Action=AssumeRoleWithWebIdentity&Version=2011-06-15",
            "sts sts AssumeRoleWithWebIdentity - -",
        ),
        ("POST localhost/ | boto | form Action=Select&Version=2009-04-15", "sdb sdb Select - -"),
        (
            "POST localhost/ | scope r/brand-new | boto | x-amz-target: Brand_New.Thing",
            "brand-new brand-new Thing r -",
        ),
        ("GET localhost/not/known | scope us-east-1/lambda", "none"),
        ("GET example.com/mine | scope us-east-1/execute-api", "none"),
        ("POST example.com/ | x-amz-target: Mine.Thing", "none"),
        ("POST example.com/ | form x=1", "none"),
        ("GET example.com/", "none"),
    ] {
        assert_eq!(shown(sent), expected, "{sent}");
    }
}

#[test]
fn hosts_of_aws_are_called_by_sdks_only() {
    for (sent, expected) in [
        ("GET b.s3.amazonaws.com/k", "none"),
        ("GET b.s3.amazonaws.com/k | boto", "s3 s3 GetObject - -"),
        ("GET b.s3.amazonaws.com/k?X-Amz-Signature=0 | boto", "none"),
        ("GET b.s3.amazonaws.com/k?AWSAccessKeyId=A&Signature=s&Expires=1", "none"),
        ("GET b.s3-website-us-east-1.amazonaws.com/k | boto", "none"),
        (
            "POST sts.us-east-1.amazonaws.com/ | boto \
             | form Action=AssumeRoleWithWebIdentity&Version=2011-06-15",
            "sts sts AssumeRoleWithWebIdentity us-east-1 -",
        ),
        ("POST sts.us-east-1.amazonaws.com/ | form x=1", "none"),
        (
            "POST bedrock-runtime.us-east-1.amazonaws.com/model/m/converse \
             | authorization: Bearer key",
            "bedrock-runtime bedrock-runtime Converse us-east-1 -",
        ),
        (
            "GET sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15 \
             | scope us-east-1/sts",
            "sts sts GetCallerIdentity us-east-1 -",
        ),
        // Somebody's own.
        ("GET x.execute-api.us-east-1.amazonaws.com/v1/mine | scope us-east-1/execute-api", "none"),
        (
            "POST x.execute-api.us-east-1.amazonaws.com/@connections/c \
             | scope us-east-1/execute-api",
            "execute-api apigatewaymanagementapi PostToConnection us-east-1 -",
        ),
        ("GET x.lambda-url.us-east-1.on.aws/ | scope us-east-1/lambda | boto", "none"),
        ("GET x.us-east-1.elb.amazonaws.com/ | boto", "none"),
        ("GET search-x.us-east-1.es.amazonaws.com/_search | scope us-east-1/es", "none"),
        ("GET console.aws.amazon.com/", "none"),
        // Newer than the table.
        (
            "POST brand-new.us-east-1.amazonaws.com/ | scope us-east-1/brand-new \
             | x-amz-target: Brand_New.Thing",
            "brand-new brand-new Thing us-east-1 -",
        ),
        (
            "GET lambda.us-east-1.amazonaws.com/not/known | scope us-east-1/lambda",
            "lambda lambda - us-east-1 -",
        ),
    ] {
        assert_eq!(shown(sent), expected, "{sent}");
    }
}

#[test]
fn labels_are_decoded_and_the_bucket_is_among_them() {
    let host = "b.s3.us-east-1.amazonaws.com";
    let sent = format!("GET {host}//a%20b/%2e%2e/c%2Fd+%C3%A9 | scope us-east-1/s3");
    let call = recognised(&sent).unwrap();
    let labels: Vec<_> = call.labels().collect();
    assert_eq!(labels, [("Bucket", "b"), ("Key", "/a b/../c/d+é")]);
}

#[test]
fn an_action_behind_the_prefix_stays_unknown() {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
    headers.insert(AUTHORIZATION, signed_for("us-east-1/sns").parse().unwrap());
    let (method, host) = (&Method::POST, "sns.us-east-1.amazonaws.com");
    let mut call =
        recognise(&Wire { method, host, path: "/", query: "", headers: &headers }).unwrap();
    assert!(call.needs_body() && call.operation().is_none());
    call.read_body(b"Message=long&Action=Publ", false);
    assert!(!call.needs_body() && call.operation().is_none());
    assert_eq!((call.name(), call.protocol()), ("sns", Some(Protocol::Query)));
}

proptest! {
    #[test]
    fn any_request_is_survived(
        method in prop::sample::select(vec![Method::GET, Method::POST, Method::PUT]),
        host in "([a-z0-9.-]{0,20}[.])?(s3|ses|sqs|vpce-1.s3|x.y)[.](us-east-1[.])?(amazonaws.com|on.aws|localhost)|\\PC{0,20}",
        path in "(/[ -~]{0,10}){0,5}|\\PC{0,20}",
        query in "(&?[A-Za-z-]{0,10}=?[ -~]{0,8}){0,4}|\\PC{0,20}",
        scope in "[a-z0-9/-]{0,20}/(s3|ses|sqs|lambda|execute-api)",
        target in "[ -~]{0,30}",
        body in proptest::collection::vec(any::<u8>(), 0..64),
        whole in any::<bool>(),
    ) {
        let mut headers = HeaderMap::new();
        let value = format!("AWS4-HMAC-SHA256 Credential={scope}/aws4_request");
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&value).unwrap());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        if target.len() % 2 == 0 {
            headers.insert(X_AMZ_TARGET, HeaderValue::from_str(&target).unwrap());
        }
        let wire = Wire { method: &method, host: &host, path: &path, query: &query, headers: &headers };
        if let Some(mut call) = recognise(&wire) {
            call.read_body(&body, whole);
            prop_assert!(!call.name().is_empty() && !call.needs_body());
            prop_assert!(call.operation().is_none_or(form::is_operation));
        }
    }
}
