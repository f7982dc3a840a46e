//! Datagrams as SDKs and strangers send them.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const TRACE: &str = "1-5759e988-bd862e3fe1be46a994272793";

/// What the SDK for Python sends, but for its subsegments.
fn segment() -> Value {
    json!({
        "id": "31e7d86e194af546",
        "name": "app",
        "start_time": 1_795_624_453.25,
        "parent_id": "53995c3f42cd8ad8",
        "in_progress": false,
        "http": {
            "request": {
                "url": "http://shop/cart",
                "method": "GET",
                "client_ip": "1.2.3.4, 5.6.7.8",
                "x_forwarded_for": true,
            },
            "response": { "status": 200 },
        },
        "annotations": { "a": 1 },
        "metadata": { "default": { "k": [1, null] } },
        "aws": { "xray": { "sdk": "X-Ray for Python" }, "ec2": { "instance_id": "i-1" } },
        "subsegments": [{ "id": "409568ad065ee22c", "name": "query", "sql": {} }],
        "trace_id": TRACE,
        "user": "bob",
        "origin": "AWS::EC2::Instance",
        "service": { "runtime": "CPython" },
        "end_time": 1_795_624_453.5,
    })
}

fn insider(document: &Value) -> Box<Insider> {
    match read(document.to_string().as_bytes()) {
        Read::Insider(insider) => insider,
        other @ (Read::Other | Read::Unread) => panic!("{other:?}"),
    }
}

fn joined(document: &Value) -> Value {
    serde_json::from_slice(&insider(document).into_subsegment()).unwrap()
}

#[test]
fn header_lines_as_the_daemon_takes_them() {
    for (datagram, expected) in [
        ("{\"format\":\"json\",\"version\":1}\n{}", Some("{}")),
        ("{\"format\": \"JSON\", \"version\": 1, \"more\": []}\r\n{}\n ", Some("{}\n ")),
        ("{\"Format\":\"json\",\"VERSION\":1}\nnonsense", Some("nonsense")),
        ("{\"format\":\"json\",\"version\":1}\n", None),
        ("{\"format\":\"json\",\"version\":1}{}", None),
        ("{\"format\":\"json\",\"version\":2}\n{}", None),
        ("{\"format\":\"json\",\"version\":1.5}\n{}", None),
        ("{\"format\":\"json\",\"version\":\"1\"}\n{}", None),
        ("{\"format\":\"xml\",\"version\":1}\n{}", None),
        ("{\"format\":\"json\"}\n{}", None),
        ("{\"format\":\"json\",\"version\":1}x\n{}", None),
        ("[]\n{}", None),
        ("\n{}", None),
        ("", None),
    ] {
        assert_eq!(document(datagram.as_bytes()), expected.map(str::as_bytes), "{datagram:?}");
    }
}

#[test]
fn what_has_no_place_in_a_trace_is_unread() {
    let mut endless = segment();
    endless["metadata"] = (0..200).fold(json!(1), |inner, _| json!([inner]));
    for text in ["", "null", "[]", "{}", "{\"id\":", "\u{feff}{}", &endless.to_string()] {
        assert!(matches!(read(text.as_bytes()), Read::Unread), "{text}");
    }
    assert!(matches!(read(b"{\"id\":\"\xff\"}"), Read::Unread));
    for field in ["id", "trace_id", "name", "start_time"] {
        for value in [None, Some(json!([])), Some(Value::Null)] {
            let mut document = segment();
            match value {
                Some(value) => document[field] = value,
                None => drop(document.as_object_mut().unwrap().remove(field)),
            }
            assert!(matches!(read(document.to_string().as_bytes()), Read::Unread), "{field}");
        }
    }
}

#[test]
fn only_a_segment_below_a_caller_can_join() {
    for (field, value) in [
        ("type", json!("subsegment")),
        ("parent_id", Value::Null),
        ("parent_id", json!("0000000000000000")),
        ("parent_id", json!(7)),
        ("id", json!("no id")),
        ("trace_id", json!(TRACE.to_uppercase())),
    ] {
        let mut document = segment();
        document[field] = value.clone();
        assert!(matches!(read(document.to_string().as_bytes()), Read::Other), "{field}: {value}");
    }
}

