//! The recorder: the core, a clock, chance, the ledger and a queue, put together.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tracing::warn;

use crate::attribution;
use crate::attribution::fingerprint::Key;
use crate::attribution::ledger::Counts;
use crate::attribution::ledger::Ledger;
use crate::emit::queue::Queue;
use crate::emit::side::Lines;
use crate::record::attempts;
use crate::record::attempts::Attempted;
use crate::record::attempts::Held;
use crate::record::counters;
use crate::record::counters::Counters;
use crate::record::evidence::Way;
use crate::record::keep::Keep;
use crate::record::options::Options;
use crate::record::pieces;
use crate::record::pieces::Pieces;
use crate::record::progress::Progress;
use crate::record::sampler::Sampler;
use crate::record::sampler::Verdict;
use crate::sampling::central;
use crate::sampling::rule::Request;
use crate::sampling::rule::Rules;
use crate::sys::clock::Clock;
use crate::sys::entropy::Entropy;
use crate::sys::throttle::Throttle;
use crate::trace::document::Document;
use crate::trace::facts::End;
use crate::trace::facts::Failure;
use crate::trace::facts::RequestView;
use crate::trace::header::Context;
use crate::trace::header::TraceHeader;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::segment::Name;
use crate::trace::segment::Subsegment;
use crate::trace::segment::remarks::MAX_ANNOTATIONS;
use crate::trace::segment::remarks::Remarks;
use crate::trace::site::Origin;
use crate::trace::site::Site;
use crate::trace::site::Surroundings;
use crate::trace::time::Stamp;

/// What all workers share: an outbound call may come in on another worker than the request that
/// caused it.
#[derive(Debug)]
pub struct Shared {
    pub(super) options: Options,
    pub(super) clock: Arc<dyn Clock>,
    /// Which requests are open and what they have gathered. A lock because any worker may close
    /// a call of any request; held for arithmetic only.
    pub(super) ledger: Mutex<Ledger<Gathered>>,
    sampler: Sampler,
    keep: Keep,
    /// Subsegments that the service has begun by itself. A lock because any worker may find that
    /// one has been open for long; taken after that of the ledger, held for arithmetic only.
    pub(super) pieces: Mutex<Pieces>,
    /// Failed calls without an open request, which may be tried again on any worker.
    pub(super) held: Held,
    /// The secret by which values of heads are hashed.
    pub(super) key: Key,
    pub(super) max_hold: Duration,
    /// Whether there are calls that find no parent, so that it pays to look at the service.
    curious: AtomicBool,
    /// Whether the values of heads are to be read.
    reads_prints: AtomicBool,
    /// What is known of where it all runs. A lock because it is found out piece by piece.
    site: Mutex<Site>,
    /// The same as emitters put it into every segment.
    around: Arc<ArcSwap<Surroundings>>,
    /// Whether it is known what the service runs in, or nobody wants to know.
    pub(super) met: AtomicBool,
    /// The shutdown's deadline has passed: what is dropped now is broken off by us.
    aborting: AtomicBool,
}

/// What an open request has gathered for its segment and for the calls it makes.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Foreign fields of its trace header, to go on with every call.
    pub(super) extra: Box<str>,
    /// How it goes to the service.
    pub(super) way: Way,
    /// Whether it leaves a document, or may.
    pub(super) hears: bool,
    /// What was said of it from outside while it was open; none if nothing was.
    pub(super) remarks: Option<Box<Remarks>>,
    /// How many annotations its calls have taken.
    pub(super) annotated: usize,
    /// The calls that have closed.
    pub(super) calls: Vec<Subsegment>,
    /// Those that have failed and may be tried again.
    pub(super) attempted: Vec<Attempted>,
}

impl Gathered {
    /// Takes a closed call in. Once there are more than the options allow, all leave again, to be
    /// sent ahead of their segment.
    pub(super) fn add(&mut self, call: Subsegment, options: &Options) -> Vec<Subsegment> {
        self.calls.push(call);
        let many = self.calls.len() > options.stream_after;
        if many { std::mem::take(&mut self.calls) } else { Vec::new() }
    }

    /// How many more annotations there may be, its calls' among them.
    pub(super) fn annotations_left(&self) -> usize {
        let own = self.remarks.as_ref().map_or(0, |remarks| remarks.annotations());
        MAX_ANNOTATIONS.saturating_sub(own + self.annotated)
    }

