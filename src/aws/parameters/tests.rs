//! What is recorded of whole calls, as the SDKs write them and by hand.

use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::json;

use super::*;
use crate::aws::examples::Example;
use crate::aws::examples::examples;
use crate::aws::examples::map;

pub(super) fn object(fields: Vec<Field>) -> Map<String, Value> {
    let length = fields.len();
    let object: Map<String, Value> =
        fields.into_iter().map(|(key, value)| (key.into_owned(), value)).collect();
    assert_eq!(object.len(), length, "a key is given twice");
    object
}

pub(super) fn request_of(example: &Example) -> Map<String, Value> {
    object(example.request(example.request_body.bytes(), of_request))
}

pub(super) fn response_of(example: &Example) -> Map<String, Value> {
    object(of_response(&example.response(example.response_body.bytes())))
}

/// What is recorded of a request that is little more than its body.
fn body_of(call: (&str, &str), protocol: Protocol, body: &str) -> Value {
    let (service, operation) = call;
    let length = body.len().to_string();
    object(of_request(&RequestParts {
        service,
        operation,
        protocol,
        labels: &[],
        query: "",
        headers: &map(&[("content-length", &length)]),
        body: body.as_bytes(),
    }))
    .into()
}

/// What is recorded of a response that is little more than its body.
fn answer_of(call: (&str, &str), protocol: Protocol, body: &str, whole: bool) -> Value {
    let (service, operation) = call;
    object(of_response(&ResponseParts {
        service,
        operation,
        protocol,
        status: 200,
        headers: &HeaderMap::new(),
        body: body.as_bytes(),
        whole,
    }))
    .into()
}

#[test]
fn calls_are_recorded_as_by_the_sdk() {
    let mut operations = BTreeSet::new();
    for example in examples() {
        let Example { service, operation, protocol, .. } = &example;
        assert_eq!(request_of(&example), example.request_fields, "{protocol:?} {operation}");
        assert_eq!(response_of(&example), example.response_fields, "{protocol:?} {operation}");
        operations.insert(format!("{service} {operation}"));
    }
    let rows = row::TABLE.lines().filter(|line| !line.starts_with('#'));
    for line in rows {
        let operation: Vec<&str> = line.split(' ').take(2).collect();
        assert!(operations.contains(&operation.join(" ")), "no example of {operation:?}");
    }
}

#[test]
fn sqs_gives_the_same_in_both_of_its_protocols() {
    let sqs = |protocol| {
        let calls = examples().into_iter().filter(|call| call.service == "sqs" && call.status != 0);
        let calls = calls.filter(move |call| call.protocol == protocol);
        calls.map(|call| (call.operation.clone(), request_of(&call))).collect::<Vec<_>>()
    };
    let (json, query) = (sqs(Protocol::Json), sqs(Protocol::Query));
    for call in &query {
        assert!(json.contains(call), "not the same in JSON: {call:?}");
    }
    assert!(query.len() >= 19, "{} calls", query.len());
}

#[test]
fn cbor_gives_what_json_does() {
    let mut compared = 0;
    for (example, known) in
        examples().into_iter().flat_map(|call| [(call.clone(), true), (call, false)])
    {
        let Some(call) = example.in_cbor(known) else { continue };
        let fields = object(call.example.request(&call.request, of_request));
        assert_eq!(fields, call.example.request_fields, "{}", call.example.operation);
        let parts = ResponseParts { whole: true, ..call.example.response(&call.response) };
        assert_eq!(object(of_response(&parts)), call.example.response_fields);
        compared += 1;
    }
    assert!(compared > 60, "{compared} calls");
}

