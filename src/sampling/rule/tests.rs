//! Which rule a request falls under, what rules are called, and what a rate takes.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::sampling::wildcard::matches;

fn rule(name: &str, host: &str, method: &str, path: &str) -> Rule {
    Rule {
        name: name.into(),
        host: host.into(),
        method: method.into(),
        path: path.into(),
        limits: Limits::default(),
    }
}

fn names(rules: &Rules) -> Vec<&str> {
    (0..rules.len()).map(|index| rules.name(index)).collect()
}

#[test]
fn the_first_match_wins_and_the_default_takes_the_rest() {
    let rules = Rules::new(
        vec![
            rule("health", "*", "GET", "/health"),
            rule("shop orders", "shop.example.com", "POST", "/orders/*"),
            rule("shop on a port", "shop.example.com:*", "*", "*"),
            rule("any order", "*", "*", "/orders/*"),
            rule("never reached", "*", "GET", "/health"),
        ],
        Limits::default(),
    );
    // host, method, path, name
    for (host, method, path, name) in [
        ("a", "GET", "/health", "health"),
        ("a", "get", "/HEALTH", "health"),
        ("a", "POST", "/health", "default"),
        ("a", "GET", "/health/", "default"),
        ("shop.example.com", "POST", "/orders/7", "shop orders"),
        ("SHOP.example.com", "POST", "/orders/", "shop orders"),
        ("shop.example.com", "GET", "/orders/7", "any order"),
        ("shop.example.com:8080", "POST", "/orders/7", "shop on a port"),
        ("shop.example.com:8080", "GET", "/", "shop on a port"),
        ("shop.example.com", "GET", "/", "default"),
        ("other", "PUT", "/orders/7/lines", "any order"),
    ] {
        let index = rules.find(&Request { host, method, path });
        assert_eq!(rules.name(index), name, "{method} {host} {path}");
    }
}

#[test]
fn an_absent_field_matches_for_itself_only() {
    let rules = Rules::new(vec![rule("r", "h", "GET", "/p")], Limits::default());
    // host, method, path, whether the rule takes it
    for (host, method, path, taken) in [
        ("", "GET", "/p", true),
        ("", "POST", "/p", false),
        ("", "GET", "/other", false),
        ("h", "", "/p", true),
        ("x", "", "/p", false),
        ("h", "GET", "", true),
        ("h", "POST", "", false),
        ("", "", "/p", true),
        ("", "", "/other", false),
        ("", "", "", true),
    ] {
        let index = rules.find(&Request { host, method, path });
        assert_eq!(index, usize::from(!taken), "{method:?} {host:?} {path:?}");
    }
}

#[test]
fn no_rules_means_the_documented_default() {
    let rules = Rules::default();
    let index = rules.find(&Request { host: "h", method: "GET", path: "/" });
    assert_eq!((rules.len(), index, rules.name(index)), (1, 0, "default"));
    let limits = rules.limits(index);
    assert_eq!((limits.fixed_target, limits.rate.get()), (1, 0.05));
}

#[test]
fn each_rule_has_its_own_limits() {
    let own = Limits { fixed_target: 7, rate: Rate::new(0.5).unwrap() };
    let last = Limits { fixed_target: 3, rate: Rate::new(0.25).unwrap() };
    let rules = Rules::new(vec![Rule { limits: own, ..rule("r", "*", "*", "*") }], last);
    assert_eq!((rules.limits(0), rules.limits(1)), (own, last));
}

#[test]
fn names_are_kept_apart() {
    let named = |names: &[&str]| {
        Rules::new(names.iter().map(|name| rule(name, "*", "*", "*")).collect(), Limits::default())
    };
    for (given, expected) in [
        (&[][..], &["default"][..]),
        (&["a", "b"], &["a", "b", "default"]),
        (&["", " ", "x"], &["rule 1", "rule 2", "x", "default"]),
        (&["a", "a", "a"], &["a", "a (2)", "a (3)", "default"]),
        (&["default", "default"], &["default (2)", "default (3)", "default"]),
        (&["rule 2", ""], &["rule 2", "rule 2 (2)", "default"]),
        (&["a", "a (2)", "a", "a"], &["a", "a (2)", "a (3)", "a (4)", "default"]),
        (&["a", "a", "a (2)"], &["a", "a (2)", "a (2) (2)", "default"]),
        (&[" a ", "a"], &["a", "a (2)", "default"]),
    ] {
        assert_eq!(names(&named(given)), expected, "{given:?}");
    }
}

