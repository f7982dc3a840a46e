//! The ledger of open inbound requests, and the one that made an outbound call.

use crate::attribution::caller::Caller;
use crate::attribution::caller::Hold;
use crate::attribution::caller::Reader;
use crate::attribution::fingerprint::Prints;
use crate::attribution::ladder::Ladder;
use crate::attribution::options::Options;
use crate::attribution::requests::Full;
use crate::attribution::requests::Opened;
use crate::attribution::requests::Requests;
use crate::attribution::requests::Sought;
use crate::attribution::sole::Routes;
use crate::attribution::verdict::Attribution;
use crate::trace::header::TraceHeader;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::time::Stamp;

/// Most requests that are asked about for the sake of one call.
const MAX_ASKED: usize = 256;

/// Knows every inbound request of the service, on all workers, and says which of them made a call.
///
/// `T` is what the caller keeps with an open request. Every method is at most logarithmic in the
/// number of requests, so the ledger may stand behind one short lock. Events may come a little out
/// of order, as workers race; they cost at most an "unknown".
#[derive(Debug)]
pub struct Ledger<T> {
    requests: Requests<T>,
    ladder: Ladder,
}

/// An outbound call as the ledger is asked about it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// When its head was read.
    pub at: Stamp,
    /// The trace header it carries, if any.
    pub header: Option<&'a TraceHeader>,
    /// The method, `CONNECT` for a tunnel.
    pub method: &'a str,
    /// The host it goes to, with the port where that was given.
    pub host: &'a str,
    /// The path, empty for a tunnel. A query is ignored.
    pub path: &'a str,
    /// The values of its head, where [`Ledger::wants_prints`] says so.
    pub prints: Option<&'a Prints>,
    /// What was seen of who makes it, where [`Ledger::ask`] says so.
    pub caller: Option<&'a Caller>,
}

/// What the ledger holds and what it could not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests open, answered or not.
    pub open: usize,
    /// Requests open and not answered.
    pub candidates: usize,
    /// Requests closed and remembered.
    pub remembered: usize,
    /// Outbound routes known.
    pub routes: usize,
    /// Requests refused so far.
    pub refused: u64,
    /// Closed requests so far that were forgotten before their time, to make room.
    pub forgotten: u64,
    /// Outbound routes so far that were forgotten to make room.
    pub evicted: u64,
    /// Calls so far for which two sources were certain of different requests.
    pub contradictions: u64,
}

impl<T> Ledger<T> {
    /// An empty ledger.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { requests: Requests::new(&options), ladder: Ladder::new(options) }
    }

    /// A request has arrived and is about to be sent on to the service. `prints` are the values of
    /// its head; none if [`wants_prints`](Self::wants_prints) did not want them.
    ///
    /// # Errors
    ///
    /// [`Full`] gives the payload back. The request must be closed all the same, by its id.
    pub fn open(
        &mut self,
        request: Opened,
        prints: Option<&Prints>,
        payload: T,
    ) -> Result<(), Full<T>> {
        let opened = self.requests.open(request, payload);
        self.ladder.opened(request.id, prints, self.requests.now());
        opened
    }

    /// Whether the values of heads are to be read, of requests and of calls: only while there are
    /// calls that it could help.
    #[must_use]
    pub const fn wants_prints(&self) -> bool {
        self.ladder.wants_prints()
    }

    /// Whether calls of late could not be attributed, or only by looking at the service.
    #[must_use]
    pub fn is_curious(&self) -> bool {
        self.ladder.habit.is_needed(self.requests.now())
    }

    /// Whether requests are to be held back, on connections of which that can be seen, until it is
    /// seen which thread of the service reads them, and how long.
    #[must_use]
    pub fn holds(&self) -> Option<Hold> {
        self.ladder.holds(self.requests.now())
    }

    /// A request was held back until it was seen who reads it.
    pub fn held(&mut self, id: SegmentId, reader: Reader) {
        if self.requests.waits(id) {
            self.ladder.held(id, reader, self.requests.now());
        }
    }

    /// The head of the service's own response was seen (not of one made in its stead). The request
    /// is no candidate any more; for a second it is a suspect, and with one rule 5 is not available.
    pub fn answered(&mut self, id: SegmentId, at: Stamp) {
        self.requests.answered(id, at);
        self.ladder.answered(id, self.requests.now());
    }

    /// The request is over; to be called once for each that was opened. Gives the payload back, the
    /// first time, and remembers the request for calls that carry its header late. One that the
    /// service has not answered stays a suspect while it is remembered, because its handler may
    /// still be running.
    pub fn close(&mut self, id: SegmentId, at: Stamp) -> Option<T> {
        self.ladder.closed(id);
        self.requests.close(id, at)
    }

    /// What is kept with an open request.
    #[must_use]
    pub fn kept(&self, id: SegmentId) -> Option<&T> {
        self.requests.kept(id)
    }

    /// The same, to be changed.
    pub fn payload(&mut self, id: SegmentId) -> Option<&mut T> {
        self.requests.payload(id)
    }

    /// What is known of a request of `trace`, named by the `id` of its segment, or not.
    #[must_use]
    pub fn seek(&self, trace: TraceId, id: Option<SegmentId>) -> Sought {
        self.requests.seek(trace, id)
    }

    /// The requests about which it pays to ask who has accepted them, before a call with this header
    /// is [attributed](Self::attribute): all that may have made it. None if nothing of that would
    /// help.
    #[must_use]
    pub fn ask(&self, header: Option<&TraceHeader>) -> Option<&[SegmentId]> {
        if header.is_some_and(|header| header.root.is_some()) {
            return None;
        }
        let candidates = self.requests.all_candidates(MAX_ASKED)?;
        let wanted = !candidates.is_empty() && self.ladder.wants_caller(candidates.len());
        wanted.then_some(candidates)
    }

    /// Says which request made `call`, and learns from it. To be asked once a call.
    pub fn attribute(&mut self, call: &Call<'_>) -> Attribution {
        let scene = self.requests.scene(call.at);
        self.ladder.climb(call, &self.requests, scene)
    }

    /// What the ledger holds, for metrics.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            open: self.requests.open_count(),
            candidates: self.requests.candidate_count(),
            remembered: self.requests.remembered_count(),
            routes: self.ladder.routes.as_ref().map_or(0, Routes::len),
            refused: self.requests.refused,
            forgotten: self.requests.forgotten,
            evicted: self.ladder.routes.as_ref().map_or(0, |routes| routes.evicted),
            contradictions: self.ladder.contradictions,
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
