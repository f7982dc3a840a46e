//! `[sampling]`: rules in the file itself, or those of a manifest.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::config::read::Parsed;
use crate::config::read::Section;
use crate::config::source;
use crate::config::value;
use crate::config::value::count;
use crate::config::value::pattern;
use crate::config::value::text;
use crate::record::options::Keep;
use crate::sampling::manifest;
use crate::sampling::rule::Limits;
use crate::sampling::rule::Rate;
use crate::sampling::rule::Rule;
use crate::sampling::rule::Rules;

/// What stands before a time in `keep`.
const SLOWER: &str = "slower than ";

/// The pattern that matches everything.
const ANY: &str = "*";

/// Lowers the section.
pub(super) fn rules(section: &mut Section<'_, '_>) -> Rules {
    let default = section.section("default", limits);
    let rules = section.sections("rules", rule);
    let read = section.find("manifest", text(value::path));
    if section.has("manifest") {
        let excluded = ["default", "rules"].into_iter().filter(|key| section.has(key));
        for key in excluded.collect::<Vec<_>>() {
            let message = "the manifest has rules of its own; keep one of the two".to_owned();
            section.fault_of(key, message);
        }
    }
    match read {
        Some(path) => from_manifest(section, &path),
        None => Rules::new(rules.into_iter().flatten().collect(), default),
    }
}

/// A word of `keep`.
enum Kept {
    Fault,
    Throttle,
    Error,
    Slower(Duration),
}

/// What is recorded although the rules have passed over it.
pub(super) fn keep(section: &mut Section<'_, '_>) -> Keep {
    let default = Keep::default();
    let words = section.list("keep", Vec::new(), |value| text(kept)(value));
    let per_second = section.take("keep_per_second", default.per_second, count(0..=u32::MAX));
    words.into_iter().fold(Keep { per_second, ..default }, |keep, word| match word {
        Kept::Fault => Keep { fault: true, ..keep },
        Kept::Throttle => Keep { throttle: true, ..keep },
        Kept::Error => Keep { error: true, ..keep },
        Kept::Slower(least) => Keep { slower_than: Some(least), ..keep },
    })
}

fn kept(word: &str) -> Parsed<Kept> {
    if let Some(time) = word.strip_prefix(SLOWER) {
        return value::duration_of(&time.replace(' ', "")).map(Kept::Slower);
    }
    match word {
        "fault" => Ok(Kept::Fault),
        "throttle" => Ok(Kept::Throttle),
        "error" => Ok(Kept::Error),
        _ => Err("unknown value; known are fault, throttle, error, \"slower than 2s\"".to_owned()),
    }
}

/// The words of `keep` that say so.
pub(super) fn keep_words(keep: &Keep) -> Vec<String> {
    let Keep { fault, throttle, error, slower_than, .. } = keep;
    let words = [(fault, "fault"), (throttle, "throttle"), (error, "error")];
    let set = words.into_iter().filter(|(set, _)| **set).map(|(_, word)| word.to_owned());
    let slower = slower_than.map(|least| format!("{SLOWER}{}", value::duration_text(least)));
    set.chain(slower).collect()
}

/// Limits of which either may be left to the default.
fn limits(section: &mut Section<'_, '_>) -> Limits {
    let default = Limits::default();
    Limits {
        fixed_target: section.take("fixed_target", default.fixed_target, count(0..=u32::MAX)),
        rate: section.take("rate", default.rate, value::rate(Rate::new)),
    }
}

/// One rule; `None` if its limits are missing or at fault.
fn rule(section: &mut Section<'_, '_>) -> Option<Rule> {
    let name = section.take("description", "".into(), text(pattern));
    let host = section.take("host", ANY.into(), text(pattern));
    let method = section.take("http_method", ANY.into(), text(pattern));
    let path = section.take("url_path", ANY.into(), text(pattern));
    let fixed_target = section.need("fixed_target", "1", count(0..=u32::MAX));
    let rate = section.need("rate", "0.05", value::rate(Rate::new));
    let limits = Limits { fixed_target: fixed_target?, rate: rate? };
    Some(Rule { name, host, method, path, limits })
}

/// The rules of the manifest at `path`. Its faults are those of the key that names it.
fn from_manifest(section: &mut Section<'_, '_>, path: &Path) -> Rules {
    let text = match plain_text(path) {
        Ok(text) => text,
        Err(error) => {
            section.fault_of("manifest", format!("cannot be read: {error}"));
            return Rules::default();
        }
    };
    manifest::parse(&text).unwrap_or_else(|faults| {
        for fault in faults {
            section.fault_of("manifest", fault.to_string());
        }
        Rules::default()
    })
}

/// The text of a plain file: a pipe or a terminal could hold the start up for ever.
fn plain_text(path: &Path) -> io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file"));
    }
    source::read(path)
}
