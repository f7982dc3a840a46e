//! Which rules files are read, and which faults the others have.

use proptest::prelude::*;

use super::*;
use crate::sampling::rule::Request;

fn faults(text: &str) -> Vec<String> {
    parse(text).expect_err(text).iter().map(ToString::to_string).collect()
}

#[test]
fn reads_the_default_of_the_sdks() {
    let text = r#"{"version": 2, "default": {"fixed_target": 1, "rate": 0.05}, "rules": []}"#;
    assert_eq!(parse(text), Ok(Rules::default()));
    let text = r#"{"default": {"rate": 5e-2, "fixed_target": 1.0}, "version": 1}"#;
    assert_eq!(parse(text), Ok(Rules::default()), "rules may be left out");
}

#[test]
fn reads_version_2() {
    let rules = parse(
        r#"{
            "version": 2,
            "rules": [
                {"description": "Player moves.", "host": "*", "http_method": "*",
                 "url_path": "/api/move/*", "fixed_target": 0, "rate": 0.05},
                {"host": "*.example.com", "http_method": "GET", "url_path": "*",
                 "fixed_target": 10, "rate": 1},
                {"description": "Player moves.", "host": "", "http_method": "*",
                 "url_path": "*", "fixed_target": 4294967295, "rate": 0}
            ],
            "default": {"description": "the rest", "fixed_target": 1, "rate": 0.1}
        }"#,
    )
    .unwrap();
    let found: Vec<(&str, u32, f64)> = (0..rules.len())
        .map(|index| (rules.name(index), rules.limits(index)))
        .map(|(name, limits)| (name, limits.fixed_target, limits.rate.get()))
        .collect();
    let expected = [
        ("Player moves.", 0, 0.05),
        ("rule 2", 10, 1.0),
        ("Player moves. (2)", u32::MAX, 0.0),
        ("default", 1, 0.1),
    ];
    assert_eq!(found, expected);
    let request = Request { host: "a.example.com", method: "GET", path: "/" };
    assert_eq!(rules.find(&request), 1);
}

#[test]
fn compares_the_service_name_of_version_1_with_the_host() {
    let rules = parse(
        r#"{"version": 1, "default": {"fixed_target": 1, "rate": 0.05}, "rules": [
            {"service_name": "*.foo.com", "http_method": "G?T", "url_path": "/x",
             "fixed_target": 0, "rate": 0.5}]}"#,
    )
    .unwrap();
    for (host, index) in [("a.foo.com", 0), ("A.FOO.COM", 0), ("a.foo.com:80", 1), ("shop", 1)] {
        let request = Request { host, method: "GET", path: "/x" };
        assert_eq!(rules.find(&request), index, "{host}");
    }
}

/// A file of version 2 with `rule` as its only rule.
fn with_rule(rule: &str) -> String {
    format!(
        r#"{{"version": 2, "default": {{"fixed_target": 1, "rate": 0.05}}, "rules": [{rule}]}}"#
    )
}

