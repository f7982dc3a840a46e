//! The relay: what SDKs send as if to a daemon passes, and joins where it tells of a request of
//! ours.

mod calls;

use std::net::SocketAddr;
use std::net::UdpSocket;
use std::time::Instant;
use std::time::SystemTime;

use http::Response;
use serde_json::Value;
use serde_json::json;
use sideray::config::Config;
use sideray::emit::options::Daemon as Target;

use crate::support::DEADLINE;
use crate::support::catcher::kernel_drops_at;
use crate::support::client;
use crate::support::daemon::Callers;
use crate::support::daemon::Daemon;
use crate::support::daemon::enlarge;
use crate::support::port::Port;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::between_with;
use crate::support::traces::field;
use crate::support::traces::text;
use crate::support::wire::Listener;
use crate::support::wire::Wire;

const HEADER: &str = "{\"format\": \"json\", \"version\": 1}\n";

/// An SDK as the relay sees it.
struct Sdk(UdpSocket);

impl Sdk {
    fn beside(sidecar: &Sidecar) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(relay(sidecar)).unwrap();
        Self(socket)
    }

    fn send(&self, datagram: impl AsRef<[u8]>) {
        self.0.send(datagram.as_ref()).unwrap();
    }

    fn send_document(&self, document: &Value) {
        self.send(format!("{HEADER}{document}"));
    }
}

fn relay(sidecar: &Sidecar) -> SocketAddr {
    sidecar.addresses.relay.unwrap()
}

fn with_relay(config: &mut Config) {
    config.relay.listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
}

/// The value of the relay's counter of documents.
async fn passed(sidecar: &Sidecar, outcome: &str) -> u64 {
    count(sidecar, &format!("sideray_relay_documents_total{{outcome=\"{outcome}\"}}")).await
}

async fn count(sidecar: &Sidecar, sample: &str) -> u64 {
    format!("{}", sidecar.metric(sample).await).parse().unwrap()
}

/// What an SDK says at this moment of the request whose trace header is `header`, as its segment.
fn inside(header: &str) -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    json!({
        "id": "31e7d86e194af546",
        "trace_id": field(header, "Root"),
        "parent_id": field(header, "Parent"),
        "name": "app",
        "start_time": now,
        "end_time": now,
        "user": "bob",
        "annotations": { "cart": 7 },
        "service": { "runtime": "CPython" },
        "aws": { "xray": { "sdk": "X-Ray for Python" } },
        "subsegments": [{ "id": "409568ad065ee22c", "name": "query", "start_time": now, "end_time": now }],
    })
}

/// A request that has reached the service.
async fn ask(
    sidecar: &Sidecar,
    service: &Listener,
    request: http::request::Builder,
) -> (tokio::task::JoinHandle<Response<String>>, Wire, String) {
    let asked = tokio::spawn(client::send(sidecar.addresses.ingress, request));
    let mut wire = service.accept().await;
    let header = wire.head().await.header("x-amzn-trace-id");
    (asked, wire, header)
}

async fn answer(asked: tokio::task::JoinHandle<Response<String>>, mut wire: Wire) {
    wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    asked.await.unwrap();
}

#[tokio::test]
async fn a_segment_of_an_open_request_becomes_a_part_of_it() {
    let (service, mut daemon, sidecar) = between_with(with_relay).await;
    let (asked, wire, header) = ask(&sidecar, &service, client::get("/")).await;
    let whole = inside(&header);
    let mut begun = whole.clone();
    begun["in_progress"] = true.into();
    for later in ["end_time", "subsegments"] {
        begun.as_object_mut().unwrap().remove(later);
    }
    let sdk = Sdk::beside(&sidecar);
    sdk.send_document(&begun);
    let progress = daemon.subsegment();
    sdk.send_document(&whole);
    let subsegment = daemon.subsegment();
    answer(asked, wire).await;
    let segment = daemon.segment();

    for document in [&progress, &subsegment] {
        assert_eq!(text(document, "id"), "31e7d86e194af546");
        assert_eq!(document["trace_id"], segment["trace_id"]);
        assert_eq!(document["parent_id"], segment["id"]);
    }
    assert_eq!(progress["in_progress"], true);
    assert_eq!(subsegment["annotations"], json!({ "cart": 7 }));
    assert_eq!(text(&subsegment, "subsegments/0/name"), "query");
    let aside = json!({ "segment": { "service": { "runtime": "CPython" } } });
    assert_eq!(subsegment["metadata"], json!({ "sideray": aside }));
    assert_eq!(text(&segment, "user"), "bob", "X-Ray indexes the user of a segment only");
    assert_eq!(passed(&sidecar, "joined").await, 2);
    let summary = sidecar.stop().await;
    assert_eq!((summary.recorded, summary.sent, summary.dropped), (3, 3, 0));
}

