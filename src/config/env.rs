//! The variables of the X-Ray SDKs, with the SDKs' meaning, those that say where a process runs, and
//! those that the file names. Nothing else reads the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use crate::config::fault::Place;
use crate::config::read::Given;
use crate::config::value;
use crate::emit::options::Daemon;
use crate::origin::options::Ec2Place;
use crate::origin::options::Places;
use crate::record::options::Missing;
use crate::record::options::Unknown;
use crate::trace::segment::Name;

const CONTEXT_MISSING: &str = "AWS_XRAY_CONTEXT_MISSING";
const DAEMON_ADDRESS: &str = "AWS_XRAY_DAEMON_ADDRESS";
const SDK_DISABLED: &str = "AWS_XRAY_SDK_DISABLED";
const SDK_ENABLED: &str = "AWS_XRAY_SDK_ENABLED";
const TRACING_NAME: &str = "AWS_XRAY_TRACING_NAME";

/// The variables, word for word; one that is blank counts as absent, as in the SDKs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Env {
    context_missing: Option<String>,
    daemon_address: Option<String>,
    sdk_disabled: Option<String>,
    sdk_enabled: Option<String>,
    tracing_name: Option<String>,
    places: Places,
    all: Variables,
}

/// Any variables, for whoever is told their names. What they hold is not shown.
#[derive(Clone, Default, PartialEq, Eq)]
struct Variables(BTreeMap<String, String>);

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A variable as it is set, for commands that add to what others read, and that follow the XDG
/// directories. One that is empty counts as absent.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the seam")]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

impl Env {
    /// The variables of this process. What is not Unicode is read with replacement characters.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    pub fn process() -> Self {
        let text = |text: OsString| text.to_string_lossy().into_owned();
        let all = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
        Self::new(|name| std::env::var_os(name).map(text)).with(all)
    }

    /// The variables as `lookup` has them.
    pub fn new(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let word = |name: &str| lookup(name).filter(|text| !text.trim().is_empty());
        Self {
            context_missing: word(CONTEXT_MISSING),
            daemon_address: word(DAEMON_ADDRESS),
            sdk_disabled: word(SDK_DISABLED),
            sdk_enabled: word(SDK_ENABLED),
            tracing_name: word(TRACING_NAME),
            places: places(word),
            all: Variables::default(),
        }
    }

    /// Where this process may ask what machine it is on.
    pub(super) const fn places(&self) -> &Places {
        &self.places
    }

    /// The same with all of `variables` to be asked for by name.
    #[must_use]
    pub fn with(self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { all: Variables(variables.into_iter().collect()), ..self }
    }

    /// Any variable.
    pub(super) fn any(&self, name: &str) -> Option<&str> {
        self.all.0.get(name).map(String::as_str)
    }

    /// Who takes the documents.
    pub(super) fn daemon(&self) -> Option<Given<Daemon>> {
        let parse = |text: &str| value::daemon_address(text).map(Daemon::Remote);
        Given::new(Place::Environment(DAEMON_ADDRESS), self.daemon_address.as_deref(), parse)
    }

    /// The service's name, rid of what X-Ray does not take: the SDKs do not refuse it either.
    pub(super) fn name(&self) -> Option<Given<Name>> {
        Given::new(Place::Environment(TRACING_NAME), self.tracing_name.as_deref(), |text| {
            Ok(Name::new(text))
        })
    }

    /// What becomes of a call whose parent is unknown. An SDK that is told to fail the call does;
    /// a proxy does not, so the nearest is to be loud.
    pub(super) fn unknown(&self) -> Option<Given<Unknown>> {
        let parse = value::word([
            ("RUNTIME_ERROR", Unknown::None(Missing::Log)),
            ("LOG_ERROR", Unknown::None(Missing::Log)),
            ("IGNORE_ERROR", Unknown::None(Missing::Ignore)),
        ]);
        Given::new(Place::Environment(CONTEXT_MISSING), self.context_missing.as_deref(), parse)
    }

    /// Whether anything is recorded, as the SDK for Go is told: only `true` says no; source: its
    /// `xray/config.go`.
    pub(super) fn not_disabled(&self) -> Option<Given<bool>> {
        let parse = |text: &str| Ok(!text.trim().eq_ignore_ascii_case("true"));
        Given::new(Place::Environment(SDK_DISABLED), self.sdk_disabled.as_deref(), parse)
    }

    /// Whether anything is recorded. Only a word that says "off" does so; source: the SDK for
    /// Python, `sdk_config.py`.
    pub(super) fn enabled(&self) -> Option<Given<bool>> {
        let parse = |text: &str| {
            let word = text.trim().to_ascii_lowercase();
            Ok(!["n", "no", "f", "false", "off", "0"].contains(&word.as_str()))
        };
        Given::new(Place::Environment(SDK_ENABLED), self.sdk_enabled.as_deref(), parse)
    }
}

/// Where this process may ask what machine it is on, by the variables of AWS's SDKs, of ECS's agent
/// and of Kubernetes, which set them for every container.
fn places(word: impl Fn(&str) -> Option<String>) -> Places {
    let default = Places::default();
    let is_true = |name| word(name).is_some_and(|text| text.trim().eq_ignore_ascii_case("true"));
    let url = |name: &str| word(name).filter(|url| url.starts_with("http://"));
    let ecs = url("ECS_CONTAINER_METADATA_URI_V4").or_else(|| url("ECS_CONTAINER_METADATA_URI"));
    let kubernetes = word("KUBERNETES_SERVICE_HOST").map(|host| {
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let port = word("KUBERNETES_SERVICE_PORT").unwrap_or_else(|| "443".to_owned());
        format!("https://{host}:{port}").into()
    });
    Places {
        ec2: Ec2Place {
            endpoint: word("AWS_EC2_METADATA_SERVICE_ENDPOINT").map(Into::into),
            disabled: is_true("AWS_EC2_METADATA_DISABLED"),
            v1_disabled: is_true("AWS_EC2_METADATA_V1_DISABLED"),
        },
        ecs: ecs.map(Into::into),
        kubernetes: kubernetes.unwrap_or(default.kubernetes),
        ..default
    }
}
