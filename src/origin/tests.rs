//! All kinds of machines at once, and none.

use std::time::Duration;

use serde_json::json;

use crate::origin::options::LogGroup;
use crate::origin::options::MAX_LOG_GROUPS;
use crate::origin::testing::Fake;
use crate::origin::testing::found;
use crate::origin::testing::machine;
use crate::origin::testing::ok;
use crate::origin::testing::options;

#[tokio::test]
async fn an_ordinary_machine_is_asked_nothing_and_waited_for_never() {
    let root = machine(&[
        ("sys/class/dmi/id/sys_vendor", "LENOVO\n"),
        ("sys/class/dmi/id/board_asset_tag", "i-am-no-instance\n"),
        ("proc/sys/kernel/hostname", "laptop\n"),
    ]);
    let mut options = options(root.path());
    options.places.patience.before = vec![Duration::from_secs(86_400)];
    assert_eq!(found(&options).await, (None, json!({})));
}

#[tokio::test]
async fn of_several_kinds_the_most_specific_is_the_origin_and_all_are_told() {
    let root = machine(&[
        ("sys/class/dmi/id/sys_vendor", "Amazon EC2\n"),
        ("sys/class/dmi/id/board_asset_tag", "i-0123456789abcdef0\n"),
        ("proc/sys/kernel/hostname", "ip-10-0-0-1\n"),
        ("var/elasticbeanstalk/xray/environment.conf", r#"{"environment_name":"shop-prod"}"#),
    ]);
    let fake = Fake::start(&[&ok(r#"{"DockerId":"cid"}"#)]).await;
    let mut options = options(root.path());
    options.places.ecs = Some(fake.url().into());
    options.places.ec2.disabled = true;

    let (found, _) = fake.during(found(&options)).await;

    let aws = json!({
        "elastic_beanstalk": {"environment_name": "shop-prod"},
        "ecs": {"container": "ip-10-0-0-1", "container_id": "cid"},
        "ec2": {"instance_id": "i-0123456789abcdef0"},
    });
    assert_eq!(found, (Some("AWS::ElasticBeanstalk::Environment"), aws));
}

#[tokio::test]
async fn log_groups_are_named_once_and_as_far_as_there_is_room() {
    let root = machine(&[]);
    let group = |number| LogGroup::parse(&format!("g{number}")).unwrap();
    for (given, found_too, expected) in [
        (2, "g1", 2),
        (2, "g2", 3),
        (MAX_LOG_GROUPS - 1, "g99", MAX_LOG_GROUPS),
        (MAX_LOG_GROUPS, "g99", MAX_LOG_GROUPS),
    ] {
        let said = json!({"DockerId": "cid", "LogOptions": {"awslogs-group": found_too}});
        let fake = Fake::start(&[&ok(&said.to_string())]).await;
        let mut options = options(root.path());
        options.places.ecs = Some(fake.url().into());
        options.log_groups = (0..given).map(group).collect();
        let ((_, aws), _) = fake.during(found(&options)).await;
        let groups = aws["cloudwatch_logs"].as_array().unwrap();
        assert_eq!(groups.len(), expected, "{given} and {found_too}");
        assert_eq!(groups[0], json!({"log_group": "g0"}), "what was given comes first");
    }
}
