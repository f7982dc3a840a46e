//! Tests against real threads.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpStream;

use super::*;
use crate::sys::peer::service::Service;

/// How many looks a test has for what must come. Each takes some microseconds and yields.
const LOOKS: usize = 200_000;

fn pass(threads: &mut Threads) -> BTreeSet<(u32, u32)> {
    let mut found = BTreeSet::new();
    threads.blocked(&mut |tid, fd| assert!(found.insert((tid.0, fd.0)), "told twice")).unwrap();
    found
}

/// Looks until all of `expected` is seen in one pass, and nothing else.
fn until(threads: &mut Threads, expected: &BTreeSet<(u32, u32)>) {
    let mut last = BTreeSet::new();
    for _ in 0..LOOKS {
        last = pass(threads);
        if last == *expected {
            return;
        }
        std::thread::yield_now();
    }
    panic!("{expected:?} was not seen, but {last:?}");
}

/// The system call that a thread is blocked in, once it is in one of `numbers`.
fn until_call(pid: Pid, tid: u32, numbers: &[&str]) {
    let path = format!("/proc/{pid}/task/{tid}/syscall");
    for _ in 0..LOOKS {
        let line = std::fs::read_to_string(&path).unwrap();
        if numbers.contains(&line.split(' ').next().unwrap()) {
            return;
        }
        std::thread::yield_now();
    }
    panic!("{numbers:?} was not seen");
}

/// Accepts one connection, and has a thread of its own do `body` with it. Its main thread waits
/// where nobody reads a file.
fn service(body: &str) -> (Service, TcpStream, u32, u32) {
    let script = format!(
        "
listener = serve()
one, _ = listener.accept()
def run():
    say(threading.get_native_id(), one.fileno())
    {body}
threading.Thread(target=run, daemon=True).start()
threading.Event().wait()
"
    );
    let mut service = Service::start(&script);
    let near = TcpStream::connect(("127.0.0.1", service.port())).unwrap();
    let [tid, fd] = service.heard();
    (service, near, tid, fd)
}

#[test]
fn a_thread_that_waits_for_one_socket_is_seen() {
    for body in [
        "one.recv(1)",
        "one.recvfrom(1)",
        "one.recvmsg(1)",
        "one.recv_into(bytearray(1))",
        "os.read(one.fileno(), 1)",
        "os.readv(one.fileno(), [bytearray(1)])",
        // Python polls before it reads.
        "one.settimeout(600); one.recv(1)",
        "p = select.poll(); p.register(one, select.POLLIN); p.poll()",
        "p = select.poll(); p.register(one, select.POLLIN | select.POLLHUP); p.poll(600_000)",
    ] {
        let (service, _near, tid, fd) = service(body);
        let mut threads = Threads::open(service.pid(), 64).unwrap();
        until(&mut threads, &BTreeSet::from([(tid, fd)]));
    }
}

#[test]
fn a_thread_that_waits_for_anything_else_is_not() {
    for (body, numbers) in [
        ("select.select([one], [], [])", ["23", "270", "72"]),
        ("e = select.epoll(); e.register(one, select.EPOLLIN); e.poll()", ["232", "281", "22"]),
        (
            "p = select.poll(); p.register(one, 1); p.register(listener, 1); p.poll()",
            ["7", "271", "73"],
        ),
        ("p = select.poll(); p.register(listener, select.POLLPRI); p.poll()", ["7", "271", "73"]),
        ("listener.accept()", ["43", "288", "242"]),
        ("threading.Event().wait()", ["202", "202", "98"]),
    ] {
        let (service, _near, tid, _) = service(body);
        let mut threads = Threads::open(service.pid(), 64).unwrap();
        until_call(service.pid(), tid, &numbers);
        assert_eq!(pass(&mut threads), BTreeSet::new(), "{body}");
    }
}

#[test]
fn one_pass_sees_a_thread_per_connection() {
    let mut service = Service::start(
        "
listener = serve()
def run(one):
    say(threading.get_native_id(), one.fileno())
    while one.recv(1):
        pass
    say(threading.get_native_id(), one.fileno())
while True:
    one, _ = listener.accept()
    threading.Thread(target=run, args=(one,), daemon=True).start()
",
    );
    let port = service.port();
    let mut threads = Threads::open(service.pid(), 1_024).unwrap();
    assert_eq!(pass(&mut threads), BTreeSet::new());
    let mut near = Vec::new();
    let mut expected = BTreeSet::new();
    for _ in 0..64 {
        near.push(TcpStream::connect(("127.0.0.1", port)).unwrap());
        let [tid, fd] = service.heard();
        expected.insert((tid, fd));
    }
    until(&mut threads, &expected);
    let all = threads.blocked(&mut |_, _| {}).unwrap();
    assert_eq!((all.seen, all.beyond), (65, 0));

    // As many come as go.
    for _ in 0..8 {
        drop(near.remove(0));
        let [tid, fd] = service.heard();
        expected.remove(&(tid, fd));
        near.push(TcpStream::connect(("127.0.0.1", port)).unwrap());
        let [tid, fd] = service.heard();
        expected.insert((tid, fd));
    }
    until(&mut threads, &expected);

    let mut few = Threads::open(service.pid(), 10).unwrap();
    let cut = few.blocked(&mut |_, _| {}).unwrap();
    assert_eq!(cut.seen, 10);
    assert!(cut.beyond >= 55, "{cut:?}");
}

#[test]
fn a_process_that_ends_is_said_to_be_gone() {
    let (mut service, _near, tid, fd) = service("one.recv(1)");
    let mut threads = Threads::open(service.pid(), 64).unwrap();
    until(&mut threads, &BTreeSet::from([(tid, fd)]));
    service.end();
    for _ in 0..2 {
        let error = threads.blocked(&mut |_, _| panic!("nobody is left")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
    let error = Threads::open(service.pid(), 64).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_process_that_becomes_another_program_is_watched_on() {
    let mut service = Service::start(
        "
listener = serve()
one, _ = listener.accept()
one.set_inheritable(True)
body = 'import select, sys; p = select.poll(); p.register(int(sys.argv[1]), 1); p.poll()'
say(os.getpid(), one.fileno())
def poll():
    p = select.poll()
    p.register(one, select.POLLIN)
    p.poll()
poll()
one.recv(1)
os.execvp(sys.executable, [sys.executable, '-S', '-E', '-c', body, str(one.fileno())])
",
    );
    let near = TcpStream::connect(("127.0.0.1", service.port())).unwrap();
    let [tid, fd] = service.heard();
    let mut threads = Threads::open(service.pid(), 64).unwrap();
    let expected = BTreeSet::from([(tid, fd)]);
    until(&mut threads, &expected);
    assert!(threads.memory.is_some());
    (&near).write_all(b"x").unwrap();
    let exe = format!("/proc/{}/cmdline", service.pid());
    let changed = (0..LOOKS).any(|_| {
        std::thread::yield_now();
        !std::fs::read_to_string(&exe).unwrap().contains("listener")
    });
    assert!(changed);
    until(&mut threads, &expected);
}
