//! Whatever happens, in whatever order: no panic, no bound broken, what is opened is closed, and
//! nothing is said that a simple-minded record of the events contradicts.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::attribution::requests::Opened;
use crate::attribution::verdict::MAX_CANDIDATES;
use crate::attribution::verdict::Method;
use crate::attribution::verdict::Parent;
use crate::trace::id::TraceId;
use crate::trace::time::Micros;

#[derive(Clone, Debug)]
enum Event {
    Open { id: u64, trace: u64 },
    Answer(u64),
    Close(u64),
    Call { route: u64, header: Option<(u64, Option<u64>)> },
}

fn events() -> impl Strategy<Value = Vec<(i64, Event)>> {
    let id = || 1..10u64;
    let event = prop_oneof![
        3 => (id(), 1..4u64).prop_map(|(id, trace)| Event::Open { id, trace }),
        2 => id().prop_map(Event::Answer),
        3 => id().prop_map(Event::Close),
        4 => (0..9u64, proptest::option::weighted(0.3, (1..4u64, proptest::option::of(id()))))
            .prop_map(|(route, header)| Event::Call { route, header }),
    ];
    let wait = prop_oneof![-20..20i64, 0..1_500i64, 1_000..20_000i64];
    proptest::collection::vec((wait, event), 0..200)
}

fn trace(number: u64) -> TraceId {
    TraceId::mint(Micros::new(1_000_000), number.into())
}

/// What the ledger must know of an open request.
struct Open {
    trace: u64,
    answered: bool,
    listed: bool,
}

/// The record of the events.
#[derive(Default)]
struct Model {
    open: BTreeMap<u64, Open>,
    closed: BTreeMap<u64, u64>,
}

impl Model {
    fn waiting(&self) -> usize {
        self.open.values().filter(|request| !request.answered || !request.listed).count()
    }

    fn unlisted(&self) -> bool {
        self.open.values().any(|request| !request.listed)
    }

    /// Checks what was said of a call.
    fn judge(&self, said: &Attribution, header: Option<(u64, Option<u64>)>) {
        assert_eq!(said.method == Method::Header, header.is_some());
        assert!(said.candidates.len() <= MAX_CANDIDATES);
        assert!(said.candidates.is_empty() || said.method == Method::Unknown);
        if said.method == Method::Unknown && self.waiting() > 0 {
            let waiting = self.open.iter().filter(|(_, open)| open.listed && !open.answered);
            let waiting: BTreeSet<_> = waiting.map(|(id, _)| SegmentId::mint(*id)).collect();
            assert_eq!(said.candidates.iter().copied().collect::<BTreeSet<_>>(), waiting);
        }
        match (&said.parent, said.method) {
            (Parent::None, Method::Background) => assert_eq!(self.waiting(), 0),
            (Parent::None, method) => assert_eq!(method, Method::Unknown),
            (Parent::Foreign { trace: named, parent, .. }, _) => {
                let header =
                    header.map(|(root, parent)| (trace(root), parent.map(SegmentId::mint)));
                assert_eq!(header, Some((*named, *parent)));
            }
            (Parent::Known { trace: named, id, late, .. }, method) => {
                let mut listed = self.open.iter().filter(|(_, request)| request.listed);
                let open = listed.find(|(open, _)| SegmentId::mint(**open) == *id);
                assert_eq!(open.is_none(), *late);
                let closed = || self.closed.iter().find(|(old, _)| SegmentId::mint(**old) == *id);
                let known = open.map(|(_, request)| request.trace);
                let known = known.or_else(|| closed().map(|(_, trace)| *trace));
                assert_eq!(known.map(trace), Some(*named));
                if method == Method::Sole {
                    assert_eq!(self.waiting(), 1);
                    assert!(open.is_some_and(|(_, request)| !request.answered));
                }
            }
        }
    }
}

fn play(events: Vec<(i64, Event)>, options: &Options) {
    let (mut ledger, mut model) = (Ledger::new(options.clone()), Model::default());
    let mut millis = 1_000u64;
    for (wait, event) in events {
        millis = millis.saturating_add_signed(wait);
        let at = Stamp::new(Micros::new(0), Duration::from_millis(millis));
        match event {
            // An id is opened once at a time, as ids are unique.
            Event::Open { id, .. } if model.open.contains_key(&id) => {}
            Event::Open { id, trace: number } => {
                let (sampled, segment) = (id % 2 == 0, SegmentId::mint(id));
                let opened = Opened { trace: trace(number), id: segment, sampled, at };
                let listed = ledger.open(opened, None, id).is_ok();
                model.open.insert(id, Open { trace: number, answered: false, listed });
            }
            Event::Answer(id) => {
                ledger.answered(SegmentId::mint(id), at);
                model.open.entry(id).and_modify(|request| request.answered = true);
            }
            // Only what was opened is closed; twice is tried while none is open that was refused.
            Event::Close(id) if !model.open.contains_key(&id) && model.unlisted() => {}
            Event::Close(id) => {
                let request = model.open.remove(&id);
                let held = request.as_ref().filter(|request| request.listed).map(|_| id);
                assert_eq!(ledger.payload(SegmentId::mint(id)).copied(), held);
                assert_eq!(ledger.close(SegmentId::mint(id), at), held);
                if let Some(request) = request.filter(|request| request.listed) {
                    model.closed.insert(id, request.trace);
                }
            }
            Event::Call { route, header } => {
                let named = header.map(|(root, parent)| TraceHeader {
                    root: Some(trace(root)),
                    parent: parent.map(SegmentId::mint),
                    ..TraceHeader::default()
                });
                let path = format!("/route-{route}");
                let call = Call {
                    at,
                    header: named.as_ref(),
                    method: "GET",
                    host: "db",
                    path: &path,
                    prints: None,
                    caller: None,
                };
                model.judge(&ledger.attribute(&call), header);
            }
        }
        let counts = ledger.counts();
        assert!(counts.open + counts.remembered <= options.max_requests, "{counts:?}");
        assert!(counts.routes <= options.max_routes, "{counts:?}");
        assert_eq!(counts.open, model.open.values().filter(|request| request.listed).count());
    }
    let at = Stamp::new(Micros::new(0), Duration::from_millis(millis));
    for (id, request) in model.open {
        assert_eq!(ledger.close(SegmentId::mint(id), at), request.listed.then_some(id));
    }
    assert_eq!((ledger.counts().open, ledger.counts().candidates), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn bounds_hold_and_nothing_is_said_that_is_not_so(
        events in events(),
        max_requests in 0..12usize,
        max_routes in 0..8usize,
        sole in any::<bool>(),
    ) {
        let remember = Duration::from_secs(10);
        play(events, &Options { sole, max_requests, max_routes, remember, ..Options::default() });
    }
}
