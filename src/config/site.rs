//! `[origin]` and the version in `[service]`: what segments say of where they were recorded.

use toml::de::DeValue;

use crate::config::env::Env;
use crate::config::read::Parsed;
use crate::config::read::Section;
use crate::config::value::text;
use crate::nearest;
use crate::origin::options::LogGroup;
use crate::origin::options::MAX_LOG_GROUPS;
use crate::origin::options::Options;
use crate::origin::options::Plugin;
use crate::origin::options::Plugins;

/// The word for whatever is there.
const AUTO: &str = "auto";

/// Most characters of a version. Source: X-Ray developer guide, "Segment documents".
const VERSION: usize = 250;

/// Lowers the section.
pub(super) fn origin(section: &mut Section<'_, '_>, env: &Env) -> Options {
    let words = section.list("plugins", vec![None], |value| text(plugin)(value));
    let named: Vec<Plugin> = words.iter().flatten().copied().collect();
    let is_auto = words.contains(&None);
    if is_auto && !named.is_empty() {
        let message = "\"auto\" is all of them; write [\"auto\"], or the names alone";
        section.fault_of("plugins", message.to_owned());
    }
    let log_groups = section.list("log_groups", Vec::new(), |value| text(log_group)(value));
    if log_groups.len() > MAX_LOG_GROUPS {
        let message = format!("they stand in every segment; {MAX_LOG_GROUPS} are the most");
        section.fault_of("log_groups", message);
    }
    Options {
        plugins: if is_auto { Plugins::Auto } else { Plugins::Named(named) },
        log_groups,
        version: None,
        places: env.places().clone(),
    }
}

/// The words of `plugins`.
pub(super) fn plugin_words(plugins: &Plugins) -> Vec<&'static str> {
    match plugins {
        Plugins::Auto => vec![AUTO],
        Plugins::Named(plugins) => plugins.iter().map(|plugin| plugin.as_str()).collect(),
    }
}

/// A plugin, or none for whichever is there.
fn plugin(word: &str) -> Parsed<Option<Plugin>> {
    let found = Plugin::ALL.into_iter().find(|plugin| plugin.as_str() == word);
    if found.is_some() || word == AUTO {
        return Ok(found);
    }
    let known = plugin_words(&Plugins::Named(Plugin::ALL.into()));
    let known: Vec<&str> = [AUTO].into_iter().chain(known).collect();
    Err(nearest::unknown("plugin", word, &known))
}

fn log_group(word: &str) -> Parsed<LogGroup> {
    let message = || {
        "not a log group; write its name, as \"/ecs/shop\", or its ARN, as \
         \"arn:aws:logs:REGION:ACCOUNT:log-group:NAME\""
            .to_owned()
    };
    LogGroup::parse(word).ok_or_else(message)
}

/// A version: any text that fits.
pub(super) fn version(value: &DeValue<'_>) -> Parsed<Box<str>> {
    text(|version| {
        let fits = (1..=VERSION).contains(&version.chars().count());
        let message = || format!("a version is 1 to {VERSION} characters");
        fits.then(|| version.into()).ok_or_else(message)
    })(value)
}
