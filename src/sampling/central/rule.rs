//! A central rule, and which one a request falls under.

use crate::sampling::rule;
use crate::sampling::rule::Rate;
use crate::sampling::rule::field;
use crate::sampling::wildcard::Pattern;
use crate::sampling::wildcard::Text;

/// The rule that takes what no other does, whatever its patterns say.
const DEFAULT: &str = "Default";

/// What central rules look at. An empty field was absent; a rule takes it for a match, but for that
/// field only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// What local rules look at too.
    pub http: rule::Request<'a>,
    /// The name of the service's segment.
    pub service: &'a str,
    /// The segment's origin, such as `AWS::ECS::Container`.
    pub service_type: &'a str,
}

/// What a rule is compared with; each may have `*` and `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patterns {
    /// Of the host.
    pub host: Pattern,
    /// Of the method.
    pub method: Pattern,
    /// Of the path.
    pub path: Pattern,
    /// Of the service's name.
    pub service: Pattern,
    /// Of the origin.
    pub service_type: Pattern,
}

/// A rule as X-Ray gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name, unique in the account.
    pub name: Box<str>,
    /// The lower comes first.
    pub priority: i64,
    /// The share of requests beyond the reservoir that are recorded, until a target says another.
    pub rate: Rate,
    /// Whether it has a reservoir, from which one request a second may be borrowed until X-Ray has
    /// said how many there are.
    pub can_borrow: bool,
    /// What a request has to match.
    pub patterns: Patterns,
}

impl Rule {
    fn takes(&self, request: &Request<'_>) -> bool {
        let Patterns { host, method, path, service, service_type } = &self.patterns;
        let rule::Request { host: of_host, method: of_method, path: of_path } = request.http;
        &*self.name == DEFAULT
            || (field(path, Text::new(of_path))
                && field(host, Text::new(of_host))
                && field(method, Text::new(of_method))
                && field(service, Text::new(request.service))
                && field(service_type, Text::new(request.service_type)))
    }
}

/// Rules in the order in which they are tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules(Box<[Rule]>);

impl Rules {
    /// These rules, by priority, those of the same priority by name.
    #[must_use]
    pub fn new(mut rules: Vec<Rule>) -> Self {
        rules.sort_by(|one, other| (one.priority, &one.name).cmp(&(other.priority, &other.name)));
        Self(rules.into())
    }

    /// The index of the first rule that takes the request.
    #[must_use]
    pub fn find(&self, request: &Request<'_>) -> Option<usize> {
        self.0.iter().position(|rule| rule.takes(request))
    }

    /// The rules in that order.
    #[must_use]
    pub const fn all(&self) -> &[Rule] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, priority: i64, path: &str, service_type: &str) -> Rule {
        let pattern = |text: &str| Pattern::new(text.into());
        Rule {
            name: name.into(),
            priority,
            rate: Rate::new(0.5).unwrap(),
            can_borrow: true,
            patterns: Patterns {
                host: pattern("*"),
                method: pattern("*"),
                path: pattern(path),
                service: pattern("*"),
                service_type: pattern(service_type),
            },
        }
    }

    #[test]
    fn the_first_by_priority_and_name_takes_a_request() {
        let rules = Rules::new(vec![
            rule("Default", 10_000, "/nothing", "*"),
            rule("b", 5, "/orders*", "*"),
            rule("a", 5, "/orders/*", "*"),
            rule("ecs", 1, "*", "AWS::ECS::Container"),
        ]);
        let names: Vec<_> = rules.all().iter().map(|rule| &*rule.name).collect();
        assert_eq!(names, ["ecs", "a", "b", "Default"]);
        for (path, service_type, expected) in [
            ("/orders/1", "AWS::EC2::Instance", "a"),
            ("/ORDERS", "AWS::EC2::Instance", "b"),
            ("/other", "AWS::EC2::Instance", "Default"),
            ("/orders/1", "aws::ecs::container", "ecs"),
            ("/other", "", "ecs"),
            ("", "AWS::EC2::Instance", "a"),
        ] {
            let http = rule::Request { host: "shop", method: "GET", path };
            let found = rules.find(&Request { http, service: "shop", service_type }).unwrap();
            assert_eq!(&*rules.all()[found].name, expected, "{path} {service_type}");
        }
    }

    #[test]
    fn without_a_default_rule_there_may_be_none() {
        let rules = Rules::new(vec![rule("a", 1, "/a", "*")]);
        let http = rule::Request { host: "shop", method: "GET", path: "/b" };
        assert_eq!(rules.find(&Request { http, service: "shop", service_type: "" }), None);
    }
}
