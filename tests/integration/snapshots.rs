//! Documents to the letter, under a clock that stands still and chance that counts. What is here
//! reaches X-Ray: a change of a snapshot is a change of the product.

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http_body_util::Full;
use insta::assert_json_snapshot;
use serde_json::Value;
use sideray::config::Config;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::client;
use crate::support::daemon::Callers;
use crate::support::daemon::Daemon;
use crate::support::hold::Hold;
use crate::support::origin;
use crate::support::origin::Body;
use crate::support::origin::Origin;
use crate::support::origin::full;
use crate::support::port;
use crate::support::service::Egress;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::traces::embedded;
use crate::support::world::ManualClock;

/// A sidecar in a still world, its service and its daemon.
struct Scene {
    clock: Arc<ManualClock>,
    egress: Egress,
    daemon: Daemon,
    service: Origin,
    sidecar: Sidecar,
}

impl Scene {
    /// A service that answers `status` and "hello" after 5 ms.
    async fn answering(status: u16) -> Self {
        Self::new(Callers::Known, move |_, _| async move { reply(status) }, |_| {}).await
    }

    /// The same, where a judge of documents would have something to say.
    async fn unusual(status: u16) -> Self {
        Self::new(Callers::Unusual, move |_, _| async move { reply(status) }, |_| {}).await
    }

    /// A service that takes 5 ms and then does as `handler` says.
    async fn new<F, R>(callers: Callers, handler: F, adjust: impl FnOnce(&mut Config)) -> Self
    where
        F: Fn(http::request::Parts, Egress) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let (clock, egress) = (Arc::new(ManualClock::new()), Egress::default());
        let service = {
            let (clock, egress) = (Arc::clone(&clock), egress.clone());
            let handler = Arc::new(handler);
            Origin::start(move |request| {
                let (clock, egress) = (Arc::clone(&clock), egress.clone());
                let handler = Arc::clone(&handler);
                async move {
                    clock.advance(Duration::from_millis(5));
                    handler(request.into_parts().0, egress).await
                }
            })
        };
        let (service, daemon) = (service.await, Daemon::with(callers));
        let mut config = sidecar::config(service.address(), &daemon);
        adjust(&mut config);
        let sidecar = Sidecar::start_still(config, &clock);
        egress.is(sidecar.addresses.egress);
        Self { clock, egress, daemon, service, sidecar }
    }

    async fn get(&self, path: &str) -> Response<String> {
        client::send(self.sidecar.addresses.ingress, client::get(path)).await
    }
}

fn reply(status: u16) -> Response<Body> {
    Response::builder().status(status).body(full("hello")).unwrap()
}

/// The called service, at a port that documents can name, which takes 3 ms.
async fn stock(port: u16, clock: &Arc<ManualClock>, status: u16) -> Origin {
    let clock = Arc::clone(clock);
    Origin::on(port::listener(port).await, move |_| {
        clock.advance(Duration::from_millis(3));
        async move { reply(status) }
    })
}

#[tokio::test]
async fn a_plain_request() {
    let mut scene = Scene::answering(200).await;
    let request = client::get("/items/42?token=secret")
        .header("user-agent", "test/1")
        .header("x-forwarded-for", "203.0.113.7, 10.0.0.1");
    client::send(scene.sidecar.addresses.ingress, request).await;
    assert_json_snapshot!(scene.daemon.next());
}

#[tokio::test]
async fn a_request_below_a_caller() {
    let handler = |_, _| async { reply(200) };
    let mut scene = Scene::new(Callers::Elsewhere, handler, |_| {}).await;
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let request = http::Request::post("/items").header("host", "shop.example:8000");
    let request = request.header("x-amzn-trace-id", header);
    client::send_body(scene.sidecar.addresses.ingress, request, "new").await;
    assert_json_snapshot!(scene.daemon.next());
}

#[tokio::test]
async fn an_error() {
    let mut scene = Scene::answering(404).await;
    scene.get("/nowhere").await;
    assert_json_snapshot!(scene.daemon.next());
}

