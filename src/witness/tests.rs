//! Tests against real services, and against one who does not look.

use std::future::Future;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::atomic::Ordering;

use tokio::time::timeout;

use super::*;
use crate::attribution::caller::Process;
use crate::attribution::caller::Thread;
use crate::sys::peer::service::Service;

/// Longer than anything takes that is to be over at once.
const LONG: Duration = Duration::from_secs(8);
const SHORT: Duration = Duration::from_millis(40);

fn witness() -> Witness {
    Witness::start(true, None).unwrap()
}

/// A connection of ours to the service.
fn connect(port: u16) -> (TcpStream, Link) {
    let near = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let link = Link { near: near.local_addr().unwrap(), far: near.peer_addr().unwrap() };
    (near, link)
}

/// A connection of the service to us.
fn called(listener: &TcpListener) -> (TcpStream, Link) {
    let (near, far) = listener.accept().unwrap();
    let link = Link { near: near.local_addr().unwrap(), far };
    (near, link)
}

/// A service that calls us, and does this with connections to it: `one` is the first of them.
fn caller(script: &str) -> (Service, TcpListener, u16) {
    let ours = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = ours.local_addr().unwrap().port();
    let mut service = Service::start(&format!(
        "
def call():
    far = socket.create_connection(('127.0.0.1', {port}))
    far.sendall(b'1')
    far.recv(1)
listener = serve()
one, _ = listener.accept()
{script}
"
    ));
    let at = service.port();
    (service, ours, at)
}

fn id(number: u64) -> SegmentId {
    SegmentId::mint(number)
}

fn looks(witness: &Witness) -> u64 {
    witness.pulse.looks.load(Ordering::Relaxed)
}

/// Lets whoever looks do so some times, while `waits` waits.
async fn some_looks<T>(witness: &Witness, waits: &mut (impl Future<Output = T> + Unpin)) {
    let until = looks(witness) + 5;
    while looks(witness) < until {
        tokio::select! {
            biased;
            _ = &mut *waits => panic!("it did not wait"),
            () = tokio::task::yield_now() => {}
        }
    }
}

#[tokio::test]
async fn the_thread_that_waits_for_the_rest_is_found() {
    let witness = witness();
    for (way, hold) in [
        ("one.recv(9)", Hold::Briefly),
        ("one.settimeout(600); one.recv(9)", Hold::Patiently),
        ("poll = select.poll(); poll.register(one, select.POLLIN); poll.poll()", Hold::Briefly),
    ] {
        let mut service = Service::start(&format!(
            "
listener = serve()
one, _ = listener.accept()
def read():
    say(threading.get_native_id())
    {way}
threading.Thread(target=read).start()
wait()
"
        ));
        let (_near, link) = connect(service.port());
        let [id] = service.heard();
        let expected = Reader::Thread(Thread { process: service.pid().0, id });
        assert_eq!(witness.reader(link, hold, LONG).await, expected, "{way}");
    }
}

#[tokio::test]
async fn a_queued_request_is_waited_for() {
    let witness = witness();
    let mut service = Service::start("listener = serve(); wait(); listener.accept()[0].recv(1)");
    let (_near, link) = connect(service.port());
    assert_eq!(witness.reader(link, Hold::Briefly, SHORT).await, Reader::Queued);

    let mut patient = Box::pin(witness.reader(link, Hold::Patiently, SHORT));
    let begun = witness.clock.now().monotonic();
    while witness.clock.now().monotonic() < begun + 2 * SHORT {
        some_looks(&witness, &mut patient).await;
    }
    service.go_on();
    let main = Thread { process: service.pid().0, id: service.pid().0 };
    assert_eq!(patient.await, Reader::Thread(main));
}

#[tokio::test]
async fn whoever_cannot_come_to_wait_is_told_at_once() {
    let witness = witness();
    let begun = witness.clock.now().monotonic();
    let mut service = Service::start(
        "listener = serve(); one, _ = listener.accept(); say(0); wait(); one.close(); say(0); wait()",
    );
    let (_near, link) = connect(service.port());
    let [_] = service.heard();
    assert_eq!(witness.reader(link, Hold::Patiently, LONG).await, Reader::Nobody, "it is idle");
    service.go_on();
    let [_] = service.heard();
    assert_eq!(witness.reader(link, Hold::Patiently, LONG).await, Reader::Nobody, "it is closed");
    assert!(witness.clock.now().monotonic() - begun < LONG);
}

#[tokio::test]
async fn a_busy_service_is_left_after_the_limit() {
    let witness = witness();
    let mut service =
        Service::start("listener = serve(); one, _ = listener.accept(); say(0)\nwhile True: pass");
    let (mut near, link) = connect(service.port());
    let [_] = service.heard();
    for (hold, reader) in [
        (Hold::Briefly, Reader::Nobody),
        (Hold::Patiently, Reader::Nobody),
        (Hold::Briefly, Reader::Queued),
    ] {
        if reader == Reader::Queued {
            near.write_all(b"unread").unwrap();
        }
        let begun = witness.clock.now().monotonic();
        assert_eq!(witness.reader(link, hold, SHORT).await, reader);
        let took = witness.clock.now().monotonic() - begun;
        assert!((SHORT..LONG).contains(&took), "{took:?}");
    }
}

