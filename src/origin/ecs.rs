//! ECS, whose agent says what it knows of each container at a URL of the container's own.

use http::Request;
use serde::Deserialize;

use crate::origin::Found;
use crate::origin::Looker;
use crate::origin::container;
use crate::origin::fetch::fetch;
use crate::origin::files;
use crate::origin::found::account_of;
use crate::origin::insist::Failure;
use crate::origin::insist::insist;
use crate::origin::options::LogGroup;
use crate::origin::options::Plugin;

pub(super) async fn search(looker: Looker<'_>) {
    let url = looker.places.ecs.as_deref();
    if url.is_none() && !looker.named {
        return looker.in_vain(&"no variable of ECS's is set");
    }
    let root = looker.places.root.clone();
    let look = move || {
        let [cgroup, mounts] = ["proc/self/cgroup", "proc/self/mountinfo"]
            .map(|path| files::read(&root, path).unwrap_or_default());
        (files::host_name(&root), container::id(&cgroup, &mounts).map(str::to_owned))
    };
    let (host, id) = files::beside(look).await.unwrap_or_default();
    let found = Found::new(Plugin::Ecs)
        .with("container", host.as_deref())
        .with("container_id", id.as_deref());
    looker.found(&found);
    let Some(url) = url else { return looker.in_vain(&"no variable of ECS's is set") };
    let patience = looker.places.patience.request;
    let said = insist(&looker, async || {
        let answer = fetch(url, "", Request::builder(), None, patience).await;
        // The agent may not know its own container yet.
        let answer = answer.map_err(|error| Failure::Passing(error.to_string()))?;
        read(&answer, found.clone())
            .ok_or_else(|| Failure::Passing("the answer makes no sense".to_owned()))
    });
    if let Some(found) = said.await {
        looker.found(&found);
    }
}

/// What the agent says, added to what is known.
fn read(answer: &[u8], found: Found) -> Option<Found> {
    #[derive(Deserialize)]
    struct Container {
        #[serde(rename = "DockerId")]
        id: String,
        #[serde(rename = "ContainerARN")]
        arn: Option<String>,
        #[serde(rename = "LogOptions", default)]
        logs: Logs,
    }
    #[derive(Default, Deserialize)]
    struct Logs {
        #[serde(rename = "awslogs-group")]
        group: Option<String>,
        #[serde(rename = "awslogs-region")]
        region: Option<String>,
    }
    let Container { id, arn, logs } = serde_json::from_slice(answer).ok()?;
    let arn = arn.as_deref().unwrap_or_default();
    let group = logs.group.as_deref();
    let group = group.and_then(|group| log_group(group, logs.region.as_deref(), arn));
    let found = found.with("container_id", Some(&id)).with("container_arn", Some(arn));
    Some(Found {
        account: account_of(arn).map(Into::into),
        log_groups: group.into_iter().collect(),
        ..found
    })
}

/// The log group that a container writes to, with its ARN where the container's own tells it.
fn log_group(name: &str, region: Option<&str>, container: &str) -> Option<LogGroup> {
    let mut parts = container.split(':');
    let (partition, own_region) = (parts.nth(1), parts.nth(1));
    let whole = || {
        let (partition, account) = (partition?, account_of(container)?);
        let region = region.or(own_region)?;
        LogGroup::parse(&format!("arn:{partition}:logs:{region}:{account}:log-group:{name}"))
    };
    whole().or_else(|| LogGroup::parse(name))
}

#[cfg(test)]
mod tests;
