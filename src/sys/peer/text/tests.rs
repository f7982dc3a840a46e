//! Tests of what `/proc` says.

use proptest::prelude::*;

use super::*;

const TAIL: &str = "0x0 0x0 0x0 0x0 0x7ffc12345678 0x7f1234567890\n";

fn says(line: &str) -> Doing {
    doing(line.as_bytes(), &X86_64)
}

#[test]
fn threads_that_read_one_file_are_told() {
    for (number, what) in [
        (0, Doing::Reads(5)),
        (19, Doing::Reads(5)),
        (45, Doing::Reads(5)),
        (47, Doing::Reads(5)),
        (7, Doing::PollsAt(5)),
        (271, Doing::PollsAt(5)),
        // write, close, select, epoll_wait, futex, restart_syscall
        (1, Doing::Else),
        (3, Doing::Else),
        (23, Doing::Else),
        (232, Doing::Else),
        (202, Doing::Else),
        (219, Doing::Else),
    ] {
        assert_eq!(says(&format!("{number} 0x5 0x1 {TAIL}")), what, "call {number}");
    }
    for (number, what) in [
        (63, Doing::Reads(5)),
        (65, Doing::Reads(5)),
        (207, Doing::Reads(5)),
        (212, Doing::Reads(5)),
        (73, Doing::PollsAt(5)),
        (0, Doing::Else),
        (7, Doing::Else),
    ] {
        let line = format!("{number} 0x5 0x1 {TAIL}");
        assert_eq!(doing(line.as_bytes(), &AARCH64), what, "call {number}");
    }
}

#[test]
fn a_poll_of_several_files_or_none_is_nothing() {
    for length in ["0x0", "0x2", "0x100000001", "0xffffffffffffffff"] {
        assert_eq!(says(&format!("7 0x7ffc00000000 {length} {TAIL}")), Doing::Else, "{length}");
    }
}

#[test]
fn a_descriptor_is_the_lower_half_of_its_register() {
    assert_eq!(says(&format!("0 0xdeadbeef00000009 0x1 {TAIL}")), Doing::Reads(9));
    assert_eq!(says(&format!("0 0xffffffffffffffff 0x1 {TAIL}")), Doing::Else, "that is -1");
}

#[test]
fn other_lines_are_nothing() {
    assert_eq!(doing(b"running\n", &X86_64), Doing::Runs);
    for line in [
        "",
        "\n",
        "-1 0x7ffc12345678 0x7f1234567890\n",
        "0\n",
        "0 0x5 0x1 0x0 0x0 0x0 0x0 0x7ffc12345678\n",
        "0 0x5 0x1 0x0 0x0 0x0 0x0 0x7ffc12345678 0x7f1234567890 0x1\n",
        "0 5 0x1 0x0 0x0 0x0 0x0 0x7ffc12345678 0x7f1234567890\n",
        "0 0x 0x1 0x0 0x0 0x0 0x0 0x7ffc12345678 0x7f1234567890\n",
        "0 0x00000000000000005 0x1 0x0 0x0 0x0 0x0 0x7ffc12345678 0x7f1234567890\n",
        "18446744073709551616 0x5 0x1 0x0 0x0 0x0 0x0 0x7ffc12345678 0x7f1234567890\n",
        // A 32-bit process, whose calls have other numbers.
        "0 0x5 0x1 0x0 0x0 0x0 0x0 0xffd12340 0xf7f12345\n",
    ] {
        assert_eq!(says(line), Doing::Else, "{line:?}");
    }
}

#[test]
fn a_poll_has_to_want_something_to_read() {
    let pollfd = |fd: i32, events: i16| {
        let [a, b, c, d] = fd.to_ne_bytes();
        let [e, f] = events.to_ne_bytes();
        polled([a, b, c, d, e, f, 0xff, 0xff])
    };
    assert_eq!(pollfd(9, 1), Some(9));
    assert_eq!(pollfd(9, 0x40), Some(9));
    assert_eq!(pollfd(9, 0x2001), Some(9), "and to hear of a hang-up");
    assert_eq!(pollfd(9, 4), None, "it wants to write");
    assert_eq!(pollfd(9, 0), None);
    assert_eq!(pollfd(-1, 1), None);
}