#[tokio::test]
async fn the_caller_and_what_it_has_accepted_are_found() {
    let witness = witness();
    let (mut service, ours, port) = caller(
        "
two, _ = listener.accept()
two.close()
say(0)
call()
threading.Thread(target=wait).start()
call()
",
    );
    let (near, links): (Vec<_>, Vec<_>) = (0..4).map(|_| connect(port)).unzip();
    let requests: Vec<_> = (1..).map(id).zip(links).collect();
    let [_] = service.heard();
    let pid = service.pid().0;
    for single in [true, false] {
        let (mut call, link) = called(&ours);
        let found = witness.caller(link, requests.clone()).await;
        let process = Process { single, accepted: vec![id(1)], queued: 2 };
        assert_eq!(found.process, Some(process), "the second is closed");
        assert_eq!(found.thread, Some(Thread { process: pid, id: pid }));
        call.write_all(b"1").unwrap();
    }
    drop(near);
}

#[tokio::test]
async fn a_caller_that_waits_for_nothing_is_found_without_its_thread() {
    let witness = witness();
    let (mut service, ours, port) = caller(
        "
far = socket.create_connection(listener.getsockname())
threading.Thread(target=wait).start()
threading.Thread(target=call).start()
threading.Event().wait()
",
    );
    let (_near, link) = connect(port);
    let requests = vec![(id(1), link)];
    let (_call, link) = called(&ours);
    let helper = witness.caller(link, requests.clone()).await.thread.unwrap();
    assert!(!helper.is_main());
    drop(ours);
    service.end();
    assert_eq!(witness.caller(link, requests).await, Caller::default(), "it is gone");
}

#[tokio::test]
async fn what_two_processes_have_is_nobodys() {
    let witness = witness();
    let (mut service, ours, port) = caller(
        "
child = os.fork()
if child == 0:
    call()
    os._exit(0)
say(0)
os.waitpid(child, 0)
wait()
",
    );
    let (_near, link) = connect(port);
    let [_] = service.heard();
    assert_eq!(witness.reader(link, Hold::Patiently, LONG).await, Reader::Nobody);
    let (mut call, from) = called(&ours);
    let found = witness.caller(from, vec![(id(1), link)]).await;
    assert_eq!(found.process, None);
    call.write_all(b"1").unwrap();
}

#[tokio::test]
async fn a_child_that_inherits_is_noticed_whatever_was_usual() {
    let witness = witness();
    let (service, ours, port) = caller(
        "
for _ in range(120):
    call()
    one.close()
    one, _ = listener.accept()
child = os.fork()
if child == 0:
    two, _ = listener.accept()
    call()
    call()
    os._exit(0)
os.waitpid(child, 0)
call()
",
    );
    let ask = async |requests: &[(u64, Link)]| {
        let (mut call, from) = called(&ours);
        let requests = requests.iter().map(|(number, link)| (id(*number), *link)).collect();
        let found = witness.caller(from, requests).await;
        call.write_all(b"1").unwrap();
        found.process.map(|process| (process.accepted, process.queued))
    };
    let (mut near, mut one) = connect(port);
    for round in 0..120 {
        let (next, queued) = connect(port);
        assert_eq!(ask(&[(1, one), (2, queued)]).await, Some((vec![id(1)], 1)), "{round}");
        (near, one) = (next, queued);
    }
    let (next, two) = connect(port);
    assert_eq!(ask(&[(2, two)]).await, Some((vec![id(2)], 0)), "the child's own");
    assert_eq!(ask(&[(2, two), (1, one)]).await, None, "the child's, and what it has inherited");
    assert_eq!(ask(&[(1, one)]).await, Some((vec![id(1)], 0)), "the parent's");
    drop((near, next, service));
}

/// A witness of which nobody looks.
fn unwatched() -> (Witness, mpsc::Receiver<Job>) {
    let (jobs, taken) = mpsc::sync_channel(QUESTIONS);
    let (sight, pulse) = (Arc::default(), Arc::default());
    (Witness { jobs, sight, clock: Arc::new(SystemClock::start()), pulse }, taken)
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_one_who_does_not_look() {
    let (witness, taken) = unwatched();
    let link = Link { near: ([127, 0, 0, 1], 1).into(), far: ([127, 0, 0, 1], 2).into() };
    let asked = async {
        let first = witness.reader(link, Hold::Patiently, LONG).await;
        assert_eq!(first, Reader::Queued);
        let second = witness.caller(link, Vec::new()).await;
        assert_eq!(second, Caller::default(), "nor is it asked");
    };
    timeout(Duration::from_millis(501), asked).await.unwrap();
    assert_eq!(taken.try_iter().count(), 1);

    witness.pulse.beat();
    let mut waits = Box::pin(witness.reader(link, Hold::Patiently, LONG));
    for _ in 0..20 {
        let over = timeout(Duration::from_millis(100), &mut waits).await;
        assert!(over.is_err(), "it looks again");
        witness.pulse.beat();
    }
    drop(taken);
    assert_eq!(waits.await, Reader::Queued, "it has ended");
}
