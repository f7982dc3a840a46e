//! How an open call ends: as a subsegment inside its segment, on its own, in a segment of its own,
//! or kept back for the next attempt.

use std::sync::Arc;

use crate::attribution::ledger::Ledger;
use crate::record::attempts;
use crate::record::attempts::Attempted;
use crate::record::counters;
use crate::record::counters::Direction;
use crate::record::outbound::Open;
use crate::record::outbound::Place;
use crate::record::outbound::Trial;
use crate::record::recorder::Gathered;
use crate::record::recorder::Recorder;
use crate::trace::document::Document;
use crate::trace::exchange;
use crate::trace::exchange::Ids;
use crate::trace::exchange::State;
use crate::trace::facts::AwsFacts;
use crate::trace::facts::End;
use crate::trace::facts::TunnelFacts;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::segment::AttemptNote;
use crate::trace::segment::ConnectNote;
use crate::trace::segment::Notes;
use crate::trace::segment::Segment;
use crate::trace::segment::Subsegment;
use crate::trace::segment::remarks::Remarks;
use crate::trace::time::Micros;
use crate::trace::time::Stamp;

/// What was seen of a call besides its HTTP.
pub(super) enum Seen {
    Aws(AwsFacts),
    Nothing,
    Tunnel(TunnelFacts),
}

impl<S: State> Open<S> {
    pub(super) fn close(self, end: End, seen: Seen) {
        let Self { recorder, exchange, place, note, traced, connected, trial, remarks, .. } = self;
        let (ids, start, status) = (exchange.ids(), exchange.start(), exchange.status());
        let (aws, tunnel) = match seen {
            Seen::Aws(facts) => (Some(facts), None),
            Seen::Tunnel(facts) => (None, Some(facts)),
            Seen::Nothing => (None, None),
        };
        let trial = trial.map(|trial| (Outcome::of(&end, status, aws.as_ref()), *trial));
        let began = trial.as_ref().map_or(start, |(_, trial)| trial.start);
        let before = trial.as_ref().map(|(_, trial)| trial.before.clone()).unwrap_or_default();
        let connect = connected.map(ConnectNote::of);
        let notes = Notes { attribution: note, connect, tunnel, attempts: before, kept: None };
        // The time is read under the lock, so that it is before the segment's end if the
        // subsegment is still in time to travel inside it.
        let (now, leaving) = {
            let mut ledger = recorder.shared.ledger.lock();
            let now = recorder.now();
            let mut call = exchange.into_subsegment(end, now, notes, aws);
            // Who has not answered has not reported either.
            if let Some(http) = call.as_mut().and_then(|call| call.body.http.as_mut()) {
                http.request.traced = traced && http.response.is_some();
            }
            if let (Some(call), Some(remarks)) = (&mut call, remarks) {
                recorder.remark(&mut ledger, &place, *remarks, call);
            }
            let waits = trial.filter(|(outcome, trial)| outcome.may_follow && !trial.attempt.last);
            let leaving = call.and_then(|call| match waits {
                Some((outcome, trial)) => {
                    let attempted = attempted(ids, place, (start, now), (outcome, trial), call);
                    recorder.hold(&mut ledger, attempted)
                }
                None => Some(recorder.place(&mut ledger, place, call)),
            });
            (now, leaving)
        };
        let exchanges = recorder.counters.exchanges(Direction::Outbound);
        exchanges.ended(status, now.since(began));
        if let Some(leaving) = leaving {
            recorder.send(ids, leaving);
        }
    }
}

/// How one attempt ended.
struct Outcome {
    status: Option<u16>,
    error: Option<Box<str>>,
    may_follow: bool,
}

impl Outcome {
    fn of(end: &End, status: Option<u16>, aws: Option<&AwsFacts>) -> Self {
        let error = match end {
            End::Failed(failure) => Some(failure.kind.into()),
            End::Complete | End::Cancelled => {
                aws.and_then(|facts| Some(facts.error.as_ref()?.code.clone()))
            }
        };
        Self { status, error, may_follow: attempts::may_follow(end, status, aws) }
    }
}

