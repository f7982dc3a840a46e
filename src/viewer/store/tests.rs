//! Joining in any order, the bounds, and documents that are none.

use proptest::prelude::*;

use super::*;

const BIG: Options = Options { max_traces: 100, max_bytes: 1 << 20 };

fn trace_id(n: u32) -> String {
    format!("1-5759e988-{n:024x}")
}

fn document(trace: u32, id: u64, more: &str) -> String {
    let trace = trace_id(trace);
    format!(r#"{{"id":"{id:016x}","trace_id":"{trace}","name":"shop","start_time":{id}.5{more}}}"#)
}

fn complete(trace: u32, id: u64, more: &str) -> String {
    document(trace, id, &format!(r#","end_time":{}.0{more}"#, id + 1))
}

fn open(trace: u32, id: u64) -> String {
    document(trace, id, r#","in_progress":true"#)
}

fn store(options: Options, documents: &[String]) -> Store {
    let store = Store::new(options);
    documents.iter().for_each(|document| store.insert(document.as_bytes()));
    store
}

#[test]
fn documents_join_in_any_order() {
    let mut documents = [
        complete(
            1,
            1,
            r#","http":{"request":{"method":"GET","url":"http://a/b"},"response":{"status":503}},"fault":true"#,
        ),
        complete(1, 2, r#","type":"subsegment","parent_id":"0000000000000001""#),
        complete(
            1,
            3,
            r#","parent_id":"0000000000000002","subsegments":[{"id":"000000000000000a","name":"x","error":true}]"#,
        ),
    ];
    let forward = store(BIG, &documents);
    documents.reverse();
    let backward = store(BIG, &documents);
    assert_eq!(forward.trace(&trace_id(1)), backward.trace(&trace_id(1)));
    assert_eq!(forward.summaries(9), backward.summaries(9));
    let summary = forward.summaries(9).remove(0);
    assert_eq!((summary.start_time, summary.duration), (1.5, 2.5));
    assert_eq!((summary.segments, summary.subsegments), (2, 2));
    assert_eq!((summary.has_fault, summary.has_error, summary.has_throttle), (true, true, false));
    assert_eq!((summary.http.status, summary.http.method.as_deref()), (Some(503), Some("GET")));
    assert!(!summary.is_partial);
}

#[test]
fn a_complete_document_replaces_the_one_in_progress_for_good() {
    for documents in [[open(1, 1), complete(1, 1, "")], [complete(1, 1, ""), open(1, 1)]] {
        let store = store(BIG, &documents);
        let trace = store.trace(&trace_id(1)).unwrap();
        assert_eq!(trace.documents.len(), 1);
        assert_eq!(trace.documents[0]["end_time"], 2.0);
        assert_eq!(store.counts().bytes, complete(1, 1, "").len() + OVERHEAD);
    }
    let store = store(BIG, &[open(1, 1)]);
    assert!(store.summaries(1)[0].is_partial);
}

#[test]
fn the_oldest_trace_leaves_first() {
    let documents: Vec<_> = [1, 2, 3, 1, 4].map(|trace| complete(trace, 1, "")).into();
    let store = store(Options { max_traces: 2, ..BIG }, &documents);
    let left: Vec<_> = store.summaries(9).iter().map(|summary| summary.id.to_string()).collect();
    assert_eq!(left, [trace_id(4), trace_id(1)], "newest first; 1 came back after it had left");
    let counts = store.counts();
    assert_eq!((counts.traces, counts.evicted), (2, 3));
    assert!(store.trace(&trace_id(3)).is_none());
}

#[test]
fn bytes_are_bounded_too() {
    let one = complete(1, 1, "").len() + OVERHEAD;
    let options = Options { max_bytes: 3 * one, ..BIG };
    let documents: Vec<_> = (1..=4).map(|trace| complete(trace, 1, "")).collect();
    let counts = store(options, &documents[..3]).counts();
    assert_eq!((counts.traces, counts.bytes, counts.evicted), (3, 3 * one, 0), "the bound itself");
    let counts = store(options, &documents).counts();
    assert_eq!((counts.traces, counts.bytes, counts.evicted), (3, 3 * one, 1));
    let nothing = store(Options { max_bytes: 0, ..BIG }, &documents).counts();
    assert_eq!((nothing.traces, nothing.bytes, nothing.evicted), (0, 0, 4));
}

#[test]
fn what_is_no_document_is_counted() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = complete(1, 1, &format!(r#","metadata":{deep}"#));
    for bad in [
        "",
        "{}",
        "[]",
        "null",
        "\u{fffd}",
        r#"{"format":"json","version":1}"#,
        &complete(1, 1, "").replace("1-57", "2-57"),
        &complete(1, 1, "").replace("\"name\":\"shop\"", "\"name\":7"),
        &complete(1, 1, "").replace("0000000000000001", "1"),
        &complete(1, 1, "").replace("start_time\":1.5", "start_time\":\"1.5\""),
        &complete(1, 1, "")[1..],
        &deep,
    ] {
        let store = store(BIG, &[bad.into()]);
        assert_eq!(store.counts(), Counts { malformed: 1, ..Counts::default() }, "{bad:.80}");
    }
}

#[test]
fn odd_fields_are_as_if_not_said() {
    let odd = r#","http":"x","fault":"yes","cause":"0000000000000009","subsegments":{"a":1}"#;
    let store = store(BIG, &[complete(1, 1, odd)]);
    let summary = store.summaries(1).remove(0);
    assert_eq!((summary.has_fault, summary.http.url, summary.subsegments), (false, None, 0));
}

proptest! {
    #[test]
    fn bytes_from_outside_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let store = Store::new(BIG);
        store.insert(&bytes);
        prop_assert_eq!(store.counts().malformed, 1);
    }

    #[test]
    fn the_bounds_hold_and_the_bytes_are_the_sum(
        documents in prop::collection::vec((0..8_u32, 0..4_u64, any::<bool>()), 0..60),
    ) {
        let options = Options { max_traces: 4, max_bytes: 2_000 };
        let store = Store::new(options);
        for (trace, id, is_open) in documents {
            let text = if is_open { open(trace, id + 1) } else { complete(trace, id + 1, "") };
            store.insert(text.as_bytes());
            let inner = store.inner.lock();
            let sum: usize = inner.traces.values().flat_map(BTreeMap::values).map(Stored::cost).sum();
            prop_assert_eq!(inner.counts.bytes, sum);
            prop_assert!(sum <= options.max_bytes && inner.traces.len() <= options.max_traces);
            prop_assert_eq!(inner.traces.len(), inner.order.len());
        }
    }
}
