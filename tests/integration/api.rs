//! The local API: what a service tells of its own requests while they are open, and after.

mod limits;
mod subsegments;

use std::net::SocketAddr;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use http::Request;
use http::Response;
use serde_json::Value;
use serde_json::json;
use sideray::config::Config;
use sideray::record::options::Keep;

use crate::support::client;
use crate::support::daemon::Callers;
use crate::support::daemon::Daemon;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::between;
use crate::support::sidecar::between_with;
use crate::support::sidecar::never;
use crate::support::traces::field;
use crate::support::wire::Listener;
use crate::support::wire::Wire;

/// A request that is open: the service has it, and has not answered.
struct Open {
    client: Wire,
    server: Wire,
    /// The trace header with which it reached the service.
    header: String,
}

impl Open {
    /// A client asks, and the service has its request.
    async fn request(sidecar: &Sidecar, service: &Listener) -> Self {
        Self::with(sidecar, service, "").await
    }

    /// The same with a header line of the client's.
    async fn with(sidecar: &Sidecar, service: &Listener, line: &str) -> Self {
        let mut client = Wire::connect(sidecar.addresses.ingress).await;
        client.send(format!("GET /order HTTP/1.1\r\nhost: shop.example\r\n{line}\r\n")).await;
        let mut server = service.accept().await;
        let header = server.head().await.header("x-amzn-trace-id");
        Self { client, server, header }
    }

    fn root(&self) -> &str {
        field(&self.header, "Root")
    }

    fn id(&self) -> &str {
        field(&self.header, "Parent")
    }

    /// The path of something to be said of it.
    fn path(&self, what: &str) -> String {
        format!("/v1/traces/{}/{what}", self.root())
    }