/// A failed attempt as it waits for the next; `start` is that of the first, `ended` now.
fn attempted(
    ids: Ids,
    place: Place,
    (start, ended): (Stamp, Stamp),
    (outcome, trial): (Outcome, Trial),
    call: Subsegment,
) -> Attempted {
    let Trial { attempt, start: began, before: mut notes } = trial;
    notes.push(AttemptNote {
        start_time: seconds(began.wall()),
        end_time: seconds(ended.wall_from(began)),
        status: outcome.status,
        error: outcome.error,
    });
    Attempted { invocation: attempt.invocation, ids, place, start, ended, notes, call }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 need 51 bits of the 53")]
const fn seconds(at: Micros) -> f64 {
    at.get() as f64 / 1e6
}

/// What can be sent once a call has closed.
pub(in crate::record) enum Leaving {
    /// These calls, on their own, ahead of that segment, which is still open.
    Ahead(Vec<Subsegment>, SegmentId),
    /// This call, on its own, below that segment, which has left or is not ours.
    Late(Box<Subsegment>, SegmentId),
    /// This call, in a segment of its own, by this central rule.
    Root(Box<Subsegment>, SegmentId, Option<Arc<str>>),
}

impl Recorder {
    /// Says of a call what was said of it, as far as its request has room for annotations.
    fn remark(
        &self,
        ledger: &mut Ledger<Gathered>,
        place: &Place,
        mut remarks: Remarks,
        call: &mut Subsegment,
    ) {
        if let Place::Below(parent) = place
            && let Some(open) = ledger.payload(*parent)
        {
            let refused = remarks.limit(open.annotations_left());
            open.annotated += remarks.annotations();
            counters::add(&self.counters.remarks_refused, refused as u64);
        }
        call.body.remark(remarks);
    }

    /// Puts a call where it belongs: into its segment, or on its way.
    pub(in crate::record) fn place(
        &self,
        ledger: &mut Ledger<Gathered>,
        place: Place,
        call: Subsegment,
    ) -> Leaving {
        match place {
            Place::Below(parent) => match ledger.payload(parent) {
                Some(open) => Leaving::Ahead(open.add(call, &self.shared.options), parent),
                None => Leaving::Late(Box::new(call), parent),
            },
            Place::Root(segment, rule) => Leaving::Root(Box::new(call), segment, rule),
        }
    }

    /// Keeps a failed attempt back; what cannot be kept leaves.
    fn hold(&self, ledger: &mut Ledger<Gathered>, attempted: Attempted) -> Option<Leaving> {
        if let Place::Below(parent) = attempted.place
            && let Some(open) = ledger.payload(parent).filter(|open| open.can_hold())
        {
            open.attempted.push(attempted);
            return None;
        }
        let Attempted { place, call, .. } = self.shared.held.hold(attempted)?;
        Some(self.place(ledger, place, call))
    }

    /// Sends a failed attempt that no other has followed.
    pub(in crate::record) fn send_attempted(&self, attempted: Attempted) {
        let Attempted { ids, place, call, .. } = attempted;
        let leaving = self.place(&mut self.shared.ledger.lock(), place, call);
        self.send(ids, leaving);
    }
}

impl Recorder {
    pub(in crate::record) fn send(&self, ids: Ids, leaving: Leaving) {
        match leaving {
            Leaving::Ahead(calls, parent) => {
                for call in calls {
                    counters::add(&self.counters.streamed, 1);
                    self.send_alone(call, ids.trace, parent);
                }
            }
            Leaving::Late(call, parent) => self.send_alone(*call, ids.trace, parent),
            Leaving::Root(call, segment, rule) => {
                let root = Ids { trace: ids.trace, own: segment, parent: None };
                let name = self.shared.options.name.clone();
                let segment = Segment { rule, ..exchange::root_segment(root, name, *call) };
                self.queue.offer(Document::Segment(Box::new(segment)));
            }
        }
    }

    pub(in crate::record) fn send_alone(
        &self,
        call: Subsegment,
        trace: TraceId,
        parent: SegmentId,
    ) {
        let separate = call.separate(trace, parent);
        self.queue.offer(Document::Subsegment(Box::new(separate)));
    }
}
