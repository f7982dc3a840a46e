//! What is refused, at which bound, and that nothing is lost that was accepted.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use sideray::app::Command;
use sideray::record::pieces::MAX_OPEN;

use super::Open;
use super::SAMPLED;
use super::call;
use super::post;
use super::put;
use super::taken;
use super::unusual;
use crate::support::client;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::between;
use crate::support::traces::embedded;
use crate::support::wire::Wire;

/// A program that keeps its connection to the API.
struct Program(SendRequest<Full<Bytes>>);

impl Program {
    async fn of(sidecar: &Sidecar) -> Self {
        Self(client::connect(sidecar.addresses.admin).await)
    }

    async fn tell(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).header("host", "localhost");
        let request = request.body(Full::from(body.to_string())).unwrap();
        self.0.ready().await.unwrap();
        let answer = client::read(self.0.send_request(request).await.unwrap()).await;
        let status = answer.status().as_u16();
        let retry = client::header(&answer, "retry-after");
        assert_eq!(retry, if status == 503 { "1" } else { "" });
        (status, serde_json::from_str(answer.body()).unwrap())
    }
}

#[tokio::test]
async fn what_is_wrong_is_answered_so_and_changes_nothing() {
    let (service, mut daemon, sidecar) = between().await;
    let mut open = Open::request(&sidecar, &service).await;
    let trace = open.root().to_owned();
    let path = |what: &str| format!("/v1/traces/{trace}/{what}");
    let body = |text: &str| text.replace("TRACE", &trace);
    for (method, path, body, status, allow) in [
        ("PUT", path("annotations"), body("{"), 400, ""),
        ("PUT", path("annotations"), body("{\"good\": 1, \"bad\": null}"), 400, ""),
        ("PUT", path("annotations"), body("{\"good\": 1, \"b-d\": 1}"), 422, ""),
        ("PUT", path("metadata"), body("[]"), 400, ""),
        ("PUT", path("metadata?namespace=AWS.x"), body("{\"k\": 1}"), 422, ""),
        ("PUT", path("metadata?namespace=sideray"), body("{\"k\": 1}"), 422, ""),
        ("PUT", path("user"), body("17"), 400, ""),
        ("PUT", path("user"), format!("\"{}\"", "u".repeat(251)), 422, ""),
        ("PUT", path("exceptions"), body("[{\"type\": \"E\"}, {}]"), 400, ""),
        ("PUT", path("exceptions?fault=1"), body("[]"), 400, ""),
        ("PUT", path("user?parent=1"), body("\"ann\""), 400, ""),
        ("PUT", "/v1/traces/1-2-3/user".into(), body("\"ann\""), 400, ""),
        ("PUT", path("colour"), body("\"red\""), 404, ""),
        ("GET", "/v1".into(), body(""), 404, ""),
        ("GET", path("user"), body(""), 405, "PUT"),
        ("DELETE", "/v1/subsegments".into(), body(""), 405, "POST"),
        ("POST", "/v1/subsegments".into(), body("{\"trace_id\": \"TRACE\"}"), 400, ""),
        (
            "POST",
            "/v1/subsegments".into(),
            body("{\"trace_id\": \"TRACE\", \"name\": \"n\", \"start_time\": 2, \"end_time\": 1}"),
            422,
            "",
        ),
        ("POST", "/v1/subsegments".into(), body("{\"id\": \"00000000000000aa\"}"), 404, ""),
    ] {
        let answer = call(&sidecar, method, &path, body.clone()).await;
        let said = format!("{method} {path} {body}: {}", answer.body());
        assert_eq!(answer.status(), status, "{said}");
        assert_eq!(client::header(&answer, "allow"), allow, "{said}");
        if status != 405 {
            let error: Value = serde_json::from_str(answer.body()).unwrap();
            assert!(error["error"].as_str().is_some_and(|error| error.len() > 8), "{said}");
        }
    }
    let (_, begun) = post(&sidecar, json!({"trace_id": trace, "name": "n"})).await;
    let early = json!({"id": begun["id"], "end_time": 1});
    assert_eq!(post(&sidecar, early).await.0, 422, "it has begun later");
    assert_eq!(post(&sidecar, json!({"id": begun["id"]})).await, taken(SAMPLED));
    open.answer("200 OK").await;
    let segment = daemon.segment();
    for field in ["annotations", "metadata", "user", "cause", "fault"] {
        assert_eq!(segment.get(field), None);
    }
    assert_eq!(embedded(&segment).len(), 1);
}

