//! `/proc` as directories, links and small files, without a `Path` or an allocation per name.

use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;

use rustix::fs::CWD;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::RawDir;
use rustix::io::Errno;
use rustix::path::Arg;
use rustix::path::DecInt;

use super::Fd;
use super::Pid;
use super::text;

/// Room for names of one read of a directory: some two hundred.
const NAMES: usize = 8 * 1024;

/// Longest link that is read whole: all of sockets are shorter.
const LINK: usize = 64;

/// The root of `/proc`, kept open.
pub(super) fn root() -> Result<OwnedFd, Errno> {
    directory(CWD, "/proc")
}

/// Our own number, as this `/proc` counts: it may be that of another PID namespace than ours.
pub(super) fn own(root: impl AsFd) -> Result<Pid, Errno> {
    let mut room = [0_u8; LINK];
    let length = rustix::fs::readlinkat_raw(root, "self", &mut room[..])?;
    room.get(..length).and_then(text::number).map(Pid).ok_or(Errno::NOENT)
}

pub(super) fn directory(at: impl AsFd, path: impl Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(at, path, flags, Mode::empty())
}

pub(super) fn file(at: impl AsFd, path: impl Arg) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(at, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// Hands on all names in `directory` that are numbers, until `each` says to stop.
pub(super) fn numbers(
    directory: impl AsFd,
    each: &mut dyn FnMut(u32) -> Result<Walk, Errno>,
) -> Result<(), Errno> {
    let mut room = [MaybeUninit::uninit(); NAMES];
    let mut names = RawDir::new(directory, &mut room);
    while let Some(entry) = names.next() {
        let entry = entry?;
        if let Some(number) = text::number(entry.file_name().to_bytes())
            && each(number)? == Walk::Stop
        {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether a walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    On,
    Stop,
}

/// The inode of the socket that `name` in a directory of links stands for. None for other files,
/// and for one that was closed.
pub(super) fn socket_link(at: impl AsFd, name: impl Arg) -> Result<Option<u64>, Errno> {
    let mut room = [0_u8; LINK];
    match rustix::fs::readlinkat_raw(at, name, &mut room[..]) {
        Ok(length) => Ok(room.get(..length).and_then(text::socket_link)),
        Err(error) if is_gone(error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Hands on all sockets that a process has open, as many as `links` files are enough for, and
/// takes those off it. That it ended meanwhile is no error.
pub(super) fn sockets(
    root: impl AsFd,
    pid: Pid,
    links: &mut usize,
    each: &mut dyn FnMut(u64, Fd) -> Walk,
) -> Result<(), Errno> {
    let directory = match directory(root, format!("{pid}/fd")) {
        Err(error) if is_gone(error) => return Ok(()),
        other => other?,
    };
    let walked = numbers(&directory, &mut |fd| {
        *links = links.checked_sub(1).ok_or(Errno::TOOBIG)?;
        let inode = socket_link(&directory, DecInt::new(fd).as_c_str())?;
        Ok(inode.map_or(Walk::On, |inode| each(inode, Fd(fd))))
    });
    match walked {
        Err(error) if is_gone(error) => Ok(()),
        other => other,
    }
}

/// What a file of `/proc` holds, up to the size of `room`.
pub(super) fn read(file: impl AsFd, room: &mut [u8]) -> Result<&[u8], Errno> {
    let length = rustix::io::pread(file, &mut *room, 0)?;
    Ok(room.get(..length).unwrap_or(&[]))
}

/// The same of a file that is opened for it.
pub(super) fn read_at(root: impl AsFd, path: impl Arg, room: &mut [u8]) -> Result<&[u8], Errno> {
    read(file(root, path)?, room)
}

/// Whether an error says no more than that a process, a thread or a file is not there any more.
pub(super) fn is_gone(error: Errno) -> bool {
    [Errno::NOENT, Errno::SRCH].contains(&error)
}

/// Whether an error says that we may not.
pub(super) fn is_denied(error: Errno) -> bool {
    [Errno::ACCESS, Errno::PERM].contains(&error)
}
