//! What is read, what is refused and in which words, and that any bytes are survived.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::api::MAX_BODY;
use crate::trace::segment::remarks::MAX_ANNOTATIONS;
use crate::trace::segment::remarks::ROOM;

/// Ids that count up.
fn counting() -> impl FnMut() -> SegmentId {
    let mut last = 0;
    move || {
        last += 1;
        SegmentId::mint(last)
    }
}

fn annotated(body: &str) -> Result<Remarks, Fault> {
    annotations(body.as_bytes())
}

fn described(body: &str) -> Result<Remarks, Fault> {
    metadata(body.as_bytes(), "default")
}

fn named(body: &str) -> Result<Remarks, Fault> {
    user(body.as_bytes())
}

fn thrown(body: &str) -> Result<Remarks, Fault> {
    exceptions(body.as_bytes(), None, &mut counting())
}

/// Reads a body.
type Read = fn(&str) -> Result<Remarks, Fault>;

/// Who reads, the body, and the beginning of what is said.
type Case = (Read, &'static str, &'static str);

#[test]
fn what_is_wrong_is_said_with_place_and_cure() {
    let malformed: &[Case] = &[
        (annotated, "", "no JSON: EOF while parsing a value at line 1 column 0"),
        (annotated, "{\"a\": 1,\n}", "no JSON: trailing comma at line 2 column 1"),
        (
            annotated,
            "[1]",
            "expected an object, as {\"order_id\": 17, \"paid\": true}, found a list",
        ),
        (annotated, "{\"a\": null}", "a: expected a string, a number or a boolean, found null"),
        (annotated, "{\"a\": [1]}", "a: expected a string, a number or a boolean, found a list"),
        (described, "\"x\"", "expected an object, as {\"cart\": [1, 2]}, found a string"),
        (named, "{\"user\": \"ann\"}", "expected a string, as \"ann\""),
        (thrown, "{}", "type: missing; write \"type\": \"ValueError\""),
        (thrown, "{\"type\": 1}", "type: expected a string, found a number"),
        (
            thrown,
            "[{\"type\": \"E\"}, {\"type\": \"E\", \"stack\": [{\"line\": -1}]}]",
            "[1].stack[0].line: expected a whole number that is not negative, found a number",
        ),
        (
            thrown,
            "{\"type\": \"E\", \"mesage\": \"m\"}",
            "mesage: unknown field; did you mean \"message\"?",
        ),
        (
            thrown,
            "{\"type\": \"E\", \"cause\": {\"type\": \"F\", \"stack\": {}}}",
            "cause.stack: expected a list, found an object",
        ),
    ];
    for (read, body, message) in malformed {
        assert_eq!(read(body), Err(Fault::Malformed((*message).into())), "{body}");
    }
}

#[test]
fn what_cannot_be_recorded_is_refused() {
    let long = format!("{{\"a\": \"{}\"}}", "é".repeat(MAX_TEXT + 1));
    let many: Map<String, Value> =
        (0..=MAX_ANNOTATIONS).map(|key| (format!("k{key}"), json!(1))).collect();
    let many = Value::Object(many).to_string();
    let large = json!({"k": "x".repeat(ROOM)}).to_string();
    for (read, body, message) in [
        (
            annotated as Read,
            "{\"a-b\": 1}",
            "\"a-b\": keys are 1 to 500 ASCII letters, digits and _; write a_b",
        ),
        (annotated, "{\"\": 1}", "\"\": keys are 1 to 500"),
        (annotated, &long, "a: longer than 1000 characters"),
        (annotated, &many, "k50: a trace has at most 50 annotations"),
        (described, &large, "k: what is said of a segment or subsegment takes at most 32768"),
        (named, "\"\"", "a user has 1 to 250 characters"),
        (thrown, "{\"type\": \"E\", \"truncated\": 5000000000}", "truncated: larger than"),
    ] {
        let Err(Fault::Refused(said)) = read(body) else { panic!("{message} is not refused") };
        assert!(said.starts_with(message), "{said}");
    }
    let reserved = metadata(b"{\"k\": 1}", "AWS.x");
    assert!(matches!(reserved, Err(Fault::Refused(_))), "{reserved:?}");
    let fits = format!("{{\"a\": \"{}\"}}", "é".repeat(MAX_TEXT));
    assert_eq!(annotated(&fits).map(|remarks| remarks.annotations()), Ok(1));
}

#[test]
fn causes_stand_behind_what_they_caused() {
    let body = json!([
        {"type": "A", "cause": {"type": "B", "cause": [{"type": "C"}, {"type": "D"}]}},
        {"type": "E", "message": null},
    ]);
    let remarks = exceptions(body.to_string().as_bytes(), Some(false), &mut counting()).unwrap();
    let mut whole = Remarks::default();
    for (id, kind, cause) in
        [(1, "A", Some(2)), (2, "B", Some(3)), (3, "C", None), (4, "D", None), (5, "E", None)]
    {
        let exception = Exception::new(SegmentId::mint(id), kind);
        whole.throw(Exception { cause: cause.map(SegmentId::mint), ..exception }).unwrap();
    }
    assert_eq!(remarks, whole, "and none is a fault");
    whole.flag(Flags { fault: true, ..Flags::default() });
    assert_eq!(thrown(&body.to_string()), Ok(whole));
}

/// Any JSON, not too deep.
pub(in crate::api) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_survived(body in proptest::collection::vec(any::<u8>(), 0..256)) {
        for read in [annotations, user] {
            drop(read(&body));
        }
        drop(metadata(&body, "default"));
        drop(exceptions(&body, None, &mut counting()));
    }

    #[test]
    fn any_json_is_taken_whole_or_not_at_all(value in any_json()) {
        let body = value.to_string();
        prop_assert!(body.len() < MAX_BODY);
        if let Ok(remarks) = annotated(&body) {
            prop_assert_eq!(remarks.annotations(), value.as_object().unwrap().len());
        }
        if let Ok(remarks) = described(&body) {
            prop_assert!(remarks.size() <= ROOM);
            for (key, value) in value.as_object().unwrap() {
                let mut again = remarks.clone();
                again.describe("default", key, value).unwrap();
                prop_assert_eq!(&again, &remarks, "it says {} already", key);
            }
        } else {
            prop_assert!(!value.is_object(), "there is room for as much as {} bytes", body.len());
        }
        drop(thrown(&body));
    }
}