#[tokio::test]
async fn a_throttled_request() {
    let mut scene = Scene::answering(429).await;
    scene.get("/").await;
    assert_json_snapshot!(scene.daemon.next());
}

#[tokio::test]
async fn a_fault() {
    let mut scene = Scene::answering(503).await;
    scene.get("/").await;
    assert_json_snapshot!(scene.daemon.next());
}

#[tokio::test]
async fn a_service_that_is_down() {
    let _closed = port::closed(7_301).await;
    let upstream = sidecar::http("127.0.0.1:7301".parse().unwrap());
    let handler = |_, _| async { reply(200) };
    let mut scene =
        Scene::new(Callers::Known, handler, |config| config.ingress.upstream = upstream).await;
    assert_eq!(scene.get("/").await.status(), 503);
    assert_json_snapshot!(scene.daemon.next());
}

#[tokio::test]
async fn a_cancelled_request() {
    let ((service, hold), mut daemon) = (Hold::origin().await, Daemon::start());
    let clock = Arc::new(ManualClock::new());
    let sidecar = Sidecar::start_still(sidecar::config(service.address(), &daemon), &clock);
    let mut client = TcpStream::connect(sidecar.addresses.ingress).await.unwrap();
    client.write_all(b"GET /slow HTTP/1.1\r\nhost: shop.example\r\n\r\n").await.unwrap();
    hold.arrived().await;
    clock.advance(Duration::from_millis(40));
    drop(client);
    assert_json_snapshot!(daemon.next());
}

#[tokio::test]
async fn a_long_request() {
    let ((service, hold), mut daemon) = (Hold::origin().await, Daemon::start());
    let clock = Arc::new(ManualClock::new());
    let sidecar = Sidecar::start_still(sidecar::config(service.address(), &daemon), &clock);
    let ingress = sidecar.addresses.ingress;
    let response = tokio::spawn(client::send(ingress, client::get("/long")));
    hold.arrived().await;
    clock.advance(Duration::from_secs(11));
    sidecar.metric_where("sideray_in_progress_total", |announced| announced == 1.0).await;
    hold.release();
    response.await.unwrap();
    assert_json_snapshot!([daemon.next(), daemon.next()]);
}

#[tokio::test]
async fn a_call_with_our_header() {
    let handler = |parts, egress: Egress| async move {
        egress.forward("http://user:secret@127.0.0.1:7302/items/42?token=secret", &parts).await;
        reply(200)
    };
    let mut scene = Scene::new(Callers::Known, handler, |_| {}).await;
    let _stock = stock(7_302, &scene.clock, 200).await;
    scene.get("/").await;
    assert_json_snapshot!(scene.daemon.next());
}

#[tokio::test]
async fn calls_that_fail() {
    let handler = |parts, egress: Egress| async move {
        egress.forward("http://127.0.0.1:7303/fails", &parts).await;
        egress.forward("http://127.0.0.1:7304/closed", &parts).await;
        reply(500)
    };
    let mut scene = Scene::new(Callers::Known, handler, |_| {}).await;
    let _stock = stock(7_303, &scene.clock, 500).await;
    let _closed = port::closed(7_304).await;
    scene.get("/").await;
    assert_json_snapshot!(scene.daemon.next());
}

#[tokio::test]
async fn a_late_call() {
    let mut scene = Scene::unusual(202).await;
    let _stock = stock(7_305, &scene.clock, 200).await;
    scene.get("/").await;
    scene.clock.advance(Duration::from_millis(100));
    scene.egress.forward("http://127.0.0.1:7305/later", &scene.service.only()).await;
    assert_json_snapshot!([scene.daemon.next(), scene.daemon.next()]);
}

#[tokio::test]
async fn a_background_call() {
    let mut scene = Scene::answering(200).await;
    let _stock = stock(7_306, &scene.clock, 200).await;
    scene.egress.call("http://127.0.0.1:7306/poll").await;
    assert_json_snapshot!(scene.daemon.next());
}

#[tokio::test]
async fn an_unknown_call() {
    let handler = |_, egress: Egress| async move {
        egress.call("http://127.0.0.1:7307/items/42").await;
        reply(200)
    };
    let mut scene = Scene::new(Callers::Known, handler, |_| {}).await;
    let _stock = stock(7_307, &scene.clock, 200).await;
    scene.get("/").await;
    assert_json_snapshot!([scene.daemon.next(), scene.daemon.next()]);
}

