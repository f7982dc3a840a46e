//! How calls ended, as services answer them and by hand.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::aws::body::cbor;
use crate::aws::examples::Example;
use crate::aws::examples::examples;
use crate::aws::examples::map;

fn outcome_of(example: &Example, body: &[u8]) -> Outcome {
    let Example { service, operation, protocol, status, response_headers, .. } = example;
    outcome(service, Some(operation), Some(*protocol), *status, response_headers, body)
}

#[test]
fn calls_end_as_they_do_for_botocore() {
    let mut errors = 0;
    for example in examples().into_iter().filter(|example| example.status != 0) {
        let Outcome { request_id, id_2, error, hidden } =
            outcome_of(&example, example.response_body.bytes());
        let call = (&example.service, &example.operation, example.protocol);
        // Of a failed HEAD botocore looks for it in one of the two headers only.
        if example.ids.request_id.is_some() {
            assert_eq!(request_id.as_deref(), example.ids.request_id.as_deref(), "{call:?}");
        }
        assert_eq!(id_2.as_deref(), example.ids.id_2.as_deref(), "{call:?}");
        assert!(!hidden, "{call:?}");
        // Where there is no code, botocore takes the status.
        let expected = example.error.filter(|error| error.code != example.status.to_string());
        let Some(expected) = expected else {
            assert_eq!(error, None, "{call:?}");
            continue;
        };
        let Error { code, message, class, throttling } = error.unwrap();
        assert_eq!(&*code, expected.code, "{call:?}");
        assert_eq!(message.as_deref(), expected.message.as_deref(), "{call:?}");
        match &*expected.class {
            "ClientError" => assert_eq!(class, None, "{call:?}"),
            expected => assert_eq!(&*class.unwrap_or(code), expected, "{call:?}"),
        }
        assert!(!throttling, "{call:?}");
        errors += 1;
    }
    assert!(errors >= 18, "{errors} errors");
}

type Headers<'a> = &'a [(&'a str, &'a str)];

/// What the error of a response is: code, message, class.
fn error_of(
    service: &str,
    protocol: Option<Protocol>,
    headers: Headers<'_>,
    body: &[u8],
) -> Option<[String; 3]> {
    let error = outcome(service, None, protocol, 400, &map(headers), body).error?;
    let text = |text: Option<Box<str>>| text.map_or_else(String::new, Into::into);
    Some([error.code.into(), text(error.message), text(error.class)])
}

