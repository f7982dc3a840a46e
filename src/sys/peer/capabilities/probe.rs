//! The trying.

use std::io;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::time::Duration;

use rustix::fs::CWD;
use rustix::io::Errno;

use super::Capabilities;
use super::Why;
use crate::sys::peer::Diag;
use crate::sys::peer::Fd;
use crate::sys::peer::Pid;
use crate::sys::peer::Processes;
use crate::sys::peer::Socket;
use crate::sys::peer::Threads;
use crate::sys::peer::procfs;
use crate::sys::peer::text;
use crate::sys::peer::threads::CALLS;

/// `linux/capability.h`.
const CAP_SYS_PTRACE: u32 = 19;

/// The value of Yama's `ptrace_scope` with which no capability helps.
const NO_ATTACH: u32 = 3;

/// Room for a `status` file, and more than a `syscall` file.
const STATUS: usize = 4 * 1024;

/// The loopback answers at once or not at all.
const LOOPBACK_WITHIN: Duration = Duration::from_secs(1);

pub(super) fn probe(port: Option<u16>) -> Capabilities {
    let mut diag = match answering() {
        Ok(diag) => diag,
        Err(why) => return Capabilities::none(why),
    };
    let service = own_files()
        .and_then(|processes| port.map(|port| service(&mut diag, &processes, port)).transpose());
    let threads = service.and_then(|service| {
        own_calls()?;
        service.map_or(Ok(()), calls_of)
    });
    Capabilities { diag: Ok(()), processes: service.map(|_| ()), threads }
}

/// A line to the kernel that finds a connection of our own. That it opens says little: without its
/// modules, and in some sandboxes, it answers that there are no sockets.
fn answering() -> Result<Diag, Why> {
    let mut diag = Diag::open().map_err(|error| Why::Netlink(errno(&error)))?;
    let (_listener, near) = loopback().map_err(|error| Why::Netlink(errno(&error)))?;
    let found = near
        .local_addr()
        .and_then(|local| diag.socket(local, near.peer_addr()?))
        .map_err(|error| Why::Netlink(errno(&error)))?;
    let inode = rustix::fs::fstat(&near).map_err(Why::Netlink)?.st_ino;
    if found.map(|socket| socket.inode) == Some(inode) { Ok(diag) } else { Err(Why::Blind) }
}

fn loopback() -> io::Result<(TcpListener, TcpStream)> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .or_else(|_| TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, 0))))?;
    let near = TcpStream::connect_timeout(&listener.local_addr()?, LOOPBACK_WITHIN)?;
    Ok((listener, near))
}

/// A `/proc` in which we find our own sockets.
fn own_files() -> Result<Processes, Why> {
    let processes = Processes::open().map_err(|error| Why::Proc(errno(&error)))?;
    let socket = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .map_err(|error| Why::Proc(errno(&error)))?;
    let inode = rustix::fs::fstat(&socket).map_err(Why::Proc)?.st_ino;
    let fd = u32::try_from(socket.as_fd().as_raw_fd()).map_err(|_| Why::Proc(Errno::BADF))?;
    if processes.still(processes.own(), Fd(fd), inode) {
        Ok(processes)
    } else {
        Err(Why::Proc(Errno::NOENT))
    }
}

/// The process that listens on `port`, or one of them.
fn service(diag: &mut Diag, processes: &Processes, port: u16) -> Result<Pid, Why> {
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let listeners = diag.listeners(any).map_err(|error| Why::Netlink(errno(&error)))?;
    let mut last = Why::NotYet { port };
    for socket in listeners {
        match holder(processes, socket) {
            Ok(pid) => return Ok(pid),
            Err(why) => last = why,
        }
    }
    Err(last)
}

fn holder(processes: &Processes, socket: Socket) -> Result<Pid, Why> {
    let search = processes.search(socket.inode).map_err(|error| Why::Proc(errno(&error)))?;
    if let Some((pid, _)) = search.holder {
        return Ok(pid);
    }
    let closed = search.closed.iter().any(|pid| processes.may_share(*pid, socket.uid, None));
    let ours = rustix::process::geteuid().as_raw();
    Err(match closed {
        true if socket.uid != ours => Why::User { service: socket.uid, ours },
        true => Why::Denied(Errno::ACCESS),
        false => Why::Namespace,
    })
}

