//! What the search may be told, and where it looks.

use std::path::PathBuf;
use std::time::Duration;

/// Most groups of logs that segments name: they stand in every one of them.
pub const MAX_LOG_GROUPS: usize = 10;

/// Options of the search: `[origin]` in `proxy.toml`, and `[service] version`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What is looked for.
    pub plugins: Plugins,
    /// Where the service's logs are, at most [`MAX_LOG_GROUPS`].
    pub log_groups: Vec<LogGroup>,
    /// The service's version.
    pub version: Option<Box<str>>,
    /// Where it looks.
    pub places: Places,
}

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Plugins {
    /// Whatever there is a sign of on this machine.
    #[default]
    Auto,
    /// These, signs or no signs.
    Named(Vec<Plugin>),
}

impl Plugins {
    /// Whether it is named.
    #[must_use]
    pub fn name(&self, plugin: Plugin) -> bool {
        match self {
            Self::Auto => false,
            Self::Named(plugins) => plugins.contains(&plugin),
        }
    }
}

/// One kind of machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugin {
    /// An EC2 instance.
    Ec2,
    /// A container of ECS.
    Ecs,
    /// A container of EKS.
    Eks,
    /// An environment of Elastic Beanstalk.
    ElasticBeanstalk,
}

impl Plugin {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ec2, Self::Ecs, Self::Eks, Self::ElasticBeanstalk];

    /// The word in `proxy.toml`, which is the key in documents too.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Ecs => "ecs",
            Self::Eks => "eks",
            Self::ElasticBeanstalk => "elastic_beanstalk",
        }
    }
}

/// A log group of CloudWatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGroup {
    name: Box<str>,
    arn: Option<Box<str>>,
}

impl LogGroup {
    /// The group of that name, or of that ARN, with or without `:*` at its end; none if it is
    /// neither. Source: CloudWatch Logs API reference, "LogGroup".
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let name = |name: &str| is_log_group(name).then(|| name.into());
        if !text.starts_with("arn:") {
            return Some(Self { name: name(text)?, arn: None });
        }
        let arn = text.strip_suffix(":*").unwrap_or(text);
        let parts: Vec<&str> = arn.split(':').collect();
        match parts.as_slice() {
            [_, _, "logs", _, _, "log-group", group] => {
                Some(Self { name: name(group)?, arn: Some(arn.into()) })
            }
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its ARN, where that is known.
    #[must_use]
    pub fn arn(&self) -> Option<&str> {
        self.arn.as_deref()
    }
}

fn is_log_group(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-/.#".contains(&byte);
    (1..=512).contains(&name.len()) && name.bytes().all(allowed)
}

/// Where the search looks; the default is where these things are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The directory that `proc`, `sys` and `var` are in.
    pub root: PathBuf,
    /// The instance metadata service of EC2.
    pub ec2: Ec2Place,
    /// What ECS says of this container: the URL in `ECS_CONTAINER_METADATA_URI_V4`, or in the same
    /// without `_V4`.
    pub ecs: Option<Box<str>>,
    /// The API server of Kubernetes.
    pub kubernetes: Box<str>,
    /// How long is waited for whom.
    pub patience: Patience,
}

/// The instance metadata service of EC2, with the variables that the AWS SDKs have for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ec2Place {
    /// Where it is, of `AWS_EC2_METADATA_SERVICE_ENDPOINT`, whose presence says that it is there;
    /// none is AWS's own address, where nobody is asked without a sign of EC2.
    pub endpoint: Option<Box<str>>,
    /// Nobody is asked: `AWS_EC2_METADATA_DISABLED`.
    pub disabled: bool,
    /// Nobody is asked without a token: `AWS_EC2_METADATA_V1_DISABLED`.
    pub v1_disabled: bool,
}

/// How long is waited for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a connection, and again for an answer.
    pub request: Duration,
    /// Before each attempt but the first. A container's network, or a pod's token, may come a little
    /// later than the container.
    pub before: Vec<Duration>,
}

impl Default for Patience {
    /// A second, as the X-Ray SDKs have it; four minutes in all.
    fn default() -> Self {
        let before = [1, 2, 4, 8, 15, 30, 60, 120].map(Duration::from_secs).into();
        Self { request: Duration::from_secs(1), before }
    }
}

impl Default for Places {
    fn default() -> Self {
        Self {
            root: "/".into(),
            ec2: Ec2Place::default(),
            ecs: None,
            kubernetes: "https://kubernetes.default.svc".into(),
            patience: Patience::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_group_is_a_name_or_an_arn() {
        let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/x";
        for (text, expected) in [
            ("/ecs/shop", Some(("/ecs/shop", None))),
            (arn, Some(("/aws/x", Some(arn)))),
            (&format!("{arn}:*"), Some(("/aws/x", Some(arn)))),
            (&format!("{arn}:log-stream:a"), None),
            ("arn:aws:s3:::bucket", None),
            ("", None),
            ("a b", None),
            (&"x".repeat(512), Some((&*"x".repeat(512), None))),
            (&"x".repeat(513), None),
        ] {
            let group = LogGroup::parse(text);
            let seen = group.as_ref().map(|group| (group.name(), group.arn()));
            assert_eq!(seen, expected, "{text}");
        }
    }
}