#[test]
fn a_segment_becomes_a_subsegment_and_loses_nothing_but_the_client() {
    let all = segment();
    let found = insider(&all);
    assert_eq!(found.user(), Some("bob"));
    assert_eq!(
        (&*found.trace.to_string(), &*found.parent.to_string()),
        (TRACE, "53995c3f42cd8ad8")
    );

    let subsegment = joined(&all);
    let first: Vec<_> = subsegment.as_object().unwrap().keys().take(4).collect();
    assert_eq!(first, ["id", "trace_id", "parent_id", "type"]);
    assert_eq!(subsegment["type"], "subsegment");
    for field in [
        "id",
        "trace_id",
        "parent_id",
        "name",
        "start_time",
        "end_time",
        "in_progress",
        "annotations",
        "subsegments",
    ] {
        assert_eq!(subsegment[field], all[field], "{field}");
    }
    for field in ["user", "origin", "service", "aws"] {
        assert_eq!(subsegment.get(field), None, "{field}");
    }
    let request = json!({ "url": "http://shop/cart", "method": "GET" });
    assert_eq!(subsegment["http"], json!({ "request": request, "response": { "status": 200 } }));
    let aside = json!({
        "origin": "AWS::EC2::Instance",
        "service": { "runtime": "CPython" },
        "user": "bob",
        "aws": { "ec2": { "instance_id": "i-1" } },
    });
    let metadata = json!({ "default": { "k": [1, null] }, "sideray": { "segment": aside } });
    assert_eq!(subsegment["metadata"], metadata);
}

#[test]
fn a_user_whom_our_segment_names_is_not_named_twice() {
    let mut found = insider(&segment());
    found.leave_user();
    let subsegment: Value = serde_json::from_slice(&found.into_subsegment()).unwrap();
    assert_eq!(subsegment["metadata"]["sideray"]["segment"].get("user"), None);
}

#[test]
fn a_bare_segment_gets_a_type_and_nothing_else() {
    let bare = json!({
        "id": "31e7d86e194af546",
        "trace_id": TRACE,
        "parent_id": "53995c3f42cd8ad8",
        "type": "segment",
        "name": "app",
        "start_time": 1,
        "in_progress": true,
        "aws": { "xray": {}, "operation": "GetItem" },
    });
    let mut want = bare.clone();
    want["type"] = json!("subsegment");
    want["aws"] = json!({ "operation": "GetItem" });
    assert_eq!(joined(&bare), want);
}

#[test]
fn metadata_of_an_unusual_kind_stays() {
    for metadata in [json!("text"), json!({ "sideray": 1 }), Value::Null] {
        let mut document = segment();
        document["metadata"] = metadata.clone();
        assert_eq!(joined(&document)["metadata"], metadata);
    }
}

/// Any JSON, not too deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_that_comes_is_too_strange(datagram in prop::collection::vec(any::<u8>(), 0..256)) {
        if let Some(document) = document(&datagram) {
            drop(read(document));
        }
        drop(read(&datagram));
    }

    #[test]
    fn whatever_stands_in_its_fields_a_segment_joins_as_one_line(
        values in prop::collection::vec(any_json(), 8),
    ) {
        let mut document = segment();
        let fields =
            ["aws", "http", "metadata", "user", "service", "origin", "annotations", "subsegments"];
        for (field, value) in fields.into_iter().zip(values) {
            document[field] = value;
        }
        let subsegment = insider(&document).into_subsegment();
        prop_assert!(!subsegment.contains(&b'\n'));
        let subsegment: Value = serde_json::from_slice(&subsegment).unwrap();
        for field in ["annotations", "subsegments", "name", "start_time", "end_time"] {
            prop_assert_eq!(&subsegment[field], &document[field]);
        }
        for field in SEGMENTS_OWN {
            prop_assert!(subsegment.get(field).is_none());
        }
    }
}