    /// What was said of it, here and by its guard: what was said here was promised to be kept.
    /// And how much there was no room for.
    pub(super) fn close_remarks(&mut self, said: Option<Box<Remarks>>) -> (Option<Remarks>, u64) {
        let left = self.annotations_left();
        let Some(mut said) = said else { return (self.remarks.take().map(|kept| *kept), 0) };
        let over = said.limit(left);
        let Some(mut kept) = self.remarks.take() else { return (Some(*said), over as u64) };
        let refused = kept.absorb(*said);
        (Some(*kept), (over + refused) as u64)
    }

    /// Whether another failed call can wait here for its next attempt.
    pub(super) const fn can_hold(&self) -> bool {
        self.attempted.len() < attempts::MAX_HELD
    }

    /// The failed attempt that another follows; its annotations make room for the other's.
    pub(super) fn take_attempted(&mut self, invocation: &str) -> Option<Attempted> {
        let attempted = attempts::take(&mut self.attempted, invocation)?;
        self.annotated = self.annotated.saturating_sub(attempted.call.body.annotations());
        Some(attempted)
    }

    /// All calls, now that no other attempt of one can come.
    pub(super) fn take_calls(&mut self) -> Vec<Subsegment> {
        let mut calls = std::mem::take(&mut self.calls);
        calls.extend(self.attempted.drain(..).map(|attempted| attempted.call));
        calls
    }
}

impl Shared {
    /// An empty ledger and full reservoirs. What is kept of requests' values is hashed by `secret`.
    #[must_use]
    pub fn new(
        options: Options,
        attribution: attribution::options::Options,
        rules: Rules,
        clock: Arc<dyn Clock>,
        secret: [u8; 16],
    ) -> Self {
        Self {
            clock,
            key: Key(secret),
            max_hold: attribution.max_hold,
            curious: AtomicBool::new(false),
            reads_prints: AtomicBool::new(false),
            met: AtomicBool::new(!options.enabled),
            site: Mutex::default(),
            around: Arc::new(ArcSwap::from_pointee(Surroundings::default())),
            ledger: Mutex::new(Ledger::new(attribution)),
            sampler: Sampler::new(rules, options.central),
            keep: Keep::new(options.keep.clone()),
            held: Held::default(),
            pieces: Mutex::default(),
            options,
            aborting: AtomicBool::new(false),
        }
    }

    /// Puts other rules in force, from the next decision on. Their reservoirs start full.
    pub fn set_rules(&self, rules: Rules) {
        self.sampler.set_local(rules);
    }

    /// Something more is known of where it all runs; segments that leave from now on say so.
    pub fn learn(&self, tell: impl FnOnce(&mut Site)) {
        let mut site = self.site.lock();
        tell(&mut site);
        self.around.store(Arc::new(Surroundings::of(&site)));
    }

    /// What segments say of where they were recorded.
    #[must_use]
    pub const fn around(&self) -> &Arc<ArcSwap<Surroundings>> {
        &self.around
    }

    /// Takes down what the ledger would have been told, for whoever does not hold its lock.
    pub(super) fn heed(&self, ledger: &Ledger<Gathered>) {
        self.curious.store(ledger.is_curious(), Ordering::Relaxed);
        self.reads_prints.store(ledger.wants_prints(), Ordering::Relaxed);
    }

    pub(super) fn is_curious(&self) -> bool {
        self.curious.load(Ordering::Relaxed)
    }

    pub(super) fn reads_prints(&self) -> bool {
        self.reads_prints.load(Ordering::Relaxed)
    }

    /// Exchanges that are dropped from now on are broken off by the shutdown.
    pub fn abort(&self) {
        self.aborting.store(true, Ordering::Relaxed);
    }

    /// How an exchange ends whose guard is dropped: whoever asked has gone away, unless it is us
    /// who go.
    pub(super) fn dropped(&self) -> End {
        if self.aborting.load(Ordering::Relaxed) {
            let message = "the sidecar was shut down before the response was complete".into();
            return End::Failed(Failure { kind: "Shutdown", message });
        }
        End::Cancelled
    }

    /// The second of the wall clock.
    #[must_use]
    pub fn second(&self) -> u64 {
        self.clock.now().wall().whole_seconds()
    }

    /// The rules in force.
    #[must_use]
    pub const fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    /// What is kept although the rules passed over it.
    #[must_use]
    pub const fn keep(&self) -> &Keep {
        &self.keep
    }

    /// The subsegments that the service has begun by itself.
    #[must_use]
    pub fn piece_counts(&self) -> pieces::Counts {
        self.pieces.lock().counts()
    }

