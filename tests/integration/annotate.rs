//! Annotations, metadata and users: by every kind of rule, and by what the service says itself.

mod said;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Request;
use http::Response;
use http_body_util::BodyExt;
use http_body_util::Full;
use serde_json::Value;
use serde_json::json;
use sideray::annotate::rule::Rule;
use sideray::config;
use sideray::config::Config;
use sideray::config::env::Env;
use sideray::config::source::File;
use sideray::config::source::Sources;
use sideray::proxy::options::Protocol;
use sideray::proxy::options::Route;

use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::origin;
use crate::support::origin::Origin;
use crate::support::origin::full;
use crate::support::program;
use crate::support::program::sideray;
use crate::support::service::Egress;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::traces::embedded;
use crate::support::wire::Wire;

/// Every source that a request or its response has.
const SOURCES: &str = r#"
    annotate = [
        { header = "x-request-id" },
        { response_header = "x-cache-hits", type = "number" },
        { query = "page", type = "number" },
        { query = "no", type = "number" },
        { cookie = "tenant" },
        { path = "order", route = "/orders/{order}/*" },
        { path = "rest", route = "/{first}/{rest*}", as = "metadata" },
        { env = "POD_NAME", as = "metadata", namespace = "kubernetes", key = "pod" },
        { value = true, key = "canary" },
        { value = "late", key = "when", status = "2xx" },
        { header = "x-user", as = "user" },
        { grpc = "x-request-id", key = "not_grpc" },
    ]
"#;

/// The rules of a configuration.
fn rules(text: &str) -> Vec<Rule> {
    let variables = BTreeMap::from([("POD_NAME".to_owned(), "shop-7".to_owned())]);
    let env = Env::default().with(variables);
    let file = Some(File { path: "proxy.toml".into(), text: text.to_owned() });
    let config = config::load(&Sources { file, env, ..Sources::default() });
    config.unwrap_or_else(|faults| panic!("{faults}")).annotate
}

async fn beside(origin: &Origin, change: impl FnOnce(&mut Config)) -> (Daemon, Sidecar) {
    let daemon = Daemon::start();
    let mut config = sidecar::config(origin.address(), &daemon);
    change(&mut config);
    (daemon, Sidecar::start(config))
}

async fn outcome(sidecar: &Sidecar, outcome: &str) -> f64 {
    sidecar.metric(&format!("sideray_annotations_total{{outcome=\"{outcome}\"}}")).await
}

/// A service whose response has these headers.
async fn saying(headers: &'static [(&'static str, &'static str)]) -> Origin {
    Origin::start(move |_| async move {
        let mut response = Response::builder();
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(full("hello")).unwrap()
    })
    .await
}

#[tokio::test]
async fn every_source_annotates_a_request() {
    for h2 in [false, true] {
        let origin = saying(&[("x-cache-hits", "3")]).await;
        let (mut daemon, sidecar) = beside(&origin, |config| {
            config.annotate = rules(SOURCES);
            if h2 {
                config.ingress.upstream = sidecar::h2c(origin.address());
            }
        })
        .await;
        let request = Request::get("http://shop.example/orders/a%20b/x/y?page=2&no=one")
            .header("x-request-id", "r-1")
            .header("x-user", "ann")
            .header("cookie", "session=hush")
            .header("cookie", "tenant=acme");
        if h2 {
            let request = request.body(Full::<Bytes>::default()).unwrap();
            let mut client = client::connect_h2(sidecar.addresses.ingress).await;
            client::read(client.send_request(request).await.unwrap()).await;
        } else {
            client::send(sidecar.addresses.ingress, request).await;
        }

        let segment = daemon.segment();
        let want = json!({
            "x_request_id": "r-1", "x_cache_hits": 3, "page": 2, "tenant": "acme",
            "order": "a b", "canary": true, "when": "late",
        });
        assert_eq!(segment["annotations"], want, "HTTP/2: {h2}");
        assert_eq!(segment["metadata"]["default"], json!({ "rest": "a b/x/y" }));
        assert_eq!(segment["metadata"]["kubernetes"], json!({ "pod": "shop-7" }));
        assert_eq!(segment["user"], "ann");
        assert_eq!(outcome(&sidecar, "set").await, 10.0);
        assert_eq!(outcome(&sidecar, "untyped").await, 1.0);
    }
}

