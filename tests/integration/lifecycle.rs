//! The end of a run: the shutdown's list in its order, and what cuts it short.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use http_body_util::Full;
use sideray::app::Command;
use sideray::app::RunEnd;
use sideray::app::World;
use sideray::sys::clock::Clock;
use sideray::sys::entropy::Entropy;
use sideray::trace::time::Stamp;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::DEADLINE;
use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::hold::Hold;
use crate::support::origin::Origin;
use crate::support::service::Egress;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::traces::embedded;
use crate::support::traces::text;
use crate::support::world::ManualClock;

/// Waits until the admin port says that the drain has begun.
pub async fn draining(sidecar: &Sidecar) {
    let end = Instant::now() + DEADLINE;
    while client::send(sidecar.addresses.admin, client::get("/readyz")).await.status() != 503 {
        assert!(Instant::now() < end, "the drain does not begin");
    }
}

/// Waits until a port takes no connection any more.
async fn closed(address: SocketAddr) {
    let end = Instant::now() + DEADLINE;
    while TcpStream::connect(address).await.is_ok() {
        assert!(Instant::now() < end, "{address} still accepts");
    }
}

fn spawn_get(
    to: SocketAddr,
    path: &'static str,
) -> tokio::task::JoinHandle<http::Response<String>> {
    tokio::spawn(client::send(to, client::get(path)))
}

#[tokio::test]
async fn an_orderly_shutdown_finishes_what_is_open_and_takes_nothing_new() {
    let ((origin, hold), mut daemon) = (Hold::origin().await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    let ports = sidecar.addresses;
    let mut idle = TcpStream::connect(ports.ingress).await.unwrap();
    let slow = spawn_get(ports.ingress, "/slow");
    hold.arrived().await;
    assert_eq!(client::send(ports.admin, client::get("/readyz")).await.status(), 200);

    sidecar.tell(Command::Stop);

    draining(&sidecar).await;
    closed(ports.ingress).await;
    closed(ports.egress).await;
    assert_eq!(client::send(ports.admin, client::get("/healthz")).await.status(), 200);
    let ended = tokio::time::timeout(DEADLINE, idle.read(&mut [0])).await;
    assert_eq!(ended.expect("an idle connection is closed").unwrap(), 0);
    assert!(!slow.is_finished(), "what is open goes on");

    hold.release();
    let response = slow.await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().as_str()), (200, "held"));
    assert_eq!(client::header(&response, "connection"), "close", "the client is told");
    let summary = sidecar.ended().await;
    assert_eq!(summary.end, RunEnd::Drained);
    assert_eq!((summary.recorded, summary.sent, summary.dropped), (1, 1, 0));
    assert_eq!(daemon.drain().len(), 1, "documents are sent before the end");
    closed(ports.admin).await;
}

#[tokio::test]
async fn what_is_open_beyond_the_deadline_is_broken_off_and_recorded() {
    let ((slow, hold), mut daemon) = (Hold::origin().await, Daemon::start());
    let egress = Egress::default();
    let service = {
        let (egress, url) = (egress.clone(), format!("http://{}/never", slow.address()));
        Origin::start(move |request| {
            let (egress, url) = (egress.clone(), url.clone());
            async move {
                let (parts, _) = request.into_parts();
                let call = tokio::spawn(async move { egress.forward(url, &parts).await });
                drop(call.await);
                std::future::pending().await
            }
        })
        .await
    };
    let mut config = sidecar::config(service.address(), &daemon);
    config.shutdown.timeout = Duration::from_millis(200);
    let sidecar = Sidecar::start(config);
    egress.is(sidecar.addresses.egress);
    let mut connection = client::connect(sidecar.addresses.ingress).await;
    let request = client::get("/long").body(Full::default()).unwrap();
    let response = tokio::spawn(async move { connection.send_request(request).await });
    hold.arrived().await;

    let summary = sidecar.stop().await;

    assert!(response.await.unwrap().is_err(), "the client's connection is closed");
    assert_eq!(summary.end, RunEnd::Aborted);
    assert_eq!(summary.sent, summary.recorded, "what was broken off is still sent");
    let segment = daemon.segment();
    let rest = daemon.drain();
    assert_eq!(segment["fault"], true);
    let cause = |document: &serde_json::Value| text(document, "cause/exceptions/0/type").to_owned();
    assert_eq!(cause(&segment), "Shutdown");
    let [call] = [embedded(&segment), &rest].concat().try_into().unwrap();
    assert_eq!(cause(&call), "Shutdown");
    assert_eq!(summary.recorded, 1 + rest.len() as u64);
}