    /// What the ledger holds.
    #[must_use]
    pub fn ledger_counts(&self) -> Counts {
        self.ledger.lock().counts()
    }
}

/// One worker's recorder.
#[derive(Debug)]
pub struct Recorder {
    pub(super) shared: Arc<Shared>,
    entropy: RefCell<Box<dyn Entropy>>,
    pub(super) queue: Queue,
    pub(super) progress: Progress,
    pub(super) counters: Arc<Counters>,
    /// The access log, if there is one.
    pub(super) access: Option<Lines>,
    warnings: RefCell<Throttle>,
}

/// The trace headers of a request, as they came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Incoming<'a> {
    /// `X-Amzn-Trace-Id`.
    pub xray: Option<&'a [u8]>,
    /// `traceparent`, which counts only where there is no `X-Amzn-Trace-Id` that names a trace.
    pub traceparent: Option<&'a [u8]>,
}

/// What goes on with a request in its trace headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The ids.
    pub context: Context,
    /// Foreign fields of the caller's header.
    pub extra: Box<str>,
}

impl Recorder {
    /// A worker's recorder, which offers what it records to `queue`, and a line of each request to
    /// `access`.
    #[must_use]
    pub fn new(
        shared: Arc<Shared>,
        entropy: Box<dyn Entropy>,
        queue: Queue,
        counters: Arc<Counters>,
        access: Option<Lines>,
    ) -> Rc<Self> {
        let entropy = RefCell::new(entropy);
        let progress = Progress::default();
        let warnings = RefCell::new(Throttle::new(Throttle::WARNINGS));
        Rc::new(Self { shared, entropy, queue, progress, counters, access, warnings })
    }

    /// Announces the requests that have been open for long, sends the calls that nobody tries again,
    /// gives up subsegments that nobody ends, and has the access log written. To be called about once
    /// a second.
    pub fn tick(&self) {
        if let Some(access) = &self.access {
            access.flush();
        }
        let now = self.now();
        self.give_up(now);
        for attempted in self.shared.held.due(now) {
            self.send_attempted(attempted);
        }
        let due = self.progress.due(now, self.shared.options.in_progress_after);
        for segment in due {
            counters::add(&self.counters.in_progress, 1);
            self.queue.offer(Document::Segment(Box::new(segment)));
        }
    }

    /// Sends what is kept back: no attempt of any call comes any more, and no end of a subsegment.
    pub fn flush(&self) {
        self.give_up_all();
        for attempted in self.shared.held.drain() {
            self.send_attempted(attempted);
        }
    }

    pub(super) fn now(&self) -> Stamp {
        self.shared.clock.now()
    }

    pub(super) fn mint_trace(&self, now: Stamp) -> TraceId {
        let mut entropy = self.entropy.borrow_mut();
        let bits = (u128::from(entropy.bits()) << 64) | u128::from(entropy.bits());
        TraceId::mint(now.wall(), bits)
    }

    pub(super) fn mint_segment(&self) -> SegmentId {
        SegmentId::mint(self.entropy.borrow_mut().bits())
    }

    pub(super) fn warn_of_missing_context(&self, host: &str, now: Stamp) {
        if let Some(suppressed) = self.warnings.borrow_mut().allow(now.monotonic()) {
            warn!(host, suppressed, "the parent of an outbound call is unknown; it is not traced");
        }
    }

    /// Asks the rules whether a request is recorded, whose segment has this name.
    pub(super) fn sample(&self, name: &Name, request: &RequestView<'_>, now: Stamp) -> Verdict {
        let http = Request {
            host: request.authority,
            method: request.method.as_str(),
            path: request.path,
        };
        let random = self.entropy.borrow_mut().bits();
        let service = name.as_str();
        let around = self.shared.around.load();
        let service_type = around.origin().map_or("", Origin::as_str);
        let request = central::rule::Request { http, service, service_type };
        self.shared.sampler.decide(&request, now.wall(), random)
    }

    /// What the trace headers of a request say; none if there are none that say anything.
    pub(super) fn understand(&self, incoming: Incoming<'_>) -> TraceHeader {
        let xray = incoming.xray.map(TraceHeader::parse).unwrap_or_default();
        counters::add(&self.counters.header_faults, u64::from(xray.skipped));
        if xray.root.is_some() {
            return xray;
        }
        match incoming.traceparent.map(TraceHeader::parse_traceparent) {
            Some(Some(w3c)) => w3c,
            Some(None) => {
                counters::add(&self.counters.header_faults, 1);
                xray
            }
            None => xray,
        }
    }
}
