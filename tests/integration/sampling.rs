//! Sampling: which requests are recorded, and that changing the rules costs no request.

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http_body_util::Full;
use sideray::app::Command;
use sideray::record::options::Keep;
use sideray::sampling::rule::Limits;
use sideray::sampling::rule::Rate;
use sideray::sampling::rule::Rule;
use sideray::sampling::rule::Rules;

use crate::support::client;
use crate::support::daemon::Callers;
use crate::support::daemon::Daemon;
use crate::support::origin;
use crate::support::origin::Origin;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::traces::field;
use crate::support::traces::text;
use crate::support::world::ManualClock;

fn limits(fixed_target: u32, rate: f64) -> Limits {
    Limits { fixed_target, rate: Rate::new(rate).unwrap() }
}

fn rule(name: &str, [host, method, path]: [&str; 3], limits: Limits) -> Rule {
    let [name, host, method, path] = [name, host, method, path].map(Into::into);
    Rule { name, host, method, path, limits }
}

/// Whether the service was told that a request is sampled.
fn told(origin: &Origin) -> bool {
    let seen = origin.seen().pop().unwrap();
    field(origin::header(&seen, "x-amzn-trace-id"), "Sampled") == "1"
}

#[tokio::test]
async fn the_first_rule_that_matches_decides() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    let rules = vec![
        rule("health", ["*", "GET", "/health*"], limits(0, 0.0)),
        rule("shop", ["shop.*", "*", "*"], limits(0, 1.0)),
        rule("never met", ["*", "*", "/healthy"], limits(0, 1.0)),
    ];
    config.sampling = Rules::new(rules, limits(0, 0.0));
    let sidecar = Sidecar::start(config);

    for (host, path, sampled) in [
        ("shop.example", "/health", false),
        ("shop.example", "/HEALTHY?x", false),
        ("shop.example", "/", true),
        ("SHOP.example:8000", "/items", true),
        ("other.example", "/items", false),
    ] {
        let request = http::Request::get(path).header("host", host);
        client::send(sidecar.addresses.ingress, request).await;
        assert_eq!(told(&origin), sampled, "{host}{path}");
    }
    for (rule, decision, count) in [
        ("health", "passed", 2.0),
        ("health", "sampled", 0.0),
        ("shop", "sampled", 2.0),
        ("never met", "sampled", 0.0),
        ("default", "passed", 1.0),
    ] {
        let name = "sideray_sampling_decisions_total";
        let sample = format!("{name}{{rule=\"{rule}\",decision=\"{decision}\"}}");
        assert_eq!(sidecar.metric(&sample).await, count, "{sample}");
    }
    assert_eq!(sidecar.stop().await.recorded, 2);
    assert_eq!(daemon.drain().len(), 2);
}

#[tokio::test]
async fn the_fixed_target_is_per_rule_and_second() {
    let (origin, daemon) = (Origin::hello().await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    let items = rule("items", ["*", "*", "/items"], limits(2, 0.0));
    config.sampling = Rules::new(vec![items], limits(1, 0.0));
    let clock = Arc::new(ManualClock::new());
    let sidecar = Sidecar::start_still(config, &clock);

    for second in 0..3 {
        for (path, sampled) in [
            ("/items", true),
            ("/items", true),
            ("/items", false),
            ("/other", true),
            ("/other", false),
            ("/items", false),
        ] {
            client::send(sidecar.addresses.ingress, client::get(path)).await;
            assert_eq!(told(&origin), sampled, "{path} in second {second}");
        }
        clock.advance(Duration::from_millis(999));
        client::send(sidecar.addresses.ingress, client::get("/items")).await;
        assert!(!told(&origin), "the same second, at its very end");
        clock.advance(Duration::from_millis(1));
    }
    assert_eq!(sidecar.stop().await.recorded, 9, "three requests a second");
}

#[tokio::test]
async fn the_callers_decision_wins_and_asks_no_rule() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::with(Callers::Unusual));
    let mut config = sidecar::config(origin.address(), &daemon);
    config.sampling = Rules::new(Vec::new(), limits(1, 0.0));
    let sidecar = Sidecar::start(config);
    let root = "Root=1-5759e988-bd862e3fe1be46a994272793";

    for (header, sampled) in [("Sampled=0", false), ("Sampled=1", true), ("Sampled=1", true)] {
        let request = client::get("/").header("x-amzn-trace-id", format!("{root};{header}"));
        client::send(sidecar.addresses.ingress, request).await;
        assert_eq!(told(&origin), sampled, "{header}");
    }
    for decision in ["sampled", "passed"] {
        let sample =
            format!("sideray_sampling_decisions_total{{rule=\"default\",decision=\"{decision}\"}}");
        assert_eq!(sidecar.metric(&sample).await, 0.0, "no rule was asked");
    }
    client::send(sidecar.addresses.ingress, client::get("/")).await;
    assert!(told(&origin), "the reservoir is still full");
    let _ = sidecar.stop().await;
    assert_eq!(daemon.drain().len(), 3);
}