#[tokio::test]
async fn of_ten_thousand_annotations_fifty_are_taken() {
    let (service, mut daemon, sidecar) = between().await;
    let mut open = Open::request(&sidecar, &service).await;
    let mut program = Program::of(&sidecar).await;
    let mut accepted = Map::new();
    // Two of them are a subsegment's: the bound is for all of a request.
    let begin = json!({"trace_id": open.root(), "name": "n", "annotations": {"a": 1, "b": 2}});
    let (_, begun) = program.tell("POST", "/v1/subsegments", &begin).await;
    for number in 0..10_000 {
        let key = format!("key_{number}");
        let body = json!({&key: number});
        match program.tell("PUT", &open.path("annotations"), &body).await {
            (200, _) => drop(accepted.insert(key, json!(number))),
            (status, said) => {
                assert_eq!((status, accepted.len()), (422, 48), "{said}");
                assert_eq!(said["error"], "a trace has at most 50 annotations");
            }
        }
    }
    let again = json!({"key_0": "replaced"});
    assert_eq!(program.tell("PUT", &open.path("annotations"), &again).await.0, 200);
    accepted["key_0"] = json!("replaced");
    let more = json!({"id": begun["id"], "annotations": {"c": 1}});
    assert_eq!(program.tell("POST", "/v1/subsegments", &more).await.0, 422);
    let less = json!({"id": begun["id"], "annotations": {"b": 3}});
    assert_eq!(program.tell("POST", "/v1/subsegments", &less).await.0, 200);
    open.answer("200 OK").await;
    let segment = daemon.segment();
    assert_eq!(segment["annotations"], Value::Object(accepted));
    assert_eq!(embedded(&segment)[0]["annotations"], json!({"a": 1, "b": 3}));
    assert_eq!(sidecar.metric("sideray_remarks_dropped_total").await, 0.0);
}

#[tokio::test]
async fn a_large_body_is_refused_and_its_client_hears_it() {
    const LARGE: usize = 1 << 20;
    let (service, mut daemon, sidecar) = between().await;
    let mut open = Open::request(&sidecar, &service).await;
    let path = open.path("metadata");
    let head = format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\n");

    // Clients that write all they have before they read.
    let length = format!("{head}content-length: {LARGE}\r\n\r\n");
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{LARGE:x}\r\n");
    for head in [length, chunked] {
        let mut client = Wire::connect(sidecar.addresses.admin).await;
        client.send(head).await;
        client.send(vec![b' '; LARGE]).await;
        let head = client.head().await;
        assert!(head.line().contains(" 413 "), "{}", head.line());
        assert_eq!(head.header("connection"), "close");
        client.finish().await;
    }
    // One that waits to be asked for its body is not asked.
    let mut client = Wire::connect(sidecar.addresses.admin).await;
    client.send(format!("{head}expect: 100-continue\r\ncontent-length: {LARGE}\r\n\r\n")).await;
    assert!(client.head().await.line().contains(" 413 "));
    // hyper's, as a program that knows nothing of all that.
    let answer = call(&sidecar, "PUT", &path, vec![b' '; LARGE]).await;
    assert_eq!(answer.status(), 413, "{}", answer.body());

    // At the bound it is heard, and there is no room for it in the segment.
    let note = |length: usize| {
        let empty = json!({"k": ""}).to_string().len();
        json!({"k": "x".repeat(length - empty)}).to_string()
    };
    assert_eq!(call(&sidecar, "PUT", &path, note(64 * 1024)).await.status(), 422);
    assert_eq!(call(&sidecar, "PUT", &path, note(64 * 1024 + 1)).await.status(), 413);
    assert_eq!(call(&sidecar, "PUT", &path, note(32 * 1024 - 64)).await.status(), 200);
    open.answer("200 OK").await;
    let segment = daemon.segment();
    assert_eq!(segment["metadata"]["default"]["k"].as_str().unwrap().len(), 32 * 1024 - 64 - 8);
    assert_eq!(segment["metadata"].get("sideray"), None, "nothing was cut");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let (_service, _daemon, sidecar) = between().await;
    let path = "/v1/traces/1-5759e988-bd862e3fe1be46a994272793/user";
    let head = format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\n");
    let mut slow = Wire::connect(sidecar.addresses.admin).await;
    slow.send(format!("{head}content-length: 9\r\n\r\n\"a")).await;
    let mut broken = Wire::connect(sidecar.addresses.admin).await;
    broken.send(format!("{head}transfer-encoding: chunked\r\n\r\nx\r\n")).await;
    for (mut client, status) in [(broken, " 400 "), (slow, " 408 ")] {
        let head = client.head().await;
        assert!(head.line().contains(status), "{}", head.line());
        assert_eq!(head.header("connection"), "close");
    }
}

