//! Tests against real processes.

use std::net::TcpStream;

use super::*;
use crate::sys::peer::Diag;
use crate::sys::peer::service::Service;

/// The far end of a connection.
fn far(near: &TcpStream) -> Socket {
    let mut diag = Diag::open().unwrap();
    diag.socket(near.peer_addr().unwrap(), near.local_addr().unwrap()).unwrap().unwrap()
}

/// A service that accepts one connection, and forks on the word.
const FORKS: &str = "
listener = serve()
one, _ = listener.accept()
say(one.fileno(), len(os.listdir('/proc/self/fd')))
wait()
child = os.fork()
if child == 0:
    say(os.getpid())
    wait()
    os._exit(0)
os.waitpid(child, 0)
say(0)
wait()
";

#[test]
fn the_owner_is_found_and_a_fork_is_noticed() {
    let mut processes = Processes::open().unwrap();
    let mut service = Service::start(FORKS);
    let near = TcpStream::connect(("127.0.0.1", service.port())).unwrap();
    let [fd, _] = service.heard();
    let socket = far(&near);
    let pid = service.pid();
    let alone = Owner::One(pid, Fd(fd));
    assert_eq!(processes.owner(socket).unwrap(), alone);
    assert_eq!(processes.recent(), [pid]);
    assert_eq!(processes.owner_among(&[Pid(u32::MAX), pid], socket.inode), alone);
    assert_eq!(processes.owner_among(&[], socket.inode), Owner::Nobody);
    assert!(processes.still(pid, Fd(fd), socket.inode));
    assert!(!processes.still(pid, Fd(fd), socket.inode + 1));
    assert!(!processes.still(pid, Fd(1), socket.inode));
    assert!(!processes.still(pid, Fd(fd), 0));

    service.go_on();
    let [child] = service.heard();
    assert_eq!(processes.owner(socket).unwrap(), Owner::Several);
    assert_eq!(processes.owner_among(&[pid, Pid(child)], socket.inode), Owner::Several);
    service.go_on();
    let [_] = service.heard();
    assert_eq!(processes.owner(socket).unwrap(), alone, "the child is gone");
    assert_eq!(processes.owner_among(&[Pid(child)], socket.inode), Owner::Nobody);
}

#[test]
fn what_nobody_has_is_nobodys() {
    let mut processes = Processes::open().unwrap();
    let mut service = Service::start("listener = serve(); wait()");
    let near = TcpStream::connect(("127.0.0.1", service.port())).unwrap();
    let waiting = far(&near);
    assert_eq!(processes.owner(waiting).unwrap(), Owner::Nobody, "nobody accepted it");
    let own = Socket { inode: rustix::fs::fstat(&near).unwrap().st_ino, uid: 0, unread: 0 };
    let found = processes.owner(own).unwrap();
    assert!(matches!(found, Owner::Nobody | Owner::Unsure), "we do not count: {found:?}");
}

#[test]
fn each_socket_of_a_process_is_found_and_stays() {
    let processes = Processes::open().unwrap();
    let mut service = Service::start(
        "
listener = serve()
all = [listener.accept()[0] for _ in range(20)]
say(len(os.listdir('/proc/self/task')))
wait()
",
    );
    let port = service.port();
    let near: Vec<_> = (0..20).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    let [threads] = service.heard();
    for near in &near {
        let socket = far(near);
        let Owner::One(pid, fd) = processes.owner_among(&[service.pid()], socket.inode) else {
            panic!("{socket:?} is not found");
        };
        assert_eq!(pid, service.pid());
        assert!(processes.still(pid, fd, socket.inode));
    }
    let mut inodes: Vec<_> = near.iter().map(|near| far(near).inode).collect();
    let all = processes.among(service.pid(), &inodes, 1_000).unwrap();
    assert!(all.iter().all(|(inode, fd)| processes.still(service.pid(), *fd, *inode)));
    assert_eq!(all.len(), 20);
    inodes.truncate(5);
    inodes.push(1);
    assert_eq!(processes.among(service.pid(), &inodes, 1_000).map(|some| some.len()), Some(5));
    assert_eq!(processes.among(service.pid(), &inodes, 10), None, "it has more files");
    assert_eq!(processes.threads(service.pid()).unwrap(), threads as usize);
}

#[test]
fn a_process_that_is_gone_has_nothing() {
    let processes = Processes::open().unwrap();
    let mut service = Service::start("listener = serve(); wait()");
    let _port = service.port();
    let pid = service.pid();
    service.end();
    assert!(processes.threads(pid).is_err());
    assert!(!processes.still(pid, Fd(3), 1));
    assert_eq!(processes.owner_among(&[pid], 1), Owner::Nobody);
}

#[test]
fn processes_that_come_and_go_do_not_disturb() {
    let mut processes = Processes::open().unwrap();
    let mut service = Service::start(FORKS);
    let near = TcpStream::connect(("127.0.0.1", service.port())).unwrap();
    let [fd, _] = service.heard();
    let socket = far(&near);
    let mut storm = Service::start(
        "
say(0)
while True:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
",
    );
    let [_] = storm.heard();
    for _ in 0..50 {
        assert_eq!(processes.owner(socket).unwrap(), Owner::One(service.pid(), Fd(fd)));
    }
}

#[test]
fn what_may_share_a_socket_is_told_by_user_and_age() {
    let processes = Processes::open().unwrap();
    let mut older = Service::start("say(0); wait()");
    let mut younger = Service::start("say(0); wait()");
    let ours = rustix::process::geteuid().as_raw();
    let [_] = older.heard();
    let [_] = younger.heard();
    let since = |service: &Service| processes.stat(service.pid()).map(|stat| stat.started);
    let between = since(&younger).max(since(&older).map(|started| started + 1));
    assert!(!processes.may_share(older.pid(), ours, between), "it is older");
    assert!(processes.may_share(younger.pid(), ours, since(&older)));
    assert!(!processes.may_share(younger.pid(), ours + 7, since(&older)), "another user's");
    assert!(processes.may_share(younger.pid(), ours, None), "of no known owner");
    younger.end();
    assert!(!processes.may_share(younger.pid(), ours, None), "it is gone");

    let search = |holder, closed| Search { holder, closed, ..Search::default() };
    let held = Some((older.pid(), Fd(3)));
    let judged = |search: Search, uid| processes.judge(&search, uid);
    assert_eq!(judged(search(held, vec![]), ours), Owner::One(older.pid(), Fd(3)));
    assert_eq!(judged(search(held, vec![older.pid()]), ours), Owner::Unsure);
    assert_eq!(judged(search(held, vec![older.pid()]), ours + 7), Owner::One(older.pid(), Fd(3)));
    assert_eq!(judged(search(None, vec![older.pid()]), ours + 7), Owner::Unsure);
    assert_eq!(judged(search(None, vec![younger.pid()]), ours), Owner::Nobody);
    let cut = Search { cut: true, ..search(held, vec![]) };
    assert_eq!(judged(cut, ours), Owner::Unsure, "there was too much to look at");
}

#[test]
fn a_bound_that_is_reached_is_said() {
    let processes = Processes::open().unwrap();
    let mut service = Service::start("listener = serve(); wait()");
    let _port = service.port();
    let mut search = Search::default();
    processes.look(service.pid(), 1, &mut 2, &mut search);
    assert!(search.cut);
}