    /// The service answers, and its client has the answer.
    async fn answer(&mut self, status: &str) {
        self.server.send(format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok")).await;
        assert_eq!(self.client.message().await.1, "ok");
    }
}

/// A service, a sidecar and a daemon that gets what a judge would warn of.
async fn unusual() -> (Listener, Daemon, Sidecar) {
    let (service, daemon) = (Listener::bind().await, Daemon::with(Callers::Unusual));
    let sidecar = Sidecar::start(sidecar::config(service.address(), &daemon));
    (service, daemon, sidecar)
}

/// The present moment, as the API takes it.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// The service calls the API.
async fn call(
    sidecar: &Sidecar,
    method: &str,
    path: &str,
    body: impl Into<bytes::Bytes>,
) -> Response<String> {
    let host = sidecar.addresses.admin.to_string();
    let request = Request::builder().method(method).uri(path).header("host", host);
    client::send_body(sidecar.addresses.admin, request, body).await
}

/// The same with JSON; gives the status and what was answered.
async fn tell(sidecar: &Sidecar, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let answer = call(sidecar, method, path, body.to_string()).await;
    assert_eq!(client::header(&answer, "content-type"), "application/json");
    (answer.status().as_u16(), serde_json::from_str(answer.body()).unwrap())
}

async fn put(sidecar: &Sidecar, path: &str, body: Value) -> (u16, Value) {
    tell(sidecar, "PUT", path, &body).await
}

async fn post(sidecar: &Sidecar, body: Value) -> (u16, Value) {
    tell(sidecar, "POST", "/v1/subsegments", &body).await
}

const SAMPLED: bool = true;

fn taken(sampled: bool) -> (u16, Value) {
    (200, json!({"sampled": sampled}))
}

#[tokio::test]
async fn what_is_told_of_a_request_is_in_its_segment() {
    let (service, mut daemon, sidecar) = between().await;
    let mut open = Open::request(&sidecar, &service).await;
    for (what, body) in [
        ("annotations", json!({"order_id": 16, "paid": true})),
        ("annotations", json!({"order_id": 17, "shop": "Zürich"})),
        ("metadata", json!({"cart": [1, {"a": null}]})),
        ("metadata?namespace=debug", json!({"flags": {"x": 1.5}})),
        ("user", json!("ann")),
        (
            "exceptions",
            json!({
                "type": "OrderError",
                "message": "no such order",
                "working_directory": "/srv/shop",
                "truncated": 3,
                "stack": [{"path": "app.py", "line": 42, "label": "order"}],
                "cause": {"type": "KeyError", "message": "17", "remote": true},
            }),
        ),
    ] {
        assert_eq!(put(&sidecar, &open.path(what), body).await, taken(SAMPLED), "{what}");
    }
    open.answer("200 OK").await;
    let segment = daemon.segment();
    assert_eq!(segment["annotations"], json!({"order_id": 17, "paid": true, "shop": "Zürich"}));
    assert_eq!(segment["metadata"]["default"], json!({"cart": [1, {"a": null}]}));
    assert_eq!(segment["metadata"]["debug"], json!({"flags": {"x": 1.5}}));
    assert_eq!((&segment["user"], &segment["fault"]), (&json!("ann"), &json!(true)));
    let cause = &segment["cause"];
    assert_eq!(cause["working_directory"], "/srv/shop");
    let [first, second] = cause["exceptions"].as_array().unwrap().as_slice() else {
        panic!("{cause}")
    };
    assert_eq!(
        (&first["type"], &first["message"]),
        (&json!("OrderError"), &json!("no such order"))
    );
    assert_eq!(first["stack"], json!([{"path": "app.py", "line": 42, "label": "order"}]));
    assert_eq!((&first["cause"], &first["truncated"]), (&second["id"], &json!(3)));
    assert_eq!((&second["type"], &second["remote"]), (&json!("KeyError"), &json!(true)));
    assert_eq!(sidecar.metric("sideray_api_requests_total{status=\"200\"}").await, 6.0);
}

#[tokio::test]
async fn an_exception_that_was_handled_is_no_fault() {
    let (service, mut daemon, sidecar) = unusual().await;
    let mut open = Open::request(&sidecar, &service).await;
    let body = json!([{"type": "Retry"}, {"type": "Retry"}]);
    let path = open.path("exceptions?fault=false");
    assert_eq!(put(&sidecar, &path, body).await, taken(SAMPLED));
    open.answer("200 OK").await;
    let segment = daemon.segment();
    assert_eq!(segment.get("fault"), None);
    assert_eq!(segment["cause"]["exceptions"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_request_is_found_by_trace_by_parent_or_by_header() {
    let (service, mut daemon, sidecar) = unusual().await;
    let root = "1-5759e988-bd862e3fe1be46a994272793";
    let line = format!("x-amzn-trace-id: Root={root};Sampled=1\r\n");
    let mut one = Open::with(&sidecar, &service, &line).await;
    let mut two = Open::with(&sidecar, &service, &line).await;
    assert_eq!((one.root(), two.root()), (root, root));

    let (status, said) = put(&sidecar, &one.path("user"), json!("nobody")).await;
    assert_eq!(status, 409, "{said}");
    let path = one.path(&format!("user?parent={}", one.id()));
    assert_eq!(put(&sidecar, &path, json!("one")).await, taken(SAMPLED));
    let request = Request::put(two.path("user"))
        .header("host", "localhost:8002")
        .header("x-amzn-trace-id", &two.header);
    let answer = client::send_body(sidecar.addresses.admin, request, "\"two\"").await;
    assert_eq!(answer.status(), 200, "{}", answer.body());
    let path = one.path("user?parent=00000000000000aa");
    assert_eq!(put(&sidecar, &path, json!("nobody")).await.0, 404);

    one.answer("200 OK").await;
    assert_eq!(daemon.segment()["user"], "one");
    // Now it is the only one; W3C's form of the trace is as good.
    let w3c = format!("/v1/traces/{}/metadata", root[2..].replace('-', ""));
    assert_eq!(put(&sidecar, &w3c, json!({"k": 1})).await, taken(SAMPLED));
    let path = two.path(&format!("user?parent={}", one.id()));
    assert_eq!(put(&sidecar, &path, json!("late")).await.0, 410);
    two.answer("200 OK").await;
    let segment = daemon.segment();
    assert_eq!(
        (&segment["user"], &segment["metadata"]["default"]["k"]),
        (&json!("two"), &json!(1))
    );
    assert_eq!(put(&sidecar, &two.path("user"), json!("late")).await.0, 410);
    let unknown = "/v1/traces/1-5759e988-bd862e3fe1be46a994272794/user";
    assert_eq!(put(&sidecar, unknown, json!("who")).await.0, 404);
}

/// Tells something of a request that is not sampled.
async fn unsampled(change: impl FnOnce(&mut Config)) -> (Daemon, Sidecar, Open, u16) {
    let (service, daemon, sidecar) = between_with(|config| {
        config.sampling = never();
        change(config);
    })
    .await;
    let open = Open::request(&sidecar, &service).await;
    let told = put(&sidecar, &open.path("annotations"), json!({"order_id": 17})).await;
    assert_eq!(told, taken(false));
    let (root, now) = (open.root(), now());
    let whole = json!({"trace_id": root, "name": "work", "start_time": now, "end_time": now});
    let (status, said) = post(&sidecar, whole).await;
    assert_eq!(said["sampled"], false);
    (daemon, sidecar, open, status)
}

#[tokio::test]
async fn what_is_not_sampled_is_heard_and_forgotten() {
    let (mut daemon, sidecar, mut open, status) = unsampled(|_| {}).await;
    assert_eq!(status, 201);
    let (_, begun) = post(&sidecar, json!({"trace_id": open.root(), "name": "group"})).await;
    assert_eq!(field(begun["trace_header"].as_str().unwrap(), "Sampled"), "0");
    assert_eq!(post(&sidecar, json!({"id": begun["id"]})).await, taken(false));
    open.answer("500 Oops").await;
    assert_eq!(sidecar.stop().await.recorded, 0);
    assert_eq!(daemon.drain(), Vec::<Value>::new());
}

#[tokio::test]
async fn what_may_be_kept_is_kept_with_what_was_told() {
    let keep = Keep { fault: true, ..Keep::default() };
    let (mut daemon, sidecar, mut open, _) = unsampled(|config| config.record.keep = keep).await;
    open.answer("500 Oops").await;
    let segment = daemon.segment();
    assert_eq!(segment["metadata"]["sideray"]["kept"], "fault");
    assert_eq!(segment["annotations"], json!({"order_id": 17}));
    assert_eq!(segment["subsegments"][0]["name"], "work");
    assert_eq!(sidecar.stop().await.recorded, 1);
}

#[tokio::test]
async fn what_the_program_calls_a_fault_is_kept_as_one() {
    let keep = Keep { fault: true, ..Keep::default() };
    let (mut daemon, sidecar, mut open, _) = unsampled(|config| config.record.keep = keep).await;
    let thrown = json!({"type": "OrderError", "message": "no such order"});
    assert_eq!(put(&sidecar, &open.path("exceptions"), thrown).await, taken(false));
    open.answer("200 OK").await;
    let segment = daemon.segment();
    assert_eq!(segment["metadata"]["sideray"]["kept"], "fault");
    assert_eq!(segment["fault"], true);
}

#[tokio::test]
async fn without_tracing_everything_is_answered_and_nothing_recorded() {
    let (service, mut daemon, sidecar) = between_with(|config| config.record.enabled = false).await;
    let root = "1-5759e988-bd862e3fe1be46a994272793";
    let line = format!("x-amzn-trace-id: Root={root};Parent=53995c3f42cd8ad8;Sampled=1\r\n");
    let mut open = Open::with(&sidecar, &service, &line).await;
    assert_eq!(put(&sidecar, &open.path("user"), json!("ann")).await, taken(false));
    let begin = json!({"trace_id": root, "parent_id": "53995c3f42cd8ad8", "name": "group"});
    let (status, begun) = post(&sidecar, begin).await;
    assert_eq!((status, &begun["sampled"]), (201, &json!(false)));
    assert_eq!(begun["trace_header"], format!("Root={root};Parent=53995c3f42cd8ad8"));
    assert_eq!(post(&sidecar, json!({"id": begun["id"]})).await, taken(false));
    assert_eq!(put(&sidecar, &open.path("user"), json!(1)).await.0, 400, "mistakes show");
    open.answer("200 OK").await;
    sidecar.stop().await;
    assert_eq!(daemon.drain(), Vec::<Value>::new());
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let (_service, _daemon, sidecar) = between_with(|config| config.admin.api = false).await;
    let answer = call(&sidecar, "PUT", "/v1/traces/x/user", "\"ann\"").await;
    assert_eq!(answer.status(), 405, "as on any path that is not known");
    assert_eq!(call(&sidecar, "GET", "/v1/subsegments", "").await.status(), 404);
}

/// The headers of a program, and of pages that a browser shows.
#[tokio::test]
async fn programs_are_heard_and_pages_are_not() {
    let (_service, _daemon, sidecar) = between().await;
    let admin: SocketAddr = sidecar.addresses.admin;
    for (headers, status) in [
        (&[("host", "127.0.0.1:8002")][..], 404),
        (&[("host", "[::1]:8002")], 404),
        (&[("host", "LOCALHOST")], 404),
        (&[("host", "sideray:8002")], 404),
        (&[("host", "evil.example:8002")], 403),
        (&[("host", "127.0.0.1.evil.example")], 403),
        (&[("host", "localhost"), ("origin", "http://evil.example")], 403),
        (&[("host", "localhost"), ("origin", "null")], 403),
    ] {
        let path = "/v1/traces/1-5759e988-bd862e3fe1be46a994272793/user";
        let mut request = Request::put(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = client::send_body(admin, request, "\"ann\"").await;
        assert_eq!(answer.status(), status, "{headers:?}: {}", answer.body());
    }
}
