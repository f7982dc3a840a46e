//! The sampled requests a worker has open, so that the long ones can be announced.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use slab::Slab;

use crate::trace::exchange;
use crate::trace::exchange::Detail;
use crate::trace::exchange::Ids;
use crate::trace::segment::Segment;
use crate::trace::time::Stamp;

/// Open requests of one worker. Bounded by its connections.
#[derive(Debug, Default)]
pub(super) struct Progress(RefCell<Slab<Entry>>);

/// Where an open request stands in [`Progress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(usize);

#[derive(Debug)]
struct Entry {
    ids: Ids,
    start: Stamp,
    detail: Rc<Detail>,
    announced: bool,
}

impl Progress {
    pub(super) fn insert(&self, ids: Ids, start: Stamp, detail: Rc<Detail>) -> Key {
        Key(self.0.borrow_mut().insert(Entry { ids, start, detail, announced: false }))
    }

    pub(super) fn remove(&self, key: Key) {
        drop(self.0.borrow_mut().try_remove(key.0));
    }

    /// The documents of those that have been open for `after` and have not been announced yet.
    pub(super) fn due(&self, now: Stamp, after: Duration) -> Vec<Segment> {
        let mut entries = self.0.borrow_mut();
        let due = entries
            .iter_mut()
            .filter(|(_, entry)| !entry.announced && now.since(entry.start) >= after);
        due.map(|(_, entry)| {
            entry.announced = true;
            exchange::in_progress(entry.ids, entry.start, &entry.detail)
        })
        .collect()
    }
}