#[tokio::test]
async fn new_rules_take_over_under_load_and_no_request_notices() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let sidecar = Sidecar::start(sidecar::config(origin.address(), &daemon));
    const CLIENTS: usize = 8;
    const REQUESTS: usize = 100;

    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let ingress = sidecar.addresses.ingress;
        clients.spawn(async move {
            let mut connection = client::connect(ingress).await;
            for number in 0..REQUESTS {
                let request = client::get(&format!("/{client}/{number}"));
                let request = request.body(Full::default()).unwrap();
                connection.ready().await.unwrap();
                let response = connection.send_request(request).await.unwrap();
                assert_eq!(client::read(response).await.body(), "hello");
            }
        });
    }
    let mut swaps = 0;
    while !clients.is_empty() {
        let rules = if swaps % 2 == 0 { sidecar::never() } else { sidecar::always() };
        sidecar.tell(Command::SetRules(rules));
        swaps += 1;
        // Each answer of the admin port is a turn of the same runtime that swaps the rules.
        sidecar.metric("sideray_documents_queued").await;
        while let Some(ended) = clients.try_join_next() {
            ended.unwrap();
        }
    }
    sidecar.tell(Command::SetRules(sidecar::always()));
    let name = "sideray_sampling_decisions_total{rule=\"default\",decision=\"passed\"}";
    sidecar.metric_where(name, |passed| passed == 0.0).await;
    client::send(sidecar.addresses.ingress, client::get("/last")).await;

    let seen = origin.seen();
    assert_eq!(seen.len(), CLIENTS * REQUESTS + 1, "every request reached the service, once");
    let sampled = |parts: &&http::request::Parts| {
        field(origin::header(parts, "x-amzn-trace-id"), "Sampled") == "1"
    };
    let chosen = seen.iter().filter(sampled).count();
    assert!(swaps > 1, "rules were swapped {swaps} times");
    let _ = sidecar.stop().await;
    let documents = daemon.drain();
    assert_eq!(documents.len(), chosen, "what was said to be sampled is what is recorded");
    let last = documents.last().unwrap();
    assert!(text(last, "http/request/url").ends_with("/last"), "the last rules are in force");
}

/// A service that answers with the status that the path names.
async fn honest() -> Origin {
    Origin::start(|request| async move {
        let status = request.uri().path().trim_start_matches('/').parse().unwrap();
        Response::builder().status::<u16>(status).body(origin::full("said")).unwrap()
    })
    .await
}

#[tokio::test]
async fn what_ends_badly_is_kept_and_says_why() {
    let (origin, mut daemon) = (honest().await, Daemon::with(Callers::Elsewhere));
    let mut config = sidecar::config(origin.address(), &daemon);
    config.sampling = sidecar::never();
    config.record.keep = Keep { fault: true, throttle: true, ..Keep::default() };
    let sidecar = Sidecar::start(config);

    let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
    let (undecided, decided) =
        (format!("{root};Parent=53995c3f42cd8ad8"), format!("{root};Sampled=0"));
    for (status, header) in
        [(200, None), (404, None), (503, Some(&decided)), (429, None), (500, Some(&undecided))]
    {
        let mut request = client::get(&format!("/{status}"));
        if let Some(header) = header {
            request = request.header("x-amzn-trace-id", header);
        }
        client::send(sidecar.addresses.ingress, request).await;
        assert!(!told(&origin), "nobody else is told to record it");
    }

    let (throttled, failed) = (daemon.segment(), daemon.segment());
    for (segment, status, because) in [(&throttled, 429, "throttle"), (&failed, 500, "fault")] {
        assert_eq!(segment["http"]["response"]["status"], status);
        assert_eq!(segment["metadata"]["sideray"]["kept"], because);
    }
    assert_eq!(text(&failed, "trace_id"), root.trim_start_matches("Root="));
    assert_eq!(text(&failed, "parent_id"), "53995c3f42cd8ad8");
    assert_eq!(sidecar.metric("sideray_sampling_kept_total{because=\"fault\"}").await, 1.0);
    assert_eq!(sidecar.stop().await.recorded, 2);
}

#[tokio::test]
async fn a_storm_of_faults_leaves_exactly_what_the_reservoir_holds() {
    const SECONDS: u64 = 3;
    let (origin, mut daemon) = (honest().await, Daemon::start());
    let clock = Arc::new(ManualClock::new());
    let mut config = sidecar::config(origin.address(), &daemon);
    config.sampling = sidecar::never();
    config.record.keep = Keep { fault: true, per_second: 7, ..Keep::default() };
    let sidecar = Sidecar::start_still(config, &clock);

    for _ in 0..SECONDS {
        clock.advance(Duration::from_secs(1));
        let (mut lanes, ingress) = (tokio::task::JoinSet::new(), sidecar.addresses.ingress);
        for _ in 0..10 {
            lanes.spawn(async move {
                for _ in 0..50 {
                    client::send(ingress, client::get("/500")).await;
                }
            });
        }
        lanes.join_all().await;
    }

    assert_eq!(sidecar.stop().await.recorded, SECONDS * 7, "of 500 in each second");
    assert_eq!(daemon.drain().len(), 21);
}