#[tokio::test]
async fn a_segment_that_comes_late_joins_and_keeps_its_user() {
    let (service, mut daemon, sidecar) = between_with(with_relay).await;
    let (asked, wire, header) = ask(&sidecar, &service, client::get("/")).await;
    let document = inside(&header);
    answer(asked, wire).await;
    let segment = daemon.segment();
    Sdk::beside(&sidecar).send_document(&document);
    let subsegment = daemon.subsegment();
    assert_eq!(subsegment["parent_id"], segment["id"]);
    assert_eq!(text(&subsegment, "metadata/sideray/segment/user"), "bob");
    assert_eq!(segment.get("user"), None);
}

#[tokio::test]
async fn what_is_not_ours_passes_as_it_is() {
    let service = Listener::bind().await;
    let mut daemon = Daemon::with(Callers::Unusual);
    let mut config = sidecar::config(service.address(), &daemon);
    with_relay(&mut config);
    let sidecar = Sidecar::start(config);
    let request = client::get("/").header("x-amzn-trace-id", "Sampled=0");
    let (unsampled_asked, unsampled_wire, unsampled) = ask(&sidecar, &service, request).await;
    let (asked, wire, header) = ask(&sidecar, &service, client::get("/")).await;
    let sdk = Sdk::beside(&sidecar);
    let changed = |change: fn(&mut Value)| {
        let mut document = inside(&header);
        change(&mut document);
        document
    };
    let not_ours = [
        inside(&unsampled),
        changed(|document| document["parent_id"] = "00000000000000aa".into()),
        changed(|document| document["trace_id"] = "1-00000001-000000000000000000000001".into()),
        changed(|document| document["type"] = "subsegment".into()),
        changed(|document| drop(document.as_object_mut().unwrap().remove("parent_id"))),
    ];
    for document in &not_ours {
        sdk.send_document(document);
        assert_eq!(daemon.next(), *document);
    }
    assert_eq!(passed(&sidecar, "forwarded").await, 5);
    assert_eq!(passed(&sidecar, "joined").await, 0);
    answer(asked, wire).await;
    answer(unsampled_asked, unsampled_wire).await;
    let segment = daemon.next();
    assert_eq!(segment.get("user"), None, "nothing was said of it");
    assert!(daemon.drain().is_empty(), "the unsampled one leaves none");
}