/// Whether this kernel shows the system calls of threads at all.
fn own_calls() -> Result<(), Why> {
    let _known = CALLS.ok_or(Why::Processor)?;
    let mut room = [0; STATUS];
    procfs::read_at(CWD, "/proc/self/syscall", &mut room).map_err(Why::Syscall)?;
    Ok(())
}

/// Whether it shows us those of a service.
fn calls_of(pid: Pid) -> Result<(), Why> {
    let looked = Threads::open(pid, 1).and_then(|mut threads| threads.blocked(&mut |_, _| {}));
    match looked.map_err(|error| errno(&error)) {
        // One that just ended had been found.
        Ok(_) | Err(Errno::NOENT) => Ok(()),
        Err(error) if procfs::is_denied(error) => Err(refused(pid, error)),
        Err(error) => Err(Why::Syscall(error)),
    }
}

/// Why we may not watch a process whose files we may see.
fn refused(pid: Pid, error: Errno) -> Why {
    let ours = rustix::process::geteuid().as_raw();
    Circumstances {
        scope: number("/proc/sys/kernel/yama/ptrace_scope").unwrap_or(0),
        may_trace: may_trace(),
        service: uid(pid).unwrap_or(ours),
        ours,
    }
    .reason(error)
}

/// What decides whether one process may watch another.
#[derive(Clone, Copy, Debug)]
struct Circumstances {
    /// What Yama is set to; 0 also without it.
    scope: u32,
    /// Whether we have the capability for it.
    may_trace: bool,
    service: u32,
    ours: u32,
}

impl Circumstances {
    /// The likeliest reason for a refusal, the one first that has to be seen to first.
    const fn reason(self, error: Errno) -> Why {
        let Self { scope, may_trace, service, ours } = self;
        if scope >= NO_ATTACH {
            Why::Yama { scope }
        } else if may_trace {
            Why::Denied(error)
        } else if service != ours {
            Why::User { service, ours }
        } else if scope > 0 {
            Why::Yama { scope }
        } else {
            Why::Denied(error)
        }
    }
}

fn number(path: &str) -> Option<u32> {
    let mut room = [0; STATUS];
    text::number(procfs::read_at(CWD, path, &mut room).ok()?.trim_ascii())
}

/// Whether we have the capability that all of this asks for.
fn may_trace() -> bool {
    let mut room = [0; STATUS];
    procfs::read_at(CWD, "/proc/self/status", &mut room)
        .ok()
        .and_then(|status| text::status(status, "CapEff"))
        .is_some_and(|set| text::has_capability(set, CAP_SYS_PTRACE))
}

/// The user a process runs as.
fn uid(pid: Pid) -> Option<u32> {
    let mut room = [0; STATUS];
    let status = procfs::read_at(CWD, format!("/proc/{pid}/status"), &mut room).ok()?;
    text::status(status, "Uid")?.split(u8::is_ascii_whitespace).find_map(text::number)
}

fn errno(error: &io::Error) -> Errno {
    let gone = error.kind() == io::ErrorKind::NotFound;
    Errno::from_io_error(error).unwrap_or(if gone { Errno::NOENT } else { Errno::IO })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_for_a_refusal_is_the_first_to_be_seen_to() {
        let error = Errno::PERM;
        for (scope, may_trace, service, why) in [
            (0, false, 7, Why::Denied(error)),
            (1, false, 7, Why::Yama { scope: 1 }),
            (1, true, 7, Why::Denied(error)),
            (2, true, 9, Why::Denied(error)),
            (3, true, 7, Why::Yama { scope: 3 }),
            (0, false, 9, Why::User { service: 9, ours: 7 }),
            (1, false, 9, Why::User { service: 9, ours: 7 }),
        ] {
            let found = Circumstances { scope, may_trace, service, ours: 7 };
            assert_eq!(found.reason(error), why, "{found:?}");
        }
    }
}
