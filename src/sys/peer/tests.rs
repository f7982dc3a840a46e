//! What each question costs. `cargo test --release --lib sys::peer::tests -- --ignored --nocapture`.

use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;

use super::Diag;
use super::Owner;
use super::Processes;
use super::Threads;
use super::service::Service;
use crate::sys::clock::Clock;
use crate::sys::clock::SystemClock;

/// Says the median of `times` runs, in microseconds, of ten each.
fn costs(what: &str, times: usize, mut run: impl FnMut()) {
    let clock = SystemClock::start();
    let mut took: Vec<_> = (0..times)
        .map(|_| {
            let before = clock.now().monotonic();
            (0..10).for_each(|_| run());
            (clock.now().monotonic() - before) / 10
        })
        .collect();
    took.sort_unstable();
    println!("{what:<52} {:>9.1} µs", took[times / 2].as_secs_f64() * 1e6);
}

fn blocked(count: usize, body: &str) -> (Service, Vec<TcpStream>) {
    let mut service = Service::start(&format!(
        "
listener = serve()
def run(one):
    say(one.fileno())
    {body}
for _ in range({count}):
    one, _ = listener.accept()
    threading.Thread(target=run, args=(one,), daemon=True).start()
wait()
"
    ));
    let port = service.port();
    let near = (0..count)
        .map(|_| {
            let near = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let [_] = service.heard();
            near
        })
        .collect();
    (service, near)
}

#[test]
#[ignore = "it measures"]
fn what_sockets_cost() {
    let mut diag = Diag::open().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let near: Vec<_> = (0..64).map(|_| TcpStream::connect(at).unwrap()).collect();
    let remote = near[0].local_addr().unwrap();
    costs("diag.socket", 2_000, || assert!(diag.socket(at, remote).unwrap().is_some()));
    let nobody = SocketAddr::from(([127, 0, 0, 9], 9));
    costs("diag.socket, none", 2_000, || assert!(diag.socket(nobody, remote).unwrap().is_none()));
    costs("diag.socket, 64 of them", 100, || {
        for near in &near {
            assert!(diag.socket(at, near.local_addr().unwrap()).unwrap().is_some());
        }
    });
    let pairs: Vec<_> = near.iter().map(|near| (at, near.local_addr().unwrap())).collect();
    costs("diag.sockets, 64 of them", 100, || {
        assert!(diag.sockets(&pairs).unwrap().iter().all(Option::is_some));
    });
}

#[test]
#[ignore = "it measures"]
fn what_processes_cost() {
    let mut diag = Diag::open().unwrap();
    let mut processes = Processes::open().unwrap();
    let (service, near) = blocked(21, "one.recv(1)");
    let pid = service.pid();
    let near = &near[20];
    let far = diag.socket(near.peer_addr().unwrap(), near.local_addr().unwrap());
    let far = far.unwrap().unwrap();
    let Owner::One(_, fd) = processes.owner_among(&[pid], far.inode) else { panic!("not found") };
    costs("processes.owner_among, one process of 25 files", 200, || {
        assert_ne!(processes.owner_among(&[pid], far.inode), Owner::Nobody);
    });
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let all = all.filter(|entry| entry.file_name().as_encoded_bytes()[0].is_ascii_digit());
    let what = format!("processes.owner, of all {} processes", all.count());
    costs(&what, 20, || assert_ne!(processes.owner(far).unwrap(), Owner::Nobody));
    costs("processes.still", 2_000, || assert!(processes.still(pid, fd, far.inode)));
    costs("processes.threads", 2_000, || assert_eq!(processes.threads(pid).unwrap(), 22));
}

#[test]
#[ignore = "it measures"]
fn what_threads_cost() {
    for (count, body) in [
        (1, "one.recv(1)"),
        (8, "one.recv(1)"),
        (64, "one.recv(1)"),
        (1, "one.settimeout(600); one.recv(1)"),
        (64, "one.settimeout(600); one.recv(1)"),
    ] {
        let (service, _near) = blocked(count, body);
        let mut threads = Threads::open(service.pid(), 1_024).unwrap();
        let mut seen = 0;
        while seen < count {
            seen = 0;
            threads.blocked(&mut |_, _| seen += 1).unwrap();
        }
        let what = format!("threads.blocked, {count} and the main one, {body}");
        costs(&what, 200, || assert!(threads.blocked(&mut |_, _| {}).unwrap().seen > count));
        let what = format!("threads.blocked, {count}, opened anew");
        costs(&what, 20, || {
            let mut threads = Threads::open(service.pid(), 1_024).unwrap();
            threads.blocked(&mut |_, _| {}).unwrap();
        });
    }
}