#[tokio::test]
async fn a_sole_call() {
    let handler = |_, egress: Egress| async move {
        egress.call("http://127.0.0.1:7308/items/42").await;
        reply(200)
    };
    let mut scene = Scene::new(Callers::Known, handler, |_| {}).await;
    let _stock = stock(7_308, &scene.clock, 200).await;
    for gap in [3_000, 2_100, 4_400, 2_700, 1_500] {
        scene.clock.advance(Duration::from_millis(gap));
        scene.get("/").await;
    }
    let with_call =
        |document: &Value| document.get("http").is_some() && !embedded(document).is_empty();
    assert_json_snapshot!(scene.daemon.next_where("request with its call", with_call));
}

#[tokio::test]
async fn a_tunnel() {
    let mut scene = Scene::answering(200).await;
    let far = port::listener(7_309).await;
    let echo = tokio::spawn(async move {
        let (mut io, _) = far.accept().await.unwrap();
        let mut asked = [0; 4];
        io.read_exact(&mut asked).await.unwrap();
        io.write_all(b"pong!").await.unwrap();
        io.read(&mut asked).await.unwrap()
    });
    let mut service = TcpStream::connect(scene.egress.address()).await.unwrap();
    service.write_all(b"CONNECT 127.0.0.1:7309 HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    let mut answer = vec![0; b"HTTP/1.1 200 OK\r\n\r\n".len()];
    service.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 200 OK\r\n\r\n");
    scene.clock.advance(Duration::from_millis(20));
    service.write_all(b"ping").await.unwrap();
    service.read_exact(&mut [0; 5]).await.unwrap();
    drop(service);
    assert_eq!(echo.await.unwrap(), 0, "the far side hears that the service has gone");
    assert_json_snapshot!(scene.daemon.next());
}

#[tokio::test]
async fn a_split_segment() {
    let handler = |parts, egress: Egress| async move {
        for number in 0..3 {
            let path = "p".repeat(25_000);
            egress.forward(format!("http://127.0.0.1:7310/{number}/{path}"), &parts).await;
        }
        reply(200)
    };
    let mut scene = Scene::new(Callers::Unusual, handler, |_| {}).await;
    let _stock = stock(7_310, &scene.clock, 200).await;
    scene.get("/").await;
    let documents = std::iter::repeat_with(|| scene.daemon.next()).take(4).map(shorten);
    assert_json_snapshot!(documents.collect::<Vec<_>>());
}

/// A document with the run of letters in its URL as their number, for a snapshot one can read.
fn shorten(mut document: Value) -> Value {
    if let Some(url) = document.pointer_mut("/http/request/url") {
        let text = url.as_str().unwrap();
        let kept = text.trim_end_matches('p');
        if kept.len() < text.len() {
            *url = format!("{kept}{{{} times p}}", text.len() - kept.len()).into();
        }
    }
    document
}

#[tokio::test]
async fn a_cut_segment() {
    let mut scene = Scene::unusual(200).await;
    scene.get(&format!("/{}", "p".repeat(65_400))).await;
    assert_json_snapshot!(shorten(scene.daemon.next()));
}

#[tokio::test]
async fn a_websocket() {
    let handler = |parts: http::request::Parts, _| async move {
        assert_eq!(origin::header(&parts, "upgrade"), "websocket");
        let reply = Response::builder().status(101).header("connection", "upgrade");
        reply.header("upgrade", "websocket").body(full("")).unwrap()
    };
    let mut scene = Scene::new(Callers::Known, handler, |_| {}).await;
    let mut connection = client::connect(scene.sidecar.addresses.ingress).await;
    let request = client::get("/chat").header("connection", "upgrade");
    let request = request.header("upgrade", "websocket").body(Full::default()).unwrap();
    assert_eq!(connection.send_request(request).await.unwrap().status(), 101);
    assert_json_snapshot!(scene.daemon.next());
}
