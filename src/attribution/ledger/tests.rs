//! Short stories, told in a small language (see [`Teller`]): what happens, and what is said of each
//! call.

use std::time::Duration;

use super::*;
use crate::attribution::verdict::Confidence;
use crate::attribution::verdict::Parent;
use crate::trace::header::Sampled;
use crate::trace::id::TraceId;
use crate::trace::time::Micros;

fn options() -> Options {
    Options { max_requests: 8, max_routes: 8, remember: Duration::from_secs(60), sole: true }
}

fn segment(name: &str) -> SegmentId {
    SegmentId::mint(name.bytes().fold(0, |id, byte| (id << 8) | u64::from(byte)))
}

fn trace(name: &str) -> TraceId {
    TraceId::mint(Micros::new(1_000_000), u128::from(name.as_bytes()[0]))
}

/// Tells a story: statements between semicolons.
///
/// * `200` lets milliseconds go by, `-200` puts the clock back.
/// * `open a`, `answer a`, `close a`, `done a` (answered and closed), `refused a`. The trace of
///   `a` is `A`, of `ab` too.
/// * `earn /x`: four requests in turn, some seconds apart, call `/x` once each.
/// * `call /x = sole a`: the call and what is to be said of it. `call /x with A:a` gives it a
///   header, the colon and the parent may be missing.
struct Teller {
    ledger: Ledger<String>,
    millis: u64,
    earned: u32,
}

impl Teller {
    fn new(options: Options) -> Self {
        Self { ledger: Ledger::new(options), millis: 1_000_000, earned: 0 }
    }

    fn now(&self) -> Stamp {
        Stamp::new(Micros::new(1_000_000), Duration::from_millis(self.millis))
    }

    fn tell(&mut self, story: &str) {
        for statement in story.split(';').map(str::trim).filter(|text| !text.is_empty()) {
            self.statement(statement, story);
        }
    }

    fn statement(&mut self, statement: &str, story: &str) {
        let (verb, what) = statement.split_once(' ').unwrap_or((statement, ""));
        let at = self.now();
        match verb {
            "open" => assert!(self.open(what), "{what} does not fit in: {story}"),
            "refused" => assert!(!self.open(what), "{what} fits in: {story}"),
            "answer" => self.ledger.answered(segment(what), at),
            "close" => drop(self.ledger.close(segment(what), at)),
            "done" => self.tell(&format!("answer {what}; close {what}")),
            "earn" => self.earn(what),
            "call" => {
                let (call, expected) = what.split_once(" = ").unwrap();
                assert_eq!(self.call(call), expected, "at `{statement}` in: {story}");
            }
            millis => self.millis = self.millis.strict_add_signed(millis.parse().unwrap()),
        }
    }

    fn open(&mut self, name: &str) -> bool {
        let (id, trace) = (segment(name), trace(&name.to_uppercase()));
        let opened = Opened { trace, id, sampled: true, at: self.now() };
        self.ledger.open(opened, name.to_owned()).is_ok()
    }

    fn earn(&mut self, path: &str) {
        for wait in [3_000, 2_100, 4_400, 2_700] {
            let id = format!("z{}", self.earned);
            self.tell(&format!("{wait}; open {id}; 50"));
            self.call(path);
            self.tell(&format!("50; done {id}"));
            self.earned += 1;
        }
        self.millis += 1_500;
    }

    fn call(&mut self, call: &str) -> String {
        let (path, header) = match call.split_once(" with ") {
            Some((path, header)) => (path, Some(header)),
            None => (call, None),
        };
        let header = header.map(|text| {
            let (root, parent) = text.split_once(':').unwrap_or((text, ""));
            TraceHeader {
                root: (root != "-").then(|| trace(root)),
                parent: (!parent.is_empty()).then(|| segment(parent)),
                sampled: Some(Sampled::Yes),
                ..TraceHeader::default()
            }
        });
        let call =
            Call { at: self.now(), header: header.as_ref(), method: "GET", host: "db", path };
        describe(&self.ledger.attribute(&call))
    }
}

fn name_of(id: SegmentId) -> String {
    let text = id.to_string();
    let bytes = (0..8).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap());
    bytes.filter(|byte| *byte != 0).map(char::from).collect()
}

fn describe(attribution: &Attribution) -> String {
    let mut words = vec![attribution.method.as_str().to_owned()];
    match &attribution.parent {
        Parent::Known { id, late, .. } => {
            words.push(name_of(*id));
            words.extend(late.then(|| "late".to_owned()));
        }
        Parent::Foreign { parent, .. } => {
            words.push("foreign".into());
            words.extend(parent.map(name_of));
        }
        Parent::None => {}
    }
    words.extend(attribution.candidates.iter().copied().map(name_of));
    words.join(" ")
}

fn tell_all(stories: &[&str]) {
    for story in stories {
        Teller::new(options()).tell(story);
    }
}

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
    let call =
        Call { at: teller.now(), header: Some(&header), method: "GET", host: "db", path: "/" };
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
    assert_eq!(teller.ledger.open(again, "twice".into()).unwrap_err().0, "twice");
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
    let expected =
        [("header", "certain"), ("sole", "high"), ("background", "none"), ("unknown", "none")];
    assert_eq!(shown, expected);
    assert_eq!(Method::Sole.confidence(), Confidence::High);
}
