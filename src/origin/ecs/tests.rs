//! The agent of ECS, and what it leaves unsaid.

use serde_json::json;

use super::*;
use crate::origin::testing::Fake;
use crate::origin::testing::found;
use crate::origin::testing::machine;
use crate::origin::testing::named;
use crate::origin::testing::ok;
use crate::origin::testing::options;
use crate::origin::testing::status;

const ID: &str = "ea32192c8553fbff06c9340478a2ff089b2bb5646fb718b4ee206641c9086d66";

/// As AWS's documentation has it, in short.
const SAID: &str = r#"{
    "DockerId": "ea32192c8553fbff06c9340478a2ff089b2bb5646fb718b4ee206641c9086d66",
    "Name": "curl",
    "Labels": { "com.amazonaws.ecs.cluster": "default" },
    "Limits": { "CPU": 10, "Memory": 128 },
    "Type": "NORMAL",
    "LogDriver": "awslogs",
    "LogOptions": {
        "awslogs-create-group": "true",
        "awslogs-group": "/ecs/metadata",
        "awslogs-region": "us-west-2",
        "awslogs-stream": "ecs/curl/8f03e41243824aea923aca126495f665"
    },
    "ContainerARN": "arn:aws:ecs:us-west-2:111122223333:container/0206b271-b33f-47ab-86c6"
}"#;

const ARN: &str = "arn:aws:ecs:us-west-2:111122223333:container/0206b271-b33f-47ab-86c6";

#[tokio::test]
async fn a_container_is_told_at_once_and_in_full_when_the_agent_answers() {
    let root = machine(&[("proc/sys/kernel/hostname", "ip-10-0-0-1\n")]);
    let fake = Fake::start(&[&status(404), &ok(SAID)]).await;
    let mut options = options(root.path());
    options.places.ecs = Some(format!("{}/v4/9b1a", fake.url()).into());

    let (found, heads) = fake.during(found(&options)).await;

    let logs = "arn:aws:logs:us-west-2:111122223333:log-group:/ecs/metadata";
    let aws = json!({
        "ecs": {"container": "ip-10-0-0-1", "container_id": ID, "container_arn": ARN},
        "account_id": "111122223333",
        "cloudwatch_logs": [{"log_group": "/ecs/metadata", "arn": logs}],
    });
    assert_eq!(found, (Some("AWS::ECS::Container"), aws));
    assert!(heads.iter().all(|head| head.starts_with("GET /v4/9b1a HTTP/1.1\r\n")), "{heads:?}");
    assert_eq!(heads.len(), 2);
}

#[tokio::test]
async fn without_the_agent_the_kernel_tells_what_it_can() {
    let cgroup = format!("9:cpu:/ecs/task/{ID}\n");
    let root = machine(&[("proc/sys/kernel/hostname", "a1b2\n"), ("proc/self/cgroup", &cgroup)]);
    let expected = json!({"ecs": {"container": "a1b2", "container_id": ID}});

    let options_ = named(root.path(), Plugin::Ecs);
    let seen = found(&options_).await;
    assert_eq!(seen, (Some("AWS::ECS::Container"), expected.clone()), "no agent is known");

    let fake = Fake::start(&[&ok("[]"), ""]).await;
    let mut options = options(root.path());
    options.places.ecs = Some(fake.url().into());
    let (seen, _) = fake.during(found(&options)).await;
    assert_eq!(seen, (Some("AWS::ECS::Container"), expected), "it talks nonsense, then hangs");
}

#[test]
fn what_the_agent_leaves_out_is_left_out() {
    let found = |text: &str| read(text.as_bytes(), Found::new(Plugin::Ecs));
    assert_eq!(found("{}"), None);
    let bare = found(r#"{"DockerId":"x","LogOptions":{}}"#).unwrap();
    assert_eq!((bare.account, bare.log_groups), (None, Vec::new()));
    assert_eq!(serde_json::Value::from(bare.block), json!({"container_id": "x"}));
    for (name, region, container, expected) in [
        ("g", None, ARN, Some(("g", Some("arn:aws:logs:us-west-2:111122223333:log-group:g")))),
        (
            "g",
            Some("cn-north-1"),
            "arn:aws-cn:ecs:cn-north-1:111122223333:container/x",
            Some(("g", Some("arn:aws-cn:logs:cn-north-1:111122223333:log-group:g"))),
        ),
        ("g", Some("eu-west-1"), "", Some(("g", None))),
        ("g", None, "arn:aws:ecs", Some(("g", None))),
        ("a b", None, ARN, None),
    ] {
        let group = log_group(name, region, container);
        let seen = group.as_ref().map(|group| (group.name(), group.arn()));
        assert_eq!(seen, expected, "{name} {container}");
    }
}
