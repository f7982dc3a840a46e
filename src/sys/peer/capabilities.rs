//! What of all this works on this machine, with this service: found by trying it.

use rustix::io::Errno;
use thiserror::Error;

#[cfg(target_os = "linux")]
mod probe;

/// What works. Each part needs the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether the sockets of the far end can be found.
    pub diag: Result<(), Why>,
    /// Whether the processes behind them can.
    pub processes: Result<(), Why>,
    /// Whether the threads of those can be watched.
    pub threads: Result<(), Why>,
}

/// Why something does not work, and how to get it, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Why {
    /// Another system.
    #[error("only Linux has it")]
    System,
    /// Another processor.
    #[error("system calls are known for x86_64 and aarch64 only")]
    Processor,
    /// The kernel, or a filter of system calls, has no answer.
    #[error(
        "the kernel does not answer over NETLINK_SOCK_DIAG ({0}): it needs its module tcp_diag, and \
         a seccomp profile that lets netlink pass"
    )]
    Netlink(Errno),
    /// What it answers about a connection of our own is not so.
    #[error("the kernel does not find our own connections over NETLINK_SOCK_DIAG")]
    Blind,
    /// There is no such file system.
    #[error("/proc cannot be read ({0}): mount it")]
    Proc(Errno),
    /// It has not been tried: there is no service yet.
    #[error("nobody listens on port {port} yet")]
    NotYet {
        /// Where the service should be.
        port: u16,
    },
    /// The service runs, but not where we see it.
    #[error(
        "the service is in another PID namespace: share it (Kubernetes: shareProcessNamespace: \
         true; ECS: pidMode: task; Docker: --pid=container:NAME), or /proc hides it (hidepid)"
    )]
    Namespace,
    /// The service is another user's.
    #[error(
        "the service runs as user {service}, we as {ours}: run both as one, or grant CAP_SYS_PTRACE"
    )]
    User {
        /// Whose the service is.
        service: u32,
        /// Who we are.
        ours: u32,
    },
    /// A security module lets no process watch others.
    #[error("Yama forbids it (kernel.yama.ptrace_scope is {scope}): {}", yama(*.scope))]
    Yama {
        /// What it is set to.
        scope: u32,
    },
    /// It is forbidden, and neither the user nor Yama is the reason.
    #[error(
        "the kernel forbids it ({0}): the service has more capabilities than we, or asked not to be \
         watched (PR_SET_DUMPABLE), or a security module forbids it: grant CAP_SYS_PTRACE"
    )]
    Denied(Errno),
    /// The kernel was built without it.
    #[error("the kernel does not show the system calls of threads ({0})")]
    Syscall(Errno),
}

const fn yama(scope: u32) -> &'static str {
    match scope {
        0..=2 => "grant CAP_SYS_PTRACE, or set it to 0",
        _ => "set it to 0, which takes a reboot",
    }
}

impl Capabilities {
    /// Finds out by trying on ourselves, and on the service that listens on `port` of the loopback
    /// or of all addresses. Without a port it says what can be told without a service: that the
    /// machine has it, not that the service may be looked into. With a port on which nobody listens
    /// yet it says [`Why::NotYet`].
    ///
    /// It takes some milliseconds, or tens where the machine has many processes.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn probe(port: Option<u16>) -> Self {
        probe::probe(port)
    }

    /// Nothing works here.
    #[cfg(not(target_os = "linux"))]
    #[must_use]
    pub fn probe(_port: Option<u16>) -> Self {
        Self::none(Why::System)
    }

    /// Nothing works, all for one reason.
    #[must_use]
    pub const fn none(why: Why) -> Self {
        Self { diag: Err(why), processes: Err(why), threads: Err(why) }
    }
}

#[cfg(test)]
mod tests;
