//! Short stories about the ledger, told in a small language (see [`Teller`]).

use crate::attribution::caller::Caller;
use crate::attribution::caller::Process;
use crate::attribution::caller::Reader;
use crate::attribution::caller::Thread;
use crate::attribution::fingerprint::Key;
use crate::attribution::fingerprint::Prints;
use crate::attribution::ledger::Call;
use crate::attribution::ledger::Ledger;
use crate::attribution::options::Options;
use crate::attribution::requests::Opened;
use crate::attribution::verdict::Attribution;
use crate::attribution::verdict::Parent;
use crate::trace::header::Sampled;
use crate::trace::header::TraceHeader;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::time::Micros;
use crate::trace::time::Stamp;
use std::time::Duration;

pub(super) fn options() -> Options {
    Options { max_requests: 8, max_routes: 8, ..Options::default() }
}

pub(super) const KEY: Key = Key([1; 16]);

pub(super) fn segment(name: &str) -> SegmentId {
    SegmentId::mint(name.bytes().fold(0, |id, byte| (id << 8) | u64::from(byte)))
}

pub(super) fn trace(name: &str) -> TraceId {
    TraceId::mint(Micros::new(1_000_000), u128::from(name.as_bytes()[0]))
}

/// Tells a story: statements between semicolons.
///
/// * `200` lets milliseconds go by, `-200` puts the clock back.
/// * `open a`, `answer a`, `close a`, `done a` (answered and closed), `refused a`. The trace of
///   `a` is `A`, of `ab` too.
/// * `earn /x`: four requests in turn, some seconds apart, call `/x` once each.
/// * `call /x = sole a`: the call and what is to be said of it. `call /x with A:a` gives it a
///   header, the colon and the parent may be missing. `call /x from 7.8 a` says who makes it, see
///   [`caller_of`].
/// * `open a VALUE` has a value in its head; `hold a 7.8` was read by that thread, `hold a` by none;
///   `holds yes` and `holds no` say whether requests are held back.
pub(super) struct Teller {
    pub(super) ledger: Ledger<String>,
    pub(super) millis: u64,
    earned: u32,
}

impl Teller {
    pub(super) fn new(options: Options) -> Self {
        Self { ledger: Ledger::new(options), millis: 1_000_000, earned: 0 }
    }

    pub(super) fn now(&self) -> Stamp {
        Stamp::new(Micros::new(1_000_000), Duration::from_millis(self.millis))
    }

    pub(super) fn tell(&mut self, story: &str) {
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
            "hold" => {
                let (name, thread) = what.split_once(' ').unwrap_or((what, ""));
                let reader = thread_of(thread).map_or(Reader::Nobody, Reader::Thread);
                self.ledger.held(segment(name), reader);
            }
            "holds" => {
                assert_eq!(self.ledger.holds().is_some(), what == "yes", "holds in: {story}");
            }
            "done" => self.tell(&format!("answer {what}; close {what}")),
            "earn" => self.earn(what),
            "call" => {
                let (call, expected) = what.split_once(" = ").unwrap();
                assert_eq!(self.call(call), expected, "at `{statement}` in: {story}");
            }
            millis => self.millis = self.millis.strict_add_signed(millis.parse().unwrap()),
        }
    }

    pub(super) fn open(&mut self, name: &str) -> bool {
        let (name, value) = name.split_once(' ').unwrap_or((name, ""));
        let (id, trace) = (segment(name), trace(&name.to_uppercase()));
        let opened = Opened { trace, id, sampled: true, at: self.now() };
        let prints = self.ledger.wants_prints().then(|| Prints::of(KEY, [value.as_bytes()]));
        self.ledger.open(opened, prints.as_ref(), name.to_owned()).is_ok()
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

    pub(super) fn call(&mut self, call: &str) -> String {
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
        let (path, caller) = match path.split_once(" from ") {
            Some((path, caller)) => (path, Some(caller_of(caller))),
            None => (path, None),
        };
        let prints = self.ledger.wants_prints().then(|| Prints::of(KEY, [path.as_bytes()]));
        let call = Call {
            header: header.as_ref(),
            prints: prints.as_ref(),
            caller: caller.as_ref(),
            ..self.call_of(path)
        };
        describe(&self.ledger.attribute(&call))
    }

    pub(in crate::attribution::ledger) fn call_of<'a>(&self, path: &'a str) -> Call<'a> {
        let (at, method, host) = (self.now(), "GET", "db");
        Call { at, header: None, method, host, path, prints: None, caller: None }
    }
}

/// `7.8`, or `7` for a process whose thread is not seen.
fn thread_of(text: &str) -> Option<Thread> {
    let (process, id) = text.split_once('.')?;
    Some(Thread { process: process.parse().unwrap(), id: id.parse().unwrap() })
}

/// `7.8 a b +2`: the thread, what its process has accepted, and how many are queued; `!` at the end
/// says that it has one thread only.
fn caller_of(text: &str) -> Caller {
    let mut words = text.split(' ');
    let thread = thread_of(words.next().unwrap());
    let mut process = Process::default();
    for word in words {
        match word.strip_prefix('+') {
            Some(queued) => process.queued = queued.parse().unwrap(),
            None if word == "!" => process.single = true,
            None => process.accepted.push(segment(word)),
        }
    }
    Caller { process: Some(process), thread }
}

pub(super) fn name_of(id: SegmentId) -> String {
    let text = id.to_string();
    let bytes = (0..8).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap());
    bytes.filter(|byte| *byte != 0).map(char::from).collect()
}

pub(super) fn describe(attribution: &Attribution) -> String {
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

pub(super) fn tell_all(stories: &[&str]) {
    for story in stories {
        Teller::new(options()).tell(story);
    }
}
