//! What machine this is: segments say it once it is known, and nothing waits for that.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use http::Request;
use http::Response;
use http::StatusCode;
use serde_json::Value;
use serde_json::json;
use sideray::config::Config;
use sideray::emit::options::Daemon as Target;
use sideray::emit::options::DaemonAddress;
use sideray::origin::options::LogGroup;
use sideray::origin::options::Patience;
use sideray::origin::options::Plugin;
use sideray::origin::options::Plugins;
use sideray::proxy::options::Protocol;
use sideray::proxy::options::Route;
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::support::DEADLINE;
use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::origin::Body;
use crate::support::origin::Origin;
use crate::support::origin::full;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::wire::Listener;

const DOCUMENT: &str = r#"{"instanceId":"i-1","availabilityZone":"eu-west-1a",
    "instanceType":"m7g.large","imageId":"ami-1","accountId":"123456789012"}"#;
const CONTAINER: &str = r#"{"DockerId":"cid","LogOptions":{"awslogs-group":"/ecs/shop"},
    "ContainerARN":"arn:aws:ecs:eu-west-1:123456789012:container/c/t/1"}"#;

/// A machine with a name and nothing else.
fn machine() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("proc/sys/kernel");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("hostname"), "front\n").unwrap();
    root
}

/// A sidecar on that machine, which waits for whom it asks for as long as a test may take.
fn config(root: &Path, service: &Origin, daemon: &Daemon) -> Config {
    let mut config = sidecar::config(service.address(), daemon);
    config.origin.plugins = Plugins::Auto;
    config.origin.places.root = root.to_owned();
    config.origin.places.patience =
        Patience { request: Duration::from_secs(3_600), before: vec![Duration::from_millis(1); 8] };
    config
}

/// The metadata services of EC2 and of ECS in one.
fn said<B>(request: &Request<B>) -> Response<Body> {
    let token = request.headers().get("x-aws-ec2-metadata-token");
    let (status, text) = match request.uri().path() {
        "/latest/api/token" if request.method() == "PUT" => (StatusCode::OK, "token"),
        "/latest/dynamic/instance-identity/document" if token.is_some() => {
            (StatusCode::OK, DOCUMENT)
        }
        "/v4/cid" => (StatusCode::OK, CONTAINER),
        _ => (StatusCode::NOT_FOUND, ""),
    };
    let mut response = Response::new(full(text));
    *response.status_mut() = status;
    response
}

async fn get(sidecar: &Sidecar) {
    let response = client::send(sidecar.addresses.ingress, client::get("/")).await;
    assert_eq!(response.body(), "hello");
}

/// The first segment of requests, one after the other, that is as wanted.
async fn until(sidecar: &Sidecar, daemon: &mut Daemon, wanted: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + DEADLINE;
    loop {
        get(sidecar).await;
        let segment = daemon.segment();
        if wanted(&segment) {
            return segment;
        }
        assert!(Instant::now() < end, "still {segment}");
    }
}

#[tokio::test]
async fn what_is_found_late_is_on_later_segments() {
    let (service, mut daemon, root) = (Origin::hello().await, Daemon::start(), machine());
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let cloud = Origin::start(move |request| {
        let gate = Arc::clone(&gate);
        async move {
            drop(gate.acquire().await.unwrap());
            said(&request)
        }
    })
    .await;
    let mut config = config(root.path(), &service, &daemon);
    config.origin.version = Some("1.2.0".into());
    config.origin.log_groups = vec![LogGroup::parse("/shop/access").unwrap()];
    config.origin.places.ec2.endpoint = Some(format!("http://{}", cloud.address()).into());
    config.origin.places.ecs = Some(format!("http://{}/v4/cid", cloud.address()).into());
    let sidecar = Sidecar::start(config);

    // The container's name is here without a question.
    let early = until(&sidecar, &mut daemon, |segment| segment["origin"].is_string()).await;
    assert_eq!(early["origin"], "AWS::ECS::Container");
    assert_eq!(early["aws"]["ecs"], json!({"container": "front"}));
    assert_eq!(early["service"], json!({"version": "1.2.0"}));
    assert_eq!(early["aws"]["cloudwatch_logs"], json!([{"log_group": "/shop/access"}]));
    assert_eq!(early["aws"]["ec2"], Value::Null);

    opened.add_permits(10);
    let late = until(&sidecar, &mut daemon, |segment| {
        segment["aws"]["ec2"].is_object() && segment["aws"]["ecs"]["container_arn"].is_string()
    })
    .await;
    assert_eq!(late["origin"], "AWS::ECS::Container", "more than an instance");
    let arn = "arn:aws:ecs:eu-west-1:123456789012:container/c/t/1";
    let logs = "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/shop";
    let mut aws = late["aws"].clone();
    aws.as_object_mut().unwrap().remove("xray").unwrap();
    assert_eq!(
        aws,
        json!({
            "ec2": {
                "instance_id": "i-1",
                "availability_zone": "eu-west-1a",
                "instance_size": "m7g.large",
                "instance_type": "m7g.large",
                "ami_id": "ami-1",
            },
            "ecs": {"container": "front", "container_id": "cid", "container_arn": arn},
            "account_id": "123456789012",
            "cloudwatch_logs": [{"log_group": "/shop/access"}, {"log_group": "/ecs/shop", "arn": logs}],
        })
    );
    sidecar.stop().await;
}

