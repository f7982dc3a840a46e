//! What the files of `/proc` say, as values. Pure: bytes in, values out, whatever the bytes.
//!
//! Source: `proc(5)` and the pages it names.

/// Lowest address that a stack of a 64-bit process has. All of a 32-bit process is below, and its
/// system calls have other numbers, which must not be taken for ours.
const ABOVE_4_GIB: u64 = 1 << 32;

/// Flag of threads that are the kernel's own (`PF_KTHREAD` of `linux/sched.h`).
const KERNEL_THREAD: u64 = 0x0020_0000;

/// Events of a poll that mean "there is something to read" (`POLLIN`, `POLLRDNORM`).
const READABLE: i16 = 0x0001 | 0x0040;

/// The system calls by which a thread waits for one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Calls {
    /// `read`, `readv`, `recvfrom`, `recvmsg`: their first argument is the file.
    pub(super) reads: &'static [u64],
    /// `poll`, `ppoll`: their first two arguments are the array and its length.
    pub(super) polls: &'static [u64],
}

/// `asm/unistd_64.h`.
pub(super) const X86_64: Calls = Calls { reads: &[0, 19, 45, 47], polls: &[7, 271] };

/// `asm-generic/unistd.h`.
pub(super) const AARCH64: Calls = Calls { reads: &[63, 65, 207, 212], polls: &[73] };

/// What a thread does, by the one line of its `syscall` file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// It waits for this file.
    Reads(u32),
    /// It polls the one file of the `struct pollfd` at this address of its memory.
    PollsAt(u64),
    /// It runs, or would if there were a processor for it.
    Runs,
    /// Something else, or the line makes no sense.
    Else,
}

/// Reads the line of `/proc/PID/task/TID/syscall`: `running`, or the number of the call (`-1` for
/// none), its six arguments, the stack and the program pointer.
pub(super) fn doing(line: &[u8], calls: &Calls) -> Doing {
    if line.trim_ascii_end() == b"running" {
        return Doing::Runs;
    }
    let mut fields = line.trim_ascii_end().split(|byte| *byte == b' ');
    let Some(number) = fields.next().and_then(decimal) else { return Doing::Else };
    let mut values = [0; 8];
    for value in &mut values {
        let Some(read) = fields.next().and_then(hexadecimal) else { return Doing::Else };
        *value = read;
    }
    let [first, second, .., stack, _] = values;
    if stack < ABOVE_4_GIB || fields.next().is_some() {
        return Doing::Else;
    }
    // Descriptors and lengths are 32 bits of a register; what is above them means nothing for a
    // descriptor. A length of one is one whole register in any caller that we know.
    let [low, _] = halves(first);
    if calls.reads.contains(&number) && i32::try_from(low).is_ok() {
        Doing::Reads(low)
    } else if calls.polls.contains(&number) && halves(second) == [1, 0] {
        Doing::PollsAt(first)
    } else {
        Doing::Else
    }
}

/// The file that a `struct pollfd` asks for something to read of.
pub(super) fn polled(pollfd: [u8; 8]) -> Option<u32> {
    let [a, b, c, d, e, f, ..] = pollfd;
    let events = i16::from_ne_bytes([e, f]);
    if events & READABLE == 0 {
        return None;
    }
    // Negative ones are passed over by the kernel.
    u32::try_from(i32::from_ne_bytes([a, b, c, d])).ok()
}

/// The inode of the link `/proc/PID/fd/N`, if it is a socket's: `socket:[INODE]`.
pub(super) fn socket_link(link: &[u8]) -> Option<u64> {
    decimal(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

/// A name in `/proc` that is a number: a process, a thread, a file.
pub(super) fn number(name: &[u8]) -> Option<u32> {
    u32::try_from(decimal(name)?).ok()
}

/// What `/proc/PID/stat` tells about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    /// It is a thread of the kernel.
    pub(super) kernel: bool,
    /// When it started, in ticks since the machine did.
    pub(super) started: u64,
}

/// Reads `/proc/PID/stat`. The second field is a name in brackets which may hold anything.
pub(super) fn stat(text: &[u8]) -> Option<Stat> {
    let after = text.iter().rposition(|byte| *byte == b')')?.checked_add(2)?;
    let mut fields = text.get(after..)?.split(|byte| *byte == b' ');
    // The third field of all is the first one here; flags are the 9th, the start the 22nd.
    let flags = fields.nth(6).and_then(decimal)?;
    let started = fields.nth(12).and_then(decimal)?;
    Some(Stat { kernel: flags & KERNEL_THREAD != 0, started })
}

/// The value of a line `Name: value` of `/proc/PID/status`.
pub(super) fn status<'a>(text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    text.split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b":"))
        .map(<[u8]>::trim_ascii)
}

/// Whether `uid` is one of a process's own, by the line `Uid` of its status: real, effective,
/// saved, of the file system.
pub(super) fn has_uid(uids: &[u8], uid: u32) -> bool {
    uids.split(u8::is_ascii_whitespace).any(|each| number(each) == Some(uid))
}

/// Whether a set of capabilities, as status shows it, has the one of this number.
pub(super) fn has_capability(set: &[u8], capability: u32) -> bool {
    let digits = std::str::from_utf8(set).ok();
    digits
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .is_some_and(|set| set.checked_shr(capability).is_some_and(|set| set & 1 == 1))
}

/// A number in digits alone.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

fn hexadecimal(text: &[u8]) -> Option<u64> {
    let digits = text.strip_prefix(b"0x")?;
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        Some((sum << 4) | u64::from(digit))
    })
}

/// The lower and the upper half.
fn halves(value: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
}

#[cfg(test)]
mod tests;
