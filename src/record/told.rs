//! What the service itself tells of its requests, through the local API: remarks on an open
//! request, and subsegments of its own.
//!
//! What is accepted is not lost: it is in the ledger, in the table of open subsegments or in the
//! queue before the answer is given.

use crate::api::piece::End;
use crate::api::piece::New;
use crate::attribution::ledger::Ledger;
use crate::attribution::requests::Sought;
use crate::record::outbound::Place;
use crate::record::outbound::close::Leaving;
use crate::record::pieces::GIVE_UP_AFTER;
use crate::record::pieces::Kin;
use crate::record::pieces::Known;
use crate::record::pieces::Piece;
use crate::record::recorder::Gathered;
use crate::record::recorder::Recorder;
use crate::trace::exchange::Ids;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::segment::Ending;
use crate::trace::segment::Subsegment;
use crate::trace::segment::remarks::Refused;
use crate::trace::segment::remarks::Remarks;
use crate::trace::time::Stamp;

/// Most bytes of memory that what is said of a subsegment may take for it to wait in its request; a
/// larger one leaves at once, so that requests that gather many stay small.
const MAX_WAITING: usize = 4 * 1024;

/// Which request is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Which {
    /// Its trace.
    pub trace: TraceId,
    /// Its segment, or a subsegment in it, if that was named.
    pub parent: Option<SegmentId>,
    /// The same, as a trace header has it; it counts only if it is known.
    pub hint: Option<SegmentId>,
}

/// What came of what was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It was taken.
    Taken(Taken),
    /// Tracing is off: there is nothing that it could belong to. The id is a new one, or that of
    /// the subsegment.
    Off(SegmentId),
    /// It was not taken, and nothing has changed.
    Not(Why),
}

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It ends before it began.
    Backwards,
    /// There are as many open subsegments as there may be.
    Full,
    /// The request, or the subsegment, has ended.
    Gone,
    /// There is no room for it.
    Refused(Refused),
    /// Several requests of the trace are open.
    Several,
    /// There is no such request, or no such subsegment.
    Unknown,
}

/// What was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The segment or subsegment of which it is said.
    pub id: SegmentId,
    /// Whether it is recorded.
    pub sampled: bool,
    /// Foreign fields of the request's trace header, to go on with every call.
    pub extra: Box<str>,
}

/// Whose a new subsegment is.
struct Parent {
    kin: Kin,
    /// Foreign fields of the request's trace header.
    extra: Box<str>,
}

impl Recorder {
    /// A new id.
    pub fn mint(&self) -> SegmentId {
        self.mint_segment()
    }

    /// Something is said of an open request. All of it is taken, or nothing.
    pub fn say(&self, which: Which, remarks: Remarks) -> Heard {
        if !self.shared.options.enabled {
            return Heard::Off(self.mint_segment());
        }
        let mut ledger = self.shared.ledger.lock();
        let (id, sampled) = match self.seek(&ledger, which) {
            Ok(kin) => (kin.request, kin.sampled),
            Err(why) => return Heard::Not(why),
        };
        let Some(open) = ledger.payload(id) else { return Heard::Not(Why::Gone) };
        let taken = Heard::Taken(Taken { id, sampled, extra: Box::default() });
        if !open.hears {
            return taken;
        }
        let left = open.annotations_left();
        let said = open.remarks.get_or_insert_default();
        if said.new_annotations(&remarks) > left {
            return Heard::Not(Why::Refused(Refused::Annotations));
        }
        match said.amend(remarks) {
            Ok(()) => taken,
            Err(refused) => Heard::Not(Why::Refused(refused)),
        }
    }