#[test]
fn requests_are_read_with_care() {
    let put = ("dynamodb", "PutItem");
    let batch = ("dynamodb", "BatchWriteItem");
    let query = ("dynamodb", "Query");
    let send = ("sqs", "SendMessage");
    let (json, form) = (Protocol::Json, Protocol::Query);
    let table: &[((&str, &str), Protocol, &str, Value)] = &[
        (
            put,
            json,
            r#"{"Item":{"TableName":{"S":"x"}},"TableName":"orders"}"#,
            json!({"table_name": "orders"}),
        ),
        (put, json, r#"{"TableName":"a","TableName":"b"}"#, json!({"table_name": "a"})),
        (put, json, r#"{"TableName":null}"#, json!({})),
        (put, json, r#"{"TableName":["a"]}"#, json!({})),
        (put, json, r#"["TableName"]"#, json!({})),
        (put, json, "", json!({})),
        (
            batch,
            json,
            r#"{"RequestItems":{"a":[],"b":[],"a":[]}}"#,
            json!({"table_names": ["a", "b"]}),
        ),
        (batch, json, r#"{"RequestItems":[]}"#, json!({})),
        (
            query,
            json,
            r#"{"Limit":"5","ConsistentRead":1,"Select":"COUNT"}"#,
            json!({"select": "COUNT"}),
        ),
        (
            send,
            form,
            "QueueUrl=https%3A%2F%2Fh%2Fq+1&DelaySeconds=x",
            json!({"queue_url": "https://h/q 1"}),
        ),
        (
            send,
            form,
            "MessageAttribute.2.Name=b&MessageAttribute.10.Name=c&MessageAttribute.1.Name=a&\
             MessageAttribute.1.Value.StringValue=v&MessageAttribute.x.Name=d&MessageAttribute.3.Name=a",
            json!({"message_attribute_names": ["a", "b", "c"]}),
        ),
        (
            ("sqs", "CreateQueue"),
            form,
            "Attribute.1.Name=a&Attribute.2.Value=w&Attribute.1.Value=v&Attributes.3.Name=c",
            json!({"attributes": {"a": "v"}}),
        ),
        (("s3", "PutBucketPolicy"), Protocol::RestXml, "{}", json!({"policy": "{}"})),
        (("s3", "PutObject"), Protocol::RestXml, "<a/>", json!({})),
        (("dynamodb", "Unknown"), json, r#"{"TableName":"a"}"#, json!({})),
        (("unknown", "PutItem"), json, r#"{"TableName":"a"}"#, json!({})),
    ];
    for (call, protocol, body, expected) in table {
        assert_eq!(body_of(*call, *protocol, body), *expected, "fields of {body}");
    }
}

#[test]
fn what_is_not_all_there_counts_only_as_far_as_it_is() {
    let parts = |headers: &[(&str, &str)], body: &[u8]| {
        object(of_request(&RequestParts {
            service: "sqs",
            operation: "ReceiveMessage",
            protocol: Protocol::Query,
            labels: &[],
            query: "",
            headers: &map(headers),
            body,
        }))
    };
    let body = "QueueUrl=u&AttributeName.1=a&WaitTimeSeconds=2";
    let all = json!({"queue_url": "u", "attribute_names": ["a"], "wait_time_seconds": 2});
    let some = json!({"queue_url": "u"});
    let long = [body, "&x=", &"x".repeat(REQUEST_PREFIX)].concat();
    let long_some = json!({"queue_url": "u", "wait_time_seconds": 2});
    let length = |length| vec![("content-length", length)];
    for (headers, body, expected) in [
        (length("46"), body, &all),
        (length("47"), body, &some),
        (vec![], body, &all),
        (vec![], &long, &long_some),
    ] {
        assert_eq!(
            Value::from(parts(&headers, body.as_bytes())),
            *expected,
            "{headers:?} {body:.60}"
        );
    }
}

#[test]
fn responses_are_read_with_care() {
    let (xml, query) = (Protocol::RestXml, Protocol::Query);
    let (list, buckets) = (("s3", "ListObjects"), ("s3", "ListBuckets"));
    let receive = ("sqs", "ReceiveMessage");
    let failed = ("sqs", "DeleteMessageBatch");
    let two = "<L><Contents/><Prefix>p</Prefix><Contents><Contents/></Contents></L>";
    let table: &[((&str, &str), Protocol, &str, Value)] = &[
        (list, xml, two, json!({"object_count": 2})),
        (list, xml, "<L><Contents/><Contents/>", json!({})),
        (list, xml, "<L></L>", json!({})),
        (buckets, xml, "<L><Buckets><Bucket/><Bucket/></Buckets>", json!({"bucket_count": 2})),
        (buckets, xml, "<L><Buckets/></L>", json!({"bucket_count": 0})),
        (buckets, xml, "<L><Buckets><Bucket/>", json!({})),
        (buckets, xml, "<html><body/></html>", json!({})),
        (
            receive,
            query,
            "<R><ReceiveMessageResult><Message/></ReceiveMessageResult></R>",
            json!({"message_count": 1}),
        ),
        (receive, query, "<R><Other><Message/></Other></R>", json!({})),
        (
            failed,
            query,
            "<R><DeleteMessageBatchResult>\
             <BatchResultErrorEntry><Id>1</Id><SenderFault>no</SenderFault></BatchResultErrorEntry>\
             <BatchResultErrorEntry><Code>c&amp;d</Code><X>y</X></BatchResultErrorEntry>\
             </DeleteMessageBatchResult></R>",
            json!({"failed": [{"Id": "1"}, {"Code": "c&d"}]}),
        ),
        (("lambda", "Invoke"), Protocol::RestJson, "{}", json!({"status_code": 200})),
    ];
    for (call, protocol, body, expected) in table {
        assert_eq!(answer_of(*call, *protocol, body, true), *expected, "fields of {body}");
    }
    // A list may go on behind what is there, even if that is well-formed.
    assert_eq!(answer_of(list, xml, &two[..two.len() - 4], false), json!({}));
    let failed = ResponseParts {
        service: "lambda",
        operation: "Invoke",
        protocol: Protocol::RestJson,
        status: 404,
        headers: &map(&[("x-amz-function-error", "Unhandled")]),
        body: b"",
        whole: true,
    };
    assert_eq!(of_response(&failed), []);
    let succeeded = object(of_response(&ResponseParts { status: 202, ..failed }));
    assert_eq!(Value::from(succeeded), json!({"function_error": "Unhandled", "status_code": 202}));
}

#[test]
fn a_copy_names_its_bucket_as_every_sdk_does() {
    let fields = object(of_request(&RequestParts {
        service: "s3",
        operation: "CopyObject",
        protocol: Protocol::RestXml,
        labels: &[("Bucket", "photos"), ("Key", "a b")],
        query: "x-id=CopyObject",
        headers: &map(&[("x-amz-copy-source", "photos/a%20b?versionId=1")]),
        body: b"",
    }));
    let expected = json!({
        "bucket": "photos",
        "bucket_name": "photos",
        "copy_source": "photos/a%20b?versionId=1",
        "key": "a b",
    });
    assert_eq!(Value::from(fields), expected);
}

#[test]
fn bodies_are_wanted_only_where_something_is_in_them() {
    for (service, operation, request, response) in [
        ("dynamodb", "PutItem", true, true),
        ("dynamodb", "DescribeTable", true, false),
        ("sqs", "GetQueueUrl", true, true),
        ("sns", "Publish", true, false),
        ("lambda", "Invoke", false, false),
        ("s3", "GetObject", false, false),
        ("s3", "PutObject", false, false),
        ("s3", "PutBucketPolicy", true, false),
        ("s3", "ListObjects", false, true),
        ("s3", "ListObjectsV2", false, false),
        ("ec2", "DescribeInstances", false, false),
    ] {
        assert_eq!(wants_request_body(service, operation), request, "{service} {operation}");
        assert_eq!(wants_response_body(service, operation), response, "{service} {operation}");
    }
}