#[tokio::test]
async fn a_table_that_is_full_says_so() {
    let (service, _daemon, sidecar) = unusual().await;
    let open = Open::request(&sidecar, &service).await;
    let mut program = Program::of(&sidecar).await;
    let begin = json!({"trace_id": open.root(), "name": "n"});
    let mut last = Value::Null;
    for _ in 0..MAX_OPEN {
        let (status, begun) = program.tell("POST", "/v1/subsegments", &begin).await;
        assert_eq!(status, 201, "{begun}");
        last = begun["id"].clone();
    }
    assert_eq!(program.tell("POST", "/v1/subsegments", &begin).await.0, 503);
    assert_eq!(sidecar.metric("sideray_api_subsegments_refused_total").await, 1.0);
    assert_eq!(program.tell("POST", "/v1/subsegments", &json!({"id": last})).await.0, 200);
    assert_eq!(program.tell("POST", "/v1/subsegments", &begin).await.0, 201);
}

#[tokio::test]
async fn there_is_an_end_to_what_is_said_of_those_that_are_open() {
    let (service, _daemon, sidecar) = unusual().await;
    let open = Open::request(&sidecar, &service).await;
    let mut program = Program::of(&sidecar).await;
    let mut fill = async |note: Value, most: usize| {
        let metadata = json!({"default": {"k": note}});
        let begin = json!({"trace_id": open.root(), "name": "n", "metadata": metadata});
        let mut begun = Vec::new();
        loop {
            let (status, said) = program.tell("POST", "/v1/subsegments", &begin).await;
            if status != 201 {
                assert_eq!((status, begun.len()), (503, most), "{said}");
                break;
            }
            begun.push(said["id"].clone());
        }
        let bytes = sidecar.metric("sideray_api_subsegments_open_bytes").await;
        assert!(bytes > 16_700_000.0 && bytes < 16_777_216.0, "{bytes}");
        for id in begun {
            let (status, said) = program.tell("POST", "/v1/subsegments", &json!({"id": id})).await;
            assert_eq!(status, 200, "{said}");
        }
        assert_eq!(sidecar.metric("sideray_api_subsegments_open_bytes").await, 0.0);
    };
    fill(json!("x".repeat(32_000)), 520).await;
    fill(json!(vec![0; 16_000]), 520).await;
}