/// A service, its protocol, headers and body, and what its error is.
type Case<'a> = (&'a str, Option<Protocol>, Headers<'a>, &'a str, Option<[&'a str; 3]>);

fn errors_are(table: &[Case<'_>]) {
    for (service, protocol, headers, body, expected) in table {
        let found = error_of(service, *protocol, headers, body.as_bytes());
        let expected = expected.map(|error| error.map(ToOwned::to_owned));
        assert_eq!(found, expected, "error of {body}");
    }
}

#[test]
fn json_tells_errors_by_type_and_header() {
    let kind = "x-amzn-errortype";
    let (json, rest_json) = (Some(Protocol::Json), Some(Protocol::RestJson));
    errors_are(&[
        (
            "dynamodb",
            json,
            &[],
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"No"}"#,
            Some(["ResourceNotFoundException", "No", ""]),
        ),
        ("kms", json, &[(kind, "B:")], r#"{"__type":"A","Message":""}"#, Some(["A", "", ""])),
        ("kms", json, &[(kind, "B:http://x/y")], "{}", Some(["B", "", ""])),
        (
            "sqs",
            json,
            &[("x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender")],
            r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"Gone."}"#,
            Some(["AWS.SimpleQueueService.NonExistentQueue", "Gone.", "QueueDoesNotExist"]),
        ),
        (
            "sqs",
            json,
            &[("x-amzn-query-error", "QueueAlreadyExists;Sender")],
            "",
            Some(["QueueAlreadyExists", "", "QueueNameExists"]),
        ),
        (
            "sqs",
            json,
            &[("x-amzn-query-error", ";Sender")],
            r#"{"__type":"A"}"#,
            Some(["A", "", ""]),
        ),
        (
            "lambda",
            rest_json,
            &[(kind, "ResourceNotFoundException")],
            r#"{"Type":"User","Message":"Function not found"}"#,
            Some(["ResourceNotFoundException", "Function not found", ""]),
        ),
        (
            "glacier",
            rest_json,
            &[],
            r#"{"code":"MissingParameterValueException","type":"Client","message":"m"}"#,
            Some(["MissingParameterValueException", "m", ""]),
        ),
        (
            "batch",
            rest_json,
            &[(kind, "ns#A:http://internal.amazon.com/coral/x/, B")],
            r#"{"code":"C","__type":"D"}"#,
            Some(["A", "", ""]),
        ),
        ("batch", rest_json, &[], r#"{"code":404,"__type":"a/b#D"}"#, Some(["D", "", ""])),
        ("batch", rest_json, &[], r#"{"message":"m"}"#, None),
        ("batch", None, &[], r#"{"Code":"C","errorMessage":"m"}"#, Some(["C", "m", ""])),
        ("dynamodb", json, &[], "Service Unavailable", None),
    ]);
}

#[test]
fn xml_tells_errors_by_their_code() {
    let (query, rest_xml) = (Some(Protocol::Query), Some(Protocol::RestXml));
    errors_are(&[
        (
            "sns",
            query,
            &[],
            "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender\
             </Type><Code>NotFound</Code><Message>a &lt; b</Message></Error></ErrorResponse>",
            Some(["NotFound", "a < b", "NotFoundException"]),
        ),
        (
            "s3",
            rest_xml,
            &[],
            "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>The</Message></Error>",
            Some(["NoSuchKey", "The", ""]),
        ),
        (
            "ec2",
            Some(Protocol::Ec2),
            &[],
            "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code></Error></Errors></Response>",
            Some(["InvalidVpcID.NotFound", "", ""]),
        ),
        (
            "route53",
            rest_xml,
            &[],
            "<InvalidChangeBatch><Messages><Message>m</Message></Messages></InvalidChangeBatch>",
            Some(["InvalidChangeBatch", "m", ""]),
        ),
        ("s3", rest_xml, &[], "<html><head><Code>x</Code></head></html>", None),
        ("s3", rest_xml, &[], "<Error><Code>NoSuch", None),
        ("s3", rest_xml, &[], "", None),
        // Of services that speak something else.
        ("s3", rest_xml, &[], r#"{"__type":"A"}"#, None),
        ("s3", None, &[], "<Error><Code>A</Code></Error>", Some(["A", "", ""])),
        (
            "dynamodb",
            Some(Protocol::Json),
            &[],
            "<Error><Code>A</Code></Error>",
            Some(["A", "", ""]),
        ),
    ]);
}

#[test]
fn cbor_tells_errors_as_json_does() {
    let json = serde_json::json!({"__type": "com.amazonaws#Gone", "message": "m"});
    for known in [true, false] {
        let body = cbor::tests::written(&json, known);
        let found = error_of("cloudwatch", Some(Protocol::Cbor), &[], &body);
        assert_eq!(found, Some(["Gone", "m", ""].map(ToOwned::to_owned)));
    }
    let headers = [("x-amzn-query-error", "ResourceNotFound;Sender")];
    let body = cbor::tests::written(&json, true);
    let found = error_of("cloudwatch", Some(Protocol::Cbor), &headers, &body);
    assert_eq!(found, Some(["ResourceNotFound", "m", "Gone"].map(ToOwned::to_owned)));
}

#[test]
fn a_compressed_error_is_read() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"{\"__type\":\"A\",\"message\":\"m\"}").unwrap();
    let body = encoder.finish().unwrap();
    let found = error_of("dynamodb", Some(Protocol::Json), &[("content-encoding", "gzip")], &body);
    assert_eq!(found, Some(["A", "m", ""].map(ToOwned::to_owned)));
}

#[test]
fn a_success_can_hide_a_failure() {
    let failed =
        b"<?xml version=\"1.0\"?>\n  \n<Error><Code>SlowDown</Code><Message>m</Message></Error>";
    let success = b"<CopyObjectResult><Error><Code>A</Code></Error></CopyObjectResult>";
    type Expected<'a> = (bool, Option<&'a str>);
    let table: &[(&str, &str, u16, &[u8], Expected<'_>)] = &[
        ("s3", "CopyObject", 200, failed, (true, Some("SlowDown"))),
        ("s3", "UploadPartCopy", 200, failed, (true, Some("SlowDown"))),
        ("s3", "CompleteMultipartUpload", 200, failed, (true, Some("SlowDown"))),
        ("s3", "CompleteMultipartUpload", 200, &failed[..35], (true, None)),
        ("s3", "CopyObject", 503, failed, (false, Some("SlowDown"))),
        ("s3", "CopyObject", 200, success, (false, None)),
        ("s3", "CopyObject", 200, b"", (false, None)),
        ("s3", "GetObject", 200, failed, (false, None)),
        ("s3control", "CopyObject", 200, failed, (false, None)),
    ];
    for (service, operation, status, body, expected) in table {
        let protocol = Some(Protocol::RestXml);
        let found = outcome(service, Some(operation), protocol, *status, &HeaderMap::new(), body);
        let found = (found.hidden, found.error.as_ref().map(|error| &*error.code));
        assert_eq!(found, *expected, "{operation} {status}");
    }
}

#[test]
fn throttling_is_what_the_sdks_take_for_it() {
    for (service, code, expected) in [
        ("dynamodb", "ProvisionedThroughputExceededException", true),
        ("dynamodb", "ThrottlingException", true),
        ("s3", "SlowDown", true),
        ("ec2", "RequestLimitExceeded", true),
        ("lambda", "TooManyRequestsException", true),
        ("iam", "Throttling", true),
        // Called `Throttled` on the wire, and `ThrottledException` by the SDKs.
        ("sns", "Throttled", true),
        ("sagemaker-inference-router-runtime", "ModelNotReadyException", true),
        ("bedrock-runtime", "ModelNotReadyException", false),
        ("iam", "LimitExceeded", false),
        ("dynamodb", "ConditionalCheckFailedException", false),
    ] {
        let headers = map(&[("x-amzn-errortype", code)]);
        let error = outcome(service, None, None, 400, &headers, b"").error.unwrap();
        assert_eq!(error.throttling, expected, "{service} {code}");
    }
}

#[test]
fn ids_are_found_wherever_they_are() {
    let request_id = |protocol, status, headers: Headers<'_>, body: &str| {
        let found = outcome("sts", None, protocol, status, &map(headers), body.as_bytes());
        found.request_id.map(String::from)
    };
    let (json, query, ec2) = (Some(Protocol::Json), Some(Protocol::Query), Some(Protocol::Ec2));
    let xml = Some(Protocol::RestXml);
    let metadata = "<R><ResponseMetadata><RequestId>b</RequestId></ResponseMetadata></R>";
    type Answer<'a> = (u16, Headers<'a>, &'a str);
    let table: &[(Option<Protocol>, Answer<'_>, Option<&str>)] = &[
        (json, (200, &[("x-amzn-requestid", "a")], ""), Some("a")),
        (json, (200, &[("x-amzn-request-id", "a")], ""), Some("a")),
        (xml, (200, &[("X-Amz-Request-Id", "a")], ""), Some("a")),
        (
            xml,
            (404, &[("x-amz-request-id", "a")], "<Error><RequestId>b</RequestId></Error>"),
            Some("a"),
        ),
        (xml, (404, &[], "<Error><RequestId>b</RequestId></Error>"), Some("b")),
        (query, (200, &[("x-amzn-requestid", "a")], metadata), Some("b")),
        (query, (200, &[("x-amzn-requestid", "a")], &metadata[..40]), Some("a")),
        (query, (400, &[], "<E><Error/><RequestId>b</RequestId></E>"), Some("b")),
        (ec2, (200, &[], "<R><requestId>b</requestId></R>"), Some("b")),
        (ec2, (400, &[], "<Response><Errors/><RequestID>b</RequestID></Response>"), Some("b")),
        (json, (200, &[], ""), None),
        (json, (200, &[("x-amzn-requestid", " ")], ""), None),
        (json, (200, &[("x-amzn-requestid", &"a".repeat(257))], ""), None),
    ];
    for (protocol, (status, headers, body), expected) in table {
        assert_eq!(request_id(*protocol, *status, headers, body).as_deref(), *expected, "{body}");
    }
    let headers = map(&[("x-amz-id-2", "abc=")]);
    let id_2 = outcome("s3", None, None, 404, &headers, b"").id_2;
    assert_eq!(id_2.as_deref(), Some("abc="));
}

#[test]
fn a_body_is_wanted_only_where_it_can_matter() {
    for (service, operation, protocol, status, expected) in [
        ("dynamodb", Some("PutItem"), Some(Protocol::Json), 200, false),
        ("dynamodb", Some("PutItem"), Some(Protocol::Json), 400, true),
        ("s3", Some("GetObject"), Some(Protocol::RestXml), 200, false),
        ("s3", Some("GetObject"), Some(Protocol::RestXml), 304, true),
        ("s3", Some("CopyObject"), Some(Protocol::RestXml), 200, true),
        ("sns", Some("Publish"), Some(Protocol::Query), 200, true),
        ("ec2", None, Some(Protocol::Ec2), 200, true),
        ("unknown", None, None, 200, false),
        ("unknown", None, None, 500, true),
    ] {
        assert_eq!(
            wants_body(service, operation, protocol, status),
            expected,
            "{service} {status}"
        );
    }
}

#[test]
fn the_table_of_classes_is_sorted_and_each_row_is_found() {
    assert!(CLASSES.is_ascii() && CLASSES.ends_with('\n') && CLASSES.lines().is_sorted());
    assert!(CLASSES.starts_with("# Made by generate.py of botocore "));
    for line in CLASSES.lines().skip(1) {
        let [service, code, class] = *line.split(' ').collect::<Vec<_>>() else {
            panic!("no row: {line}");
        };
        assert_eq!(class_of(service, code).as_deref(), Some(class));
    }
}

proptest! {
    #[test]
    fn of_any_bytes_a_beginning_says_no_more(
        body in prop_oneof![
            any::<Vec<u8>>(),
            "(<E>|<Error>|<Errors>|<Code>|A|</Code>|</Error>|</Errors>|<Message>|</Message>){0,12}"
                .prop_map(String::into_bytes),
            "(\\{|\"__type\"|\"code\"|\"message\"|:|,|\"A\"|\\[|\\]|\\}){0,12}"
                .prop_map(String::into_bytes),
        ],
        end: prop::sample::Index,
    ) {
        let whole = Said::read(&body);
        let cut = Said::read(&body[..end.index(body.len() + 1)]);
        for (cut, whole) in [
            (cut.code, whole.code),
            (cut.kind, whole.kind),
            (cut.message, whole.message),
            (cut.request_id, whole.request_id),
        ] {
            prop_assert!(cut.is_none() || cut == whole);
        }
        prop_assert!(!cut.is_bare_error || whole.is_bare_error);
    }
}
