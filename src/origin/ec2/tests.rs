//! The instance metadata service, with and without tokens, in good and in bad health.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::origin::testing::Fake;
use crate::origin::testing::found;
use crate::origin::testing::machine;
use crate::origin::testing::named;
use crate::origin::testing::ok;
use crate::origin::testing::options;
use crate::origin::testing::status;

/// As AWS's documentation has it.
const SAID: &str = r#"{
    "devpayProductCodes" : null,
    "availabilityZone" : "us-west-2b",
    "privateIp" : "10.158.112.84",
    "version" : "2017-09-30",
    "instanceId" : "i-1234567890abcdef0",
    "instanceType" : "t2.micro",
    "accountId" : "123456789012",
    "imageId" : "ami-5fb8c835",
    "pendingTime" : "2016-11-19T16:32:11Z",
    "architecture" : "x86_64",
    "region" : "us-west-2"
}"#;

fn all() -> Value {
    json!({
        "ec2": {
            "instance_id": "i-1234567890abcdef0",
            "availability_zone": "us-west-2b",
            "instance_size": "t2.micro",
            "instance_type": "t2.micro",
            "ami_id": "ami-5fb8c835",
        },
        "account_id": "123456789012",
    })
}

#[test]
fn a_document_says_at_least_which_instance_it_is() {
    assert_eq!(read(b"{}"), None);
    assert_eq!(read(b"["), None);
    assert_eq!(read(br#"{"instanceId":""}"#), None);
    let found = read(br#"{"instanceId":"i-1","accountId":"me","imageId":" "}"#).unwrap();
    assert_eq!(Value::Object(found.block), json!({"instance_id": "i-1"}));
    assert_eq!(found.account, None);
}

#[tokio::test]
async fn the_document_is_asked_for_with_a_token() {
    let root = machine(&[]);
    let fake = Fake::start(&[&ok("AQAAtoken=="), &ok(SAID)]).await;
    let mut options = options(root.path());
    options.places.ec2.endpoint = Some(format!("{}/", fake.url()).into());

    let (found, heads) = fake.during(found(&options)).await;

    assert_eq!(found, (Some("AWS::EC2::Instance"), all()));
    let [token, document] = &*heads else { panic!("{heads:?}") };
    assert!(token.starts_with("PUT /latest/api/token HTTP/1.1\r\n"), "{token}");
    assert!(token.contains("x-aws-ec2-metadata-token-ttl-seconds: 60\r\n"), "{token}");
    assert!(document.starts_with("GET /latest/dynamic/instance-identity/document HTTP/1.1\r\n"));
    assert!(document.contains("x-aws-ec2-metadata-token: AQAAtoken==\r\n"), "{document}");
}

#[tokio::test]
async fn without_a_token_where_there_is_none_to_be_had() {
    let root = machine(&[]);
    let (hangs, said) = (String::new(), ok(SAID));
    for (answers, v1_disabled, asked, finds) in [
        (vec![status(403), said.clone()], false, "PUT GET", true),
        (vec![status(404), said.clone()], false, "PUT GET", true),
        (vec![status(405), said.clone()], false, "PUT GET", true),
        (vec![hangs.clone(), said.clone()], false, "PUT GET", true),
        // Version 1 is off.
        (
            vec![hangs.clone(), status(401), hangs.clone(), status(401)],
            false,
            "PUT GET PUT GET",
            false,
        ),
        (vec![hangs.clone(), hangs.clone()], true, "PUT PUT", false),
        (vec![status(403)], true, "PUT", false),
        // It was no good question.
        (vec![status(400)], false, "PUT", false),
        // It does not feel well.
        (vec![status(500), ok("t"), said.clone()], false, "PUT PUT GET", true),
        (vec![ok("t"), status(503), ok("t"), said.clone()], false, "PUT GET PUT GET", true),
        (vec![ok("t"), ok("{"), ok("t"), said], false, "PUT GET PUT GET", true),
        (vec![ok("t\n\u{1}"), ok("t\r")], false, "PUT PUT", false),
        (
            vec![ok("t"), "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".into(), status(500)],
            false,
            "PUT GET PUT",
            false,
        ),
        (vec!["SSH-2.0\r\n".into(), status(500)], false, "PUT PUT", false),
        (vec![ok(&"t".repeat(300_000)), status(500)], false, "PUT PUT", false),
    ] {
        let answers: Vec<&str> = answers.iter().map(|answer| &**answer).collect();
        let fake = Fake::start(&answers).await;
        let mut options = named(root.path(), Plugin::Ec2);
        options.places.ec2.endpoint = Some(fake.url().into());
        options.places.ec2.v1_disabled = v1_disabled;
        let ((origin, aws), heads) = fake.during(found(&options)).await;
        let methods: Vec<&str> = heads.iter().filter_map(|head| head.split(' ').next()).collect();
        assert_eq!(methods.join(" "), asked, "{answers:?}");
        let expected = if finds { (Some("AWS::EC2::Instance"), all()) } else { (None, json!({})) };
        assert_eq!((origin, aws), expected, "{answers:?}");
    }
}

#[tokio::test]
async fn a_place_that_is_none_is_not_asked() {
    let root = machine(&[]);
    for place in
        ["", "127.0.0.1:1", "ftp://h", "https://127.0.0.1:1", "http://", "http://127.0.0.1:1"]
    {
        let mut options = named(root.path(), Plugin::Ec2);
        options.places.ec2.endpoint = Some(place.into());
        assert_eq!(found(&options).await, (None, json!({})), "{place}");
    }
}

#[tokio::test]
async fn the_firmware_says_whether_it_is_worth_asking() {
    let dmi = |name: &str| format!("sys/class/dmi/id/{name}");
    for (path, text, expected) in [
        (dmi("sys_vendor"), "Amazon EC2\n", true),
        (dmi("bios_version"), "4.11.amazon\n", true),
        (dmi("product_uuid"), "EC2E1916-9099-7CAF-FD21-012345ABCDEF\n", true),
        ("sys/hypervisor/uuid".to_owned(), "ec2e1916-9099-7caf-fd21-012345abcdef\n", true),
        (dmi("sys_vendor"), "QEMU\n", false),
        (dmi("bios_version"), "1.0\n", false),
        (dmi("product_uuid"), "\u{e9}\u{e9}2e1916\n", false),
        (dmi("board_asset_tag"), "i-0123\n", false),
    ] {
        let root = machine(&[(&path, text)]);
        assert_eq!(Firmware::read(root.path()).is_ec2(), expected, "{path}: {text}");
        let mut options = options(root.path());
        // Nobody may be asked here: AWS's own address is in force.
        options.places.ec2.disabled = true;
        options.places.patience.before = vec![Duration::from_secs(86_400)];
        let origin = expected.then_some("AWS::EC2::Instance");
        assert_eq!(found(&options).await, (origin, json!({})), "{path}: {text}");
    }
}

#[tokio::test]
async fn what_the_firmware_says_is_told_before_anybody_is_asked() {
    let root = machine(&[
        ("sys/class/dmi/id/sys_vendor", "Amazon EC2\n"),
        ("sys/class/dmi/id/board_asset_tag", "i-0123456789abcdef0\n"),
    ]);
    let fake = Fake::start(&[&status(500), &status(500)]).await;
    let mut options = options(root.path());
    options.places.ec2.endpoint = Some(fake.url().into());
    let (found, heads) = fake.during(found(&options)).await;
    let aws = json!({"ec2": {"instance_id": "i-0123456789abcdef0"}});
    assert_eq!(found, (Some("AWS::EC2::Instance"), aws));
    assert_eq!(heads.len(), 2);
}
