//! What segments are called, and what calls say of whom they call.

use http::Request;
use serde_json::Value;
use sideray::record::naming::Naming;
use sideray::record::naming::Rule;
use sideray::record::options::Keep;
use sideray::trace::segment::Name;

use crate::support::client;
use crate::support::daemon::Callers;
use crate::support::daemon::Daemon;
use crate::support::origin::Origin;
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
