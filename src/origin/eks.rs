//! Kubernetes, and EKS: what is mounted into a pod, and the name of its cluster.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::HeaderValue;
use http::Request;
use http::header::AUTHORIZATION;
use serde::Deserialize;

use crate::net::tls::client::Client;
use crate::origin::Found;
use crate::origin::Looker;
use crate::origin::container;
use crate::origin::fetch::FetchError;
use crate::origin::fetch::fetch;
use crate::origin::files;
use crate::origin::insist::Failure;
use crate::origin::insist::insist;
use crate::origin::options::LogGroup;
use crate::origin::options::Plugin;

/// Where Kubernetes mounts a pod's account.
const ACCOUNT: &str = "var/run/secrets/kubernetes.io/serviceaccount";
/// What EKS alone mounts: for roles of service accounts, and for pod identities.
const OF_EKS: [&str; 2] =
    ["var/run/secrets/eks.amazonaws.com", "var/run/secrets/pods.eks.amazonaws.com"];
/// Where Container Insights keeps the name of the cluster. Source: the X-Ray SDK for Java.
const CLUSTER: &str = "/api/v1/namespaces/amazon-cloudwatch/configmaps/cluster-info";

pub(super) async fn search(looker: Looker<'_>) {
    let root = looker.places.root.clone();
    let pod = files::beside(move || Pod::read(&root)).await.unwrap_or_default();
    if !looker.named && !pod.is_of_eks() {
        return looker.in_vain(&"this is not a pod of EKS's");
    }
    if pod.token.is_none() && !pod.is_of_eks() {
        return looker.in_vain(&"this is not a pod, or it has no account");
    }
    let found = pod.found();
    looker.found(&found);
    if let Some(cluster) = insist(&looker, async || asked(&looker).await).await {
        let logs = format!("/aws/containerinsights/{cluster}/application");
        let log_groups = LogGroup::parse(&logs).into_iter().collect();
        let found = found.with("cluster_name", Some(&cluster));
        looker.found(&Found { log_groups, ..found });
    }
}

/// The name of the cluster, as the API server has it for those who may read it.
async fn asked(looker: &Looker<'_>) -> Result<String, Failure<FetchError>> {
    let root = looker.places.root.clone();
    // Both are renewed from time to time.
    let look = move || {
        let token = files::word(&root, &format!("{ACCOUNT}/token"));
        (token, Client::trusting_only(&root.join(ACCOUNT).join("ca.crt")))
    };
    let (token, tls) = files::beside(look).await.ok_or(Failure::Passing(FetchError::TooLate))?;
    let tls = tls.map_err(|error| Failure::Passing(FetchError::Body(error.into())))?;
    let token = format!("Bearer {}", token.unwrap_or_default());
    let mut token = HeaderValue::try_from(token)
        .map_err(|error| FetchError::Question(error.into()).failure())?;
    token.set_sensitive(true);
    let (place, patience) = (&looker.places.kubernetes, looker.places.patience.request);
    let request = Request::builder().header(AUTHORIZATION, token);
    let answer = fetch(place, CLUSTER, request, Some(&tls), patience).await;
    cluster(&answer.map_err(FetchError::failure)?).ok_or(Failure::Final(FetchError::Nonsense))
}

fn cluster(answer: &Bytes) -> Option<String> {
    #[derive(Deserialize)]
    struct ConfigMap {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        #[serde(rename = "cluster.name")]
        name: String,
    }
    let map: ConfigMap = serde_json::from_slice(answer).ok()?;
    Some(map.data.name).filter(|name| !name.is_empty())
}

/// What can be seen of a pod from within.
#[derive(Debug, Default)]
struct Pod {
    token: Option<Claims>,
    namespace: Option<String>,
    host: Option<String>,
    container: Option<String>,
    /// Whether something is mounted that EKS alone mounts.
    mounted: bool,
}

impl Pod {
    fn read(root: &Path) -> Self {
        let [cgroup, mounts] = ["proc/self/cgroup", "proc/self/mountinfo"]
            .map(|path| files::read(root, path).unwrap_or_default());
        let token = files::word(root, &format!("{ACCOUNT}/token"));
        Self {
            token: token.map(|token| claims(&token).unwrap_or_default()),
            namespace: files::word(root, &format!("{ACCOUNT}/namespace")),
            host: files::host_name(root),
            container: container::id(&cgroup, &mounts).map(str::to_owned),
            mounted: OF_EKS.iter().any(|path| root.join(path).is_dir()),
        }
    }

    /// Whether EKS has issued its token, or has put something else there.
    fn is_of_eks(&self) -> bool {
        let issuer = self.token.as_ref().map_or("", |claims| &claims.issuer);
        let issues = ["https://oidc.eks.", "https://oidc-eks."];
        self.mounted || issues.iter().any(|issues| issuer.starts_with(issues))
    }

    /// The token knows the pod's name better than the host's name does, which is the node's where
    /// the pod shares its network.
    fn found(&self) -> Found {
        let claims = self.token.as_ref().and_then(|claims| claims.kubernetes.as_ref());
        let pod = claims.and_then(|claims| claims.pod.as_ref()).map(|pod| &*pod.name);
        let namespace = claims.map(|claims| &*claims.namespace);
        Found::new(Plugin::Eks)
            .with("pod", pod.or(self.host.as_deref()))
            .with("namespace", self.namespace.as_deref().or(namespace))
            .with("container_id", self.container.as_deref())
    }
}

/// What a token says of whom it is for. Source: Kubernetes documentation, "Managing Service
/// Accounts", bound tokens.
#[derive(Debug, Default, Deserialize)]
struct Claims {
    #[serde(rename = "iss", default)]
    issuer: String,
    #[serde(rename = "kubernetes.io")]
    kubernetes: Option<Bound>,
}

#[derive(Debug, Deserialize)]
struct Bound {
    namespace: String,
    pod: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

/// The claims of a token, on its own word: it is our own.
fn claims(token: &str) -> Option<Claims> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}

#[cfg(test)]
mod tests;