    /// A subsegment that is whole, or begins. `hint` is the parent that a trace header names.
    pub fn tell(&self, new: New, hint: Option<SegmentId>) -> Heard {
        let id = self.mint_segment();
        if !self.shared.options.enabled {
            return Heard::Off(id);
        }
        let New { trace, parent, name, start, end, details } = new;
        let mut ledger = self.shared.ledger.lock();
        let Parent { kin, extra } = match self.parent(&ledger, Which { trace, parent, hint }) {
            Ok(parent) => parent,
            Err(why) => return Heard::Not(why),
        };
        let told = self.now();
        let size = details.footprint();
        let start = start.unwrap_or(told.wall());
        if end.is_some_and(|end| end < start) {
            return Heard::Not(Why::Backwards);
        }
        let annotations = details.annotations();
        if !has_room(&ledger, kin, annotations) {
            return Heard::Not(Why::Refused(Refused::Annotations));
        }
        let leaving = if let Some(end) = end {
            self.shared.pieces.lock().remember(id, kin);
            let piece = details.into_subsegment(id, name, start, Ending::At(end));
            self.settle(&mut ledger, kin, piece, size)
        } else {
            let piece = Piece { kin, name, start, told, details };
            if !self.shared.pieces.lock().begin(id, piece) {
                return Heard::Not(Why::Full);
            }
            None
        };
        annotate(&mut ledger, kin, annotations);
        drop(ledger);
        self.leave(kin, leaving);
        Heard::Taken(Taken { id, sampled: kin.sampled, extra })
    }

    /// A subsegment that was begun ends.
    pub fn end(&self, end: End) -> Heard {
        let End { id, end, details } = end;
        if !self.shared.options.enabled {
            return Heard::Off(id);
        }
        let mut ledger = self.shared.ledger.lock();
        let mut pieces = self.shared.pieces.lock();
        let Some(piece) = pieces.get(id) else {
            return match pieces.known(id) {
                Known::Ended(_) => Heard::Not(Why::Gone),
                Known::Open(_) | Known::No => Heard::Not(Why::Unknown),
            };
        };
        // An end that nobody names is never before the start.
        let now = self.now().wall_from(piece.told);
        let end = end.unwrap_or(now.max(piece.start));
        if end < piece.start {
            return Heard::Not(Why::Backwards);
        }
        if let Err(refused) = piece.details.room_for(&details) {
            return Heard::Not(Why::Refused(refused));
        }
        let more = piece.details.new_annotations(&details);
        if !has_room(&ledger, piece.kin, more) {
            return Heard::Not(Why::Refused(Refused::Annotations));
        }
        let Some(piece) = pieces.end(id) else { return Heard::Not(Why::Unknown) };
        drop(pieces);
        let Piece { kin, name, start, details: mut all, .. } = piece;
        // There is room for it.
        all.amend(details).ok();
        annotate(&mut ledger, kin, more);
        let size = all.footprint();
        let whole = all.into_subsegment(id, name, start, Ending::At(end));
        let leaving = self.settle(&mut ledger, kin, whole, size);
        drop(ledger);
        self.leave(kin, leaving);
        Heard::Taken(Taken { id, sampled: kin.sampled, extra: Box::default() })
    }

    /// The open request that is meant, as the parent of what is said of it.
    fn seek(&self, ledger: &Ledger<Gathered>, which: Which) -> Result<Kin, Why> {
        let found = self.parent(ledger, which)?.kin;
        match ledger.kept(found.request) {
            Some(_) => Ok(found),
            None => Err(Why::Gone),
        }
    }

    /// The request or subsegment that is meant, open or not.
    fn parent(&self, ledger: &Ledger<Gathered>, which: Which) -> Result<Parent, Why> {
        let Which { trace, parent, hint } = which;
        let kin = match (parent, hint) {
            (Some(id), _) => self.named(ledger, trace, id).ok_or(Why::Unknown)?,
            (None, Some(hint)) => match self.named(ledger, trace, hint) {
                Some(kin) => kin,
                None => only(ledger, trace)?,
            },
            (None, None) => only(ledger, trace)?,
        };
        let extra = ledger.kept(kin.request).map(|open| open.extra.clone()).unwrap_or_default();
        Ok(Parent { kin, extra })
    }

