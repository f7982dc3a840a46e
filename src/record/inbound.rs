//! An open request to the service.

use std::rc::Rc;
use std::time::Duration;

use crate::attribution::fingerprint::Prints;
use crate::attribution::requests::Opened;
use crate::record::access;
use crate::record::counters;
use crate::record::counters::Direction;
use crate::record::evidence::Watch;
use crate::record::evidence::Way;
use crate::record::keep::Because;
use crate::record::options::Options;
use crate::record::progress::Key;
use crate::record::recorder::Carried;
use crate::record::recorder::Gathered;
use crate::record::recorder::Incoming;
use crate::record::recorder::Recorder;
use crate::record::sampler::Verdict;
use crate::trace::document::Document;
use crate::trace::exchange;
use crate::trace::exchange::Answered;
use crate::trace::exchange::Detail;
use crate::trace::exchange::Exchange;
use crate::trace::exchange::Ids;
use crate::trace::exchange::State;
use crate::trace::exchange::Waiting;
use crate::trace::facts::End;
use crate::trace::facts::RemoteError;
use crate::trace::facts::RequestFacts;
use crate::trace::facts::RequestView;
use crate::trace::facts::ResponseFacts;
use crate::trace::header;
use crate::trace::header::Context;
use crate::trace::header::Sampled;
use crate::trace::segment::Flags;
use crate::trace::segment::Name;
use crate::trace::segment::remarks::Remarks;
use crate::trace::time::Stamp;

/// An open request: its segment. Close it, or drop it to record that the client went away.
#[derive(Debug)]
pub struct Inbound<S: State>(Option<Open<S>>);

#[derive(Debug)]
struct Open<S> {
    exchange: Exchange<S>,
    rest: Rest,
}

/// What of it is the same in every state.
#[derive(Debug)]
struct Rest {
    recorder: Rc<Recorder>,
    carried: Option<Carried>,
    /// The caller sent `Sampled=?` and wants the decision in the response.
    asked: bool,
    progress: Option<Key>,
    watch: Option<Watch>,
    /// What it was, if it is not sampled and that may be asked for at its end.
    spare: Option<Spare>,
    /// The rules have passed over it, and it may be recorded all the same.
    may_be_kept: bool,
    /// What was said of it; none if nothing was.
    remarks: Option<Box<Remarks>>,
}

impl Rest {
    const fn new(recorder: Rc<Recorder>) -> Self {
        Self {
            recorder,
            carried: None,
            asked: false,
            progress: None,
            watch: None,
            spare: None,
            may_be_kept: false,
            remarks: None,
        }
    }
}

/// What is kept of a request that is not sampled: as little as can be, because there are many.
#[derive(Debug)]
struct Spare {
    request: RequestFacts,
    /// Its name; none if that is the service's own.
    name: Option<Name>,
}

impl Spare {
    fn into_detail(self, options: &Options) -> Detail {
        let Self { request, name } = self;
        Detail { name: name.unwrap_or_else(|| options.name.clone()), request, rule: None }
    }
}

