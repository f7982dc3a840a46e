//! One worker's lines, gathered and handed to the side thread chunk by chunk.

use std::cell::RefCell;

use crate::emit::side::CHUNK;
use crate::emit::side::Chunk;
use crate::emit::side::SideSender;
use crate::emit::side::Taken;

/// Gathers lines. What is gathered when it is dropped is handed over.
#[derive(Debug)]
pub struct Lines {
    side: SideSender,
    waiting: RefCell<Chunk>,
}

impl Lines {
    /// Hands them to `side`.
    #[must_use]
    pub fn new(side: SideSender) -> Self {
        Self { side, waiting: RefCell::default() }
    }

    /// Adds the line that `write` appends, without its end. Never waits: what there is no room for
    /// is lost, and counted.
    pub fn add(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut waiting = self.waiting.borrow_mut();
        write(&mut waiting.lines);
        waiting.lines.push(b'\n');
        waiting.documents += 1;
        if waiting.lines.len() >= CHUNK {
            self.hand_over(&mut waiting);
        }
    }

    /// Hands over what is gathered. To be called about once a second.
    pub fn flush(&self) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.documents > 0 {
            self.hand_over(&mut waiting);
        }
    }

    fn hand_over(&self, waiting: &mut Chunk) {
        self.side.hand_over(std::mem::take(waiting), &mut Taken::default());
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush();
    }
}
