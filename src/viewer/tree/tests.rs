//! The tree that a trace gives, whatever the order, the gaps and the lies of its documents.

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::trace::id::TraceId;

fn trace(documents: Vec<Value>) -> Trace {
    Trace { id: TraceId::parse(b"1-5759e988-bd862e3fe1be46a994272793").unwrap(), documents }
}

/// Segment `id` below `parent`, from `start` to `end` seconds.
fn segment(id: &str, parent: Option<&str>, start: f64, end: f64) -> Value {
    let mut segment =
        json!({"id": id, "name": format!("seg-{id}"), "start_time": start, "end_time": end});
    if let Some(parent) = parent {
        segment["parent_id"] = parent.into();
    }
    segment
}

fn separate(id: &str, parent: &str, start: f64) -> Value {
    let mut subsegment = segment(id, Some(parent), start, start + 0.5);
    subsegment["type"] = "subsegment".into();
    subsegment
}

/// The lines of the tree without the first, and without the times.
fn shape(documents: Vec<Value>) -> Vec<String> {
    let text = render(&trace(documents), Style::Plain);
    let line = |line: &str| {
        line.split("  ").filter(|word| !word.ends_with(" ms")).collect::<Vec<_>>().join("  ")
    };
    text.lines().skip(1).map(line).collect()
}

#[test]
fn a_tree_across_services() {
    let mut front = segment("1", None, 10.0, 11.0);
    front["http"] = json!({"request": {"method": "GET", "url": "http://shop.test/cart"}, "response": {"status": 200}});
    front["subsegments"] = json!([
        {"id": "3", "name": "pay.test", "start_time": 10.5, "end_time": 10.75, "fault": true,
         "http": {"request": {"method": "POST", "url": "http://pay.test"}},
         "cause": {"exceptions": [{"message": "connection refused"}]}},
        {"id": "2", "name": "stock.test", "start_time": 10.25, "in_progress": true},
    ]);
    let mut stock = segment("4", Some("2"), 10.3, 10.4);
    stock["error"] = true.into();
    stock["throttle"] = true.into();
    let late = separate("5", "4", 10.35);
    let text = render(&trace(vec![late, stock, front]), Style::Plain);
    assert_eq!(
        text,
        "trace 1-5759e988-bd862e3fe1be46a994272793 1000.0 ms  2 segments, 3 subsegments\n\
         seg-1  GET /cart  200  1000.0 ms  +0.0 ms\n\
         ├─ → stock.test  in progress  +250.0 ms\n\
         │  └─ seg-4  100.0 ms  +300.0 ms  ERROR  THROTTLE\n\
         │     └─ → seg-5  500.0 ms  +350.0 ms\n\
         └─ → pay.test  POST pay.test  250.0 ms  +500.0 ms  FAULT  connection refused\n"
    );
}

#[test]
fn what_has_lost_its_parent_is_marked() {
    let lines = shape(vec![
        segment("1", None, 1.0, 2.0),
        separate("2", "9", 1.5),
        segment("3", Some("8"), 0.5, 2.0),
    ]);
    assert_eq!(
        lines,
        [
            "seg-3  (its parent 8 is not in this trace)",
            "seg-1",
            "→ seg-2  (its parent 9 is not in this trace)",
        ]
    );
}

#[test]
fn circles_are_opened() {
    let own_parent = segment("1", Some("1"), 1.0, 2.0);
    assert_eq!(shape(vec![own_parent]), ["seg-1  (its parent 1 is not in this trace)"]);
    let pair = vec![segment("1", Some("2"), 1.0, 2.0), segment("2", Some("1"), 1.5, 2.0)];
    assert_eq!(shape(pair), ["seg-1  (its parent 2 is not in this trace)", "└─ seg-2"]);
}

#[test]
fn a_long_chain_is_drawn_without_end() {
    let chain = (0..20_000_u32).map(|n| {
        let parent = n.checked_sub(1).map(|n| n.to_string());
        segment(&n.to_string(), parent.as_deref(), f64::from(n), f64::from(n) + 1.0)
    });
    let text = render(&trace(chain.collect()), Style::Plain);
    assert_eq!(text.lines().count(), 20_001);
    assert!(text.lines().all(|line| line.len() < 400));
}

#[test]
fn what_a_terminal_would_obey_is_written_out() {
    let evil = "\u{1b}[2J\u{1b}]0;x\u{7}\r\n\u{202e}\u{9b}";
    let mut segment = segment("1", None, 1.0, 2.0);
    segment["name"] = evil.into();
    segment["parent_id"] = evil.into();
    segment["http"] = json!({"request": {"method": evil, "url": evil}});
    segment["cause"] = json!({"exceptions": [{"message": evil.repeat(100)}]});
    let text = render(&trace(vec![segment]), Style::Plain);
    assert_eq!(text.lines().count(), 2);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{text:?}");
    assert!(text.contains("\\u{1b}[2J") && text.contains('…'));
}

#[test]
fn colours_are_an_extra() {
    let mut segment = segment("1", None, 1.0, 2.0);
    segment["fault"] = true.into();
    let colored = render(&trace(vec![segment.clone()]), Style::Colored);
    assert!(colored.contains("\u{1b}[31mFAULT\u{1b}[0m"));
    let mut plain = colored;
    for code in ["0", "1", "2", "31", "33"] {
        plain = plain.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(plain, render(&trace(vec![segment]), Style::Plain));
}

proptest! {
    #[test]
    fn every_node_is_drawn_once(parents in prop::collection::vec(0..12_usize, 0..12)) {
        let documents = parents.iter().enumerate().map(|(id, parent)| {
            separate(&format!("n{id}"), &format!("n{parent}"), 1.0)
        });
        let lines = shape(documents.collect());
        prop_assert_eq!(lines.len(), parents.len());
        for id in 0..parents.len() {
            let name = format!("seg-n{id}");
            prop_assert_eq!(lines.iter().filter(|line| line.split("  ").any(|w| w.ends_with(&name))).count(), 1);
        }
    }
}