#[tokio::test]
async fn metadata_of_grpc_is_found_in_head_and_trailers() {
    let service = Origin::start(|_| async move {
        let trailers = HeaderMap::from_iter([
            ("grpc-status".parse().unwrap(), HeaderValue::from_static("0")),
            ("x-cost".parse().unwrap(), HeaderValue::from_static("1.5")),
            ("x-shard".parse().unwrap(), HeaderValue::from_static("late")),
        ]);
        let message = full("\0\0\0\0\0").with_trailers(async { Some(Ok(trailers)) });
        let response = Response::builder().header("content-type", "application/grpc");
        response.header("x-shard", "7").body(message.boxed()).unwrap()
    })
    .await;
    let (mut daemon, sidecar) = beside(&service, |config| {
        config.ingress.upstream = sidecar::h2c(service.address());
        config.annotate = rules(
            r#"annotate = [
                { grpc = "x-tenant" },
                { grpc_response = "x-shard" },
                { grpc_response = "x-cost", type = "number", status = "200" },
                { grpc_response = "x-absent" },
            ]"#,
        );
    })
    .await;
    let mut client = client::connect_h2(sidecar.addresses.ingress).await;
    let request = Request::post("http://shop.example/shop.Stock/Take")
        .header("te", "trailers")
        .header("content-type", "application/grpc+proto")
        .header("x-tenant", "acme")
        .body(Full::<Bytes>::default())
        .unwrap();
    let whole = client.send_request(request).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(whole.trailers().unwrap()["x-cost"], "1.5", "what is taken passes on");

    let want = json!({ "x_tenant": "acme", "x_shard": "7", "x_cost": 1.5 });
    assert_eq!(daemon.segment()["annotations"], want);
}

#[tokio::test]
async fn filters_choose_by_route_method_host_and_status() {
    let origin = Origin::start(|request| async move {
        let status = request.uri().path().rsplit('/').next().unwrap().parse().unwrap_or(200);
        Response::builder().status(status).body(full("")).unwrap()
    })
    .await;
    let (mut daemon, sidecar) = beside(&origin, |config| {
        config.annotate = rules(
            r#"annotate = [
                { value = 1, key = "route", route = "/s/*" },
                { value = 1, key = "method", http_method = "P*" },
                { value = 1, key = "host", host = "shop.*" },
                { header = "x-request-id", key = "failed", status = ["404", "500-599"] },
                { path = "code", route = "/s/{code}", status = "4xx", type = "number" },
            ]"#,
        );
    })
    .await;
    for (method, target, want) in [
        ("GET", "http://shop.example/s/200", json!({ "route": 1, "host": 1 })),
        ("POST", "http://other.example/", json!({ "method": 1 })),
        ("GET", "http://other.example/s/404", json!({ "route": 1, "failed": "r", "code": 404 })),
        ("GET", "http://other.example/s/403", json!({ "route": 1, "code": 403 })),
        ("GET", "http://other.example/503", json!({ "failed": "r" })),
        ("GET", "http://other.example/", Value::Null),
    ] {
        let request = Request::builder().method(method).uri(target).header("x-request-id", "r");
        client::send(sidecar.addresses.ingress, request).await;
        assert_eq!(daemon.segment()["annotations"], want, "{method} {target}");
    }
    drop(origin);
    let request = client::get("/").header("x-request-id", "last");
    let status = client::send(sidecar.addresses.ingress, request).await.status();
    assert!(status.is_server_error(), "{status}");
    let want = json!({ "host": 1, "failed": "last" });
    assert_eq!(daemon.segment()["annotations"], want, "an error of ours has a status too");
}

/// A service that calls `url` with a header for each request.
async fn calling(egress: &Egress, url: String) -> Origin {
    let egress = egress.clone();
    Origin::start(move |request| {
        let (egress, url) = (egress.clone(), url.clone());
        async move {
            let (parts, _) = request.into_parts();
            let trace = origin::header(&parts, "x-amzn-trace-id");
            let headers = [
                ("x-amzn-trace-id", trace),
                ("x-request-id", "inner"),
                ("x-amz-target", "DynamoDB_20120810.ListTables"),
            ];
            egress.call_with(url, &headers).await;
            Response::new(full("done"))
        }
    })
    .await
}

#[tokio::test]
async fn attempts_of_one_call_take_the_room_of_one() {
    let called = Origin::start(|request| async move {
        let first = request.headers()["amz-sdk-request"] == "attempt=1";
        Response::builder().status(if first { 500 } else { 200 }).body(full("{}")).unwrap()
    })
    .await;
    let egress = Egress::default();
    let sdk = egress.clone();
    let service = Origin::start(move |request| {
        let egress = sdk.clone();
        async move {
            let trace = request.headers()["x-amzn-trace-id"].to_str().unwrap();
            for attempt in ["attempt=1", "attempt=2"] {
                let headers = [
                    ("x-amzn-trace-id", trace),
                    ("x-amz-target", "DynamoDB_20120810.PutItem"),
                    ("amz-sdk-invocation-id", "one"),
                    ("amz-sdk-request", attempt),
                ];
                egress.call_with("http://dynamodb.us-east-1.amazonaws.com/", &headers).await;
            }
            Response::new(full("done"))
        }
    })
    .await;
    let (mut daemon, sidecar) = beside(&service, |config| {
        let rule = |n| format!("[[annotate]]\nvalue = {n}\nkey = \"k{n}\"\non = \"egress\"\n");
        config.annotate = rules(&(0..30).map(rule).collect::<String>());
        let connect_to = called.address().to_string().parse().unwrap();
        config.egress.routes =
            vec![Route { host: "*".into(), protocol: Protocol::Http1, connect_to }];
    })
    .await;
    egress.is(sidecar.addresses.egress);
    client::send(sidecar.addresses.ingress, client::get("/")).await;

    let segment = daemon.segment();
    let [call] = embedded(&segment) else { panic!("one call in {segment}") };
    assert_eq!(call["aws"]["retries"], 1);
    assert_eq!(call["annotations"].as_object().unwrap().len(), 30, "{call}");
}

