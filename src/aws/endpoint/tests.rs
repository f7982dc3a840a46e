//! Hosts of every partition and form.

use proptest::prelude::*;

use super::*;

/// host, partition, region, service, what stands before, behind
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str, bool);

const CASES: &[Case] = &[
    ("dynamodb.us-east-1.amazonaws.com", "aws", "us-east-1", "dynamodb", "", false),
    ("dynamodb.us-east-1.amazonaws.com.", "aws", "us-east-1", "dynamodb", "", false),
    ("api.ecr.eu-west-1.amazonaws.com", "aws", "eu-west-1", "api.ecr", "", false),
    ("iam.amazonaws.com", "aws", "", "iam", "", false),
    ("iam.cn-north-1.amazonaws.com.cn", "aws-cn", "cn-north-1", "iam", "", false),
    ("iam.us-gov.amazonaws.com", "aws-us-gov", "", "iam", "", false),
    ("sqs.us-gov-west-1.amazonaws.com", "aws-us-gov", "us-gov-west-1", "sqs", "", false),
    ("lambda.us-east-1.api.aws", "aws", "us-east-1", "lambda", "", false),
    ("ec2.cn-north-1.api.amazonwebservices.com.cn", "aws-cn", "cn-north-1", "ec2", "", false),
    ("cloudfront.global.api.aws", "aws", "", "cloudfront", "", false),
    (
        "routes.geo.us-gov-west-1.us-gov.amazonaws.com",
        "aws-us-gov",
        "us-gov-west-1",
        "routes.geo",
        "",
        false,
    ),
    ("neptune-graph.us-east-1.on.aws", "aws", "us-east-1", "neptune-graph", "", false),
    ("sts.eusc-de-east-1.amazonaws.eu", "aws-eusc", "eusc-de-east-1", "sts", "", false),
    ("sts.us-iso-east-1.c2s.ic.gov", "aws-iso", "us-iso-east-1", "sts", "", false),
    ("sts.us-isob-east-1.sc2s.sgov.gov", "aws-iso-b", "us-isob-east-1", "sts", "", false),
    ("sts.eu-isoe-west-1.cloud.adc-e.uk", "aws-iso-e", "eu-isoe-west-1", "sts", "", false),
    ("sts.us-isof-south-1.csp.hci.ic.gov", "aws-iso-f", "us-isof-south-1", "sts", "", false),
    ("sts.us-isof-south-1.api.aws.hci.ic.gov", "aws-iso-f", "us-isof-south-1", "sts", "", false),
    ("dynamodb-fips.us-east-1.amazonaws.com", "aws", "us-east-1", "dynamodb", "", false),
    ("fips.batch.us-east-1.amazonaws.com", "aws", "us-east-1", "batch", "", false),
    ("api-fips.sagemaker.us-east-1.amazonaws.com", "aws", "us-east-1", "api.sagemaker", "", false),
    (
        "elasticmapreduce.dualstack.us-east-1.amazonaws.com",
        "aws",
        "us-east-1",
        "elasticmapreduce",
        "",
        false,
    ),
    (
        "ingest-cell2.timestream.us-east-1.amazonaws.com",
        "aws",
        "us-east-1",
        "ingest.timestream",
        "",
        false,
    ),
    ("queue.amazonaws.com", "aws", "", "queue", "", false),
    ("us-west-2.queue.amazonaws.com", "aws", "us-west-2", "queue", "", false),
    ("search-x.us-west-2.es.amazonaws.com", "aws", "us-west-2", "es", "search-x", true),
    ("a.b.us-west-2.elb.amazonaws.com", "aws", "us-west-2", "elb", "a.b", true),
    ("us-east-1.signin.aws.amazon.com", "aws", "us-east-1", "signin", "", false),
    ("vpce-0a-b.sqs.us-east-1.vpce.amazonaws.com", "aws", "us-east-1", "sqs", "", false),
    (
        "vpce-0a-b-us-east-1a.api.ecr.us-east-1.vpce.amazonaws.com",
        "aws",
        "us-east-1",
        "api.ecr",
        "",
        false,
    ),
    (
        "b.bucket.vpce-0a-b.s3.us-east-1.vpce.amazonaws.com",
        "aws",
        "us-east-1",
        "s3",
        "b.bucket",
        false,
    ),
];

#[test]
fn takes_hosts_apart() {
    for (host, partition, region, service, before, is_behind) in CASES {
        let endpoint = Endpoint::parse(host).unwrap_or_else(|| panic!("{host}"));
        assert_eq!(endpoint.partition.name(), *partition, "partition of {host}");
        assert_eq!(endpoint.region.unwrap_or_default(), *region, "region of {host}");
        assert_eq!(endpoint.service(), *service, "service of {host}");
        assert_eq!(endpoint.before, *before, "before {host}");
        assert_eq!(endpoint.is_behind, *is_behind, "behind in {host}");
    }
}

#[test]
fn other_hosts_are_none() {
    for host in [
        "",
        ".",
        "localhost",
        "127.0.0.1",
        "amazonaws.com",
        ".amazonaws.com",
        "example.com",
        "dynamodb.us-east-1.amazonaws.com.example.com",
        "notamazonaws.com",
        "x.us-east-1.vpce.amazonaws.com",
    ] {
        assert_eq!(Endpoint::parse(host), None, "{host}");
    }
}

#[test]
fn finds_the_account() {
    for (host, account) in [
        ("123456789012.ddb.us-east-1.amazonaws.com", Some("123456789012")),
        ("123456789012.data-kinesis.us-east-1.amazonaws.com", Some("123456789012")),
        ("12345678901.ddb.us-east-1.amazonaws.com", None),
        ("dynamodb.us-east-1.amazonaws.com", None),
        ("123456789012.amazonaws.com", None),
    ] {
        assert_eq!(Endpoint::parse(host).unwrap().account(), account, "{host}");
    }
}

#[test]
fn knows_regions() {
    for region in ["us-east-1", "ap-southeast-12", "us-gov-west-1", "eusc-de-east-1"] {
        assert!(is_region(region), "{region}");
    }
    for label in [
        "",
        "us",
        "us-east",
        "us-east-01",
        "us-east-1a",
        "s3-us-west-2",
        "US-EAST-1",
        "a-b-1",
        "-1",
    ] {
        assert!(!is_region(label), "{label}");
    }
}

proptest! {
    #[test]
    fn any_host_is_survived(
        front in "[a-z0-9.-]{0,80}|\\PC{0,20}",
        suffix in prop::sample::select(SUFFIXES),
    ) {
        drop(Endpoint::parse(&front));
        let host = format!("{front}{}", suffix.0);
        if let Some(endpoint) = Endpoint::parse(&host) {
            prop_assert!(endpoint.service().len() <= host.len());
            prop_assert!(endpoint.account().is_none_or(is_account));
        }
    }
}
