//! The inbound requests the ledger knows: those that wait for their answer and are candidates,
//! those just answered and suspect, those closed and remembered.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::time::Duration;

use foldhash::fast::FixedState;

use crate::attribution::options::Options;
use crate::attribution::timeline::Mark;
use crate::attribution::timeline::Order;
use crate::attribution::timeline::Timeline;
use crate::attribution::verdict::MAX_CANDIDATES;
use crate::attribution::verdict::Parent;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::time::Stamp;

/// How long a request that was answered may still be the one that calls.
const SUSPECT: Duration = Duration::from_secs(1);

/// Most remembered requests that are forgotten at one event, so that no event is slow. One event
/// adds at most one, so two keep up.
const FORGET: usize = 2;

/// An inbound request as the ledger is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its trace.
    pub trace: TraceId,
    /// Its segment. Unique among all requests.
    pub id: SegmentId,
    /// Whether it is recorded.
    pub sampled: bool,
    /// When it arrived, before it was sent on to the service.
    pub at: Stamp,
}

/// The ledger cannot list a request: it knows as many open ones as it may, or one of the same id.
/// Gives the payload back.
///
/// The ledger still counts the request as one that may call, so it has to be closed by its id like
/// any other.
#[derive(Debug, thiserror::Error)]
#[error("the ledger has no room for the request")]
pub struct Full<T>(
    /// What was to be kept with the request.
    pub T,
);

/// All requests known.
#[derive(Debug)]
pub(super) struct Requests<T> {
    limit: usize,
    remember: Duration,
    /// Those that are open. Few, so that what every request looks at stays in the cache. The
    /// hasher needs no secret: ids are chance of our own.
    open: HashMap<SegmentId, Open<T>, FixedState>,
    /// Those that are closed and still known.
    closed: HashMap<SegmentId, Closed, FixedState>,
    /// Listed requests that wait for their answer. One that leaves is replaced by the last, so
    /// that coming and going cost the same however many there are.
    candidates: Vec<SegmentId>,
    /// Open requests by trace.
    by_trace: BTreeSet<(TraceId, SegmentId)>,
    /// The closed ones with the moment each was closed, the oldest first.
    remembered: VecDeque<(Duration, SegmentId)>,
    /// The last to become suspects, at most [`MAX_CANDIDATES`], and until when they are.
    suspects: VecDeque<(SegmentId, Duration)>,
    /// When the last suspect ceases to be one, listed above or not.
    suspicion_ends: Duration,
    /// Also counts the waiting requests, those that could not be listed among them.
    timeline: Timeline,
    pub(super) refused: u64,
    pub(super) forgotten: u64,
}

#[derive(Debug)]
struct Open<T> {
    trace: TraceId,
    sampled: bool,
    /// Its place among the candidates; none once it was answered.
    place: Option<usize>,
    payload: T,
}

#[derive(Clone, Copy, Debug)]
struct Closed {
    trace: TraceId,
    sampled: bool,
    at: Duration,
}

/// What is known of a request that was named by its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// It is open.
    Open {
        /// Its segment.
        id: SegmentId,
        /// Whether it is recorded.
        sampled: bool,
    },
    /// It is closed, and was named by its segment.
    Closed {
        /// Its segment.
        id: SegmentId,
        /// Whether it was recorded.
        sampled: bool,
    },
    /// All of the trace that are remembered are closed.
    Gone,
    /// Several of the trace are open, and none was named.
    Several,
    /// There is none, or none is remembered.
    Unknown,
}

/// Who may be making a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// No request at all.
    Nobody,
    /// Only requests that have been answered.
    Suspects,
    /// This request, and no other is near.
    Sole(SegmentId),
    /// Several requests that wait, and no suspect.
    Several,
    /// At least one request that waits, but it cannot be told what the call met: there are
    /// suspects, or the call was overtaken by a later event.
    Blurred,
}