#[tokio::test]
async fn garbage_is_rejected_where_the_daemon_would_and_passed_where_it_would() {
    let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
    enlarge(&daemon);
    daemon.set_read_timeout(Some(DEADLINE)).unwrap();
    let service = Listener::bind().await;
    let mut config = sidecar::config_at(service.address(), daemon.local_addr().unwrap());
    with_relay(&mut config);
    let sidecar = Sidecar::start(config);
    let sdk = Sdk::beside(&sidecar);
    let mut buffer = vec![0; 65_536];
    let mut next = || {
        let length = daemon.recv(&mut buffer).unwrap();
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let (header, document) = text.split_once('\n').unwrap();
        assert_eq!(header, r#"{"format":"json","version":1}"#);
        document.to_owned()
    };

    for rejected in ["", "x", HEADER, "{}\n{}", "{\"format\":\"json\",\"version\":1}", "\n\n\n"] {
        sdk.send(rejected);
    }
    for (unread, passed) in [
        ("no json", "no json"),
        ("{\"id\":\n1}", "{\"id\": 1}"),
        ("[[[[", "[[[["),
        ("{\"id\":\"x\",\"name\":1}\n", "{\"id\":\"x\",\"name\":1} "),
    ] {
        sdk.send(format!("{HEADER}{unread}"));
        assert_eq!(next(), passed);
    }
    // The largest datagram there is, all of it one document that is read, and one that is not.
    let room = 65_507 - HEADER.len();
    let start = "{\"id\":\"a\",\"trace_id\":\"b\",\"name\":\"c\",\"start_time\":1,\"metadata\":\"";
    let giant = format!("{start}{}\"}}", "m".repeat(room - start.len() - 2));
    for document in [giant, "[".repeat(room)] {
        sdk.send(format!("{HEADER}{document}"));
        assert_eq!(next(), document);
    }
    assert_eq!(passed(&sidecar, "rejected").await, 6);
    assert_eq!(passed(&sidecar, "unread").await, 5);
    assert_eq!(passed(&sidecar, "forwarded").await, 1);
    let summary = sidecar.stop().await;
    assert_eq!((summary.recorded, summary.sent, summary.dropped), (6, 6, 0));
}

#[tokio::test]
async fn a_flood_is_counted_to_the_last_datagram() {
    const SENT: u64 = 20_000;
    let service = Listener::bind().await;
    // Nobody listens there: whatever gets that far is counted as refused.
    let port = Port::closed();
    let mut config = sidecar::config_at(service.address(), port.address());
    with_relay(&mut config);
    config.emit.queue = 100;
    let sidecar = Sidecar::start(config);
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8";
    let document = format!("{HEADER}{}", inside(header));
    let flood = {
        let sdk = Sdk::beside(&sidecar);
        tokio::task::spawn_blocking(move || (0..SENT).for_each(|_| sdk.send(&document)))
    };
    let mut asked_meanwhile = 0;
    while !flood.is_finished() {
        let ready = client::send(sidecar.addresses.admin, client::get("/readyz")).await;
        assert_eq!(ready.status(), 200, "the same thread has time for others");
        asked_meanwhile += 1;
    }
    flood.await.unwrap();
    assert!(asked_meanwhile > 0);

    // Once one comes through behind it, all of the flood has been taken in or lost in the kernel.
    let sdk = Sdk::beside(&sidecar);
    loop {
        let rejected = passed(&sidecar, "rejected").await;
        if rejected > 0 {
            break;
        }
        sdk.send("the end");
        tokio::task::yield_now().await;
    }
    let forwarded = passed(&sidecar, "forwarded").await;
    let lost = kernel_drops_at(relay(&sidecar));
    assert!(forwarded <= SENT && forwarded + lost >= SENT, "{forwarded} + {lost}");
    let summary = sidecar.stop().await;
    assert_eq!(summary.recorded, forwarded);
    assert_eq!(summary.sent + summary.dropped, summary.recorded, "nothing is left");
}

#[tokio::test]
async fn what_has_come_before_the_end_is_sent() {
    let mut daemon = Daemon::with(Callers::Unusual);
    let service = Listener::bind().await;
    let mut config = sidecar::config(service.address(), &daemon);
    with_relay(&mut config);
    let sidecar = Sidecar::start(config);
    let sdk = Sdk::beside(&sidecar);
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8";
    let (asked, wire, _) = ask(&sidecar, &service, client::get("/")).await;
    sidecar.tell(sideray::app::Command::Stop);
    crate::lifecycle::draining(&sidecar).await;
    sdk.send_document(&inside(header));
    assert_eq!(text(&daemon.next(), "name"), "app", "while requests are finished it goes on");
    for _ in 0..100 {
        sdk.send_document(&inside(header));
    }
    answer(asked, wire).await;

    let summary = sidecar.ended().await;
    assert_eq!((summary.recorded, summary.sent, summary.dropped), (102, 102, 0));
    assert_eq!(daemon.drain().len(), 101);
}

#[tokio::test]
async fn what_has_come_by_the_time_it_is_told_to_stop_is_sent() {
    let mut daemon = Daemon::with(Callers::Unusual);
    let service = Listener::bind().await;
    let mut config = sidecar::config(service.address(), &daemon);
    with_relay(&mut config);
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8";
    for count in [1, 10, 500] {
        let sidecar = Sidecar::start(config.clone());
        let sdk = Sdk::beside(&sidecar);
        (0..count).for_each(|_| sdk.send_document(&inside(header)));
        let summary = sidecar.stop().await;
        assert_eq!((summary.recorded, summary.sent), (count, count));
        assert_eq!(daemon.drain().len() as u64, count);
    }
}

#[tokio::test]
async fn the_embedded_collector_takes_them_too() {
    let service = Listener::bind().await;
    let port = Port::closed();
    let mut config = sidecar::config_at(service.address(), port.address());
    with_relay(&mut config);
    config.emit.daemon = Target::Embedded;
    let sidecar = Sidecar::start(config);
    let (asked, wire, header) = ask(&sidecar, &service, client::get("/")).await;
    Sdk::beside(&sidecar).send_document(&inside(&header));
    answer(asked, wire).await;
    let path = format!("/traces/{}", field(&header, "Root"));
    let end = Instant::now() + DEADLINE;
    loop {
        let trace = client::send(sidecar.addresses.admin, client::get(&path)).await.into_body();
        if ["409568ad065ee22c", "bob", "shop.example"].iter().all(|one| trace.contains(one)) {
            break;
        }
        assert!(Instant::now() < end, "the request, its user and the query: {trace}");
    }
}

#[tokio::test]
async fn without_its_daemon_documents_are_counted_as_refused() {
    let service = Listener::bind().await;
    let port = Port::closed();
    let mut config = sidecar::config_at(service.address(), port.address());
    with_relay(&mut config);
    let sidecar = Sidecar::start(config);
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8";
    Sdk::beside(&sidecar).send_document(&inside(header));
    let refused = "sideray_documents_dropped_total{reason=\"refused\"}";
    sidecar.metric_becomes(refused, 1.0).await;
    let summary = sidecar.stop().await;
    assert_eq!((summary.recorded, summary.sent, summary.dropped), (1, 0, 1));
}
