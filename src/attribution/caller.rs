//! What was seen of who makes a call, as values: whoever reads the operating system fills them in.

use crate::trace::id::SegmentId;

/// A thread of a process, by the numbers the operating system gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thread {
    /// The process.
    pub process: u32,
    /// The thread.
    pub id: u32,
}

/// Who makes a call, as far as could be seen while it waited for its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The process at the other end of the call's connection, if that is exactly one.
    pub process: Option<Process>,
    /// The thread that waits for the answer.
    pub thread: Option<Thread>,
}

/// A process that makes a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// It has one thread only.
    pub single: bool,
    /// Of the requests that were asked about, those that it has accepted and nobody else.
    pub accepted: Vec<SegmentId>,
    /// How many of the others are accepted by nobody yet.
    pub queued: usize,
}

/// What came of waiting for a thread to read a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// This one waits for the rest of it.
    Thread(Thread),
    /// It was read, and nobody waits for the rest.
    Nobody,
    /// Nobody has begun to read it.
    Queued,
}

/// How long a request is held back for the sake of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// For a short time in all: it may be in vain.
    Briefly,
    /// For as long as nobody has begun to read it: the service is known to gain by it, and nobody
    /// would serve the request any sooner.
    Patiently,
}

impl Thread {
    /// Whether it is the one its process began with.
    #[must_use]
    pub const fn is_main(self) -> bool {
        self.id == self.process
    }
}
