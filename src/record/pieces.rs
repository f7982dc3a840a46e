//! The subsegments that the service has begun by itself and has not ended: one bounded table for
//! all of them, and a memory of those that have ended.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::time::Duration;

use foldhash::fast::FixedState;

use crate::api::details::Details;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::segment::Name;
use crate::trace::time::Micros;
use crate::trace::time::Stamp;

/// Most subsegments that are open at a time; it also bounds how many ended ones are remembered.
pub const MAX_OPEN: usize = 4_096;

/// Most bytes of memory that what was said of the open ones takes, all together.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// How long one may be open before it is sent as one in progress, and forgotten.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(3_600);

/// The open subsegments. Ids are chance of our own, so the hasher needs no secret.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    open: HashMap<SegmentId, Piece, FixedState>,
    /// The open ones by the moment each was begun.
    by_age: BTreeSet<(Duration, SegmentId)>,
    bytes: usize,
    ended: HashMap<SegmentId, Kin, FixedState>,
    /// The ended ones, the oldest first.
    forgetting: VecDeque<SegmentId>,
    refused: u64,
    given_up: u64,
}

/// Where a subsegment belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kin {
    pub(super) trace: TraceId,
    /// The request it is part of.
    pub(super) request: SegmentId,
    /// What it is directly part of.
    pub(super) parent: SegmentId,
    /// Whether the request is recorded.
    pub(super) sampled: bool,
}

/// A subsegment that has begun.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) kin: Kin,
    pub(super) name: Name,
    pub(super) start: Micros,
    /// When that was told.
    pub(super) told: Stamp,
    pub(super) details: Details,
}

/// What there is, and what there was no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Subsegments open.
    pub open: usize,
    /// Bytes of memory that what was said of them takes, about.
    pub bytes: usize,
    /// Subsegments refused so far.
    pub refused: u64,
    /// Subsegments so far that nobody ended.
    pub given_up: u64,
}

/// What is known of a subsegment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Open(Kin),
    Ended(Kin),
    No,
}

impl Pieces {
    /// One has begun. False, and counted, if there is no room for it.
    pub(super) fn begin(&mut self, id: SegmentId, piece: Piece) -> bool {
        let bytes = self.bytes + piece.details.footprint();
        if self.open.len() >= MAX_OPEN || bytes > MAX_BYTES {
            self.refused += 1;
            return false;
        }
        self.bytes = bytes;
        self.by_age.insert((piece.told.monotonic(), id));
        self.open.insert(id, piece);
        true
    }

    pub(super) fn get(&self, id: SegmentId) -> Option<&Piece> {
        self.open.get(&id)
    }

    /// What is known of one, open or not.
    pub(super) fn known(&self, id: SegmentId) -> Known {
        match (self.open.get(&id), self.ended.get(&id)) {
            (Some(piece), _) => Known::Open(piece.kin),
            (None, Some(kin)) => Known::Ended(*kin),
            (None, None) => Known::No,
        }
    }

    /// One has ended.
    pub(super) fn end(&mut self, id: SegmentId) -> Option<Piece> {
        let piece = self.open.remove(&id)?;
        self.bytes = self.bytes.saturating_sub(piece.details.footprint());
        self.by_age.remove(&(piece.told.monotonic(), id));
        self.remember(id, piece.kin);
        Some(piece)
    }

    /// Remembers one that has ended, or was whole from the start.
    pub(super) fn remember(&mut self, id: SegmentId, kin: Kin) {
        if self.forgetting.len() >= MAX_OPEN
            && let Some(oldest) = self.forgetting.pop_front()
        {
            self.ended.remove(&oldest);
        }
        self.forgetting.push_back(id);
        self.ended.insert(id, kin);
    }

    /// Takes the oldest out, if it was begun before `moment`; nobody ends it any more.
    pub(super) fn give_up(&mut self, moment: Duration) -> Option<(SegmentId, Piece)> {
        let (_, id) = *self.by_age.first().filter(|(told, _)| *told <= moment)?;
        let piece = self.end(id)?;
        self.given_up += 1;
        Some((id, piece))
    }

    pub(super) fn counts(&self) -> Counts {
        let Self { open, bytes, refused, given_up, .. } = self;
        Counts { open: open.len(), bytes: *bytes, refused: *refused, given_up: *given_up }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(at: u64) -> Piece {
        let request = SegmentId::mint(1);
        Piece {
            kin: Kin {
                trace: TraceId::mint(Micros::new(1), 1),
                request,
                parent: request,
                sampled: true,
            },
            name: Name::new("work"),
            start: Micros::new(at),
            told: Stamp::new(Micros::new(at), Duration::from_secs(at)),
            details: Details::default(),
        }
    }

    #[test]
    fn there_is_an_end_to_those_that_are_open_and_to_those_remembered() {
        let mut pieces = Pieces::default();
        let ids = |from: usize| (from..from + MAX_OPEN).map(|id| SegmentId::mint(id as u64));
        for id in ids(1) {
            assert!(pieces.begin(id, piece(id.complement().to_text().as_bytes()[0].into())));
        }
        let more = SegmentId::mint(u64::MAX);
        assert!(!pieces.begin(more, piece(1)));
        assert_eq!(pieces.known(more), Known::No);
        for id in ids(1) {
            assert!(pieces.end(id).is_some());
            assert!(pieces.end(id).is_none(), "only once");
        }
        assert!(pieces.begin(more, piece(1)));
        assert!(pieces.end(more).is_some());
        assert_eq!(pieces.known(SegmentId::mint(1)), Known::No, "the oldest is forgotten");
        assert!(matches!(pieces.known(SegmentId::mint(2)), Known::Ended(_)));
        assert_eq!(pieces.ended.len(), MAX_OPEN);
        assert!(pieces.by_age.is_empty());
        assert_eq!(pieces.counts(), Counts { refused: 1, ..Counts::default() });
    }

    #[test]
    fn the_oldest_are_given_up_first() {
        let mut pieces = Pieces::default();
        for at in [30, 10, 20] {
            assert!(pieces.begin(SegmentId::mint(at), piece(at)));
        }
        let mut until = |moment| {
            std::iter::from_fn(|| Some(pieces.give_up(Duration::from_secs(moment))?.0))
                .collect::<Vec<_>>()
        };
        assert_eq!(until(9), []);
        assert_eq!(until(20), [10, 20].map(SegmentId::mint));
        assert_eq!(until(u64::MAX), [30].map(SegmentId::mint));
        assert_eq!(pieces.counts().given_up, 3);
    }
}
