//! What is said of calls whose head is all that is known.

use super::*;
use crate::attribution::ledger::tests::teller::Teller;
use crate::attribution::ledger::tests::teller::options;
use crate::attribution::ledger::tests::teller::segment;
use crate::attribution::ledger::tests::teller::tell_all;
use crate::attribution::ledger::tests::teller::trace;
use crate::attribution::verdict::Confidence;
use crate::attribution::verdict::Method;
use crate::attribution::verdict::Parent;
use crate::trace::header::Sampled;

mod evidence;
mod teller;

#[test]
fn a_header_names_the_parent() {
    tell_all(&[
        // Of several, the one it names; also when it is answered, and late when it is closed.
        "open a; open b; call /x with A:a = header a; call /x with B:b = header b",
        "open a; answer a; 5000; call /x with A:a = header a",
        "open a; done a; 5000; call /x with A:a = header a late",
        "open a; close a; 60000; call /x with A:a = header a late",
        "open a; close a; 60001; call /x with A:a = header foreign a",
        // A subsegment of the service's own, in our trace and in a stranger's.
        "open a; call /x with A:q = header foreign q",
        "call /x with A:q = header foreign q",
        // Our segment in another trace is not what we sent.
        "open a; open b; call /x with B:a = header foreign a",
        // The trace alone, with one, several and no open request.
        "open a; open b; call /x with A = header a",
        "open a; answer a; call /x with A = header a",
        "open a1; open a2; call /x with A = header foreign",
        "open a1; open a2; done a2; call /x with A = header a1",
        "open a; done a; call /x with A = header foreign",
        // A header that names no trace is none.
        "open a; call /x with -:a = unknown a",
        "call /x with - = background",
    ]);
}

#[test]
fn a_foreign_header_is_passed_on_as_it_is() {
    let mut teller = Teller::new(options());
    let header = TraceHeader {
        root: Some(trace("Q")),
        parent: None,
        sampled: Some(Sampled::Ask),
        ..TraceHeader::default()
    };
    let call = Call { header: Some(&header), ..teller.call_of("/") };
    let parent = Parent::Foreign { trace: trace("Q"), parent: None, sampled: Some(Sampled::Ask) };
    assert_eq!(teller.ledger.attribute(&call), Attribution::found(parent, Method::Header));
    assert_eq!(teller.ledger.counts().routes, 0, "rule 5 learns nothing from it");
}

#[test]
fn without_evidence_it_is_background_or_unknown() {
    tell_all(&[
        "call /x = background",
        "open a; call /x = unknown a",
        "open a; open b; call /x = unknown b a",
        "open a; open b; answer a; call /x = unknown b",
        "open a; answer a; 999; call /x = unknown a",
        "open a; answer a; 1000; call /x = background",
        "open a; done a; open b; done b; call /x = unknown b a",
        // Given up before the service answered: its handler may well be at work.
        "open a; close a; 59999; call /x = unknown a; 1; call /x = background",
        "open a; answer a; 2000; close a; call /x = background",
    ]);
}

#[test]
fn a_route_earns_trust_and_loses_it() {
    tell_all(&[
        "earn /x; open a; 10; call /x = sole a; call /x = sole a; call /y = unknown a",
        "earn /x/1; open a; 10; call /x/2?q = sole a",
        // Not with another request near, waiting or just answered or given up.
        "earn /x; open a; open b; call /x = unknown b a; answer a; call /x = unknown b; \
         1000; call /x = sole b",
        "earn /x; open a; close a; 30000; open b; call /x = unknown b; 30000; call /x = sole b",
        // One call without a request is enough, though that was answered just now.
        "earn /x; call /x = background; earn /x; open a; 10; call /x = unknown a",
        "earn /x; open a; done a; call /x = unknown a; 2000; open b; call /x = unknown b",
        // Nor was it earned in a burst, nor when there was always a request.
        "open a; 1; call /x = unknown a; 1; call /x = unknown a; 1; call /x = unknown a; \
         3; call /x = unknown a; 1; call /x = unknown a; done a; 9000; open b; call /x = unknown b",
        // A call from before the request that is the only one now.
        "earn /x; open a; -1; call /x = unknown a; 1; call /x = sole a",
        // A header is no occasion to learn.
        "earn /x; call /x with Q = header foreign; open a; call /x = sole a",
    ]);
}

