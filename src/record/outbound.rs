//! An open call by the service.

use std::rc::Rc;

use crate::attribution::ledger::Call;
use crate::attribution::verdict::Attribution;
use crate::attribution::verdict::Parent;
use crate::record::counters;
use crate::record::counters::Direction;
use crate::record::options::Missing;
use crate::record::options::Unknown;
use crate::record::recorder::Carried;
use crate::record::recorder::Incoming;
use crate::record::recorder::Recorder;
use crate::trace::document::Document;
use crate::trace::exchange;
use crate::trace::exchange::Answered;
use crate::trace::exchange::Detail;
use crate::trace::exchange::Exchange;
use crate::trace::exchange::Ids;
use crate::trace::exchange::State;
use crate::trace::exchange::Waiting;
use crate::trace::facts::End;
use crate::trace::facts::RequestView;
use crate::trace::facts::ResponseFacts;
use crate::trace::facts::TunnelFacts;
use crate::trace::facts::host_of;
use crate::trace::header::Context;
use crate::trace::header::Sampled;
use crate::trace::header::TraceHeader;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::segment::AttributionNote;
use crate::trace::segment::Name;
use crate::trace::segment::Notes;
use crate::trace::segment::Subsegment;
use crate::trace::time::Stamp;

/// An open call: its subsegment. Close it, or drop it to record that the service gave it up.
#[derive(Debug)]
pub struct Outbound<S: State>(Option<Open<S>>);

#[derive(Debug)]
struct Open<S> {
    recorder: Rc<Recorder>,
    exchange: Exchange<S>,
    carried: Option<Carried>,
    place: Place,
    note: Option<AttributionNote>,
}

/// Where the subsegment of a call goes.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Below this segment, inside it if it is still open.
    Below(SegmentId),
    /// Into a segment of its own.
    Root(SegmentId),
}

/// What a call is to become, before it is opened.
struct Plan {
    ids: Ids,
    place: Place,
    sampled: bool,
}

impl Recorder {
    /// The service makes a call: finds out which request caused it, decides whether it is
    /// recorded, mints its ids.
    pub fn outbound(
        self: &Rc<Self>,
        request: &RequestView<'_>,
        incoming: Incoming<'_>,
    ) -> Outbound<Waiting> {
        if !self.shared.options.enabled {
            return self.untraced();
        }
        let now = self.now();
        let header = self.understand(incoming);
        let (attribution, extra) = self.attribute(request, header, now);
        self.counters.attributed(attribution.method);
        let Some(plan) = self.plan(&attribution, request, now) else {
            counters::add(&self.counters.context_missing, 1);
            return self.untraced();
        };
        let note = plan.sampled.then(|| note(attribution));
        let detail = plan.sampled.then(|| {
            let name = Name::new(host_of(request.authority));
            Rc::new(Detail { name, request: request.to_facts() })
        });
        let context = Context { root: plan.ids.trace, parent: plan.ids.own, sampled: plan.sampled };
        Outbound(Some(Open {
            recorder: Rc::clone(self),
            exchange: Exchange::open(plan.ids, now, detail),
            carried: Some(Carried { context, extra }),
            place: plan.place,
            note,
        }))
    }

    /// The service makes a call that leaves no trace and whose headers pass as they came.
    pub fn untraced(self: &Rc<Self>) -> Outbound<Waiting> {
        let now = self.now();
        let ids = Ids { trace: self.mint_trace(now), own: self.mint_segment(), parent: None };
        Outbound(Some(Open {
            recorder: Rc::clone(self),
            exchange: Exchange::open(ids, now, None),
            carried: None,
            place: Place::Root(ids.own),
            note: None,
        }))
    }

    /// Asks the ledger for the parent, and for the foreign header fields that go on: the call's
    /// own, else those of the request that caused it.
    fn attribute(
        &self,
        request: &RequestView<'_>,
        header: TraceHeader,
        at: Stamp,
    ) -> (Attribution, Box<str>) {
        let call = Call {
            at,
            header: header.root.is_some().then_some(&header),
            method: request.method.as_str(),
            host: request.authority,
            path: request.path,
        };
        let mut ledger = self.shared.ledger.lock();
        let attribution = ledger.attribute(&call);
        let extra = match attribution.parent {
            Parent::Known { id, .. } if header.extra.is_empty() => {
                ledger.payload(id).map(|gathered| gathered.extra.clone()).unwrap_or_default()
            }
            Parent::Known { .. } | Parent::Foreign { .. } | Parent::None => header.extra,
        };
        (attribution, extra)
    }

