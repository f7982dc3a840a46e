//! What is understood, what is refused and in which words, and that what is taken fits a document.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::api::said::Mint;
use crate::api::said::tests::any_json;
use crate::trace::document::Batch;
use crate::trace::document::Document;
use crate::trace::segment::Ending;
use crate::trace::segment::remarks::ROOM;
use crate::trace::segment::remarks::Refused;
use crate::trace::site::Surroundings;

const TRACE: &str = "1-5759e988-bd862e3fe1be46a994272793";

fn read(body: &Value) -> Result<Order, Fault> {
    let mint: Mint<'_> = &mut || SegmentId::mint(7);
    order(body.to_string().as_bytes(), mint)
}

/// A whole subsegment with more fields.
fn whole(more: &Value) -> Value {
    let mut body = json!({"trace_id": TRACE, "name": "n", "start_time": 5.25, "end_time": 6});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

/// The document of a whole subsegment.
fn document(order: Order) -> (Value, crate::trace::document::Encoded) {
    let Order::New(new) = order else { panic!("it is not new: {order:?}") };
    let (id, parent) = (SegmentId::mint(1), SegmentId::mint(2));
    let New { trace, name, start, end, details, .. } = *new;
    let call =
        details.into_subsegment(id, name, start.unwrap(), end.map_or(Ending::Open, Ending::At));
    let mut batch = Batch::default();
    let document = Document::Subsegment(Box::new(call.separate(trace, parent)));
    let encoded = batch.encode(document, &Surroundings::default());
    let written = batch.documents().next().map(|json| serde_json::from_slice(json).unwrap());
    (written.unwrap_or_default(), encoded)
}

#[test]
fn what_is_said_is_in_the_document() {
    for (more, expected) in [
        (json!({}), json!({})),
        (json!({"sql": {}}), json!({"namespace": "remote"})),
        (json!({"namespace": "remote"}), json!({"namespace": "remote"})),
        (json!({"namespace": "aws"}), json!({"namespace": "aws"})),
        (json!({"namespace": "local", "sql": {"user": "u"}}), json!({"sql": {"user": "u"}})),
        (
            json!({"aws": {"operation": "Query", "table_name": "t", "retries": 1, "count": 2}}),
            json!({
                "namespace": "aws",
                "aws": {"operation": "Query", "retries": 1, "table_name": "t", "count": 2},
            }),
        ),
        (
            json!({"http": {"request": {"method": "GET", "url": "http://a/b?c"},
                            "response": {"status": 429}}}),
            json!({
                "namespace": "remote",
                "error": true,
                "throttle": true,
                "http": {"request": {"method": "GET", "url": "http://a/b"},
                         "response": {"status": 429}},
            }),
        ),
        (json!({"throttle": true, "fault": false, "error": null}), json!({"throttle": true})),
        (
            json!({"cause": {"working_directory": "/w", "exceptions": [{"type": "E"}]}}),
            json!({
                "fault": true,
                "cause": {
                    "working_directory": "/w",
                    "exceptions": [
                        {"id": "0000000000000007", "message": "", "type": "E", "remote": false}
                    ],
                },
            }),
        ),
    ] {
        let (written, encoded) = document(read(&whole(&more)).unwrap());
        let mut all = json!({
            "id": "0000000000000001",
            "trace_id": TRACE,
            "parent_id": "0000000000000002",
            "type": "subsegment",
            "name": "n",
            "start_time": 5.25,
            "end_time": 6.0,
        });
        for (key, value) in expected.as_object().unwrap() {
            all[key] = value.clone();
        }
        assert_eq!((written, encoded.cut), (all, 0), "{more}");
    }
    let silent = whole(&json!({"exceptions": {"type": "E"}, "fault": false}));
    assert_eq!(document(read(&silent).unwrap()).0.get("fault"), None);
}

#[test]
fn an_id_ends_and_a_trace_begins() {
    let end = json!({"id": "53995c3f42cd8ad8", "end_time": 6.5, "annotations": {"a": 1}});
    let Ok(Order::End(end)) = read(&end) else { panic!("no end") };
    assert_eq!(
        (end.id.to_string(), end.end),
        ("53995c3f42cd8ad8".into(), Some(Micros::new(6_500_000)))
    );
    let begin = json!({"trace_id": TRACE.replace("1-", "").replace('-', ""), "name": "a?b"});
    let Ok(Order::New(new)) = read(&begin) else { panic!("nothing new") };
    assert_eq!((new.trace.to_string(), new.name.as_str()), (TRACE.into(), "ab"));
    assert_eq!((new.parent, new.start, new.end), (None, None, None));
}

#[test]
fn what_is_wrong_is_said_with_place_and_cure() {
    for (body, message) in [
        (json!([]), "expected an object, as {\"trace_id\": \"1-…\""),
        (json!({}), "trace_id: missing; write the Root of X-Amzn-Trace-Id"),
        (json!({"trace_id": "x", "name": "n"}), "trace_id: not a trace id: it is the Root"),
        (json!({"trace_id": TRACE}), "name: missing"),
        (whole(&json!({"parent_id": "xyz"})), "parent_id: not the id of a segment"),
        (whole(&json!({"id": "53995c3f42cd8ad8"})), "id: ids are given, not taken"),
        (json!({"id": "0"}), "id: not the id of a segment"),
        (json!({"id": "53995c3f42cd8ad8", "name": "n"}), "name: unknown field; known are id,"),
        (
            whole(&json!({"anotations": {}})),
            "anotations: unknown field; did you mean \"annotations\"?",
        ),
        (whole(&json!({"start_time": null})), "start_time: missing, and there is an end_time"),
        (whole(&json!({"end_time": "now"})), "end_time: expected seconds since 1970 as a number"),
        (whole(&json!({"namespace": "mine"})), "namespace: known are"),
        (whole(&json!({"sql": {"query": "q"}})), "sql.query: unknown field"),
        (whole(&json!({"sql": {"url": 1}})), "sql.url: expected a string, found a number"),
        (whole(&json!({"http": {"response": {"status": 200}}})), "http.request: missing"),
        (
            whole(&json!({"http": {"request": {"method": "GET"}}})),
            "http.request.url: missing; write",
        ),
        (whole(&json!({"aws": {"x": {}}})), "aws.x: expected a string, a number"),
        (whole(&json!({"metadata": {"k": 1}})), "metadata.k: expected an object"),
        (whole(&json!({"fault": 1})), "fault: expected true or false, found a number"),
        (whole(&json!({"cause": {}})), "cause.exceptions: missing"),
    ] {
        let Err(Fault::Malformed(said)) = read(&body) else { panic!("{message} is not found") };
        assert!(said.starts_with(message), "{said}");
    }
    for (more, message) in [
        (json!({"name": " "}), "name: a name is not empty"),
        (json!({"end_time": 5}), "end_time: before start_time"),
        (json!({"start_time": 1_795_348_800_000.0_f64}), "start_time: not a time: seconds"),
        (json!({"start_time": -1}), "start_time: not a time"),
        (json!({"namespace": "remote", "aws": {}}), "namespace: what has an \"aws\" block"),
        (json!({"metadata": {"sideray": {"k": 1}}}), "metadata.sideray.k: namespaces that"),
        (json!({"sql": {"url": "x".repeat(ROOM)}}), "what is said of a segment or subsegment"),
        (
            json!({"http": {"request": {"method": "A B", "url": "http://a/"}}}),
            "http.request.method: not a method",
        ),
        (
            json!({"http": {"request": {"method": "GET", "url": "/b"}}}),
            "http.request.url: not a URL",
        ),
        (
            json!({"http": {"request": {"method": "GET", "url": "http://a/"},
                            "response": {"status": 99}}}),
            "http.response.status: not a status",
        ),
    ] {
        let Err(Fault::Refused(said)) = read(&whole(&more)) else { panic!("{message} is taken") };
        assert!(said.starts_with(message), "{said}");
    }
}

#[test]
fn what_is_added_later_counts_and_has_its_bound() {
    let details = |more: &Value| match read(&whole(more)).unwrap() {
        Order::New(new) => new.details,
        Order::End(end) => end.details,
    };
    let first = json!({
        "sql": {"url": "a"}, "annotations": {"a": 1, "b": 1}, "namespace": "local", "error": true,
    });
    let second = json!({"sql": {"user": "u"}, "annotations": {"b": 2}, "throttle": true});
    let mut both = details(&first);
    assert_eq!(both.new_annotations(&details(&second)), 0);
    both.amend(details(&second)).unwrap();
    assert_eq!(both.annotations(), 2);
    let call =
        both.into_subsegment(SegmentId::mint(1), Name::new("n"), Micros::new(1), Ending::Open);
    let mut batch = Batch::default();
    let trace = TraceId::parse(TRACE.as_bytes()).unwrap();
    let separate = Document::Subsegment(Box::new(call.separate(trace, SegmentId::mint(2))));
    batch.encode(separate, &Surroundings::default());
    let written: Value = serde_json::from_slice(batch.documents().next().unwrap()).unwrap();
    assert_eq!(written["annotations"], json!({"a": 1, "b": 2}));
    assert_eq!(written["sql"], json!({"user": "u"}));
    assert_eq!((&written["error"], &written["throttle"]), (&json!(true), &json!(true)));

    let large = |url: &str| json!({"sql": {"url": url.repeat(ROOM / 2)}});
    let noted = json!({"metadata": {"d": {"k": "x".repeat(ROOM / 2)}}});
    let mut whole = details(&large("x"));
    assert_eq!(whole.amend(details(&large("y"))), Ok(()), "it replaces the first");
    let size = whole.size();
    assert_eq!(whole.amend(details(&noted)), Err(Refused::Room));
    assert_eq!(whole.size(), size);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(body in proptest::collection::vec(any::<u8>(), 0..256)) {
        let mint: Mint<'_> = &mut || SegmentId::mint(7);
        drop(order(&body, mint));
    }

    #[test]
    fn any_field_is_survived_and_what_is_taken_fits_a_document(
        key in prop_oneof![
            Just("sql"), Just("http"), Just("aws"), Just("annotations"), Just("metadata"),
            Just("exceptions"), Just("cause"), Just("name"), Just("start_time"), Just("fault"),
        ],
        value in any_json(),
        notes in proptest::collection::vec((".{0,40}", any_json()), 0..40),
        copies in 1_usize..12,
    ) {
        drop(read(&whole(&json!({key: value}))));
        let many: serde_json::Map<_, _> = notes
            .iter()
            .flat_map(|(name, note)| (0..copies).map(move |n| (format!("{name}{n}"), note.clone())))
            .collect();
        let said = json!({"metadata": {"\u{1}d": many}, "name": "\u{1}é".repeat(300)});
        if let Ok(order) = read(&whole(&said)) {
            let (written, encoded) = document(order);
            prop_assert_eq!((encoded.cut, encoded.failed), (0, 0));
            if !many.is_empty() {
                prop_assert_eq!(&written["metadata"]["\u{1}d"], &Value::Object(many));
            }
        }
    }
}