/// A file of version 2 with `default` as its default rule.
fn with_default(default: &str) -> String {
    format!(r#"{{"version": 2, "default": {default}}}"#)
}

#[test]
fn says_where_what_and_how_to_mend() {
    let rule = |wrong: &str| {
        let mut keys = vec![
            r#""host": "*""#,
            r#""http_method": "*""#,
            r#""url_path": "*""#,
            r#""fixed_target": 1"#,
            r#""rate": 0"#,
        ];
        let name = wrong.split(':').next().unwrap();
        keys.retain(|key| !key.starts_with(name));
        keys.push(wrong);
        with_rule(&format!("{{{}}}", keys.join(", ")))
    };
    let target = "rules[0].fixed_target is {}: make it a whole number of requests a second, from 0 to 4294967295";
    let rate = "rules[0].rate is {}: make it a number from 0 to 1";
    let pattern = r#"rules[0].{} is {}: make it a pattern, "*" for any"#;
    let fill = |text: &str, words: &[&str]| {
        words.iter().fold(text.to_owned(), |text, word| text.replacen("{}", word, 1))
    };
    for (text, expected) in [
        (rule(r#""fixed_target": -1"#), fill(target, &["-1"])),
        (rule(r#""fixed_target": 1.5"#), fill(target, &["1.5"])),
        (rule(r#""fixed_target": 4294967296"#), fill(target, &["4294967296"])),
        (rule(r#""fixed_target": "1""#), fill(target, &["a text"])),
        (rule(r#""rate": 1.01"#), fill(rate, &["1.01"])),
        (rule(r#""rate": -0.1"#), fill(rate, &["-0.1"])),
        (rule(r#""rate": 5"#), fill(rate, &["5"])),
        (rule(r#""rate": null"#), fill(rate, &["null"])),
        (rule(r#""host": 7"#), fill(pattern, &["host", "7"])),
        (rule(r#""http_method": ["GET"]"#), fill(pattern, &["http_method", "a list"])),
        (rule(r#""url_path": {}"#), fill(pattern, &["url_path", "an object"])),
        (rule(r#""description": false"#), "rules[0].description is false: make it a text".into()),
        (with_rule("3"), format!("rules[0] is 3: make it {RULE}")),
        (with_default("[]"), format!("default is a list: make it {LIMITS}")),
        ("7".into(), format!("the file is 7: make it {FILE}")),
    ] {
        assert_eq!(faults(&text), [expected], "{text}");
    }
}

#[test]
fn refuses_keys_it_does_not_know() {
    let known = "remove it, or use one of host, http_method, url_path, fixed_target, rate, \
                 description";
    let of_version_1 = with_rule(
        r#"{"service_name": "*", "http_method": "*", "url_path": "*", "fixed_target": 1, "rate": 0}"#,
    );
    assert_eq!(
        faults(&of_version_1),
        [
            format!("rules[0].service_name is not a key here: {known}"),
            r#"rules[0].host is missing: add it as a pattern, "*" for any"#.to_owned(),
        ]
    );
    assert_eq!(
        faults(&with_default(r#"{"fixed_target": 1, "rate": 0, "url_path": "*", "rates": 1}"#)),
        [
            "default.url_path is a pattern, but the default rule takes every request: remove it, \
             or make it one of rules",
            "default.rates is not a key here: remove it, or use one of description, fixed_target, \
             rate",
        ]
    );
    assert_eq!(
        faults(r#"{"version": 2, "default": {"fixed_target": 1, "rate": 0}, "a\nb": 1}"#),
        [r"a\nb is not a key here: remove it, or use one of version, default, rules"]
    );
}

#[test]
fn reports_every_fault_at_once_in_order() {
    let text = r#"{
        "version": 3,
        "defaults": {},
        "rules": [
            {"service_name": "*", "http_method": "*", "url_path": "*", "fixed_target": 1, "rate": 2},
            "x",
            {"host": "*", "http_method": "*", "rate": 0.5}
        ]
    }"#;
    let places: Vec<Box<str>> = parse(text).unwrap_err().into_iter().map(|f| f.at).collect();
    let expected = [
        "defaults",
        "version",
        "default",
        "rules[0].rate",
        "rules[1]",
        "rules[2].url_path",
        "rules[2].fixed_target",
    ];
    assert_eq!(places.iter().map(|at| &**at).collect::<Vec<_>>(), expected);
    assert_eq!(
        faults("{}"),
        [
            "version is missing: add it as 1 or 2".to_owned(),
            format!("default is missing: add it as {LIMITS}"),
        ]
    );
}

#[test]
fn says_where_a_text_is_not_json() {
    for (text, expected) in [
        ("", "line 1 column 0 is not JSON (EOF while parsing a value): mend it there"),
        ("{\n  \"version\": 2,\n}", "line 3 column 1 is not JSON (trailing comma): mend it there"),
        ("{} x", "line 1 column 4 is not JSON (trailing characters): mend it there"),
    ] {
        assert_eq!(faults(text), [expected], "{text}");
    }
    let deep = "[".repeat(100_000);
    assert!(faults(&deep)[0].contains("recursion limit"), "depth is bounded");
}

/// A rate of three digits. Of longer ones the JSON parser may miss the last bit.
fn thousandths(number: u32) -> f64 {
    f64::from(number) / 1000.0
}

/// Values that are right somewhere and wrong elsewhere.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1..3_i64).prop_map(Value::from),
        (-0.5..1.5).prop_map(Value::from),
        "[a*?]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let keys = [FILE_KEYS, DEFAULT_KEYS, MATCHERS, &["x"]].concat();
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::vec((proptest::sample::select(keys), inner), 0..8).prop_map(
                |entries| entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            ),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_or_has_a_fault(
        any in value(),
        version in prop_oneof![Just(Value::from(2)), value()],
        default in prop_oneof![Just(serde_json::json!({"fixed_target": 1, "rate": 0})), value()],
        rules in prop_oneof![Just(Value::Array(Vec::new())), value()],
    ) {
        let file = serde_json::json!({"version": version, "default": default, "rules": rules});
        for value in [any, file] {
            match parse(&value.to_string()) {
                Ok(rules) => {
                    let given = value["rules"].as_array().map_or(0, Vec::len);
                    prop_assert_eq!(rules.len(), given + 1);
                }
                Err(faults) => prop_assert!(!faults.is_empty()),
            }
        }
    }

    #[test]
    fn any_text_is_survived(text in "[\\[\\]{}\",:0-9a-z\\\\ ]{0,60}") {
        drop(parse(&text));
    }

    #[test]
    fn what_is_written_is_what_is_read(
        version in 1..=2_u32,
        rules in proptest::collection::vec(
            ("\\PC{0,6}", "\\PC{0,6}", "\\PC{0,6}", any::<u32>(), (0..=1000_u32).prop_map(thousandths)),
            0..5,
        ),
    ) {
        let host_key = if version == 1 { "service_name" } else { "host" };
        let file = serde_json::json!({
            "version": version,
            "default": {"fixed_target": 3, "rate": 0.25},
            "rules": rules.iter().map(|(host, method, path, fixed_target, rate)| serde_json::json!({
                host_key: host, "http_method": method, "url_path": path,
                "fixed_target": fixed_target, "rate": rate,
            })).collect::<Vec<_>>(),
        });
        let expected = rules.iter().map(|(host, method, path, fixed_target, rate)| Rule {
            name: "".into(),
            host: host.as_str().into(),
            method: method.as_str().into(),
            path: path.as_str().into(),
            limits: Limits { fixed_target: *fixed_target, rate: Rate::new(*rate).unwrap() },
        });
        let default = Limits { fixed_target: 3, rate: Rate::new(0.25).unwrap() };
        let expected = Rules::new(expected.collect(), default);
        prop_assert_eq!(parse(&file.to_string()), Ok(expected));
    }
}
