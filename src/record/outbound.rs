//! An open call by the service.

pub(super) mod close;

use std::rc::Rc;
use std::sync::Arc;

use crate::attribution::fingerprint::Prints;
use crate::attribution::ledger::Call;
use crate::attribution::verdict::Attribution;
use crate::attribution::verdict::Method;
use crate::attribution::verdict::Parent;
use crate::record::attempts::Attempt;
use crate::record::attempts::Attempted;
use crate::record::counters;
use crate::record::evidence::Evidence;
use crate::record::options::Missing;
use crate::record::options::Unknown;
use crate::record::outbound::close::Seen;
use crate::record::recorder::Carried;
use crate::record::recorder::Incoming;
use crate::record::recorder::Recorder;
use crate::record::sampler::Verdict;
use crate::trace::exchange;
use crate::trace::exchange::Answered;
use crate::trace::exchange::Detail;
use crate::trace::exchange::Exchange;
use crate::trace::exchange::Ids;
use crate::trace::exchange::State;
use crate::trace::exchange::Waiting;
use crate::trace::facts::AwsFacts;
use crate::trace::facts::Connected;
use crate::trace::facts::End;
use crate::trace::facts::RemoteError;
use crate::trace::facts::RequestView;
use crate::trace::facts::ResponseFacts;
use crate::trace::facts::TunnelFacts;
use crate::trace::facts::host_of;
use crate::trace::header::Context;
use crate::trace::header::Sampled;
use crate::trace::header::TraceHeader;
use crate::trace::id::SegmentId;
use crate::trace::segment::AttemptNote;
use crate::trace::segment::AttributionNote;
use crate::trace::segment::Exception;
use crate::trace::segment::Flags;
use crate::trace::segment::Link;
use crate::trace::segment::Name;
use crate::trace::segment::remarks::Remarks;
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
    /// Whether whoever is called is known to report to X-Ray.
    traced: bool,
    /// How the connection was made, if it was made for this call.
    connected: Option<Connected>,
    /// Of a call that an SDK may try more than once.
    trial: Option<Box<Trial>>,
    /// What was said of it; none if nothing was.
    remarks: Option<Box<Remarks>>,
}

/// One attempt of a call, and those before it.
#[derive(Debug)]
struct Trial {
    attempt: Attempt,
    /// When this attempt began.
    start: Stamp,
    before: Vec<AttemptNote>,
}

/// What is known of a call besides its request.
#[derive(Clone, Debug, Default)]
pub struct Called {
    /// The name of its subsegment; the host's without.
    pub name: Option<Box<str>>,
    /// Which attempt of which call it is.
    pub attempt: Option<Attempt>,
    /// What [`Recorder::prints`] made of its head.
    pub prints: Option<Prints>,
    /// The answer to [`Recorder::question`].
    pub evidence: Option<Evidence>,
    /// The other requests that its head says it is made for.
    pub links: Vec<Link>,
    /// Whether whoever is called is known to report to X-Ray.
    pub traced: bool,
}

/// Where the subsegment of a call goes.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Below this segment, inside it if it is still open.
    Below(SegmentId),
    /// Into a segment of its own, by this central rule.
    Root(SegmentId, Option<Arc<str>>),
}

