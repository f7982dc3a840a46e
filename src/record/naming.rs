//! What a request's segment is called: by a rule, by the host that was asked, or as the service is.

use std::borrow::Cow;

use crate::record::options::Options;
use crate::sampling::wildcard;
use crate::trace::facts::RequestView;
use crate::trace::facts::host_of;
use crate::trace::segment::Name;

/// Names besides the service's own. None, by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// Wildcard patterns of hosts, without port, that are names themselves. Source: X-Ray developer
    /// guide, "Configuring segment names": dynamic naming.
    pub hosts: Vec<Box<str>>,
    /// Rules, of which the first that matches names, ahead of hosts.
    pub rules: Vec<Rule>,
}

/// Names the requests that match all its wildcard patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The name.
    pub name: Name,
    /// Of the host, without port.
    pub host: Box<str>,
    /// Of the method.
    pub method: Box<str>,
    /// Of the path.
    pub path: Box<str>,
}

impl Rule {
    fn matches(&self, request: &RequestView<'_>, host: &str) -> bool {
        wildcard::matches(&self.path, request.path)
            && wildcard::matches(&self.method, request.method.as_str())
            && wildcard::matches(&self.host, host)
    }
}

impl Options {
    /// The name of the segment of a request.
    pub(super) fn name_of<'n>(&'n self, request: &RequestView<'_>) -> Cow<'n, Name> {
        let Naming { hosts, rules } = &self.naming;
        if hosts.is_empty() && rules.is_empty() {
            return Cow::Borrowed(&self.name);
        }
        let host = host_of(request.authority);
        if let Some(rule) = rules.iter().find(|rule| rule.matches(request, host)) {
            return Cow::Borrowed(&rule.name);
        }
        if hosts.iter().any(|pattern| wildcard::matches(pattern, host)) {
            return Cow::Owned(Name::new(&host.to_ascii_lowercase()));
        }
        Cow::Borrowed(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::trace::facts::Scheme;

    #[test]
    fn rules_come_first_then_hosts_then_the_service() {
        let rule = |name: &str, host: &str, method: &str, path: &str| Rule {
            name: Name::new(name),
            host: host.into(),
            method: method.into(),
            path: path.into(),
        };
        let options = Options {
            name: Name::new("fixed"),
            naming: Naming {
                hosts: vec!["*.shop.example".into()],
                rules: vec![
                    rule("admin", "*", "*", "/admin/*"),
                    rule("uploads", "*.shop.example", "P?T", "*"),
                ],
            },
            ..Options::default()
        };
        for (authority, method, path, want) in [
            ("de.shop.example", Method::GET, "/", "de.shop.example"),
            ("DE.Shop.example:8080", Method::GET, "/", "de.shop.example"),
            ("shop.example", Method::GET, "/", "fixed"),
            ("[::1]:8000", Method::GET, "/", "fixed"),
            ("de.shop.example", Method::PUT, "/", "uploads"),
            ("de.shop.example", Method::PUT, "/Admin/x", "admin"),
            ("other", Method::PUT, "/", "fixed"),
        ] {
            let request = RequestView {
                method: &method,
                scheme: Scheme::Http,
                authority,
                path,
                user_agent: None,
                client: None,
            };
            assert_eq!(options.name_of(&request).as_str(), want, "{method} {authority}{path}");
            let plain = Options { name: Name::new("fixed"), ..Options::default() };
            assert_eq!(plain.name_of(&request).as_str(), "fixed");
        }
    }
}