#[tokio::test]
async fn nobody_waits_for_a_metadata_service_that_hangs() {
    let (service, mut daemon, root) = (Origin::hello().await, Daemon::start(), machine());
    let cloud = Listener::bind().await;
    let mut config = config(root.path(), &service, &daemon);
    config.origin.plugins = Plugins::Named(vec![Plugin::Ec2]);
    config.origin.places.ec2.endpoint = Some(format!("http://{}", cloud.address()).into());
    let sidecar = Sidecar::start(config);

    let mut asked = cloud.accept().await;
    assert_eq!(asked.head().await.line(), "PUT /latest/api/token HTTP/1.1");
    get(&sidecar).await;
    let segment = daemon.segment();
    assert_eq!((&segment["origin"], &segment["aws"]["ec2"]), (&Value::Null, &Value::Null));
    assert_eq!(sidecar.stop().await.sent, 1, "nor does the shutdown");
}

#[tokio::test]
async fn nobody_is_asked_where_nothing_is_recorded_or_wanted() {
    for (enabled, plugins) in
        [(false, Plugins::Named(vec![Plugin::Ec2])), (true, Plugins::Named(Vec::new()))]
    {
        let (service, daemon, root) = (Origin::hello().await, Daemon::start(), machine());
        let cloud = Listener::bind().await;
        let mut config = config(root.path(), &service, &daemon);
        config.record.enabled = enabled;
        config.origin.plugins = plugins;
        config.origin.places.ec2.endpoint = Some(format!("http://{}", cloud.address()).into());
        config.origin.places.ecs = config.origin.places.ec2.endpoint.clone();
        let sidecar = Sidecar::start(config);
        get(&sidecar).await;
        sidecar.stop().await;
        assert!(cloud.is_quiet());
    }
}

#[tokio::test]
async fn central_rules_are_told_what_machine_it_is() {
    let (service, mut daemon, root) = (Origin::hello().await, Daemon::start(), machine());
    let rules = Origin::start(async |request| {
        let rule = json!({
            "RuleName": "containers", "RuleARN": "arn", "ResourceARN": "*", "Priority": 1,
            "FixedRate": 1.0, "ReservoirSize": 0, "ServiceName": "*", "Host": "*",
            "ServiceType": "AWS::ECS::*", "HTTPMethod": "*", "URLPath": "*", "Version": 1,
            "Attributes": {},
        });
        let is_rules = request.uri().path() == "/GetSamplingRules";
        let answer = json!({"SamplingRuleRecords": [{"SamplingRule": rule}]});
        Response::new(full(if is_rules { answer.to_string() } else { String::new() }))
    })
    .await;
    let cloud = Origin::start(async |request| said(&request)).await;
    let mut config = config(root.path(), &service, &daemon);
    config.record.central = true;
    config.emit.daemon = Target::Remote(DaemonAddress {
        udp: daemon.address().to_string().into(),
        tcp: rules.address().to_string().into(),
    });
    config.origin.places.ecs = Some(format!("http://{}/v4/cid", cloud.address()).into());
    let sidecar = Sidecar::start(config);

    let rule = |segment: &Value| segment["aws"]["xray"]["sampling_rule_name"] == "containers";
    let segment = until(&sidecar, &mut daemon, rule).await;
    assert_eq!(segment["origin"], "AWS::ECS::Container");
    sidecar.stop().await;
}

#[tokio::test]
async fn an_aws_sdk_tells_what_the_service_runs_in() {
    let (service, mut daemon, root) = (Origin::hello().await, Daemon::start(), machine());
    let mut config = config(root.path(), &service, &daemon);
    config.egress.routes = vec![Route {
        host: "*.amazonaws.com".into(),
        protocol: Protocol::Http1,
        connect_to: service.address().to_string().parse().unwrap(),
    }];
    let sidecar = Sidecar::start(config);
    let dynamodb = "http://dynamodb.eu-west-1.amazonaws.com/";
    let python = "Boto3/1.44.5 md/Botocore#1.44.8 ua/2.1 os/linux#6.1 md/arch#x86_64 \
                  lang/python#3.11.7 md/pyimpl#CPython Botocore/1.44.8";
    let node = "aws-sdk-js/3.738.0 ua/2.1 os/linux#5.10 lang/js md/nodejs#22.21.1";
    let cli = "aws-cli/2.15.0 ua/2.0 os/linux#5.10 lang/python#3.11.6 md/pyimpl#CPython";
    for (url, agent, expected) in [
        ("http://other.example/", node, Value::Null),
        (dynamodb, "curl/8.5.0", Value::Null),
        (dynamodb, cli, Value::Null),
        (dynamodb, python, json!({"runtime": "CPython", "runtime_version": "3.11.7"})),
        (dynamodb, node, json!({"runtime": "CPython", "runtime_version": "3.11.7"})),
    ] {
        let host = url.trim_start_matches("http://").trim_end_matches('/');
        let to =
            if url == dynamodb { url.to_owned() } else { format!("http://{}/", service.address()) };
        let call = Request::get(to).header("host", host).header("user-agent", agent);
        client::send(sidecar.addresses.egress, call).await;
        get(&sidecar).await;
        let inbound =
            |document: &Value| document["http"]["request"]["url"] == "http://shop.example/";
        let segment = daemon.next_where("inbound segment", inbound);
        assert_eq!(segment["service"], expected, "{url} {agent}");
    }
    sidecar.stop().await;
}
