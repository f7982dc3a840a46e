//! The access log: a line for each request, which joins what is logged to its trace.

use http::Request;
use rustix::process::Signal;
use serde_json::Value;
use sideray::emit::options::LinesTo;
use sideray::record::options::Keep;

use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::origin::Origin;
use crate::support::program;
use crate::support::program::Program;
use crate::support::program::sideray;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::never;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn each_request_leaves_a_line_with_its_trace() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.jsonl");
    let mut config = sidecar::config(origin.address(), &daemon);
    config.log.access = Some(LinesTo::File(file.clone()));
    let sidecar = Sidecar::start(config);
    let sampled = client::send(sidecar.addresses.ingress, client::get("/a?token=secret")).await;
    let passed = client::get("/b").header("x-amzn-trace-id", "Sampled=0");
    let passed = client::send(sidecar.addresses.ingress, passed).await;
    let call = Request::get(format!("http://{}/", origin.address()));
    client::send(sidecar.addresses.egress, call).await;
    drop(daemon.segment());
    sidecar.metric_becomes("sideray_access_lines_written_total", 2.0).await;
    sidecar.stop().await;

    let lines = lines(&std::fs::read_to_string(&file).unwrap());
    assert_eq!(lines.len(), 2, "calls have none");
    for (line, response, path, recorded) in
        [(&lines[0], &sampled, "/a", true), (&lines[1], &passed, "/b", false)]
    {
        let trace = line["trace_id"].as_str().unwrap();
        assert_eq!(client::header(response, "x-amzn-trace-id"), format!("Root={trace}"));
        assert_eq!(line["url"], format!("http://shop.example{path}"), "without its query");
        assert_eq!((&line["status"], &line["sampled"]), (&200.into(), &recorded.into()));
    }
}

#[tokio::test]
async fn a_request_that_fails_or_is_kept_says_so() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let daemon = Daemon::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.jsonl");
    let mut config = sidecar::config(dead, &daemon);
    config.log.access = Some(LinesTo::File(file.clone()));
    config.sampling = never();
    config.record.keep = Keep { fault: true, per_second: 1, ..Keep::default() };
    let sidecar = Sidecar::start(config);
    client::send(sidecar.addresses.ingress, client::get("/")).await;
    sidecar.stop().await;
    let lines = lines(&std::fs::read_to_string(&file).unwrap());
    assert_eq!((&lines[0]["end"], &lines[0]["status"]), (&"failed".into(), &503.into()));
    assert_eq!(
        (&lines[0]["error"], &lines[0]["sampled"]),
        (&"ConnectionRefused".into(), &true.into())
    );
}

#[tokio::test]
async fn standard_output_may_be_the_access_log() {
    let (origin, folder) = (Origin::hello().await, tempfile::tempdir().unwrap());
    let file =
        program::config(folder.path(), &format!("upstream = \"http://{}\"", origin.address()));
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("[log]", "[log]\naccess = \"stdout\"")).unwrap();
    let mut program = Program::start(&mut sideray(&["run", "--config", &file])).await;
    client::send(program.ingress, client::get("/a")).await;
    program.signal(Signal::TERM);
    let (code, out) = program.output().await;
    assert_eq!(code, Some(0));
    let lines = lines(&out);
    assert_eq!(lines.len(), 1, "{out}");
    assert_eq!(lines[0]["url"], "http://shop.example/a");
}
