//! What segments are called, and what calls say of whom they call.

use http::Request;
use http::Response;
use serde_json::Value;
use sideray::emit::options::Daemon as Target;
use sideray::emit::options::DaemonAddress;
use sideray::record::naming::Naming;
use sideray::record::naming::Rule;
use sideray::record::options::Keep;
use sideray::trace::segment::Name;

use crate::support::client;
use crate::support::daemon::Callers;
use crate::support::daemon::Daemon;
use crate::support::origin::Origin;
use crate::support::origin::full;
use crate::support::sidecar;
use crate::support::sidecar::Sidecar;
use crate::support::sidecar::never;

fn naming() -> Naming {
    let admin = Rule {
        name: Name::new("shop-admin"),
        host: "*".into(),
        method: "*".into(),
        path: "/admin/*".into(),
    };
    Naming { hosts: vec!["*.shop.example".into()], rules: vec![admin] }
}

fn get(host: &str, path: &str) -> http::request::Builder {
    Request::get(path).header("host", host)
}

#[tokio::test]
async fn a_segment_is_called_by_rule_by_host_or_as_the_service_is() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    config.record.name = Name::new("shop");
    config.record.naming = naming();
    let sidecar = Sidecar::start(config);
    for (host, path, name) in [
        ("de.shop.example:8000", "/", "de.shop.example"),
        ("elsewhere.example", "/", "shop"),
        ("de.shop.example", "/admin/users?q=1", "shop-admin"),
    ] {
        client::send(sidecar.addresses.ingress, get(host, path)).await;
        assert_eq!(daemon.segment()["name"], name, "{host}{path}");
    }
}

#[tokio::test]
async fn what_is_kept_has_its_name_too() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let mut config = sidecar::config(origin.address(), &daemon);
    config.record.naming = naming();
    config.sampling = never();
    let slower_than = Some(std::time::Duration::ZERO);
    config.record.keep = Keep { slower_than, ..Keep::default() };
    let sidecar = Sidecar::start(config);
    client::send(sidecar.addresses.ingress, get("x", "/admin/")).await;
    assert_eq!(daemon.segment()["name"], "shop-admin");
}

/// X-Ray, with one central rule: for the service `shop`, everything.
async fn rules_for_the_shop() -> Origin {
    Origin::start(async |request| {
        let rule = serde_json::json!({
            "RuleName": "shops", "RuleARN": "arn", "ResourceARN": "*", "Priority": 1,
            "FixedRate": 1.0, "ReservoirSize": 0, "ServiceName": "shop", "Host": "*",
            "ServiceType": "*", "HTTPMethod": "*", "URLPath": "*", "Version": 1, "Attributes": {},
        });
        let is_rules = request.uri().path() == "/GetSamplingRules";
        let answer = serde_json::json!({"SamplingRuleRecords": [{"SamplingRule": rule}]});
        Response::new(full(if is_rules { answer.to_string() } else { String::new() }))
    })
    .await
}

#[tokio::test]
async fn the_host_that_a_call_names_is_no_name_of_ours() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let rules = rules_for_the_shop().await;
    let mut config = sidecar::config(origin.address(), &daemon);
    config.record.name = Name::new("shop");
    config.record.naming.hosts = vec!["127.0.0.*".into()];
    config.record.central = true;
    config.emit.daemon = Target::Remote(DaemonAddress {
        udp: daemon.address().to_string().into(),
        tcp: rules.address().to_string().into(),
    });
    let sidecar = Sidecar::start(config);
    let call = || Request::get(format!("http://{}/", origin.address()));
    // The first decision has the rules fetched.
    client::send(sidecar.addresses.egress, call()).await;
    drop(daemon.segment());
    sidecar.metric_becomes("sideray_sampling_central_rules", 1.0).await;
    client::send(sidecar.addresses.egress, call()).await;
    let segment = daemon.segment();
    assert_eq!(segment["name"], "shop");
    assert_eq!(segment["aws"]["xray"]["sampling_rule_name"], "shops", "{segment}");
}

#[tokio::test]
async fn a_call_of_a_host_that_reports_itself_says_so_once_it_is_answered() {
    // Unlike the host in this test.
    let (origin, mut daemon) = (Origin::hello().await, Daemon::with(Callers::Unusual));
    let mut config = sidecar::config(origin.address(), &daemon);
    config.egress.traced = vec!["127.0.0.*".into()];
    let sidecar = Sidecar::start(config);
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (host, traced) in [
        (origin.address().to_string(), Value::Bool(true)),
        (format!("localhost:{}", origin.address().port()), Value::Null),
        (dead.to_string(), Value::Null),
    ] {
        let call = Request::get(format!("http://{host}/"));
        client::send(sidecar.addresses.egress, call).await;
        let call = daemon.segment()["subsegments"][0].take();
        assert_eq!(call["http"]["request"]["traced"], traced, "{call}");
    }
}