impl Recorder {
    /// A request has come: decides whether it is recorded, mints its ids, enters it in the ledger.
    /// `prints` are what [`prints`](Self::prints) made of its head.
    pub fn inbound(
        self: &Rc<Self>,
        request: &RequestView<'_>,
        incoming: Incoming<'_>,
        prints: Option<&Prints>,
    ) -> Inbound<Waiting> {
        let now = self.now();
        if !self.shared.options.enabled {
            let ids = Ids { trace: self.mint_trace(now), own: self.mint_segment(), parent: None };
            let exchange = Exchange::open(ids, now, None);
            let rest = Rest::new(Rc::clone(self));
            return Inbound(Some(Open { exchange, rest }));
        }
        let header = self.understand(incoming);
        let Verdict { sampled, rule } = match header.sampled {
            Some(Sampled::Yes) => Verdict::given(true),
            Some(Sampled::No) => Verdict::given(false),
            Some(Sampled::Ask) | None => {
                self.sample(&self.shared.options.name_of(request), request, now)
            }
        };
        let ids = Ids {
            trace: header.root.unwrap_or_else(|| self.mint_trace(now)),
            own: self.mint_segment(),
            // A parent without its trace names nothing.
            parent: header.parent.filter(|_| header.root.is_some()),
        };
        // Of a trace that is not recorded elsewhere, nothing is recorded here.
        let may_be_kept = !sampled && header.sampled != Some(Sampled::No);
        let may_be_kept = may_be_kept && self.shared.keep().is_on();
        let hears = sampled || may_be_kept;
        let options = &self.shared.options;
        let detail = sampled.then(|| {
            let name = options.name_of(request).into_owned();
            Rc::new(Detail { name, request: request.to_facts(), rule })
        });
        let spare = (!sampled && (may_be_kept || self.access.is_some())).then(|| {
            let name = options.name_of(request);
            let name = (*name != options.name).then(|| name.into_owned());
            Spare { request: request.to_facts(), name }
        });
        let gathered = Gathered { extra: header.extra.clone(), hears, ..Gathered::default() };
        let watch = self.enter(ids, sampled, now, (gathered, prints));
        let progress = detail.clone().map(|detail| self.progress.insert(ids, now, detail));
        let rest = Rest {
            carried: Some(Carried {
                context: Context { root: ids.trace, parent: ids.own, sampled },
                extra: header.extra,
            }),
            asked: header.sampled == Some(Sampled::Ask),
            progress,
            watch,
            spare,
            may_be_kept,
            ..Rest::new(Rc::clone(self))
        };
        Inbound(Some(Open { exchange: Exchange::open(ids, now, detail), rest }))
    }

    fn enter(
        self: &Rc<Self>,
        ids: Ids,
        sampled: bool,
        at: Stamp,
        (gathered, prints): (Gathered, Option<&Prints>),
    ) -> Option<Watch> {
        let opened = Opened { trace: ids.trace, id: ids.own, sampled, at };
        let mut ledger = self.shared.ledger.lock();
        // One the ledger has no room for is counted there; its calls will find no parent.
        drop(ledger.open(opened, prints, gathered));
        if !self.shared.is_curious() {
            return None;
        }
        self.shared.heed(&ledger);
        let holds = ledger.holds();
        let watched = ledger.is_curious();
        if let Some(gathered) = ledger.payload(ids.own).filter(|_| watched) {
            gathered.way = Way::Unsent;
        }
        watched.then(|| Watch { recorder: Rc::clone(self), id: ids.own, holds })
    }
}

impl Recorder {
    /// Has a request that has ended written to the access log, if there is one.
    fn log<S: State>(
        &self,
        exchange: &Exchange<S>,
        spare: Option<&Detail>,
        (end, took): (&End, Duration),
    ) {
        let detail = exchange.detail().or(spare);
        if let (Some(lines), Some(detail)) = (&self.access, detail) {
            let request = access::Request {
                ids: exchange.ids(),
                sampled: exchange.is_sampled(),
                detail,
                response: exchange.response(),
                end,
                start: exchange.start().wall(),
                took,
            };
            lines.add(|line| access::write(&request, line));
        }
    }
}

impl<S: State> Inbound<S> {
    /// What goes on to the service in the trace headers; none if tracing is off and the caller's
    /// headers pass as they came.
    #[must_use]
    pub fn carried(&self) -> Option<&Carried> {
        self.0.as_ref().and_then(|open| open.rest.carried.as_ref())
    }

    /// Who is to be told of its way to the service, if that is of use.
    #[must_use]
    pub fn watch(&mut self) -> Option<Watch> {
        self.0.as_mut().and_then(|open| open.rest.watch.take())
    }

    /// The value of `X-Amzn-Trace-Id` on the response.
    #[must_use]
    pub fn response_header(&self) -> Option<String> {
        let open = self.0.as_ref()?;
        let context = open.rest.carried.as_ref()?.context;
        Some(header::response_value(context.root, open.rest.asked.then_some(context.sampled)))
    }

    /// What is said of it, to be added to; none if it can leave no document.
    #[must_use]
    pub fn remarks(&mut self) -> Option<&mut Remarks> {
        let open = self.0.as_mut().filter(|open| open.may_be_recorded())?;
        Some(&mut **open.rest.remarks.get_or_insert_default())
    }

