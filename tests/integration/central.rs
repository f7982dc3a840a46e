//! Central sampling: sideray lives through the story that the X-Ray SDK for Python has lived through
//! (`tests/programs/test_sampling_central.py`), and decides and reports as it did.

use std::collections::HashMap;

use serde_json::Value;
use sideray::record::sampler::Sampler;
use sideray::sampling::central::rule::Request;
use sideray::sampling::central::wire;
use sideray::sampling::rule;
use sideray::sampling::rule::Rules;
use sideray::trace::time::Micros;

const STORY: &str = include_str!("central/decisions.json");

struct Story {
    told: Value,
    sampler: Sampler,
}

impl Story {
    fn number(step: &Value, at: usize) -> u64 {
        step[at].as_u64().unwrap()
    }

    /// The second of a step.
    fn second(&self, step: &Value) -> u64 {
        self.told["start"].as_u64().unwrap() + Self::number(step, 0)
    }

    fn word(&self, list: &str, step: &Value, at: usize) -> &str {
        let place = usize::try_from(Self::number(step, at)).unwrap();
        self.told[list][place].as_str().unwrap()
    }

    /// What is decided for a request, as the SDK says it: the central rule's name, true or false.
    fn decide(&self, step: &Value) -> Value {
        let http = rule::Request {
            path: self.word("paths", step, 1),
            method: self.word("methods", step, 2),
            host: self.word("hosts", step, 3),
        };
        let service = self.word("services", step, 4);
        let request = Request { http, service, service_type: self.word("types", step, 5) };
        let random = Self::number(step, 6) << 32;
        let now = Micros::new(self.second(step) * 1_000_000);
        let verdict = self.sampler.decide(&request, now, random);
        match verdict.rule {
            Some(rule) if verdict.sampled => Value::from(&*rule),
            Some(_) | None => Value::from(verdict.sampled),
        }
    }

    /// Puts the question of a step, and takes its answer.
    fn ask(&self, step: &Value) {
        let central = self.sampler.central().unwrap();
        let answer = Some(&step[3]).filter(|answer| answer.is_object()).map(Value::to_string);
        if step[1] == wire::RULES {
            if let Some(answer) = answer {
                let page = wire::read_rules(answer.as_bytes()).unwrap();
                central.put(page.rules, self.second(step));
            }
            return;
        }
        let reported: HashMap<_, _> = central
            .report()
            .into_iter()
            .map(|(rule, counts)| {
                (rule.to_string(), [counts.requests, counts.sampled, counts.borrowed])
            })
            .collect();
        let counts = step[2].as_array().unwrap().iter().map(|told| {
            (
                told[0].as_str().unwrap().to_owned(),
                [Self::number(told, 1), Self::number(told, 2), Self::number(told, 3)],
            )
        });
        assert_eq!(reported, counts.collect(), "second {}", step[0]);
        if let Some(answer) = answer {
            let stale = central.heed(&wire::read_targets(answer.as_bytes()).unwrap());
            assert_eq!(step[4], stale, "second {}: whether the rules have changed", step[0]);
        }
    }
}

#[test]
fn sideray_decides_and_reports_as_the_sdk_for_python() {
    let told: Value = serde_json::from_str(STORY).unwrap();
    let story = Story { sampler: Sampler::new(Rules::default(), true), told };

    let mut decided = 0;
    for (number, step) in story.told["steps"].as_array().unwrap().iter().enumerate() {
        if step[1].is_string() {
            story.ask(step);
        } else {
            assert_eq!(story.decide(step), step[7], "step {number}: {step}");
            decided += 1;
        }
    }

    assert!(decided >= 5_000, "{decided} requests");
}
