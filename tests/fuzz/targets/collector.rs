//! Any lines as documents for the embedded collector: its bounds hold, and whatever it keeps can be
//! listed and drawn.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sideray::viewer::api;
use sideray::viewer::options::Options;
use sideray::viewer::store::Store;
use sideray::viewer::tree;
use sideray::viewer::tree::Style;

const OPTIONS: Options = Options { max_traces: 3, max_bytes: 8 * 1024 };

fuzz_target!(|documents: &[u8]| {
    let store = Store::new(OPTIONS);
    for document in documents.split(|byte| *byte == b'\n') {
        store.insert(document);
        let counts = store.counts();
        assert!(counts.traces <= OPTIONS.max_traces, "{counts:?}");
        assert!(counts.bytes <= OPTIONS.max_bytes, "{counts:?}");
    }
    let summaries = store.summaries(usize::MAX);
    assert_eq!(summaries.len(), store.counts().traces);
    for summary in summaries {
        let id = summary.id.to_text();
        let trace = store.trace(id.as_str()).expect("what is listed is held");
        let text = tree::render(&trace, Style::Plain);
        let control = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(control), "not fit for a terminal: {text:?}");
        let lines = 1 + summary.segments + summary.subsegments;
        assert_eq!(text.lines().count(), lines, "a line for each entity, and one above: {text}");
        assert!(tree::render(&trace, Style::Colored).len() >= text.len());
        check(&store, &format!("/traces/{}", id.as_str()));
    }
    check(&store, "/traces");
});

fn check(store: &Store, path: &str) {
    let (status, body) = api::respond(store, path, None).expect("it is the viewer's path");
    assert_eq!(status, 200, "{path}");
    assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok(), "{path} is no JSON");
}