    /// Whether it can leave a document.
    #[must_use]
    pub fn may_be_recorded(&self) -> bool {
        self.0.as_ref().is_some_and(Open::may_be_recorded)
    }

    /// The service's response names an error, which raises these flags besides those of its status.
    pub fn blame(&mut self, error: RemoteError, flags: Flags) {
        let Some(own) = self.0.as_ref().map(|open| open.exchange.ids().own) else { return };
        if let Some(remarks) = self.remarks() {
            remarks.blame(exchange::exception_of(own, error), flags);
        }
    }

    /// The exchange has ended.
    pub fn close(mut self, end: End) {
        if let Some(open) = self.0.take() {
            open.close(end);
        }
    }
}

impl Inbound<Waiting> {
    /// The head of the service's own response has come.
    #[must_use]
    pub fn answered(self, response: ResponseFacts) -> Inbound<Answered> {
        if let Some(open) = self.0.as_ref().filter(|open| open.rest.carried.is_some()) {
            let mut ledger = open.rest.recorder.shared.ledger.lock();
            ledger.answered(open.exchange.ids().own, open.rest.recorder.now());
        }
        self.with(response)
    }

    /// There is no response of the service's; the client got one of ours. To the ledger the request
    /// was never answered: the service may be at work on it for long, and make calls.
    pub fn refused(self, response: ResponseFacts, end: End) {
        self.with(response).close(end);
    }

    fn with(mut self, response: ResponseFacts) -> Inbound<Answered> {
        Inbound(self.0.take().map(|Open { exchange, rest }| {
            let exchange = exchange.answered(response);
            Open { exchange, rest }
        }))
    }
}

impl<S: State> Open<S> {
    fn may_be_recorded(&self) -> bool {
        self.exchange.is_sampled() || self.rest.may_be_kept
    }

    /// The flags that its response raises.
    fn flags(&self) -> Flags {
        let status = self.exchange.status().map(Flags::of_status).unwrap_or_default();
        self.rest.remarks.as_ref().map_or(status, |remarks| status.or(remarks.flags()))
    }

    fn close(self, end: End) {
        let flags = self.flags();
        let Self { exchange, rest } = self;
        let Rest { recorder, carried, progress, spare, may_be_kept, remarks, .. } = rest;
        if let Some(key) = progress {
            recorder.progress.remove(key);
        }
        // The time is read under the lock, so that no call that was entered before ends after.
        let (now, mut gathered) = {
            let mut ledger = recorder.shared.ledger.lock();
            let now = recorder.now();
            let gathered = carried.is_some().then(|| ledger.close(exchange.ids().own, now));
            (now, gathered.flatten().unwrap_or_default())
        };
        let took = now.since(exchange.start());
        recorder.counters.exchanges(Direction::Inbound).ended(exchange.status(), took);
        let keep = recorder.shared.keep();
        // What the program itself calls a fault is one.
        let flags = gathered.remarks.as_ref().map_or(flags, |told| flags.or(told.flags()));
        let because = may_be_kept.then(|| keep.keeps(&end, flags, took, now.wall())).flatten();
        let wanted = because.is_some() || recorder.access.is_some();
        let detail = spare.filter(|_| wanted).map(|spare| {
            let detail = spare.into_detail(&recorder.shared.options);
            Rc::new(detail)
        });
        let exchange = match detail.clone().filter(|_| because.is_some()) {
            Some(detail) => exchange.kept(detail),
            None => exchange,
        };
        recorder.log(&exchange, detail.as_deref(), (&end, took));
        if let Some(mut segment) = exchange.into_segment(end, now, gathered.take_calls()) {
            segment.body.notes.kept = because.map(Because::as_str);
            let (remarks, refused) = gathered.close_remarks(remarks);
            counters::add(&recorder.counters.remarks_refused, refused);
            if let Some(remarks) = remarks {
                segment.body.remark(remarks);
            }
            recorder.queue.offer(Document::Segment(Box::new(segment)));
        }
    }
}

impl<S: State> Drop for Inbound<S> {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            let end = open.rest.recorder.shared.dropped();
            open.close(end);
        }
    }
}