#[test]
fn links_to_sockets_are_told_from_others() {
    assert_eq!(socket_link(b"socket:[4242]"), Some(4_242));
    for link in [
        "",
        "socket:[]",
        "socket:[4242",
        "socket:[-1]",
        "socket:[4242] (deleted)",
        "pipe:[4242]",
        "/tmp/socket:[1]",
        "socket:[99999999999999999999]",
    ] {
        assert_eq!(socket_link(link.as_bytes()), None, "{link:?}");
    }
}

#[test]
fn numbers_are_digits_alone() {
    assert_eq!(number(b"4294967295"), Some(u32::MAX));
    for name in ["", "self", "4294967296", "+1", "-1", " 1", "1 ", "0x1", "1.5"] {
        assert_eq!(number(name.as_bytes()), None, "{name:?}");
    }
}

#[test]
fn the_start_of_a_process_is_found_behind_any_name() {
    let rest = "S 1 2 2 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 5555 0 0";
    for name in ["python3", "a) S 1 (b", "", ") 1 2 3 4 5 6 7 8 9"] {
        let line = format!("77 ({name}) {rest}\n");
        let read = stat(line.as_bytes());
        assert_eq!(read, Some(Stat { kernel: false, started: 5_555 }), "{name:?}");
    }
    let kernel = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 9 0 0 20 0 1 0 7 0 0\n";
    assert_eq!(stat(kernel.as_bytes()), Some(Stat { kernel: true, started: 7 }));
    for line in ["", ")", "77 (a)", "77 (a) S 1 2", "77 (a) S 1 2 2 0 -1 many 1 0 0 0"] {
        assert_eq!(stat(line.as_bytes()), None, "{line:?}");
    }
}

#[test]
fn a_status_is_read_by_its_names() {
    let text = b"Name:\tUid: 5\nUid:\t1000\t1001\t1002\t1003\nCapEff:\t0000000000080000\n";
    let uids = status(text, "Uid").unwrap();
    for (uid, own) in [(1_000, true), (1_001, true), (1_003, true), (100, false), (0, false)] {
        assert_eq!(has_uid(uids, uid), own, "{uid}");
    }
    let set = status(text, "CapEff").unwrap();
    assert_eq!(
        [18, 19, 20, 64, 99].map(|at| has_capability(set, at)),
        [false, true, false, false, false]
    );
    assert_eq!(status(text, "Gid"), None);
    assert!(!has_capability(b"all", 19));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(text: Vec<u8>) {
        let _ = (doing(&text, &X86_64), socket_link(&text), number(&text), stat(&text));
        let _ = (status(&text, "Uid"), has_uid(&text, 7), has_capability(&text, 19));
    }

    #[test]
    fn any_words_are_survived(text in "[0-9]{0,3}( 0x[0-9a-f]{0,17}){0,10}\n?") {
        if let Doing::Reads(fd) = says(&text) {
            prop_assert!(i32::try_from(fd).is_ok());
        }
    }

    #[test]
    fn what_the_kernel_writes_is_read(args: [u64; 6], stack in ABOVE_4_GIB.., program: u64) {
        let [a, b, c, d, e, f] = args;
        let line = format!(
            "45 {a:#x} {b:#x} {c:#x} {d:#x} {e:#x} {f:#x} {stack:#x} {program:#x}\n"
        );
        let fd = u32::try_from(a & 0xffff_ffff).unwrap();
        let expected = if fd > i32::MAX.unsigned_abs() { Doing::Else } else { Doing::Reads(fd) };
        prop_assert_eq!(says(&line), expected);
    }
}