/// What the ledger knows of a call.
struct Found {
    attribution: Attribution,
    extra: Box<str>,
    earlier: Option<Attempted>,
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
        called: Called,
    ) -> Outbound<Waiting> {
        if !self.shared.options.enabled {
            return self.untraced();
        }
        let now = self.now();
        let header = self.understand(incoming);
        let said = header.sampled.filter(|_| header.root.is_some());
        let Found { attribution, extra, earlier } = self.attribute(request, header, &called, now);
        self.counters.attributed(attribution.method);
        let plan = match &earlier {
            Some(Attempted { ids, place, .. }) => {
                Some(Plan { ids: *ids, place: place.clone(), sampled: true })
            }
            None => self.plan(&attribution, said, request, now),
        };
        let Some(plan) = plan else {
            counters::add(&self.counters.context_missing, 1);
            return self.untraced();
        };
        let note = plan.sampled.then(|| note(attribution, called.links));
        let detail = plan.sampled.then(|| {
            let name = Name::new(called.name.as_deref().unwrap_or(host_of(request.authority)));
            Rc::new(Detail { name, request: request.to_facts(), rule: None })
        });
        let context = Context { root: plan.ids.trace, parent: plan.ids.own, sampled: plan.sampled };
        let start = earlier.as_ref().map_or(now, |earlier| earlier.start);
        let before = earlier.map(|earlier| earlier.notes).unwrap_or_default();
        let trial = called.attempt.filter(|_| plan.sampled);
        Outbound(Some(Open {
            recorder: Rc::clone(self),
            exchange: Exchange::open(plan.ids, start, detail),
            carried: Some(Carried { context, extra }),
            place: plan.place,
            note,
            traced: called.traced,
            connected: None,
            trial: trial.map(|attempt| Box::new(Trial { attempt, start: now, before })),
            remarks: None,
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
            place: Place::Root(ids.own, None),
            note: None,
            traced: false,
            connected: None,
            trial: None,
            remarks: None,
        }))
    }

    /// Asks the ledger for the parent, for the foreign header fields that go on (the call's own,
    /// else those of the request that caused it), and for the attempt before this one.
    fn attribute(
        &self,
        request: &RequestView<'_>,
        header: TraceHeader,
        called: &Called,
        now: Stamp,
    ) -> Found {
        let evidence = called.evidence.as_ref();
        let call = Call {
            at: evidence.map_or(now, |evidence| evidence.at),
            header: header.root.is_some().then_some(&header),
            method: request.method.as_str(),
            host: request.authority,
            path: request.path,
            prints: called.prints.as_ref(),
            caller: evidence.map(|evidence| &evidence.caller),
        };
        let mut ledger = self.shared.ledger.lock();
        let attribution = ledger.attribute(&call);
        if attribution.method == Method::Unknown {
            self.shared.heed(&ledger);
        }
        let mut parent = match attribution.parent {
            Parent::Known { id, .. } => ledger.payload(id),
            Parent::Foreign { .. } | Parent::None => None,
        };
        let earlier = called.attempt.as_ref().and_then(|attempt| {
            let of_parent =
                parent.as_mut().and_then(|gathered| gathered.take_attempted(&attempt.invocation));
            of_parent.or_else(|| self.shared.held.take(&attempt.invocation))
        });
        let extra = match parent {
            Some(gathered) if header.extra.is_empty() => gathered.extra.clone(),
            Some(_) | None => header.extra,
        };
        Found { attribution, extra, earlier }
    }

    /// Ids, place and sampling of a call; none if it is to pass untraced. `said` is what its own
    /// header says of sampling: a call of a recorded request may ask not to be recorded.
    fn plan(
        &self,
        attribution: &Attribution,
        said: Option<Sampled>,
        request: &RequestView<'_>,
        now: Stamp,
    ) -> Option<Plan> {
        let own = self.mint_segment();
        let (trace, parent, Verdict { sampled, rule }) = match attribution.parent {
            Parent::Known { trace, id, sampled, .. } => {
                (trace, Some(id), Verdict::given(sampled && said != Some(Sampled::No)))
            }
            Parent::Foreign { trace, parent, sampled } => {
                let verdict = match sampled {
                    Some(Sampled::Yes) => Verdict::given(true),
                    Some(Sampled::No) => Verdict::given(false),
                    Some(Sampled::Ask) | None => {
                        self.sample(&self.shared.options.name, request, now)
                    }
                };
                (trace, parent, verdict)
            }
            Parent::None => match self.shared.options.unknown {
                Unknown::Root => (
                    self.mint_trace(now),
                    None,
                    self.sample(&self.shared.options.name, request, now),
                ),
                Unknown::None(missing) => {
                    self.missing(missing, request, now);
                    return None;
                }
            },
        };
        let (parent, place) = match parent {
            Some(id) => (id, Place::Below(id)),
            None => {
                let segment = self.mint_segment();
                (segment, Place::Root(segment, rule))
            }
        };
        Some(Plan { ids: Ids { trace, own, parent: Some(parent) }, place, sampled })
    }

    fn missing(&self, missing: Missing, request: &RequestView<'_>, now: Stamp) {
        match missing {
            Missing::Ignore => {}
            Missing::Log => self.warn_of_missing_context(request.authority, now),
        }
    }
}

