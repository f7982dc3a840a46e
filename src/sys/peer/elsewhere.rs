//! What systems other than Linux say: that there is no such thing.

use std::io;
use std::net::SocketAddr;

use super::Fd;
use super::Owner;
use super::Pass;
use super::Pid;
use super::Socket;
use super::Tid;

/// A line to the kernel's table of TCP sockets: none.
#[derive(Debug)]
pub struct Diag;

/// The processes of the machine: none that we see.
#[derive(Debug)]
pub struct Processes;

/// The threads of one process: none that we see.
#[derive(Debug)]
pub struct Threads;

fn none<T>() -> io::Result<T> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Diag {
    /// # Errors
    ///
    /// Always.
    pub fn open() -> io::Result<Self> {
        none()
    }

    /// # Errors
    ///
    /// Always.
    pub fn socket(&mut self, _: SocketAddr, _: SocketAddr) -> io::Result<Option<Socket>> {
        none()
    }

    /// # Errors
    ///
    /// Always.
    pub fn sockets(&mut self, _: &[(SocketAddr, SocketAddr)]) -> io::Result<Vec<Option<Socket>>> {
        none()
    }
}

impl Processes {
    /// # Errors
    ///
    /// Always.
    pub fn open() -> io::Result<Self> {
        none()
    }

    /// # Errors
    ///
    /// Always.
    pub fn owner(&mut self, _: Socket) -> io::Result<Owner> {
        none()
    }

    /// Never known.
    #[must_use]
    pub fn owner_among(&self, _: &[Pid], _: u64) -> Owner {
        Owner::Unsure
    }

    /// Never known.
    #[must_use]
    pub fn among(&self, _: Pid, _: &[u64], _: usize) -> Option<Vec<(u64, Fd)>> {
        None
    }

    /// Nobody.
    #[must_use]
    pub fn recent(&self) -> &[Pid] {
        &[]
    }

    /// Never.
    #[must_use]
    pub fn still(&self, _: Pid, _: Fd, _: u64) -> bool {
        false
    }

    /// # Errors
    ///
    /// Always.
    pub fn threads(&self, _: Pid) -> io::Result<usize> {
        none()
    }
}

impl Threads {
    /// # Errors
    ///
    /// Always.
    pub fn open(_: Pid, _: usize) -> io::Result<Self> {
        none()
    }

    /// # Errors
    ///
    /// Always.
    pub fn blocked(&mut self, _: &mut dyn FnMut(Tid, Fd)) -> io::Result<Pass> {
        none()
    }
}
