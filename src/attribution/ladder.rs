//! The ladder: every source of evidence, what it has learned, and in which order they are believed.

use std::collections::HashSet;
use std::time::Duration;

use foldhash::fast::FixedState;

use crate::attribution::caller::Caller;
use crate::attribution::caller::Hold;
use crate::attribution::caller::Reader;
use crate::attribution::fingerprint::Fingerprints;
use crate::attribution::fingerprint::Found;
use crate::attribution::fingerprint::Prints;
use crate::attribution::habit::Habit;
use crate::attribution::header;
use crate::attribution::ledger::Call;
use crate::attribution::options::Options;
use crate::attribution::process::Workers;
use crate::attribution::requests::Requests;
use crate::attribution::requests::Scene;
use crate::attribution::route::Route;
use crate::attribution::score::Score;
use crate::attribution::sole::Met;
use crate::attribution::sole::Routes;
use crate::attribution::sole::Standing;
use crate::attribution::thread::Handling;
use crate::attribution::thread::Pins;
use crate::attribution::verdict::Attribution;
use crate::attribution::verdict::Method;
use crate::trace::id::SegmentId;

/// How long rule 4 is not believed after it has contradicted rule 3.
const DEMOTION: Duration = Duration::from_secs(600);

/// All sources but the header, which has nothing to learn.
#[derive(Debug)]
pub(super) struct Ladder {
    options: Options,
    values: Values,
    pins: Pins,
    pub(super) habit: Habit,
    workers: Workers,
    /// None if rule 5 is off.
    pub(super) routes: Option<Routes>,
    scores: Scores,
    /// Until when rule 4 is not believed.
    demoted: Duration,
    pub(super) contradictions: u64,
}

/// How well those do that can be wrong.
#[derive(Debug, Default)]
struct Scores {
    fingerprint: Score,
    sole: Score,
}

/// Rule 2, which is at work only while there are calls that it could help.
#[derive(Debug, Default)]
struct Values {
    on: bool,
    fingerprints: Fingerprints,
    /// Open requests that came before it was at work, so that any value may be theirs.
    unread: HashSet<SegmentId, FixedState>,
}

/// What the sources say that cannot be wrong.
enum Certain {
    Nothing,
    One(SegmentId, Method),
    Contradiction,
}

impl Ladder {
    pub(super) fn new(options: Options) -> Self {
        Self {
            routes: Routes::new(&options),
            options,
            values: Values::default(),
            pins: Pins::default(),
            habit: Habit::default(),
            workers: Workers::default(),
            scores: Scores::default(),
            demoted: Duration::ZERO,
            contradictions: 0,
        }
    }

    /// Says which of `requests` made `call`, and learns from it.
    pub(super) fn climb<T>(
        &mut self,
        call: &Call<'_>,
        requests: &Requests<T>,
        scene: Scene,
    ) -> Attribution {
        let printed = self.values.find(call.prints, requests);
        if let Some(parent) = call.header.and_then(|named| header::parent(named, requests)) {
            if let Some(id) = parent.on_time() {
                self.scores.check_fingerprint(printed, id);
            }
            return Attribution::found(parent, Method::Header);
        }
        let sole = self.sole(call, requests, scene);
        match self.certain(call.caller, requests) {
            Certain::Contradiction => {
                self.contradictions += 1;
                self.demoted = requests.now().saturating_add(DEMOTION);
                return Attribution::unknown(requests.some_candidates());
            }
            Certain::One(id, method) => {
                self.scores.check_fingerprint(printed, id);
                self.scores.check_sole(sole, id);
                if let Some(parent) = requests.parent(id) {
                    self.habit.need(requests.now());
                    return Attribution::found(parent, method);
                }
            }
            Certain::Nothing => {}
        }
        let likely = self.likely(printed, sole, call.caller);
        let likely = likely.and_then(|(id, method)| Some((requests.parent(id)?, method)));
        match likely {
            Some((parent, method)) => Attribution::found(parent, method),
            None => self.give_up(requests, scene),
        }
    }

    /// Nobody can be named.
    fn give_up<T>(&mut self, requests: &Requests<T>, scene: Scene) -> Attribution {
        let candidates = match scene {
            Scene::Nobody => return Attribution::background(),
            Scene::Suspects => requests.newest_suspects(),
            Scene::Sole(id) => vec![id],
            Scene::Several | Scene::Blurred => requests.some_candidates(),
        };
        self.habit.need(requests.now());
        if self.options.fingerprint {
            self.values.begin(requests);
        }
        Attribution::unknown(candidates)
    }

    /// Rules 3 and 4.
    fn certain<T>(&mut self, caller: Option<&Caller>, requests: &Requests<T>) -> Certain {
        let Some(caller) = caller else { return Certain::Nothing };
        let pinned = caller.thread.and_then(|thread| self.pins.of(thread));
        let pinned = pinned.filter(|id| requests.waits(*id));
        if !self.pins.is_empty() {
            self.habit.asked(pinned.is_some(), requests.now());
        }
        let accepted = if self.options.process { self.workers.judge(caller) } else { None };
        let accepted = accepted.filter(|_| requests.now() >= self.demoted);
        match (pinned, accepted) {
            (Some(one), Some(other)) if one != other => Certain::Contradiction,
            (Some(id), _) => Certain::One(id, Method::Thread),
            (None, Some(id)) => Certain::One(id, Method::Process),
            (None, None) => Certain::Nothing,
        }
    }