#[tokio::test]
async fn calls_are_annotated_on_their_subsegment() {
    const CALLED: &[(&str, &str)] =
        &[("x-cache-hits", "3"), ("x-sideray-annotate", "theirs=1"), ("x-sideray-user", "theirs")];
    for host in ["stock.example", "dynamodb.us-east-1.amazonaws.com"] {
        let (egress, called) = (Egress::default(), saying(CALLED).await);
        let service = calling(&egress, format!("http://{host}/items/42?page=2")).await;
        let (mut daemon, sidecar) = beside(&service, |config| {
            config.annotate = rules(
                r#"annotate = [
                    { header = "x-request-id", on = "both" },
                    { header = "x-request-id", key = "inbound" },
                    { response_header = "x-cache-hits", on = "egress", status = "200" },
                    { path = "item", route = "/items/{item}", on = "egress", type = "number" },
                    { query = "page", on = "egress", host = "*.example", as = "metadata" },
                ]"#,
            );
            let connect_to = called.address().to_string().parse().unwrap();
            config.egress.routes =
                vec![Route { host: "*".into(), protocol: Protocol::Http1, connect_to }];
        })
        .await;
        egress.is(sidecar.addresses.egress);
        let request = client::get("/").header("x-request-id", "outer");
        client::send(sidecar.addresses.ingress, request).await;

        let segment = daemon.segment();
        assert_eq!(segment["annotations"], json!({ "x_request_id": "outer", "inbound": "outer" }));
        assert_eq!(segment.get("user"), None, "others say nothing of our requests");
        let [call] = embedded(&segment) else { panic!("one call in {segment}") };
        let want = json!({ "x_request_id": "inner", "x_cache_hits": "3", "item": 42 });
        assert_eq!(call["annotations"], want, "{host}");
        let page = if host.ends_with(".example") { json!("2") } else { Value::Null };
        assert_eq!(call["metadata"]["default"]["page"], page, "{host}");
    }
}

#[tokio::test]
async fn any_bytes_of_a_client_make_a_document() {
    let origin = saying(&[("x-cache-hits", "1e999")]).await;
    let (mut daemon, sidecar) = beside(&origin, |config| config.annotate = rules(SOURCES)).await;
    let mut client = Wire::connect(sidecar.addresses.ingress).await;
    client
        .send(
            b"GET /orders/%00%ff%e2%82/x?page=%31&no=%&%=1 HTTP/1.1\r\nhost: a\r\n\
              x-request-id: \"\\\xff\xfe\t</script>\r\nx-user: \xe2\x82\xac\r\n\
              cookie: ;;=;tenant\r\ncookie: tenant=\"\xc3\r\n\r\n",
        )
        .await;
    client.head().await;
    let segment = daemon.segment();
    let want = json!({
        "x_request_id": "\"\\\u{fffd}\u{fffd}</script>", "page": 1, "tenant": "\"\u{fffd}",
        "order": "\u{fffd}\u{fffd}", "canary": true, "when": "late",
    });
    assert_eq!(segment["annotations"], want);
    assert_eq!(segment["user"], "\u{20ac}");
    assert_eq!(outcome(&sidecar, "untyped").await, 2.0, "an infinite number of hits, and %");
}

#[tokio::test]
async fn check_refuses_secrets_and_says_where_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proxy.toml");
    let file = file.to_str().unwrap();
    let rules = "[[annotate]]\nheader = \"Authorization\"\n\n[[annotate]]\nenv = \"STORE\"\n\
                 [[annotate]]\nquery = \"X-Amz-Signature\"\nsecret = true\n";
    let check = async |text: &str| {
        std::fs::write(file, text).unwrap();
        let mut command = sideray(&["check", "--config", file]);
        program::run(command.env("STORE", "redis://me:hush@store/0")).await
    };
    let output = check(rules).await;
    assert_eq!((output.code, output.out.as_str()), (Some(2), ""), "{output:?}");
    let lines: Vec<_> = output.err.lines().collect();
    assert_eq!(lines.len(), 2, "the third is meant: {lines:?}");
    assert!(lines[0].contains(":2:1: annotate[0].header = \"Authorization\": credentials"));
    assert!(lines[1].contains(":5:1: annotate[1].env = \"STORE\": its value is a URL with user"));
    assert!(!output.err.contains("hush") && lines[0].contains("write secret = true"));

    let meant = rules.replace("\n\n", "\nsecret = true\n").replace("STORE", "UNSET_HERE");
    let output = check(&meant).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.out.contains("key = \"X_Amz_Signature\""), "{}", output.out);
    let warned = format!("{}{}", output.out, output.err);
    assert!(warned.contains("annotate.env = \"UNSET_HERE\": not set here;"), "{warned}");
}
