//! One thing that was found, and what segments say of it.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::origin::options::LogGroup;
use crate::origin::options::MAX_LOG_GROUPS;
use crate::origin::options::Plugin;
use crate::trace::site::Origin;
use crate::trace::site::Site;

/// Most characters of a value. Source: X-Ray developer guide, "Segment documents".
const LONGEST: usize = 250;

/// Something that is known of where this runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub(super) plugin: Plugin,
    pub(super) block: Map<String, Value>,
    pub(super) account: Option<Box<str>>,
    pub(super) log_groups: Vec<LogGroup>,
}

impl Found {
    /// Nothing yet but that it is this kind of machine.
    pub(super) fn new(plugin: Plugin) -> Self {
        Self { plugin, block: Map::new(), account: None, log_groups: Vec::new() }
    }

    /// The same with a value, if there is one that says something.
    pub(super) fn with(mut self, key: &str, value: Option<&str>) -> Self {
        if let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) {
            let value: String = value.chars().take(LONGEST).collect();
            self.block.insert(key.to_owned(), value.into());
        }
        self
    }

    /// Puts it into what segments say. The most specific kind of machine is the origin, and all that
    /// are there stand side by side.
    pub fn add_to(&self, site: &mut Site) {
        let (origin, rank) = (origin(self.plugin), |origin| rank(origin));
        if site.origin.is_none_or(|before| rank(before) <= rank(origin)) {
            site.origin = Some(origin);
        }
        if !self.block.is_empty() {
            site.aws.insert(self.plugin.as_str().to_owned(), self.block.clone().into());
        }
        if let Some(account) = &self.account {
            site.aws.entry("account_id").or_insert_with(|| (**account).into());
        }
        add_log_groups(site, &self.log_groups);
    }
}

const fn origin(plugin: Plugin) -> Origin {
    match plugin {
        Plugin::Ec2 => Origin::Ec2,
        Plugin::Ecs => Origin::Ecs,
        Plugin::Eks => Origin::Eks,
        Plugin::ElasticBeanstalk => Origin::ElasticBeanstalk,
    }
}

/// How specific it is: each kind may run on those before. Source: X-Ray developer guide, "Segment
/// documents", `origin`.
const fn rank(origin: Origin) -> u8 {
    match origin {
        Origin::Ec2 => 0,
        Origin::Ecs => 1,
        Origin::Eks => 2,
        Origin::ElasticBeanstalk => 3,
    }
}

/// Adds the groups that segments do not name yet, as far as there is room.
pub(super) fn add_log_groups(site: &mut Site, groups: &[LogGroup]) {
    for group in groups {
        let named = site.aws.entry("cloudwatch_logs").or_insert_with(|| json!([]));
        let Some(named) = named.as_array_mut() else { return };
        let is_there = named
            .iter()
            .any(|there| there.get("log_group").is_some_and(|name| name == group.name()));
        if !is_there && named.len() < MAX_LOG_GROUPS {
            named.push(match group.arn() {
                Some(arn) => json!({ "log_group": group.name(), "arn": arn }),
                None => json!({ "log_group": group.name() }),
            });
        }
    }
}

/// The account that an ARN names.
pub(super) fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| is_account(account))
}

/// Whether it is the number of an account.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
