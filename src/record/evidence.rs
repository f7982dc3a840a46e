//! What the shell is asked to find out about who makes a call, and what it found.

use std::rc::Rc;
use std::time::Duration;

use crate::attribution::caller::Caller;
use crate::attribution::caller::Hold;
use crate::attribution::caller::Reader;
use crate::attribution::fingerprint::Prints;
use crate::record::recorder::Incoming;
use crate::record::recorder::Recorder;
use crate::sys::link::Link;
use crate::trace::id::SegmentId;
use crate::trace::time::Stamp;

/// Who has accepted which of these requests, and who makes the call?
#[derive(Clone, Debug)]
pub struct Question {
    /// When the head of the call was read.
    pub at: Stamp,
    /// Every request that may have made it, and the connection it went over. One that was not sent
    /// yet has not.
    pub requests: Vec<(SegmentId, Link)>,
}

/// How a request goes to the service.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Way {
    /// Nobody says.
    #[default]
    Unknown,
    /// Not yet: it has made no call.
    Unsent,
    /// Over this connection, and nothing else does.
    Over(Link),
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// When the head of the call was read.
    pub at: Stamp,
    /// Who makes the call.
    pub caller: Caller,
}

/// Told of the way of one request to the service, for the sake of the calls it will make.
#[derive(Clone, Debug)]
pub struct Watch {
    pub(super) recorder: Rc<Recorder>,
    pub(super) id: SegmentId,
    pub(super) holds: Option<Hold>,
}

impl Watch {
    /// The request is about to be sent over this connection, and nothing else is; or over one of
    /// which that cannot be said.
    pub fn over(&self, link: Option<Link>) {
        if let Some(gathered) = self.recorder.shared.ledger.lock().payload(self.id) {
            gathered.way = link.map_or(Way::Unknown, Way::Over);
        }
    }

    /// How and how long the request is to be held back until it is seen which thread of the service
    /// reads it; none if it is not.
    #[must_use]
    pub fn holds(&self) -> Option<(Hold, Duration)> {
        Some((self.holds?, self.recorder.shared.max_hold))
    }

    /// The request was held back until it was seen who reads it.
    pub fn held(&self, reader: Reader) {
        self.recorder.shared.ledger.lock().held(self.id, reader);
    }
}

impl Recorder {
    /// What to find out before a call is opened; none if nothing would help. Cheap where calls
    /// find their parents without.
    #[must_use]
    pub fn question(&self, incoming: Incoming<'_>) -> Option<Question> {
        let named = incoming.xray.is_some() || incoming.traceparent.is_some();
        if named || !self.shared.is_curious() {
            return None;
        }
        let at = self.now();
        let ledger = self.shared.ledger.lock();
        let ways = ledger.ask(None)?.iter().map(|id| {
            let way = ledger.kept(*id).map(|gathered| gathered.way);
            (*id, way.unwrap_or_default())
        });
        Some(Question { at, requests: sent(ways)? })
    }

    /// The values by which a request and a call can be told to belong together, if they are of use
    /// now. `texts` are the target and the values of headers.
    pub fn prints<'t>(&self, texts: impl IntoIterator<Item = &'t [u8]>) -> Option<Prints> {
        self.shared.reads_prints().then(|| Prints::of(self.shared.key, texts))
    }
}

/// Those that were sent, and over which connection. None if that is not known of one.
fn sent(ways: impl Iterator<Item = (SegmentId, Way)>) -> Option<Vec<(SegmentId, Link)>> {
    let sent = ways.filter_map(|(id, way)| match way {
        Way::Over(link) => Some(Some((id, link))),
        Way::Unsent => None,
        Way::Unknown => Some(None),
    });
    sent.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_were_not_sent_are_left_out() {
        let link = Link { near: ([127, 0, 0, 1], 1).into(), far: ([127, 0, 0, 1], 2).into() };
        let [one, two, three] = [1, 2, 3].map(SegmentId::mint);
        let ways = [(one, Way::Unsent), (two, Way::Over(link)), (three, Way::Unsent)];
        assert_eq!(sent(ways.into_iter()), Some(vec![(two, link)]));
        let ways = [(one, Way::Over(link)), (two, Way::Unknown)];
        assert_eq!(sent(ways.into_iter()), None);
    }
}
