//! Where a sidecar runs, and what it runs beside: the same for all its segments, and often found
//! out only after the first of them.

use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

use crate::trace::json::Json;

/// What kind of machine it is. Source: X-Ray developer guide, "Segment documents", `origin`; the
/// SDK for Java has EKS besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An EC2 instance.
    Ec2,
    /// A container of ECS.
    Ecs,
    /// A container of EKS.
    Eks,
    /// An environment of Elastic Beanstalk.
    ElasticBeanstalk,
}

impl Origin {
    /// The name in documents, and in central sampling rules.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ec2 => "AWS::EC2::Instance",
            Self::Ecs => "AWS::ECS::Container",
            Self::Eks => "AWS::EKS::Container",
            Self::ElasticBeanstalk => "AWS::ElasticBeanstalk::Environment",
        }
    }
}

/// What is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    /// The most specific kind of what it runs on.
    pub origin: Option<Origin>,
    /// What stands in the `aws` block of its segments beside `xray`: `ec2`, `ecs`, `account_id` …
    pub aws: Map<String, Value>,
    /// The service.
    pub service: Service,
}

/// The `service` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Service {
    /// The version that whoever deploys it gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Box<str>>,
    /// What it runs in, such as `CPython`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Box<str>>,
    /// The version of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_version: Option<Box<str>>,
}

/// The same as segments have it, encoded once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    origin: Option<Origin>,
    /// `origin` and `service`, each behind a comma.
    segment: String,
    /// What stands behind `xray` in `aws`, each behind a comma.
    aws: String,
}

impl Surroundings {
    /// What segments say of `site`.
    #[must_use]
    pub fn of(site: &Site) -> Self {
        let Site { origin, aws, service } = site;
        let segment = written(|json| {
            if let Some(origin) = origin {
                json.raw(",\"origin\":");
                json.string(origin.as_str());
            }
            if *service != Service::default() {
                json.raw(",\"service\":");
                json.value(service);
            }
        });
        let aws = written(|json| {
            for (key, value) in aws {
                json.raw(",");
                json.string(key);
                json.raw(":");
                json.value(value);
            }
        });
        Self { origin: *origin, segment, aws }
    }

    /// The kind of machine.
    #[must_use]
    pub const fn origin(&self) -> Option<Origin> {
        self.origin
    }

    pub(super) fn write(&self, json: &mut Json<'_>) {
        json.raw(&self.segment);
    }

    pub(super) fn write_aws(&self, json: &mut Json<'_>) {
        json.raw(&self.aws);
    }
}

fn written(write: impl FnOnce(&mut Json<'_>)) -> String {
    let mut buffer = Vec::new();
    write(&mut Json::new(&mut buffer));
    // It is made of text.
    String::from_utf8(buffer).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_known_is_written_and_nothing_else() {
        assert_eq!(Surroundings::of(&Site::default()), Surroundings::default());
        let mut site = Site { origin: Some(Origin::Ecs), ..Site::default() };
        site.aws.insert("ecs".into(), json!({"container": "a\"b"}));
        site.service.version = Some("1.2".into());
        let surroundings = Surroundings::of(&site);
        assert_eq!(
            surroundings.segment,
            r#","origin":"AWS::ECS::Container","service":{"version":"1.2"}"#
        );
        assert_eq!(surroundings.aws, r#","ecs":{"container":"a\"b"}"#);
        assert_eq!(surroundings.origin(), Some(Origin::Ecs));
    }
}
