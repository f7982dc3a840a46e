//! What is asked of X-Ray about sampling, and what it answers, as JSON. Source: X-Ray API reference.

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Map;
use serde_json::Value;

use crate::sampling::central::quota::Counts;
use crate::sampling::central::quota::Target;
use crate::sampling::central::rule::Patterns;
use crate::sampling::central::rule::Rule;
use crate::sampling::rule::Rate;
use crate::sampling::wildcard::Pattern;

/// The path that answers with rules.
pub const RULES: &str = "/GetSamplingRules";
/// The path that takes counts and answers with targets.
pub const TARGETS: &str = "/SamplingTargets";

/// One page of rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The rules that are for us.
    pub rules: Vec<Rule>,
    /// How many others there were: of another version, for one resource only, by attributes, or
    /// without what a rule must have.
    pub skipped: usize,
    /// What to ask for the next page with.
    pub next: Option<Box<str>>,
}

/// What was answered to counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// What rules may take from now on.
    pub targets: Vec<Target>,
    /// When rules were last changed, in seconds since 1970.
    pub modified: f64,
}

/// The answer is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("the answer about sampling makes no sense")]
pub struct Nonsense(#[from] serde_json::Error);

/// The question for a page of rules, the first or the one that a page has named.
#[must_use]
pub fn ask_rules(next: Option<&str>) -> String {
    match next {
        None => "{}".to_owned(),
        Some(next) => serde_json::json!({ "NextToken": next }).to_string(),
    }
}

/// Understands an object; to serde, a list of its values is one too.
fn object<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Nonsense> {
    let object: Map<String, Value> = serde_json::from_slice(answer)?;
    Ok(serde_json::from_value(Value::Object(object))?)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RulesAnswer {
    #[serde(default)]
    sampling_rule_records: Vec<Value>,
    next_token: Option<Box<str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    sampling_rule: RuleAnswer,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RuleAnswer {
    rule_name: Box<str>,
    #[serde(rename = "ResourceARN")]
    resource: Box<str>,
    priority: i64,
    fixed_rate: f64,
    reservoir_size: i64,
    service_name: Box<str>,
    service_type: Box<str>,
    host: Box<str>,
    #[serde(rename = "HTTPMethod")]
    method: Box<str>,
    #[serde(rename = "URLPath")]
    path: Box<str>,
    version: i64,
    #[serde(default)]
    attributes: Option<Map<String, Value>>,
}

/// Understands a page of rules. Of what it does not understand it leaves out the rule alone.
///
/// # Errors
///
/// [`Nonsense`] if it is no page.
pub fn read_rules(answer: &[u8]) -> Result<Page, Nonsense> {
    let RulesAnswer { sampling_rule_records: records, next_token: next } = object(answer)?;
    let all = records.len();
    let rules: Vec<_> = records.into_iter().filter_map(rule).collect();
    let next = next.filter(|next| !next.is_empty());
    Ok(Page { skipped: all - rules.len(), rules, next })
}

fn rule(record: Value) -> Option<Rule> {
    let Record { sampling_rule: rule } = serde_json::from_value(record).ok()?;
    let attributes = rule.attributes.unwrap_or_default();
    if rule.version != 1 || &*rule.resource != "*" || !attributes.is_empty() {
        return None;
    }
    Some(Rule {
        name: rule.rule_name,
        priority: rule.priority,
        rate: Rate::new(rule.fixed_rate)?,
        can_borrow: rule.reservoir_size != 0,
        patterns: Patterns {
            host: Pattern::new(rule.host),
            method: Pattern::new(rule.method),
            path: Pattern::new(rule.path),
            service: Pattern::new(rule.service_name),
            service_type: Pattern::new(rule.service_type),
        },
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Report<'a> {
    rule_name: &'a str,
    #[serde(rename = "ClientID")]
    client: &'a str,
    request_count: u64,
    sampled_count: u64,
    borrow_count: u64,
    timestamp: u64,
}

/// The counts of some rules, as they are reported by this `client`, 24 hexadecimal digits, at this
/// second since 1970.
#[must_use]
pub fn report(client: &str, at: u64, rules: &[(Box<str>, Counts)]) -> String {
    let documents: Vec<_> = rules
        .iter()
        .map(|(name, counts)| Report {
            rule_name: name,
            client,
            request_count: counts.requests,
            sampled_count: counts.sampled,
            borrow_count: counts.borrowed,
            timestamp: at,
        })
        .collect();
    serde_json::json!({ "SamplingStatisticsDocuments": documents }).to_string()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TargetsAnswer {
    #[serde(default)]
    sampling_target_documents: Vec<Value>,
    #[serde(default)]
    last_rule_modification: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TargetAnswer {
    rule_name: Box<str>,
    fixed_rate: f64,
    reservoir_quota: Option<u32>,
    #[serde(rename = "ReservoirQuotaTTL")]
    until: Option<f64>,
    interval: Option<u32>,
}

/// Understands the answer to a report. Of what it does not understand it leaves out the rule alone.
///
/// # Errors
///
/// [`Nonsense`] if it is no such answer.
pub fn read_targets(answer: &[u8]) -> Result<Targets, Nonsense> {
    let answer: TargetsAnswer = object(answer)?;
    let targets = answer.sampling_target_documents.into_iter().filter_map(target).collect();
    Ok(Targets { targets, modified: answer.last_rule_modification })
}

fn target(document: Value) -> Option<Target> {
    let target: TargetAnswer = serde_json::from_value(document).ok()?;
    Some(Target {
        name: target.rule_name,
        rate: Rate::new(target.fixed_rate)?,
        quota: target.reservoir_quota,
        until: target.until.map(seconds),
        interval: target.interval,
    })
}

/// Whole seconds; what is before 1970 is 1970.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from a float saturates, and is 0 for what is no number"
)]
const fn seconds(time: f64) -> u64 {
    time as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(change: impl FnOnce(&mut Value)) -> Value {
        let mut rule = json!({
            "RuleName": "orders", "RuleARN": "arn:aws:xray:eu-west-1:1:sampling-rule/orders",
            "ResourceARN": "*", "Priority": 3, "FixedRate": 0.25, "ReservoirSize": 2,
            "ServiceName": "shop", "ServiceType": "*", "Host": "*", "HTTPMethod": "P*",
            "URLPath": "/orders*", "Version": 1, "Attributes": {}
        });
        change(&mut rule);
        json!({ "SamplingRule": rule, "CreatedAt": 0.0, "ModifiedAt": 1.5e9 })
    }

    #[test]
    fn rules_that_are_not_for_us_are_left_out() {
        let records = [
            record(|_| {}),
            record(|rule| rule["ReservoirSize"] = 0.into()),
            record(|rule| drop(rule.as_object_mut().unwrap().remove("Attributes"))),
            record(|rule| rule["Version"] = 2.into()),
            record(|rule| rule["ResourceARN"] = "arn:aws:ecs:x".into()),
            record(|rule| rule["Attributes"] = json!({ "a": "b" })),
            record(|rule| rule["FixedRate"] = 1.5.into()),
            record(|rule| drop(rule.as_object_mut().unwrap().remove("ServiceType"))),
            json!("nonsense"),
        ];
        let answer = json!({ "SamplingRuleRecords": records, "NextToken": "more" });
        let page = read_rules(answer.to_string().as_bytes()).unwrap();
        assert_eq!((page.rules.len(), page.skipped, page.next.as_deref()), (3, 6, Some("more")));
        let rule = &page.rules[0];
        assert_eq!((&*rule.name, rule.priority, rule.rate.get()), ("orders", 3, 0.25));
        assert_eq!(rule.patterns.path, Pattern::new("/orders*".into()));
        let borrow: Vec<_> = page.rules.iter().map(|rule| rule.can_borrow).collect();
        assert_eq!(borrow, [true, false, true]);
        assert_eq!(ask_rules(page.next.as_deref()), r#"{"NextToken":"more"}"#);
        assert_eq!(ask_rules(None), "{}");
    }

    #[test]
    fn no_page_and_an_empty_one_are_told_apart() {
        assert_eq!(read_rules(b"{}").unwrap(), Page::default());
        for nonsense in ["", "[]", "<html>", r#"{"SamplingRuleRecords":3}"#] {
            assert!(read_rules(nonsense.as_bytes()).is_err(), "{nonsense}");
        }
        for nonsense in ["", "[]", "<html>", r#"{"SamplingTargetDocuments":3}"#] {
            assert!(read_targets(nonsense.as_bytes()).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn counts_go_and_targets_come() {
        let counts = Counts { requests: 9, sampled: 4, borrowed: 1 };
        let said = report("0123456789abcdef01234567", 77, &[("orders".into(), counts)]);
        let said: Value = serde_json::from_str(&said).unwrap();
        let expected = json!({ "SamplingStatisticsDocuments": [{
            "RuleName": "orders", "ClientID": "0123456789abcdef01234567", "RequestCount": 9,
            "SampledCount": 4, "BorrowCount": 1, "Timestamp": 77
        }]});
        assert_eq!(said, expected);

        let answer = json!({
            "SamplingTargetDocuments": [
                { "RuleName": "a", "FixedRate": 0.1, "ReservoirQuota": 0,
                  "ReservoirQuotaTTL": 1.5e9, "Interval": 20 },
                { "RuleName": "b", "FixedRate": 1 },
                { "RuleName": "c" }
            ],
            "LastRuleModification": 1.6e9, "UnprocessedStatistics": []
        });
        let got = read_targets(answer.to_string().as_bytes()).unwrap();
        let target = |name: &str, rate, quota, until, interval| Target {
            name: name.into(),
            rate: Rate::new(rate).unwrap(),
            quota,
            until,
            interval,
        };
        let targets = vec![
            target("a", 0.1, Some(0), Some(1_500_000_000), Some(20)),
            target("b", 1.0, None, None, None),
        ];
        assert_eq!(got, Targets { targets, modified: 1.6e9 });
    }
}
