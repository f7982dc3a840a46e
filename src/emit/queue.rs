//! The bounded queue between a worker's requests and its emitter. It belongs to one thread.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::emit::counters::Counters;
use crate::emit::counters::DropReason;
use crate::trace::document::Document;

/// How many documents the emitter takes at once: as many as one segmented UDP send can carry on
/// Linux (`UDP_MAX_SEGMENTS`). Waking it at this many keeps a burst from waiting for its timer.
pub(in crate::emit) const BATCH: usize = 64;

/// Most bytes of documents that others have written in one queue: in these, unlike in a model, all
/// that is said takes its whole room.
const WRITTEN: usize = 32 << 20;

/// The end that requests offer documents to. Clones are the same queue.
#[derive(Clone, Debug)]
pub struct Queue(Rc<Shared>);

/// The end that the emitter takes them from; dropping it closes the queue.
#[derive(Debug)]
pub(in crate::emit) struct Outlet(Rc<Shared>);

struct Shared {
    documents: RefCell<VecDeque<Document>>,
    capacity: usize,
    /// Bytes of what others have written, at most [`WRITTEN`].
    written: Cell<usize>,
    closed: Cell<bool>,
    /// Told at the first document, at a whole batch and at the close.
    wake: Notify,
    counters: Arc<Counters>,
}

impl Queue {
    /// Leaves `document` to the emitter, or drops and counts it: when the queue is full, and when
    /// it is closed. Never waits.
    pub fn offer(&self, document: Document) {
        let shared = &self.0;
        shared.counters.offer();
        if shared.closed.get() {
            return shared.counters.drop_documents(DropReason::Shutdown, 1);
        }
        let mut documents = shared.documents.borrow_mut();
        let written = shared.written.get() + document.written();
        if documents.len() >= shared.capacity || written > WRITTEN {
            return shared.counters.drop_documents(DropReason::QueueFull, 1);
        }
        shared.written.set(written);
        documents.push_back(document);
        if matches!(documents.len(), 1 | BATCH) {
            shared.wake.notify_one();
        }
    }

    /// Takes no more: the emitter sends what there is and ends.
    pub fn close(&self) {
        self.0.closed.set(true);
        self.0.wake.notify_one();
    }
}

impl Outlet {
    /// Waits until `count` documents are queued (1 or [`BATCH`]: nothing else wakes it) or the
    /// queue is closed. Cancel-safe.
    pub(in crate::emit) async fn holds(&self, count: usize) {
        while self.0.documents.borrow().len() < count && !self.0.closed.get() {
            self.0.wake.notified().await;
        }
    }

    /// The oldest document.
    pub(in crate::emit) fn take(&self) -> Option<Document> {
        let document = self.0.documents.borrow_mut().pop_front()?;
        self.0.written.set(self.0.written.get().saturating_sub(document.written()));
        Some(document)
    }

    /// How many documents are queued.
    pub(in crate::emit) fn len(&self) -> usize {
        self.0.documents.borrow().len()
    }

    /// Whether there is nothing left and nothing will come.
    pub(in crate::emit) fn ended(&self) -> bool {
        self.0.closed.get() && self.0.documents.borrow().is_empty()
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.0.closed.set(true);
        self.0.documents.borrow_mut().clear();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("queued", &self.documents.borrow().len())
            .field("capacity", &self.capacity)
            .field("closed", &self.closed.get())
            .finish_non_exhaustive()
    }
}

/// A queue of at most `capacity` documents.
pub(in crate::emit) fn bounded(capacity: usize, counters: Arc<Counters>) -> (Queue, Outlet) {
    let shared = Rc::new(Shared {
        documents: RefCell::default(),
        capacity,
        written: Cell::new(0),
        closed: Cell::new(false),
        wake: Notify::new(),
        counters,
    });
    (Queue(Rc::clone(&shared)), Outlet(shared))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::testing::document;
    use crate::trace::document::Foreign;

    #[test]
    fn what_others_have_written_is_bounded_by_its_bytes() {
        let counters = Arc::<Counters>::default();
        let (queue, outlet) = bounded(1_000, Arc::clone(&counters));
        let written = |bytes: usize| Document::Foreign(Foreign(vec![b' '; bytes].into()));
        let refused = || counters.counts().dropped(DropReason::QueueFull);

        queue.offer(written(WRITTEN - 1));
        queue.offer(written(2));
        assert_eq!(refused(), 1, "one byte beyond the bound");
        queue.offer(written(1));
        queue.offer(document(1));
        assert_eq!(refused(), 1, "it is full to the byte, and our own have their room");
        queue.offer(written(1));
        assert_eq!(refused(), 2);
        assert_eq!(outlet.take().map(|document| document.written()), Some(WRITTEN - 1));
        queue.offer(written(WRITTEN - 1));
        queue.offer(written(1));
        assert_eq!(refused(), 3, "what is taken makes room for as much");
        assert_eq!(outlet.len(), 3);
    }
}
