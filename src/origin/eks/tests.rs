//! A pod, its token, and the API server of its cluster.

use std::path::Path;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::net::tls::options::ServerOptions;
use crate::net::tls::server::Server;
use crate::origin::testing::Fake;
use crate::origin::testing::found;
use crate::origin::testing::machine;
use crate::origin::testing::named;
use crate::origin::testing::ok;
use crate::origin::testing::options;
use crate::origin::testing::status;

const OF_EKS: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E";
const MAP: &str = r#"{
    "kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "cluster-info"},
    "data": {"cluster.name": "prod", "logs.region": "eu-west-1"}
}"#;

/// A token as the API server makes them; nobody here looks at its signature.
fn token(issuer: &str) -> String {
    let claims = json!({
        "aud": ["https://kubernetes.default.svc"],
        "iss": issuer,
        "kubernetes.io": {
            "namespace": "shop",
            "pod": {"name": "front-7d9c", "uid": "a-b"},
            "serviceaccount": {"name": "default", "uid": "c-d"}
        },
        "sub": "system:serviceaccount:shop:default"
    });
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(&claims.to_string()), part("signed"))
}

/// A pod whose token is from `issuer`.
fn pod(issuer: &str) -> TempDir {
    machine(&[
        (&format!("{ACCOUNT}/token"), &token(issuer)),
        (&format!("{ACCOUNT}/namespace"), "shop"),
        ("proc/sys/kernel/hostname", "front\n"),
    ])
}

/// An API server whose certificate is signed by what the pod is to trust.
async fn server(root: &Path, answers: &[&str]) -> Fake {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&key).unwrap();
    std::fs::write(root.join(ACCOUNT).join("ca.crt"), ca.pem()).unwrap();
    let issuer = Issuer::new(params, key);

    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let options = ServerOptions { cert: root.join("leaf.pem"), key: root.join("leaf.key") };
    std::fs::write(&options.cert, leaf.pem()).unwrap();
    std::fs::write(&options.key, key.serialize_pem()).unwrap();
    Fake::start(answers).await.over(Server::load(&options).unwrap())
}

fn known() -> Value {
    json!({"eks": {"pod": "front-7d9c", "namespace": "shop"}})
}

#[tokio::test]
async fn the_cluster_has_its_name_from_the_config_map() {
    let root = pod(OF_EKS);
    let fake = server(root.path(), &[&status(401), &ok(MAP)]).await;
    let mut options = options(root.path());
    options.places.kubernetes = format!("https://127.0.0.1:{}", fake.port()).into();

    let (found, heads) = fake.during(found(&options)).await;

    let aws = json!({
        "eks": {"pod": "front-7d9c", "namespace": "shop", "cluster_name": "prod"},
        "cloudwatch_logs": [{"log_group": "/aws/containerinsights/prod/application"}],
    });
    assert_eq!(found, (Some("AWS::EKS::Container"), aws));
    let [_, head] = &*heads else { panic!("{heads:?}") };
    assert!(head.starts_with(&format!("GET {CLUSTER} HTTP/1.1\r\n")), "{head}");
    assert!(head.contains(&format!("authorization: Bearer {}\r\n", token(OF_EKS))), "{head}");
}

#[tokio::test]
async fn a_pod_that_may_not_read_the_config_map_is_told_all_the_same() {
    let root = pod(OF_EKS);
    for (answer, asked) in [(status(403), 1), (status(404), 1), (ok("{}"), 1), (status(500), 2)] {
        let fake = server(root.path(), &[&answer, &answer]).await;
        let mut options = options(root.path());
        options.places.kubernetes = format!("https://127.0.0.1:{}", fake.port()).into();
        let (found, heads) = fake.during(found(&options)).await;
        assert_eq!(found, (Some("AWS::EKS::Container"), known()), "{answer}");
        assert_eq!(heads.len(), asked, "{answer}");
    }
}

#[tokio::test]
async fn nobody_else_gets_the_token() {
    let root = pod(OF_EKS);
    let fake = server(root.path(), &[]).await;
    let mut options = options(root.path());
    options.places.kubernetes = format!("https://127.0.0.1:{}", fake.port()).into();
    let stranger = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(root.path().join(ACCOUNT).join("ca.crt"), stranger.cert.pem()).unwrap();
    let (found, heads) = fake.during(found(&options)).await;
    assert_eq!(found, (Some("AWS::EKS::Container"), known()));
    assert_eq!(heads, Vec::<String>::new());
}

#[tokio::test]
async fn only_a_pod_of_eks_is_evident() {
    let elsewhere = pod("https://kubernetes.default.svc.cluster.local");
    assert_eq!(found(&options(elsewhere.path())).await, (None, json!({})));

    let fake = server(elsewhere.path(), &[&ok(MAP)]).await;
    let mut named = named(elsewhere.path(), Plugin::Eks);
    named.places.kubernetes = format!("https://127.0.0.1:{}", fake.port()).into();
    let ((origin, aws), _) = fake.during(found(&named)).await;
    assert_eq!(origin, Some("AWS::EKS::Container"), "it was asked for");
    assert_eq!(aws["eks"]["cluster_name"], "prod");

    let nowhere = machine(&[("proc/sys/kernel/hostname", "front\n")]);
    let mut named = crate::origin::testing::named(nowhere.path(), Plugin::Eks);
    named.places.patience.before = vec![std::time::Duration::from_secs(86_400)];
    assert_eq!(found(&named).await, (None, json!({})), "no pod at all");
}

#[tokio::test]
async fn a_role_for_a_pod_without_account_tells_eks_too() {
    let root = machine(&[
        ("var/run/secrets/eks.amazonaws.com/serviceaccount/token", "x"),
        ("proc/sys/kernel/hostname", "front-7d9c\n"),
    ]);
    let seen = found(&options(root.path())).await;
    assert_eq!(seen, (Some("AWS::EKS::Container"), json!({"eks": {"pod": "front-7d9c"}})));
}

#[test]
fn tokens_that_are_none_say_nothing() {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    for text in ["", "a", "a.b.c", "..", &format!("a.{}.c", part("[]")), "a.\u{e9}.c"] {
        assert!(claims(text).is_none(), "{text}");
    }
    let bare = claims(&format!("a.{}.c", part("{}"))).unwrap();
    assert_eq!((&*bare.issuer, bare.kubernetes.is_none()), ("", true));
}
