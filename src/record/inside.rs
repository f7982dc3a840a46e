//! Requests as the service itself tells of them, by an SDK of its own: whether they are ours.

use crate::attribution::requests::Sought;
use crate::record::recorder::Shared;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;

/// A recorded request of ours, as whoever tells of it from inside finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// It is open, and its segment will say what it was told.
    Open,
    /// Its segment has left.
    Closed,
}

impl Shared {
    /// Whether `segment` of `trace` is a request of ours that is recorded, open or closed not long
    /// ago. One that is open is told its `user`.
    #[must_use]
    pub fn recognise(
        &self,
        trace: TraceId,
        segment: SegmentId,
        user: Option<&str>,
    ) -> Option<Recognised> {
        let mut ledger = self.ledger.lock();
        match ledger.seek(trace, Some(segment)) {
            Sought::Open { sampled: true, .. } => {}
            Sought::Closed { sampled: true, .. } => return Some(Recognised::Closed),
            Sought::Open { .. }
            | Sought::Closed { .. }
            | Sought::Gone
            | Sought::Several
            | Sought::Unknown => return None,
        }
        if let (Some(user), Some(gathered)) = (user, ledger.payload(segment)) {
            gathered.remarks.get_or_insert_default().set_user(user);
        }
        Some(Recognised::Open)
    }
}