    /// The request or subsegment `id` of `trace`.
    fn named(&self, ledger: &Ledger<Gathered>, trace: TraceId, id: SegmentId) -> Option<Kin> {
        match ledger.seek(trace, Some(id)) {
            Sought::Open { id, sampled } | Sought::Closed { id, sampled } => {
                Some(Kin { trace, request: id, parent: id, sampled })
            }
            Sought::Gone | Sought::Several | Sought::Unknown => {
                match self.shared.pieces.lock().known(id) {
                    Known::Open(kin) | Known::Ended(kin) if kin.trace == trace => {
                        Some(Kin { parent: id, ..kin })
                    }
                    Known::Open(_) | Known::Ended(_) | Known::No => None,
                }
            }
        }
    }

    /// Puts a subsegment that has ended where it belongs. What is left is to leave.
    fn settle(
        &self,
        ledger: &mut Ledger<Gathered>,
        kin: Kin,
        piece: Subsegment,
        size: usize,
    ) -> Option<Leaving> {
        let Kin { request, parent, sampled, .. } = kin;
        if sampled {
            let nested = parent != request;
            let alone = nested || size > MAX_WAITING;
            return Some(match alone {
                true if nested => Leaving::Late(Box::new(piece), parent),
                true => Leaving::Ahead(vec![piece], parent),
                false => self.place(ledger, Place::Below(request), piece),
            });
        }
        // A request that may yet be kept keeps as many as one that is recorded would.
        let most = self.shared.options.stream_after;
        let open = ledger.payload(request).filter(|open| open.hears && open.calls.len() < most);
        if let Some(open) = open.filter(|_| parent == request && size <= MAX_WAITING) {
            open.calls.push(piece);
        }
        None
    }

    fn leave(&self, kin: Kin, leaving: Option<Leaving>) {
        if let Some(leaving) = leaving {
            let Kin { trace, request, .. } = kin;
            self.send(Ids { trace, own: request, parent: None }, leaving);
        }
    }

    /// Sends the subsegments that have been open for very long, as they are.
    pub(super) fn give_up(&self, now: Stamp) {
        if let Some(moment) = now.monotonic().checked_sub(GIVE_UP_AFTER) {
            self.give_up_before(moment);
        }
    }

    /// Sends all open subsegments, as they are.
    pub(super) fn give_up_all(&self) {
        self.give_up_before(std::time::Duration::MAX);
    }

    fn give_up_before(&self, moment: std::time::Duration) {
        loop {
            let next = self.shared.pieces.lock().give_up(moment);
            let Some((id, Piece { kin, name, start, details, .. })) = next else { return };
            if kin.sampled {
                let piece = details.into_subsegment(id, name, start, Ending::Open);
                self.send_alone(piece, kin.trace, kin.parent);
            }
        }
    }
}

/// The only open request of a trace.
fn only(ledger: &Ledger<Gathered>, trace: TraceId) -> Result<Kin, Why> {
    match ledger.seek(trace, None) {
        Sought::Open { id, sampled } => Ok(Kin { trace, request: id, parent: id, sampled }),
        Sought::Closed { .. } | Sought::Gone => Err(Why::Gone),
        Sought::Several => Err(Why::Several),
        Sought::Unknown => Err(Why::Unknown),
    }
}

/// Whether an open request takes so many more annotations; a closed one takes what it is told.
fn has_room(ledger: &Ledger<Gathered>, kin: Kin, annotations: usize) -> bool {
    ledger.kept(kin.request).is_none_or(|open| annotations <= open.annotations_left())
}

/// Counts annotations of a subsegment with those of its request.
fn annotate(ledger: &mut Ledger<Gathered>, kin: Kin, annotations: usize) {
    if let Some(open) = ledger.payload(kin.request) {
        open.annotated += annotations;
    }
}
