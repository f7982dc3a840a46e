//! Whatever befalls the daemon, the callers or the service: no client sees a failure that it would
//! not have seen without a sidecar, and every loss is in a counter.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Instant;

use http::HeaderValue;
use http::Response;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::DEADLINE;
use crate::support::catcher::kernel_drops;
use crate::support::client;
use crate::support::daemon::Callers;
use crate::support::daemon::Daemon;
use crate::support::origin::Origin;
use crate::support::origin::full;
use crate::support::port;
use crate::support::port::Port;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;

/// Clients that ask without a pause until they are told to stop. Each request must be answered
/// with 200.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: JoinSet<()>,
}

impl Load {
    fn on(
        ingress: SocketAddr,
        clients: usize,
        check: impl Fn(&str) + Clone + Send + 'static,
    ) -> Self {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let mut load = Self { stop, answered, clients: JoinSet::new() };
        for _ in 0..clients {
            let (stop, answered) = (Arc::clone(&load.stop), Arc::clone(&load.answered));
            let check = check.clone();
            load.clients.spawn(async move {
                let mut connection = client::connect(ingress).await;
                while !stop.load(Ordering::SeqCst) {
                    let request = client::get("/").body(Full::default()).unwrap();
                    connection.ready().await.unwrap();
                    let response = connection.send_request(request).await.unwrap();
                    let response = client::read(response).await;
                    assert_eq!(response.status(), 200, "{}", response.body());
                    check(response.body());
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        load
    }

    /// Waits until something has come of the load.
    async fn until(&self, what: &str, mut come: impl FnMut(u64) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !come(self.answered.load(Ordering::SeqCst)) {
            assert!(Instant::now() < end, "{what}");
            tokio::task::yield_now().await;
        }
    }

    /// Ends it; how many requests were answered.
    async fn end(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        self.clients.join_all().await;
        self.answered.load(Ordering::SeqCst)
    }
}

/// A daemon that hangs: its port is open and its buffer, the smallest there is, full.
fn hanging(port: &Port) -> UdpSocket {
    let socket = port.socket();
    SockRef::from(&socket).set_recv_buffer_size(1).unwrap();
    socket
}

/// How many datagrams wait at a socket.
fn waiting(socket: &UdpSocket) -> u64 {
    socket.set_nonblocking(true).unwrap();
    std::iter::from_fn(|| socket.recv(&mut [0; 65_536]).ok()).count() as u64
}

#[tokio::test]
async fn a_daemon_that_dies_hangs_and_comes_back_costs_counted_documents_only() {
    let (origin, port) = (Origin::hello().await, Port::closed());
    let sidecar = Sidecar::start(sidecar::config_at(origin.address(), port.address()));
    let load = Load::on(sidecar.addresses.ingress, 8, |body| assert_eq!(body, "hello"));
    let sent = "sideray_documents_sent_total";
    let refused = "sideray_documents_dropped_total{reason=\"refused\"}";

    let before = sidecar.metric(refused).await;
    let mut first = port.daemon(Callers::Known);
    sidecar.metric_where(sent, |sent| sent > 100.0).await;
    first.die();
    sidecar.metric_where(refused, |refused| refused > before + 100.0).await;
    let hung = hanging(&port);
    load.until("the port fills", |_| kernel_drops(&hung) > 100).await;
    hung.connect(port.address()).unwrap();
    let so_far = sidecar.metric(sent).await;
    let mut second = port.daemon(Callers::Known);
    sidecar.metric_where(sent, |sent| sent > so_far + 100.0).await;

    let answered = load.end().await;
    let account = sidecar.account().await;
    assert_eq!(account.offered, answered, "each request has a document");
    assert_eq!(account.sent + account.dropped, account.offered, "the account is exact");
    let _ = sidecar.stop().await;
    let daemons = first.drain().len() as u64 + first.missed();
    let daemons = daemons + second.drain().len() as u64 + second.missed();
    let hung = waiting(&hung) + kernel_drops(&hung);
    assert_eq!(daemons + hung, account.sent, "what counts as sent was taken by the port");
}

/// Bytes that look random and are the same each time.
struct Garbage(u64);

impl Garbage {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A header value of any bytes that HTTP lets through, with pieces that look right among them.
    fn header(&mut self) -> HeaderValue {
        const PIECES: [&[u8]; 8] = [
            b"Root=1-5759e988-bd862e3fe1be46a994272793",
            b"Root=1-",
            b"Parent=53995c3f42cd8ad8",
            b"Sampled=?",
            b"Sampled=1",
            b";",
            b"=",
            b"Lineage=\xff\xfe",
        ];
        let mut bytes = Vec::new();
        for _ in 0..self.next() % 24 {
            let draw = self.next();
            match PIECES.get(usize::try_from(draw % 12).unwrap()) {
                Some(piece) => bytes.extend_from_slice(piece),
                None => bytes.extend(draw.to_le_bytes().map(|byte| byte.max(b' '))),
            }
        }
        bytes.retain(|byte| *byte != 0x7f);
        HeaderValue::from_bytes(&bytes).unwrap()
    }
}

#[tokio::test]
async fn garbage_in_trace_headers_fails_no_request() {
    const CLIENTS: u64 = 32;
    const REQUESTS: u64 = 40;
    let (origin, mut daemon) = (Origin::hello().await, Daemon::with(Callers::Unusual));
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));

    let mut clients = JoinSet::new();
    for seed in 1..=CLIENTS {
        let ingress = sidecar.addresses.ingress;
        clients.spawn(async move {
            let mut garbage = Garbage(seed);
            let mut connection = client::connect(ingress).await;
            for _ in 0..REQUESTS {
                let request = client::get("/")
                    .header("x-amzn-trace-id", garbage.header())
                    .header("traceparent", garbage.header())
                    .body(Full::default())
                    .unwrap();
                connection.ready().await.unwrap();
                let response = connection.send_request(request).await.unwrap();
                let response = client::read(response).await;
                assert_eq!((response.status().as_u16(), response.body().as_str()), (200, "hello"));
                let answered = client::header(&response, "x-amzn-trace-id");
                assert!(answered.starts_with("Root=1-"), "a sound trace: {answered}");
            }
        });
    }
    clients.join_all().await;

    assert!(sidecar.metric("sideray_trace_header_faults_total").await > 1_000.0, "all is counted");
    let account = sidecar.account().await;
    assert_eq!((account.offered, account.dropped), (CLIENTS * REQUESTS, 0));
    for parts in origin.seen() {
        let value = parts.headers["x-amzn-trace-id"].to_str();
        assert!(value.is_ok_and(|value| value.starts_with("Root=1-")), "sound headers go on");
    }
    let _ = sidecar.stop().await;
    assert_eq!(daemon.drain().len() as u64 + daemon.missed(), account.sent);
}

/// One generation of a service that is restarted with its listener handed on, as process managers
/// do it: until it is told to go it accepts; then it finishes what is open and closes what is idle.
async fn generation(number: usize, listener: TcpListener, mut go: watch::Receiver<usize>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let mut connections = JoinSet::new();
    loop {
        let io = tokio::select! {
            biased;
            _ = go.wait_for(|newest| *newest > number) => break,
            accepted = listener.accept() => accepted.unwrap().0,
        };
        let mut go = go.clone();
        connections.spawn(async move {
            let service = service_fn(move |_| async move {
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(Response::new(full(number.to_string())))
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(io), service);
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                ended = &mut connection => return drop(ended),
                _ = go.wait_for(|newest| *newest > number) => {}
            }
            connection.as_mut().graceful_shutdown();
            drop(connection.await);
        });
    }
    drop(listener);
    connections.join_all().await;
}

#[tokio::test]
async fn a_service_that_restarts_in_order_is_not_noticed() {
    const GENERATIONS: usize = 8;
    let daemon = Daemon::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let (newest, told) = watch::channel(0);
    let start = |number| {
        let (listener, told) = (listener.try_clone().unwrap(), told.clone());
        tokio::spawn(generation(number, listener, told))
    };
    let address = listener.local_addr().unwrap();
    let mut running = start(0);
    let sidecar = Sidecar::start(sidecar::config(address, &daemon));
    let serving = Arc::<AtomicU64>::default();
    let seen = Arc::clone(&serving);
    let load = Load::on(sidecar.addresses.ingress, 8, move |body| {
        seen.fetch_max(body.parse().unwrap(), Ordering::SeqCst);
    });

    for number in 1..GENERATIONS {
        let next = start(number);
        newest.send(number).unwrap();
        let old = std::mem::replace(&mut running, next);
        tokio::time::timeout(DEADLINE, old).await.expect("the old one goes").unwrap();
        let number = number as u64;
        load.until("the new one serves", |_| serving.load(Ordering::SeqCst) == number).await;
        let so_far = load.answered.load(Ordering::SeqCst);
        load.until("the load goes on", |answered| answered > so_far + 50).await;
    }

    let answered = load.end().await;
    let account = sidecar.account().await;
    assert_eq!(account.offered, answered, "each request has a document, and only one");
    assert_eq!(account.sent + account.dropped, account.offered);
}

#[tokio::test]
async fn a_service_that_is_away_is_told_at_once_and_found_again() {
    let (daemon, hello) = (Daemon::start(), || Response::new(full("hello")));
    let held = port::closed(0).await;
    let address = held.local_addr().unwrap().as_socket().unwrap();
    let sidecar = Sidecar::start(sidecar::config(address, &daemon));
    let ask = async || client::send(sidecar.addresses.ingress, client::get("/")).await.status();

    assert_eq!(ask().await, 503, "there is no service yet");
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let origin = Origin::on(listener, move |_| async move { hello() });
    assert_eq!(ask().await, 200);
    assert_eq!(ask().await, 200);
    drop(origin);
    let end = Instant::now() + DEADLINE;
    while ask().await != 503 {
        assert!(Instant::now() < end, "the service is gone");
    }
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let _origin = Origin::on(listener, move |_| async move { hello() });
    assert_eq!(ask().await, 200, "no restart of the sidecar");
}