#[tokio::test]
async fn one_connection_too_many_is_answered_and_closed() {
    let (_service, _daemon, sidecar) = between().await;
    let mut open = Vec::new();
    for _ in 0..256 {
        let mut wire = Wire::connect(sidecar.addresses.admin).await;
        wire.send("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!(wire.message().await.1, "ok\n");
        open.push(wire);
    }
    let mut more = Wire::connect(sidecar.addresses.admin).await;
    assert!(more.head().await.line().contains(" 503 "));
    more.closed().await;
    let mut first = open.swap_remove(0);
    first.finish().await;
    first.closed().await;
    assert_eq!(client::send(sidecar.addresses.admin, client::get("/healthz")).await.status(), 200);
}

#[tokio::test]
async fn requests_are_told_of_while_the_sidecar_drains() {
    let (service, mut daemon, sidecar) = between().await;
    let mut open = Open::request(&sidecar, &service).await;
    sidecar.tell(Command::Stop);
    while client::send(sidecar.addresses.admin, client::get("/readyz")).await.status() != 503 {}
    assert_eq!(put(&sidecar, &open.path("user"), json!("ann")).await, taken(SAMPLED));
    let (status, _) = post(&sidecar, json!({"trace_id": open.root(), "name": "late"})).await;
    assert_eq!(status, 201);
    open.answer("200 OK").await;
    let summary = sidecar.ended().await;
    assert_eq!((summary.recorded, summary.sent), (2, 2));
    assert_eq!(daemon.segment()["user"], "ann");
    assert_eq!(daemon.subsegment()["in_progress"], true);
}

/// What one program has told of one request, and that was accepted.
#[derive(Debug, Default)]
struct Accepted {
    annotations: Map<String, Value>,
    metadata: Map<String, Value>,
    subsegments: BTreeMap<String, String>,
    refused: usize,
}

/// Tells all kinds of things until the request has gone.
async fn chatter(mut program: Program, trace: String, parent: String) -> Accepted {
    let mut accepted = Accepted::default();
    let path = |what: &str| format!("/v1/traces/{trace}/{what}?parent={parent}");
    let mut gone = false;
    for round in 0_u32.. {
        let key = format!("k{}", round % 60);
        let body = json!({&key: round});
        let (status, said) = match round % 4 {
            0 => program.tell("PUT", &path("annotations"), &body).await,
            1 => program.tell("PUT", &path("metadata"), &body).await,
            _ => {
                let piece = json!({"trace_id": trace, "parent_id": parent, "name": key});
                let (status, begun) = program.tell("POST", "/v1/subsegments", &piece).await;
                assert_eq!(status, 201, "{begun}");
                let id = begun["id"].as_str().unwrap().to_owned();
                accepted.subsegments.insert(id.clone(), key.clone());
                let end = json!({"id": id, "metadata": {"d": {"note": "x".repeat(5_000)}}});
                let end = if round % 4 == 3 { end } else { json!({"id": id}) };
                program.tell("POST", "/v1/subsegments", &end).await
            }
        };
        match (status, round % 4) {
            (200, 0) => drop(accepted.annotations.insert(key, json!(round))),
            (200, 1) => drop(accepted.metadata.insert(key, json!(round))),
            (200, _) => {}
            (422, 0) => accepted.refused += 1,
            (410, 0 | 1) => gone = true,
            (status, _) => panic!("{status}: {said}"),
        }
        if gone {
            break;
        }
    }
    accepted
}

#[tokio::test]
async fn what_was_accepted_is_in_the_documents() {
    let (service, mut daemon, sidecar) = unusual().await;
    let (mut requests, mut programs) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        let open = Open::request(&sidecar, &service).await;
        let program = Program::of(&sidecar).await;
        let told = chatter(program, open.root().to_owned(), open.id().to_owned());
        programs.push(tokio::spawn(told));
        requests.push(open);
    }
    // Each is answered while its program talks, after more of it than the one before.
    for (index, open) in requests.iter_mut().enumerate() {
        let told = (1 + u32::try_from(index).unwrap()) * 200;
        while sidecar.metric("sideray_api_requests_total{status=\"200\"}").await < told.into() {}
        open.answer("200 OK").await;
    }
    let mut all = Vec::new();
    for program in programs {
        all.push(program.await.unwrap());
    }
    let summary = sidecar.stop().await;
    assert_eq!(summary.dropped, 0);
    let documents = daemon.drain();
    assert_eq!(documents.len() as u64, summary.recorded);
    for (open, accepted) in requests.iter().zip(all) {
        let of_it = |document: &&Value| document["trace_id"] == open.root();
        let of_it: Vec<_> = documents.iter().filter(of_it).collect();
        let segment = *of_it.iter().find(|document| document["id"] == open.id()).unwrap();
        let of = |value: &Value| value.as_object().cloned().unwrap_or_default();
        assert_eq!(of(&segment["annotations"]), accepted.annotations);
        assert_eq!(of(&segment["metadata"]["default"]), accepted.metadata);
        let alone = of_it.iter().filter(|document| document["type"] == "subsegment").copied();
        let found: BTreeMap<String, String> = embedded(segment)
            .iter()
            .chain(alone)
            .map(|one| {
                assert!(one.get("in_progress").is_none(), "each was ended");
                let text = |key: &str| one[key].as_str().unwrap().to_owned();
                (text("id"), text("name"))
            })
            .collect();
        assert_eq!(found, accepted.subsegments);
        assert!(accepted.annotations.len() <= 50);
    }
}
