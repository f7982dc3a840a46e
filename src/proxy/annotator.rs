//! Rules for annotations at work on one exchange: looks at its request, its response and its
//! trailers, and says what was found to whoever records it.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use http::HeaderMap;
use http::Request;
use http::Response;

use crate::annotate;
use crate::annotate::Course;
use crate::annotate::Rules;
use crate::annotate::Tally;
use crate::annotate::said;
use crate::proxy::facts;
use crate::record::inbound::Inbound;
use crate::record::outbound::Outbound;
use crate::trace::exchange::State;
use crate::trace::segment::remarks::Remarks;

/// One worker's rules of one port.
#[derive(Debug)]
pub struct Annotator {
    /// The rules.
    pub rules: Rules,
    /// What is counted.
    pub counters: Arc<Counters>,
}

/// What became of annotations, metadata and users, of both ports of a worker.
#[derive(Debug, Default)]
pub struct Counters {
    /// Said of an exchange.
    pub set: AtomicU64,
    /// Left out: not of the type that its rule says.
    pub untyped: AtomicU64,
    /// Left out: the service said it in a form that makes no sense.
    pub malformed: AtomicU64,
    /// Left out: there was no room.
    pub refused: AtomicU64,
}

/// What can be said something of.
pub trait Remarked {
    /// Whether it can leave a document.
    fn is_recorded(&self) -> bool;

    /// What is said of it; none if it can leave no document.
    fn remarks(&mut self) -> Option<&mut Remarks>;
}

impl<S: State> Remarked for Inbound<S> {
    fn is_recorded(&self) -> bool {
        self.may_be_recorded()
    }

    fn remarks(&mut self) -> Option<&mut Remarks> {
        self.remarks()
    }
}

impl<S: State> Remarked for Outbound<S> {
    fn is_recorded(&self) -> bool {
        self.is_sampled()
    }

    fn remarks(&mut self) -> Option<&mut Remarks> {
        self.remarks()
    }
}

/// What rules still want to see of one exchange; of most it is nothing, and takes one word.
#[derive(Debug, Default)]
pub struct Pending(Option<Box<Open>>);

#[derive(Debug)]
struct Open {
    annotator: Rc<Annotator>,
    course: Course,
}

impl Annotator {
    /// A request to `authority` has come, which is as yet unchanged.
    pub(super) fn asked<'r, B>(
        self: &Rc<Self>,
        request: &'r Request<B>,
        authority: impl FnOnce() -> &'r str,
        exchange: &mut impl Remarked,
    ) -> Pending {
        if self.rules.is_empty() || !exchange.is_recorded() {
            return Pending::default();
        }
        let mut course = self.rules.asked(&annotate::Request {
            method: request.method(),
            authority: authority(),
            path: facts::path(request),
            query: request.uri().query().unwrap_or_default(),
            headers: request.headers(),
        });
        self.settle(&mut course, exchange);
        Pending::unless_over(self, course)
    }

    /// Takes what the service says of the request out of its response, and hands it on.
    pub(super) fn hear<B>(
        &self,
        response: &mut Response<B>,
        pending: &mut Pending,
        exchange: &mut impl Remarked,
    ) {
        if !said::is_there(response.headers()) {
            return;
        }
        if let Some(remarks) = exchange.is_recorded().then(|| exchange.remarks()).flatten() {
            let said = said::read(response.headers());
            let mut nobodys = Course::default();
            let course = pending.0.as_mut().map_or(&mut nobodys, |open| &mut open.course);
            self.counters.add(self.rules.settle_said(course, said, remarks));
        }
        said::remove(response.headers_mut());
    }

    fn settle(&self, course: &mut Course, exchange: &mut impl Remarked) {
        if course.is_ready()
            && let Some(remarks) = exchange.remarks()
        {
            self.counters.add(self.rules.settle(course, remarks));
        }
    }
}

impl Pending {
    fn unless_over(annotator: &Rc<Annotator>, course: Course) -> Self {
        if course.is_over() {
            return Self::default();
        }
        Self(Some(Box::new(Open { annotator: Rc::clone(annotator), course })))
    }

    /// The head of the response has come, as the service sent it.
    pub(super) fn answered<B>(&mut self, response: &Response<B>, exchange: &mut impl Remarked) {
        let Some(open) = &mut self.0 else { return };
        let Open { annotator, course } = &mut **open;
        let (status, headers) = (response.status().as_u16(), response.headers());
        annotator.rules.answered(course, &annotate::Response { status, headers });
        annotator.settle(course, exchange);
    }

    /// The trailers have come.
    pub(super) fn trailed(&mut self, trailers: &HeaderMap, exchange: &mut impl Remarked) {
        let Some(Open { annotator, mut course }) = self.0.take().map(|open| *open) else { return };
        annotator.rules.trailed(&mut course, trailers);
        annotator.settle(&mut course, exchange);
    }
}

impl Counters {
    fn add(&self, tally: Tally) {
        let Tally { set, untyped, malformed, refused } = tally;
        for (counter, count) in [
            (&self.set, set),
            (&self.untyped, untyped),
            (&self.malformed, malformed),
            (&self.refused, refused),
        ] {
            if count > 0 {
                counter.fetch_add(count, Ordering::Relaxed);
            }
        }
    }
}
