//! The ledger of open inbound requests, and the ladder of evidence that names the one which made an
//! outbound call.

use crate::attribution::header;
use crate::attribution::options::Options;
use crate::attribution::requests::Full;
use crate::attribution::requests::Opened;
use crate::attribution::requests::Requests;
use crate::attribution::requests::Scene;
use crate::attribution::route::Route;
use crate::attribution::sole::Met;
use crate::attribution::sole::Routes;
use crate::attribution::sole::Standing;
use crate::attribution::verdict::Attribution;
use crate::attribution::verdict::Method;
use crate::trace::header::TraceHeader;
use crate::trace::id::SegmentId;
use crate::trace::time::Stamp;

/// Knows every inbound request of the service, on all workers, and says which of them made a call.
///
/// `T` is what the caller keeps with an open request. Every method is at most logarithmic in the
/// number of requests, so the ledger may stand behind one short lock. Events may come a little out
/// of order, as workers race; they cost at most an "unknown".
#[derive(Debug)]
pub struct Ledger<T> {
    requests: Requests<T>,
    /// What rule 5 has learned; none if it is off.
    routes: Option<Routes>,
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
}

impl<T> Ledger<T> {
    /// An empty ledger.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "options belong to their component")]
    pub fn new(options: Options) -> Self {
        Self { requests: Requests::new(&options), routes: Routes::new(&options) }
    }

    /// A request has arrived and is about to be sent on to the service.
    ///
    /// # Errors
    ///
    /// [`Full`] gives the payload back. The request must be closed all the same, by its id.
    pub fn open(&mut self, request: Opened, payload: T) -> Result<(), Full<T>> {
        self.requests.open(request, payload)
    }

    /// The head of the service's own response was seen (not of one made in its stead). The request
    /// is no candidate any more; for a second it is a suspect, and with one rule 5 is not available.
    pub fn answered(&mut self, id: SegmentId, at: Stamp) {
        self.requests.answered(id, at);
    }

    /// The request is over; to be called once for each that was opened. Gives the payload back, the
    /// first time, and remembers the request for calls that carry its header late. One that the
    /// service has not answered stays a suspect while it is remembered, because its handler may
    /// still be running.
    pub fn close(&mut self, id: SegmentId, at: Stamp) -> Option<T> {
        self.requests.close(id, at)
    }

    /// What is kept with an open request.
    pub fn payload(&mut self, id: SegmentId) -> Option<&mut T> {
        self.requests.payload(id)
    }

    /// Says which request made `call`, and learns from it. To be asked once a call.
    pub fn attribute(&mut self, call: &Call<'_>) -> Attribution {
        let scene = self.requests.scene(call.at);
        if let Some(parent) = call.header.and_then(|named| header::parent(named, &self.requests)) {
            return Attribution::found(parent, Method::Header);
        }
        let standing = self.learn(call, scene);
        match scene {
            Scene::Nobody => Attribution::background(),
            Scene::Suspects => Attribution::unknown(self.requests.newest_suspects()),
            Scene::Sole(id) => match (standing, self.requests.parent(id)) {
                (Standing::Trusted, Some(parent)) => Attribution::found(parent, Method::Sole),
                (Standing::Trusted | Standing::Unproven, _) => Attribution::unknown(vec![id]),
            },
            Scene::Several | Scene::Blurred => {
                Attribution::unknown(self.requests.some_candidates())
            }
        }
    }

    /// Lets rule 5 learn of a call without a header, and asks how its route stands.
    fn learn(&mut self, call: &Call<'_>, scene: Scene) -> Standing {
        let Some(routes) = &mut self.routes else { return Standing::Unproven };
        let Some(route) = Route::of(call.method, call.host, call.path) else {
            return Standing::Unproven;
        };
        let met = match scene {
            Scene::Nobody | Scene::Suspects => Met::Nobody,
            Scene::Sole(_) | Scene::Several => Met::Requests,
            Scene::Blurred => Met::Unclear,
        };
        routes.learn(route, self.requests.mark(), met)
    }

    /// What the ledger holds, for metrics.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            open: self.requests.open_count(),
            candidates: self.requests.candidate_count(),
            remembered: self.requests.remembered_count(),
            routes: self.routes.as_ref().map_or(0, Routes::len),
            refused: self.requests.refused,
            forgotten: self.requests.forgotten,
            evicted: self.routes.as_ref().map_or(0, |routes| routes.evicted),
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