#[test]
fn an_even_rhythm_is_not_trusted() {
    let every_three_seconds =
        |beat: u32| format!("open {beat}; 10; call /x = unknown {beat}; 10; done {beat}; 2980;");
    let even: String = (0..20).map(every_three_seconds).collect();
    Teller::new(options()).tell(&even);
    // Once the rhythm is broken, what was learned meanwhile counts.
    Teller::new(options()).tell(&format!("{even} 700; open a; 10; call /x = sole a"));
    // And a trusted route that falls into step is not trusted from the eighth even gap on.
    let step = |beat: u32, said: &str| {
        format!("open {beat}; 10; call /x = {said}{beat}; 10; done {beat}; 2980;")
    };
    let trusted: String = (0..8).map(|beat| step(beat, "sole ")).collect();
    let fallen: String = (8..12).map(|beat| step(beat, "unknown ")).collect();
    Teller::new(options()).tell(&format!("earn /x; {trusted} {fallen}"));
}

#[test]
fn rule_five_can_be_switched_off() {
    for off in [Options { sole: false, ..options() }, Options { max_routes: 1, ..options() }] {
        let mut teller = Teller::new(off);
        teller.tell("earn /x; open a; call /x = unknown a; done a; 1000; call /x = background");
        assert_eq!(teller.ledger.counts().routes, 0);
    }
}

#[test]
fn requests_are_bounded_and_what_is_refused_still_counts_as_one_that_calls() {
    let mut teller = Teller::new(Options { max_requests: 2, ..options() });
    teller.tell(
        "earn /x; open a; open b; refused c; done b; 1000; call /x = unknown a;
         done c; 59999; call /x = unknown a; 1; call /x = sole a",
    );
    let held = Counts { open: 1, candidates: 1, routes: 1, ..Counts::default() };
    assert_eq!(teller.ledger.counts(), Counts { refused: 1, forgotten: 4, ..held });
    teller.tell("refused a; close a; close a; 60000; call /x = background");
    assert_eq!(teller.ledger.counts().candidates, 0);

    // The oldest that is closed makes room for the next.
    let mut teller = Teller::new(Options { max_requests: 2, ..options() });
    teller.tell("open a; done a; open b; done b; open c");
    teller.tell("call /x with A:a = header foreign a; call /x with B:b = header b late");
    let counts = teller.ledger.counts();
    assert_eq!((counts.open, counts.remembered, counts.forgotten), (1, 1, 1));
}

#[test]
fn routes_are_bounded_and_the_half_seen_last_is_known() {
    let mut teller = Teller::new(options());
    teller.tell("earn /x; open a; 10");
    for path in ["/a", "/b", "/c", "/x", "/d", "/e", "/f", "/x", "/g", "/h", "/i", "/x"] {
        let said = if path == "/x" { "sole" } else { "unknown" };
        teller.tell(&format!("7; call {path} = {said} a"));
    }
    let counts = teller.ledger.counts();
    assert!(counts.routes <= 8 && counts.evicted > 0, "{counts:?}");
    // Eight new ones evict it, and it is a stranger then.
    for path in ["/j", "/k", "/l", "/m", "/n", "/o", "/p", "/q"] {
        teller.tell(&format!("7; call {path} = unknown a"));
    }
    teller.tell("7; call /x = unknown a");
}

#[test]
fn the_payload_is_kept_while_the_request_is_open_and_given_back_once() {
    let mut teller = Teller::new(options());
    teller.tell("open a; answer a");
    teller.ledger.payload(segment("a")).unwrap().push_str(" was here");
    let at = teller.now();
    assert_eq!(teller.ledger.close(segment("a"), at).as_deref(), Some("a was here"));
    assert_eq!(teller.ledger.close(segment("a"), at), None);
    assert_eq!(teller.ledger.payload(segment("a")), None);
    let again = Opened { trace: trace("A"), id: segment("a"), sampled: true, at };
    assert_eq!(teller.ledger.open(again, None, "twice".into()).unwrap_err().0, "twice");
}

#[test]
fn at_most_sixteen_candidates_are_listed() {
    let mut teller = Teller::new(Options { max_requests: 100, ..options() });
    let names: Vec<String> = (10..40).map(|number| format!("r{number}")).collect();
    for name in &names {
        teller.tell(&format!("open {name}"));
    }
    let newest: Vec<&str> = names.iter().rev().take(16).map(String::as_str).collect();
    assert_eq!(teller.call("/x"), format!("unknown {}", newest.join(" ")));
    for name in &names {
        teller.tell(&format!("done {name}"));
    }
    assert_eq!(teller.call("/x"), format!("unknown {}", newest.join(" ")));
}

#[test]
fn methods_have_the_names_and_confidence_that_documents_show() {
    let shown = Method::ALL.map(|method| (method.as_str(), method.confidence().as_str()));
    let expected = [
        ("header", "certain"),
        ("fingerprint", "high"),
        ("thread", "certain"),
        ("process", "certain"),
        ("sole", "high"),
        ("background", "none"),
        ("unknown", "none"),
    ];
    assert_eq!(shown, expected);
    assert_eq!(Method::Sole.confidence(), Confidence::High);
}