impl<T> Requests<T> {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            limit: options.max_requests,
            remember: options.remember,
            open: HashMap::default(),
            closed: HashMap::default(),
            candidates: Vec::new(),
            by_trace: BTreeSet::new(),
            remembered: VecDeque::new(),
            suspects: VecDeque::with_capacity(MAX_CANDIDATES),
            suspicion_ends: Duration::ZERO,
            timeline: Timeline::default(),
            refused: 0,
            forgotten: 0,
        }
    }

    /// Goes on to `at` and forgets what is old.
    fn advance(&mut self, at: Stamp) -> Order {
        let order = self.timeline.advance(at);
        for _ in 0..FORGET {
            match self.remembered.front() {
                Some((at, _)) if !self.remembers(*at) => self.forget_oldest(),
                Some(_) | None => break,
            }
        }
        order
    }

    /// Whether a request that was closed at this moment still counts.
    fn remembers(&self, closed: Duration) -> bool {
        self.timeline.now().saturating_sub(closed) <= self.remember
    }

    fn forget_oldest(&mut self) {
        if let Some((_, oldest)) = self.remembered.pop_front() {
            self.closed.remove(&oldest);
        }
    }

    /// A request arrived. Makes room at the expense of the closed ones.
    pub(super) fn open(&mut self, request: Opened, payload: T) -> Result<(), Full<T>> {
        self.advance(request.at);
        self.timeline.begin();
        let Opened { trace, id, sampled, at: _ } = request;
        let known = self.open.contains_key(&id) || self.closed.contains_key(&id);
        if known || !self.make_room() {
            self.refused += 1;
            return Err(Full(payload));
        }
        let place = Some(self.candidates.len());
        self.open.insert(id, Open { trace, sampled, place, payload });
        self.candidates.push(id);
        self.by_trace.insert((trace, id));
        Ok(())
    }

    /// Whether there is room for one more, made if need be.
    fn make_room(&mut self) -> bool {
        if self.open.len() + self.closed.len() < self.limit {
            return true;
        }
        let forgets = !self.remembered.is_empty();
        self.forget_oldest();
        self.forgotten += u64::from(forgets);
        forgets
    }

    /// The service answered: the request waits no longer.
    pub(super) fn answered(&mut self, id: SegmentId, at: Stamp) {
        self.advance(at);
        let place = self.open.get_mut(&id).and_then(|request| request.place.take());
        if let Some(place) = place {
            self.remove_candidate(place);
            self.waits_no_longer(id, SUSPECT);
        }
    }

    /// The request is over; gives its payload back if it was open.
    pub(super) fn close(&mut self, id: SegmentId, at: Stamp) -> Option<T> {
        self.advance(at);
        let Some(Open { trace, sampled, place, payload }) = self.open.remove(&id) else {
            self.close_unlisted(id);
            return None;
        };
        if let Some(place) = place {
            self.remove_candidate(place);
            // The service never answered, so its handler may be at work for a long time yet.
            self.waits_no_longer(id, SUSPECT.max(self.remember));
        }
        self.by_trace.remove(&(trace, id));
        let at = self.timeline.now();
        self.closed.insert(id, Closed { trace, sampled, at });
        self.remembered.push_back((at, id));
        Some(payload)
    }

    /// Takes the candidate at `place` out; the last one takes its place.
    fn remove_candidate(&mut self, place: usize) {
        if place < self.candidates.len() {
            self.candidates.swap_remove(place);
        }
        let moved = self.candidates.get(place).and_then(|id| self.open.get_mut(id));
        if let Some(moved) = moved {
            moved.place = Some(place);
        }
    }

    /// A request that was refused is over, if there is such a one.
    fn close_unlisted(&mut self, id: SegmentId) {
        if self.timeline.waiting() > self.candidates.len() {
            self.waits_no_longer(id, SUSPECT.max(self.remember));
        }
    }

    /// One request less waits; for the time given it is a suspect.
    fn waits_no_longer(&mut self, id: SegmentId, suspect: Duration) {
        self.timeline.end();
        let until = self.timeline.now().saturating_add(suspect);
        self.suspicion_ends = self.suspicion_ends.max(until);
        if self.suspects.len() >= MAX_CANDIDATES {
            self.suspects.pop_front();
        }
        self.suspects.push_back((id, until));
    }

    pub(super) fn kept(&self, id: SegmentId) -> Option<&T> {
        self.open.get(&id).map(|request| &request.payload)
    }

    pub(super) fn payload(&mut self, id: SegmentId) -> Option<&mut T> {
        self.open.get_mut(&id).map(|request| &mut request.payload)
    }

    /// All that are open.
    pub(super) fn open_ids(&self) -> impl Iterator<Item = SegmentId> {
        self.open.keys().copied()
    }

    /// Whether the request is open, answered or not.
    pub(super) fn is_open(&self, id: SegmentId) -> bool {
        self.open.contains_key(&id)
    }

    /// Whether the request waits for its answer.
    pub(super) fn waits(&self, id: SegmentId) -> bool {
        self.open.get(&id).is_some_and(|request| request.place.is_some())
    }

    /// All that wait for their answer, if they are at most `most`, and listed.
    pub(super) fn all_candidates(&self, most: usize) -> Option<&[SegmentId]> {
        let all = self.timeline.waiting() == self.candidates.len();
        Some(&*self.candidates).filter(|listed| all && listed.len() <= most)
    }

    /// The present moment, which never goes back.
    pub(super) const fn now(&self) -> Duration {
        self.timeline.now()
    }

    /// What a call made at `at` meets.
    pub(super) fn scene(&mut self, at: Stamp) -> Scene {
        let order = self.advance(at);
        let suspects = self.timeline.now() < self.suspicion_ends;
        if self.timeline.waiting() == 0 {
            return if suspects { Scene::Suspects } else { Scene::Nobody };
        }
        if suspects || order == Order::Overtaken {
            return Scene::Blurred;
        }
        match self.candidates.first() {
            Some(only) if self.timeline.waiting() == 1 => Scene::Sole(*only),
            Some(_) | None => Scene::Several,
        }
    }

    /// The present moment.
    pub(super) fn mark(&self) -> Mark {
        self.timeline.mark()
    }

    /// The request of this id, if it is open or remembered, as a parent.
    pub(super) fn parent(&self, id: SegmentId) -> Option<Parent> {
        if let Some(Open { trace, sampled, .. }) = self.open.get(&id) {
            return Some(Parent::Known { trace: *trace, id, sampled: *sampled, late: false });
        }
        let Closed { trace, sampled, at } = *self.closed.get(&id)?;
        self.remembers(at).then_some(Parent::Known { trace, id, sampled, late: true })
    }

    /// The only open request of this trace.
    pub(super) fn only_open(&self, trace: TraceId) -> Option<SegmentId> {
        let (first, last) = (SegmentId::mint(u64::MIN), SegmentId::mint(u64::MAX));
        let mut open = self.by_trace.range((trace, first)..=(trace, last));
        let (_, only) = *open.next()?;
        open.next().is_none().then_some(only)
    }

    /// Whether a request of `trace` is known, by its `id` or as the only open one. To look for a
    /// trace among the closed ones takes a look at each of them.
    pub(super) fn seek(&self, trace: TraceId, id: Option<SegmentId>) -> Sought {
        let (first, last) = (SegmentId::mint(u64::MIN), SegmentId::mint(u64::MAX));
        let of_trace = |closed: &Closed| closed.trace == trace && self.remembers(closed.at);
        let Some(id) = id.or_else(|| self.only_open(trace)) else {
            let several = self.by_trace.range((trace, first)..=(trace, last)).next().is_some();
            let closed = || self.closed.values().any(of_trace);
            return match several {
                true => Sought::Several,
                false if closed() => Sought::Gone,
                false => Sought::Unknown,
            };
        };
        if let Some(open) = self.open.get(&id).filter(|open| open.trace == trace) {
            return Sought::Open { id, sampled: open.sampled };
        }
        match self.closed.get(&id).filter(|closed| of_trace(closed)) {
            Some(closed) => Sought::Closed { id, sampled: closed.sampled },
            None => Sought::Unknown,
        }
    }

    /// Some of the requests that wait, rather the newer ones; all if there are not too many.
    pub(super) fn some_candidates(&self) -> Vec<SegmentId> {
        self.candidates.iter().rev().take(MAX_CANDIDATES).copied().collect()
    }

    /// The newest suspects.
    pub(super) fn newest_suspects(&self) -> Vec<SegmentId> {
        let now = self.timeline.now();
        let current = self.suspects.iter().rev().filter(|(_, until)| now < *until);
        current.map(|(id, _)| *id).collect()
    }

    /// Number of open requests that are listed.
    pub(super) fn open_count(&self) -> usize {
        self.by_trace.len()
    }

    /// Number of requests that wait for their answer and are listed.
    pub(super) fn candidate_count(&self) -> usize {
        self.candidates.len()
    }

    /// Number of closed requests that are known.
    pub(super) fn remembered_count(&self) -> usize {
        self.remembered.len()
    }
}