#[test]
fn a_rate_is_a_share() {
    for (number, accepted) in [
        (0.0, true),
        (-0.0, true),
        (0.05, true),
        (1.0, true),
        (1.0 + f64::EPSILON, false),
        (-f64::MIN_POSITIVE, false),
        (f64::NAN, false),
        (f64::INFINITY, false),
    ] {
        assert_eq!(Rate::new(number).is_some(), accepted, "{number}");
    }
}

#[test]
fn a_rate_takes_exactly_its_share() {
    let below_one = 1.0 - f64::EPSILON / 2.0;
    // rate, the last value it takes; none where it takes nothing
    for (rate, last) in [
        (0.0, None),
        (-0.0, None),
        (f64::MIN_POSITIVE, Some(0)),
        (5e-324, Some(0)),
        (0.5_f64.powi(64), Some(0)),
        (0.5_f64.powi(63), Some(1)),
        (1.5 * 0.5_f64.powi(64), Some(1)),
        (0.25, Some((1 << 62) - 1)),
        (0.5, Some((1 << 63) - 1)),
        (below_one, Some(u64::MAX - (1 << 11))),
        (1.0, Some(u64::MAX)),
    ] {
        let taker = Rate::new(rate).unwrap();
        assert_eq!(taker.takes(0), last.is_some(), "0 at {rate:e}");
        if let Some(last) = last {
            assert!(taker.takes(last), "{last} at {rate:e}");
            assert!(last == u64::MAX || !taker.takes(last + 1), "{} at {rate:e}", last + 1);
        }
    }
}

/// `random / 2^64 < rate` in whole numbers: a rate from 2^-12 up is a whole multiple of 2^-64.
fn exactly_below(random: u64, rate: f64) -> bool {
    let (exponent, fraction) = (rate.to_bits() >> 52, rate.to_bits() & ((1 << 52) - 1));
    u128::from(random) < u128::from(fraction | (1 << 52)) << (exponent - 1011)
}

proptest! {
    #[test]
    fn a_rate_takes_what_whole_numbers_say(
        random in any::<u64>(),
        rate in 0.001..=1.0,
        near in -4096..4096_i64,
    ) {
        let edge = (0..64).rev().fold(0, |low, bit| {
            let middle: u64 = low | 1 << bit;
            if exactly_below(middle, rate) { middle } else { low }
        });
        for random in [random, edge, edge.saturating_add(1), edge.saturating_add_signed(near)] {
            let expected = exactly_below(random, rate);
            prop_assert_eq!(Rate::new(rate).unwrap().takes(random), expected, "{}", random);
        }
    }

    #[test]
    fn no_two_rules_share_a_name(given in proptest::collection::vec("( |a|default|rule [12]|a \\([23]\\))", 0..12)) {
        let rules = given.iter().map(|name| rule(name, "*", "*", "*")).collect();
        let rules = Rules::new(rules, Limits::default());
        prop_assert_eq!(rules.len(), given.len() + 1);
        prop_assert_eq!(names(&rules).into_iter().collect::<HashSet<_>>().len(), rules.len());
    }

    #[test]
    fn finds_the_first_rule_that_matches_in_every_field(
        patterns in proptest::collection::vec(("[a*]{1,2}", "[a*]{1,2}", "[a*]{1,2}"), 0..8),
        host in "[ab]{0,2}", method in "[ab]{0,2}", path in "[ab]{0,2}",
    ) {
        let fits = |pattern: &str, value: &str| value.is_empty() || matches(pattern, value);
        let expected = patterns.iter().take_while(|(h, m, p)| {
            !(fits(h, &host) && fits(m, &method) && fits(p, &path))
        });
        let list = patterns.iter().map(|(h, m, p)| rule("", h, m, p)).collect();
        let request = Request { host: &host, method: &method, path: &path };
        prop_assert_eq!(Rules::new(list, Limits::default()).find(&request), expected.count());
    }
}
