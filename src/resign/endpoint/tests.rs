//! Calls of services all over AWS, and the hosts they belong to.

use http::Method;

use super::*;
use crate::aws;

/// The host and the region of a call: what it is signed for, method and path, `X-Amz-Target`.
fn found(signed: (&str, &str), line: (&str, &str), target: &str) -> Option<(String, Box<str>)> {
    let (service, region) = signed;
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=A/20150830/{region}/{service}/aws4_request, \
         SignedHeaders=host, Signature=00"
    );
    let mut headers = HeaderMap::new();
    headers.insert("authorization", authorization.parse().unwrap());
    headers.insert("x-amz-account-id", "123456789012".parse().unwrap());
    if !target.is_empty() {
        headers.insert("x-amz-target", target.parse().unwrap());
    }
    let (path, query) = line.1.split_once('?').unwrap_or((line.1, ""));
    let method: Method = line.0.parse().unwrap();
    let wire = aws::Wire { method: &method, host: "", path, query, headers: &headers };
    let endpoint = of(Signed { service, region }, aws::recognise(&wire).as_ref(), &headers);
    endpoint.map(|endpoint| (endpoint.host, endpoint.region))
}

#[test]
fn services_are_where_their_prefix_says() {
    let target = |service, target, host: &str| {
        let expected = (format!("{host}.eu-central-1.amazonaws.com"), "eu-central-1".into());
        assert_eq!(found((service, "eu-central-1"), ("POST", "/"), target), Some(expected));
    };
    target("dynamodb", "DynamoDB_20120810.PutItem", "dynamodb");
    target("dynamodb", "DynamoDBStreams_20120810.GetRecords", "streams.dynamodb");
    target("sqs", "AmazonSQS.SendMessage", "sqs");
    target("ecr", "AmazonEC2ContainerRegistry_V20150921.PutImage", "api.ecr");
    target("sagemaker", "SageMaker.ListEndpoints", "api.sagemaker");
    target("aws-marketplace", "AWSMPMeteringService.MeterUsage", "metering.marketplace");
    target("timestream", "Timestream_20181101.Query", "query.timestream");
    target("timestream", "Timestream_20181101.WriteRecords", "ingest.timestream");
    target("states", "AWSStepFunctions.StartExecution", "states");
    target("states", "AWSStepFunctions.StartSyncExecution", "sync-states");
    target("made-up", "MadeUp.Call", "made-up");
    for (service, method, path, host) in [
        ("s3", "PUT", "/bucket/key", "s3"),
        ("s3", "GET", "/v20180820/jobs", "123456789012.s3-control"),
        ("lambda", "POST", "/2015-03-31/functions/f/invocations", "lambda"),
        ("ses", "POST", "/v2/email/outbound-emails", "email"),
        ("sagemaker", "POST", "/endpoints/e/invocations", "runtime.sagemaker"),
        ("bedrock", "POST", "/model/m/invoke", "bedrock-runtime"),
        ("bedrock", "GET", "/foundation-models", "bedrock"),
        ("bedrock", "POST", "/knowledgebases/K/retrieve", "bedrock-agent-runtime"),
        ("bedrock", "PUT", "/agents/", "bedrock-agent"),
        ("lex", "POST", "/bot/b/alias/a/user/u/text", "runtime.lex"),
        ("lex", "GET", "/builtins/intents/", "models.lex"),
        ("appconfig", "GET", "/configuration", "appconfigdata"),
        ("iotdata", "POST", "/topics/t", "data-ats.iot"),
        ("monitoring", "POST", "/?Action=ListMetrics&Version=2010-08-01", "monitoring"),
        ("elasticloadbalancing", "POST", "/", "elasticloadbalancing"),
        ("execute-api", "POST", "/participant/connection", "participant.connect"),
        ("es", "GET", "/2021-01-01/domain", "es"),
        ("es", "GET", "/2015-01-01/domain", "es"),
        ("appsync", "GET", "/v1/apis", "appsync"),
        ("s3-outposts", "GET", "/S3Outposts/ListEndpoints", "s3-outposts"),
    ] {
        let expected = (format!("{host}.eu-central-1.amazonaws.com"), "eu-central-1".into());
        assert_eq!(
            found((service, "eu-central-1"), (method, path), ""),
            Some(expected),
            "{service} {method} {path}"
        );
    }
}

#[test]
fn some_services_have_one_host_for_all_regions_of_a_partition() {
    for (service, region, host, signed) in [
        ("iam", "eu-west-1", "iam.amazonaws.com", "us-east-1"),
        ("iam", "aws-global", "iam.amazonaws.com", "us-east-1"),
        ("iam", "cn-northwest-1", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("iam", "us-gov-east-1", "iam.us-gov.amazonaws.com", "us-gov-west-1"),
        ("iam", "us-iso-east-1", "iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        ("route53", "eu-west-1", "route53.amazonaws.com", "us-east-1"),
        ("cloudfront", "eu-west-1", "cloudfront.amazonaws.com", "us-east-1"),
        ("organizations", "eu-west-1", "organizations.us-east-1.amazonaws.com", "us-east-1"),
        ("networkmanager", "us-west-2", "networkmanager.us-west-2.amazonaws.com", "us-west-2"),
        ("sts", "eu-west-1", "sts.eu-west-1.amazonaws.com", "eu-west-1"),
        ("sts", "aws-global", "sts.us-east-1.amazonaws.com", "us-east-1"),
        ("s3", "us-east-1", "s3.us-east-1.amazonaws.com", "us-east-1"),
        ("s3", "cn-north-1", "s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("sqs", "us-isob-east-1", "sqs.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        ("sqs", "eu-isoe-west-1", "sqs.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
        ("sqs", "us-isof-south-1", "sqs.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
        ("sqs", "eusc-de-east-1", "sqs.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ("datazone", "eu-west-1", "datazone.eu-west-1.api.aws", "eu-west-1"),
        (
            "datazone",
            "eusc-de-east-1",
            "datazone.eusc-de-east-1.api.amazonwebservices.eu",
            "eusc-de-east-1",
        ),
    ] {
        let expected = Some((host.to_owned(), signed.into()));
        assert_eq!(found((service, region), ("POST", "/"), ""), expected, "{service} in {region}");
    }
}

#[test]
fn hosts_that_only_their_owner_knows_are_not_guessed() {
    for (service, method, path) in [
        ("execute-api", "GET", "/stage/orders"),
        ("execute-api", "POST", "/@connections/abc"),
        ("es", "POST", "/index/_search"),
        ("aoss", "POST", "/index/_search"),
        ("appsync", "POST", "/graphql"),
        ("neptune-db", "POST", "/opencypher"),
        ("neptune-graph", "POST", "/queries"),
        ("s3express", "GET", "/bucket?session"),
        ("s3-object-lambda", "POST", "/WriteGetObjectResponse"),
    ] {
        assert_eq!(found((service, "eu-west-1"), (method, path), ""), None, "{service} {path}");
    }
}

#[test]
fn names_that_could_lead_elsewhere_are_refused() {
    for (service, region, sound) in [
        ("s3", "eu-west-1", true),
        ("IoTSecuredTunneling", "eu-west-1", true),
        ("s3", "evil.example/", false),
        ("s3:443@evil", "eu-west-1", false),
        ("", "eu-west-1", false),
        ("s3", "", false),
    ] {
        assert_eq!(Signed { service, region }.is_sound(), sound, "{service} in {region}");
    }
    let long = "x".repeat(MAX_LABEL + 1);
    assert!(!Signed { service: &long, region: "eu-west-1" }.is_sound());
}