    /// Rules 2 and 5, unless they disagree, or have been wrong too often.
    fn likely(
        &self,
        printed: Found,
        sole: Option<SegmentId>,
        caller: Option<&Caller>,
    ) -> Option<(SegmentId, Method)> {
        // A request that another process has accepted is not the one.
        let elsewhere = |id: &SegmentId| {
            let process = caller.and_then(|caller| caller.process.as_ref());
            process.is_some_and(|process| !process.accepted.contains(id))
        };
        let sole = sole.filter(|id| self.scores.sole.is_good() && !elsewhere(id));
        match (printed, sole) {
            (Found::Several, _) => None,
            (Found::One(one), Some(other)) if one != other => None,
            (Found::One(id), _) if self.scores.fingerprint.is_good() => {
                Some((id, Method::Fingerprint))
            }
            (Found::One(_) | Found::Nothing, sole) => Some((sole?, Method::Sole)),
        }
    }

    /// Lets rule 5 learn of a call without a header, and asks whom it would name.
    fn sole<T>(
        &mut self,
        call: &Call<'_>,
        requests: &Requests<T>,
        scene: Scene,
    ) -> Option<SegmentId> {
        let routes = self.routes.as_mut()?;
        let route = Route::of(call.method, call.host, call.path)?;
        let met = match scene {
            Scene::Nobody | Scene::Suspects => Met::Nobody,
            Scene::Sole(_) | Scene::Several => Met::Requests,
            Scene::Blurred => Met::Unclear,
        };
        match (routes.learn(route, requests.mark(), met), scene) {
            (Standing::Trusted, Scene::Sole(id)) => Some(id),
            (Standing::Trusted | Standing::Unproven, _) => None,
        }
    }

    /// Whether it may help to see who makes a call without a header.
    pub(super) fn wants_caller(&self, waiting: usize) -> bool {
        let pinned = self.options.thread && !self.pins.is_empty();
        pinned || self.options.process && self.workers.is_worth_asking(waiting)
    }

    /// Whether requests are to be held back until a thread reads them.
    pub(super) fn holds(&self, now: Duration) -> Option<Hold> {
        // Where rule 4 does, it would only cost.
        let known = self.options.process && self.workers.are_known() && now >= self.demoted;
        self.habit.pays(now).filter(|_| self.options.thread && !known)
    }

    /// A request was held back, until it was seen which thread reads it, or in vain.
    pub(super) fn held(&mut self, id: SegmentId, reader: Reader, now: Duration) {
        match reader {
            Reader::Thread(thread) => {
                self.habit.held(true, now);
                self.pins.pin(id, thread, now);
            }
            Reader::Nobody => self.habit.held(false, now),
            Reader::Queued => {}
        }
    }

    /// The request has its answer.
    pub(super) fn answered(&mut self, id: SegmentId, now: Duration) {
        if self.pins.answered(id, now) == Handling::HandedOn {
            self.habit.give_up(now);
        }
    }

    /// The request is over.
    pub(super) fn closed(&mut self, id: SegmentId) {
        self.pins.closed(id);
        self.values.unread.remove(&id);
    }

    /// Whether the values of heads are to be read.
    pub(super) const fn wants_prints(&self) -> bool {
        self.values.on
    }

    /// The request has come with these values; none if they were not read.
    pub(super) fn opened(&mut self, id: SegmentId, prints: Option<&Prints>, now: Duration) {
        if !self.values.on {
            return;
        }
        if !self.habit.is_needed(now) {
            self.values = Values::default();
            return;
        }
        match prints {
            Some(prints) => self.values.fingerprints.enter(id, prints),
            None => drop(self.values.unread.insert(id)),
        }
    }
}

impl Values {
    /// Goes to work. The values of the requests that are open are not known.
    fn begin<T>(&mut self, requests: &Requests<T>) {
        if !self.on {
            self.on = true;
            self.unread.extend(requests.open_ids());
        }
    }

    fn find<T>(&self, prints: Option<&Prints>, requests: &Requests<T>) -> Found {
        match prints {
            Some(prints) if self.unread.is_empty() => {
                self.fingerprints.find(prints, |id| requests.is_open(id))
            }
            Some(_) | None => Found::Nothing,
        }
    }
}

impl Scores {
    fn check_fingerprint(&mut self, said: Found, truth: SegmentId) {
        if let Found::One(id) = said {
            self.fingerprint.checked(id == truth);
        }
    }

    fn check_sole(&mut self, said: Option<SegmentId>, truth: SegmentId) {
        if let Some(id) = said {
            self.sole.checked(id == truth);
        }
    }
}
