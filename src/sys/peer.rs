//! The far end of one of our own connections on this machine: its socket, the process that has it
//! open, the thread that waits on it.
//!
//! Everything here asks the kernel once and says what it answered. Nothing waits for anything to
//! happen, and nothing decides what an answer means. The calls do block for as long as the kernel
//! takes, microseconds as a rule; whoever must not be held up asks from a thread of its own.
//!
//! What is needed, least first: `Diag` the same network namespace, `Processes` besides it the same
//! PID namespace and the same user (or `CAP_SYS_PTRACE`), `Threads` besides them the right to
//! attach as a debugger would. `Capabilities` finds out. Only Linux has any of it.

pub mod capabilities;
#[cfg(target_os = "linux")]
mod diag;
#[cfg(any(test, not(target_os = "linux")))]
pub mod elsewhere;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(target_os = "linux")]
mod procfs;
#[cfg(test)]
pub(crate) mod service;
#[cfg(test)]
mod tests;
mod text;
#[cfg(target_os = "linux")]
mod threads;
#[cfg(target_os = "linux")]
mod wire;

use std::fmt;

#[cfg(target_os = "linux")]
pub use self::diag::Diag;
#[cfg(not(target_os = "linux"))]
pub use self::elsewhere::Diag;
#[cfg(not(target_os = "linux"))]
pub use self::elsewhere::Processes;
#[cfg(not(target_os = "linux"))]
pub use self::elsewhere::Threads;
#[cfg(target_os = "linux")]
pub use self::processes::Processes;
#[cfg(target_os = "linux")]
pub use self::threads::Threads;

/// Most sockets that one dump lists.
pub const SOCKETS_MAX: usize = 16_384;

/// Most open files that one question looks at, of all processes together.
pub const LINKS_MAX: usize = 65_536;

/// The number of a process, in the PID namespace of our `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(pub u32);

/// The number of a thread, in the PID namespace of our `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tid(pub u32);

/// The number of an open file, in the process that opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fd(pub u32);

/// A TCP socket, as the kernel names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Socket {
    /// Its inode: one number for its whole life, whoever has it open. 0 while it waits to be
    /// accepted.
    pub inode: u64,
    /// The user who accepted or opened it. It means nothing before the socket is accepted.
    pub uid: u32,
    /// Bytes that have come and nobody has read.
    pub unread: u32,
}

impl Socket {
    /// Whether a process has taken it. Nobody can have read from one that was not accepted.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        self.inode != 0
    }
}

/// Who has a socket open, our own process aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// One process among those that were asked, under this number (the first that was found, where
    /// it has several).
    One(Pid, Fd),
    /// More than one process: any of them may read it.
    Several,
    /// None. It may have been closed, or be on its way from the kernel to the one who accepts it.
    Nobody,
    /// Nothing that can be relied on: a process that may have it could not be looked into, or there
    /// was too much to look at.
    Unsure,
}

/// What one look at the threads of a process came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// Threads that were looked at.
    pub seen: usize,
    /// Threads that were not, because the process has more than the limit.
    pub beyond: usize,
    /// Threads that run, or would if there were a processor for them.
    pub running: usize,
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