    /// Ids, place and sampling of a call; none if it is to pass untraced.
    fn plan(
        &self,
        attribution: &Attribution,
        request: &RequestView<'_>,
        now: Stamp,
    ) -> Option<Plan> {
        let own = self.mint_segment();
        let root = |trace| {
            let segment = self.mint_segment();
            (Ids { trace, own, parent: Some(segment) }, Place::Root(segment))
        };
        let ((ids, place), sampled) = match attribution.parent {
            Parent::Known { trace, id, sampled, .. } => {
                ((Ids { trace, own, parent: Some(id) }, Place::Below(id)), sampled)
            }
            Parent::Foreign { trace, parent, sampled } => {
                let place = parent.map_or_else(
                    || root(trace),
                    |id| (Ids { trace, own, parent: Some(id) }, Place::Below(id)),
                );
                let sampled = match sampled {
                    Some(Sampled::Yes) => true,
                    Some(Sampled::No) => false,
                    Some(Sampled::Ask) | None => self.sample(request, now),
                };
                (place, sampled)
            }
            Parent::None => match self.shared.options.unknown {
                Unknown::Root => (root(self.mint_trace(now)), self.sample(request, now)),
                Unknown::None(missing) => {
                    self.missing(missing, request, now);
                    return None;
                }
            },
        };
        Some(Plan { ids, place, sampled })
    }

    fn missing(&self, missing: Missing, request: &RequestView<'_>, now: Stamp) {
        match missing {
            Missing::Ignore => {}
            Missing::Log => self.warn_of_missing_context(request.authority, now),
        }
    }
}

/// How a document says what the ledger found.
fn note(attribution: Attribution) -> AttributionNote {
    let Attribution { parent, method, candidates } = attribution;
    let late = matches!(parent, Parent::Known { late: true, .. });
    let confidence = method.confidence().as_str();
    AttributionNote { method: method.as_str(), confidence, late, candidates }
}

impl<S: State> Outbound<S> {
    /// What goes on to the called service in the trace headers; none for an untraced call.
    #[must_use]
    pub fn carried(&self) -> Option<&Carried> {
        self.0.as_ref().and_then(|open| open.carried.as_ref())
    }

    /// The call has ended.
    pub fn close(self, end: End) {
        self.finish(end, None);
    }

    /// The call was a tunnel, and it has ended.
    pub fn close_tunnel(self, tunnel: TunnelFacts) {
        self.finish(End::Complete, Some(tunnel));
    }

    fn finish(mut self, end: End, tunnel: Option<TunnelFacts>) {
        if let Some(open) = self.0.take() {
            open.close(end, tunnel);
        }
    }
}

impl Outbound<Waiting> {
    /// The head of the response has come.
    #[must_use]
    pub fn answered(mut self, response: ResponseFacts) -> Outbound<Answered> {
        Outbound(self.0.take().map(|open| {
            let Open { recorder, exchange, carried, place, note } = open;
            Open { recorder, exchange: exchange.answered(response), carried, place, note }
        }))
    }
}

impl<S: State> Open<S> {
    fn close(self, end: End, tunnel: Option<TunnelFacts>) {
        let Self { recorder, exchange, place, note, .. } = self;
        let (ids, start, status) = (exchange.ids(), exchange.start(), exchange.status());
        let notes = Notes { attribution: note, tunnel };
        // The time is read under the lock, so that it is before the segment's end if the
        // subsegment is still in time to travel inside it.
        let (now, leaving) = {
            let mut ledger = recorder.shared.ledger.lock();
            let now = recorder.now();
            let call = exchange.into_subsegment(end, now, notes);
            let leaving = call.map(|call| match place {
                Place::Below(parent) => match ledger.payload(parent) {
                    Some(open) => Leaving::Ahead(open.add(call, &recorder.shared.options), parent),
                    None => Leaving::Late(Box::new(call), parent),
                },
                Place::Root(segment) => Leaving::Root(Box::new(call), segment),
            });
            (now, leaving)
        };
        let exchanges = recorder.counters.exchanges(Direction::Outbound);
        exchanges.ended(status, now.since(start));
        if let Some(leaving) = leaving {
            recorder.send(ids, leaving);
        }
    }
}

/// What can be sent once a call has closed.
enum Leaving {
    /// These calls, on their own, ahead of that segment, which is still open.
    Ahead(Vec<Subsegment>, SegmentId),
    /// This call, on its own, below that segment, which has left or is not ours.
    Late(Box<Subsegment>, SegmentId),
    /// This call, in a segment of its own.
    Root(Box<Subsegment>, SegmentId),
}

impl Recorder {
    fn send(&self, ids: Ids, leaving: Leaving) {
        match leaving {
            Leaving::Ahead(calls, parent) => {
                for call in calls {
                    counters::add(&self.counters.streamed, 1);
                    self.send_alone(call, ids.trace, parent);
                }
            }
            Leaving::Late(call, parent) => self.send_alone(*call, ids.trace, parent),
            Leaving::Root(call, segment) => {
                let root = Ids { trace: ids.trace, own: segment, parent: None };
                let name = self.shared.options.name.clone();
                let segment = exchange::root_segment(root, name, *call);
                self.queue.offer(Document::Segment(Box::new(segment)));
            }
        }
    }

    fn send_alone(&self, call: Subsegment, trace: TraceId, parent: SegmentId) {
        let separate = call.separate(trace, parent);
        self.queue.offer(Document::Subsegment(Box::new(separate)));
    }
}

impl<S: State> Drop for Outbound<S> {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            let end = open.recorder.shared.dropped();
            open.close(end, None);
        }
    }
}
