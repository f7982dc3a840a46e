//! `[sampling]`: rules in the file itself, or those of a manifest.

use std::io;
use std::path::Path;

use crate::config::read::Section;
use crate::config::source;
use crate::config::value;
use crate::config::value::count;
use crate::config::value::pattern;
use crate::config::value::text;
use crate::sampling::manifest;
use crate::sampling::rule::Limits;
use crate::sampling::rule::Rate;
use crate::sampling::rule::Rule;
use crate::sampling::rule::Rules;

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