#[tokio::test]
async fn a_second_stop_ends_at_once() {
    let ((origin, hold), daemon) = (Hold::origin().await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    let slow = spawn_get(sidecar.addresses.ingress, "/slow");
    hold.arrived().await;

    sidecar.tell(Command::Stop);
    draining(&sidecar).await;
    let told = Instant::now();
    let summary = sidecar.stop().await;

    assert_eq!(summary.end, RunEnd::AtOnce);
    assert!(told.elapsed() < Duration::from_secs(5), "far within the deadline of 20 s");
    assert_eq!(summary.recorded, 0, "the request is still open");
    slow.abort();
    hold.release();
}

#[tokio::test]
async fn what_is_queued_at_the_end_is_sent() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    let ingress = sidecar.addresses.ingress;
    let clients: tokio::task::JoinSet<_> =
        (0..50).map(|_| client::send(ingress, client::get("/"))).collect();
    clients.join_all().await;

    // At once, while the last of them wait for a batch to fill.
    let summary = sidecar.stop().await;

    assert_eq!((summary.recorded, summary.sent, summary.dropped), (50, 50, 0));
    assert_eq!(summary.end, RunEnd::Drained);
    assert_eq!(daemon.drain().len(), 50);
}

#[tokio::test]
async fn the_admin_port_can_ask_for_the_end() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    client::send(sidecar.addresses.ingress, client::get("/")).await;

    let asked = client::send(sidecar.addresses.admin, http::Request::post("/drain")).await;

    assert_eq!(asked.status(), 202);
    let summary = sidecar.ended().await;
    assert_eq!((summary.end, summary.recorded, summary.sent), (RunEnd::Drained, 1, 1));
    assert_eq!(daemon.drain().len(), 1);
}

/// A clock that fails the workers, and only them.
#[derive(Debug)]
struct FailsWorkers(ManualClock);

impl Clock for FailsWorkers {
    fn now(&self) -> Stamp {
        let name = thread::current().name().unwrap_or_default().to_owned();
        assert!(!name.starts_with("worker-"), "on purpose: no clock for {name}");
        self.0.now()
    }
}

#[tokio::test]
async fn a_worker_that_panics_ends_the_run_as_failed() {
    let (origin, daemon) = (Origin::hello().await, Daemon::start());
    let config = sidecar::config(origin.address(), &daemon);
    let clock = Arc::new(FailsWorkers(ManualClock::new())) as _;
    let world = World { clock, ..World::real(&config) };

    let summary = Sidecar::in_world(config, world).ended().await;

    assert_eq!(summary.end, RunEnd::Failed);
    assert_eq!(summary.recorded, 0);
}

/// Chance that is lacking once, when the second request asks for it.
#[derive(Debug)]
struct FailsOnce(u64);

impl Entropy for FailsOnce {
    fn bits(&mut self) -> u64 {
        self.0 += 1;
        assert!(self.0 != 5, "on purpose: no chance for the second request");
        self.0
    }
}

#[tokio::test]
async fn a_panic_in_a_request_costs_its_connection_and_nothing_else() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let config = sidecar::config(origin.address(), &daemon);
    let world = World { entropy: |_| Box::new(FailsOnce(0)), ..World::real(&config) };
    let sidecar = Sidecar::in_world(config, world);
    let ask = async || {
        let mut connection = client::connect(sidecar.addresses.ingress).await;
        connection.send_request(client::get("/").body(Full::default()).unwrap()).await
    };

    assert_eq!(ask().await.unwrap().status(), 200);
    assert!(ask().await.is_err(), "its connection is closed");
    assert_eq!(ask().await.unwrap().status(), 200, "the worker goes on");

    let summary = sidecar.stop().await;
    assert_eq!((summary.end, summary.recorded, summary.sent), (RunEnd::Drained, 2, 2));
    assert_eq!(daemon.drain().len(), 2);
}