/// How a document says what the ledger found.
fn note(attribution: Attribution, links: Vec<Link>) -> AttributionNote {
    let Attribution { parent, method, candidates } = attribution;
    let late = matches!(parent, Parent::Known { late: true, .. });
    let confidence = method.confidence().as_str();
    AttributionNote { method: method.as_str(), confidence, late, candidates, links }
}

impl<S: State> Outbound<S> {
    /// What goes on to the called service in the trace headers; none for an untraced call.
    #[must_use]
    pub fn carried(&self) -> Option<&Carried> {
        self.0.as_ref().and_then(|open| open.carried.as_ref())
    }

    /// Whether it leaves a document.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.carried().is_some_and(|carried| carried.context.sampled)
    }

    /// What is said of it, to be added to; none if it leaves no document.
    #[must_use]
    pub fn remarks(&mut self) -> Option<&mut Remarks> {
        let open = self.0.as_mut().filter(|open| open.exchange.is_sampled())?;
        Some(&mut **open.remarks.get_or_insert_default())
    }

    /// The response names an error, which raises these flags besides those of its status.
    pub fn blame(&mut self, error: RemoteError, flags: Flags) {
        let Some(own) = self.0.as_ref().map(|open| open.exchange.ids().own) else { return };
        if let Some(remarks) = self.remarks() {
            let exception = Exception { remote: true, ..exchange::exception_of(own, error) };
            remarks.blame(exception, flags);
        }
    }

    /// The call has ended.
    pub fn close(self, end: End) {
        self.finish(end, Seen::Nothing);
    }

    /// The call was a tunnel, and it has ended.
    pub fn close_tunnel(self, tunnel: TunnelFacts) {
        self.finish(End::Complete, Seen::Tunnel(tunnel));
    }

    /// The call of an AWS API has ended.
    pub fn close_aws(self, end: End, facts: AwsFacts) {
        self.finish(end, Seen::Aws(facts));
    }

    /// The call of an AWS API was given up: by whoever made it, or by us who go.
    pub fn abandon_aws(self, facts: AwsFacts) {
        if let Some(open) = &self.0 {
            let end = open.recorder.shared.dropped();
            self.close_aws(end, facts);
        }
    }

    /// It was no call: what it was opened for is recorded otherwise.
    pub fn discard(mut self) {
        self.0 = None;
    }

    fn finish(mut self, end: End, seen: Seen) {
        if let Some(open) = self.0.take() {
            open.close(end, seen);
        }
    }
}

impl Outbound<Waiting> {
    /// The head of the response has come, over a connection that was made for it if `connected`
    /// says how.
    #[must_use]
    pub fn answered(
        mut self,
        response: ResponseFacts,
        connected: Option<Connected>,
    ) -> Outbound<Answered> {
        Outbound(self.0.take().map(|open| {
            let Open { recorder, exchange, carried, place, note, traced, trial, remarks, .. } =
                open;
            let exchange = exchange.answered(response);
            Open { recorder, exchange, carried, place, note, traced, connected, trial, remarks }
        }))
    }
}

impl<S: State> Drop for Outbound<S> {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            let end = open.recorder.shared.dropped();
            open.close(end, Seen::Nothing);
        }
    }
}
