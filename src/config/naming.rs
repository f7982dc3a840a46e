//! `[naming]`: what segments are called besides the service's own name.

use crate::config::read::Section;
use crate::config::value;
use crate::config::value::text;
use crate::record::naming::Naming;
use crate::record::naming::Rule;

/// Lowers the section.
pub(super) fn naming(section: &mut Section<'_, '_>) -> Naming {
    let rule = |section: &mut Section<'_, '_>| {
        let name = section.need("name", "\"shop-admin\"", text(value::name));
        Some(Rule {
            host: section.take("host", "*".into(), text(value::host_pattern)),
            method: section.take("http_method", "*".into(), text(value::pattern)),
            path: section.take("url_path", "*".into(), text(value::pattern)),
            name: name?,
        })
    };
    Naming {
        hosts: section.list("hosts", Vec::new(), |value| text(value::host_pattern)(value)),
        rules: section.sections("rules", rule).into_iter().flatten().collect(),
    }
}
