//! Reads the Prometheus text format, version 0.0.4, and refuses what is only nearly it. Source:
//! "Exposition formats" of the Prometheus documentation.

use std::collections::BTreeMap;
use std::collections::HashSet;

/// The metrics of a page by name.
pub type Page = BTreeMap<String, Family>;

/// One metric.
#[derive(Debug)]
pub struct Family {
    pub kind: String,
    pub help: String,
    pub samples: Vec<Sample>,
}

/// One line of values.
#[derive(Debug)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// Reads a page: each metric's help and type once and before its samples, no sample twice, no
/// sample of another metric between, histograms whole and cumulative.
pub fn parse(text: &str) -> Page {
    assert!(text.ends_with('\n'), "the last line ends");
    let mut page = Page::new();
    let mut current = String::new();
    let mut seen = HashSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            let family = Family { kind: String::new(), help: help.into(), samples: Vec::new() };
            assert!(is_name(name) && page.insert(name.into(), family).is_none(), "{line}");
            current = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert_eq!(name, current, "the type follows the help: {line}");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            page.get_mut(name).unwrap().kind = kind.into();
        } else {
            let sample = sample(line);
            let family = page.get_mut(&current).unwrap_or_else(|| panic!("no help: {line}"));
            let suffix = sample.name.strip_prefix(&current).unwrap_or_else(|| panic!("{line}"));
            let suffixes: &[&str] = match family.kind.as_str() {
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            assert!(suffixes.contains(&suffix), "{line}");
            assert!(seen.insert((sample.name.clone(), sample.labels.clone())), "twice: {line}");
            family.samples.push(sample);
        }
    }
    page.iter().for_each(|(name, family)| check(name, family));
    page
}

fn check(name: &str, family: &Family) {
    assert!(!family.samples.is_empty(), "{name} has samples");
    assert_eq!(family.kind == "counter", name.ends_with("_total"), "{name} is a {}", family.kind);
    if family.kind == "histogram" {
        check_histogram(name, family);
    }
}

/// The buckets of each set of labels grow, in order, up to `+Inf`, which is the count.
fn check_histogram(name: &str, family: &Family) {
    let mut series: BTreeMap<BTreeMap<String, String>, Vec<&Sample>> = BTreeMap::new();
    for sample in &family.samples {
        let mut labels = sample.labels.clone();
        labels.remove("le");
        series.entry(labels).or_default().push(sample);
    }
    for samples in series.values() {
        let mut last = (f64::NEG_INFINITY, 0.0);
        for bucket in samples.iter().filter(|sample| sample.name.ends_with("_bucket")) {
            let bound = number(&bucket.labels["le"]);
            assert!(bound > last.0 && bucket.value >= last.1, "{bucket:?} after {last:?}");
            last = (bound, bucket.value);
        }
        assert_eq!(last.0, f64::INFINITY, "{name} ends with +Inf");
        let one = |suffix| samples.iter().find(|sample| sample.name.ends_with(suffix)).unwrap();
        assert_eq!(one("_count").value, last.1, "{name} counts its buckets");
        assert!(one("_sum").value >= 0.0);
    }
}

/// `name{label="value",…} number`.
fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line}"));
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            assert!(is_name(label) && !label.contains(':'), "{line}");
            let (value, after) = quoted(after);
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            if let Some(after) = after.strip_prefix('}') {
                rest = after;
                break;
            }
            rest = after.strip_prefix(',').unwrap_or_else(|| panic!("{line}"));
        }
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("one space: {line}"));
    Sample { name: name.to_owned(), labels, value: number(value) }
}

/// Reads up to the closing quote; what is behind it remains.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match chars.next().map(|(_, c)| c) {
                Some('n') => '\n',
                Some(c @ ('\\' | '"')) => c,
                other => panic!("\\{other:?} is not an escape: {text}"),
            }),
            c => value.push(c),
        }
    }
    panic!("no closing quote: {text}");
}

fn number(text: &str) -> f64 {
    assert!(!text.contains(' '), "no time stamps: {text}");
    if text == "+Inf" { f64::INFINITY } else { text.parse().unwrap_or_else(|_| panic!("{text}")) }
}

fn is_name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    first && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte))
}
