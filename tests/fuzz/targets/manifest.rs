//! Any text as a file of local sampling rules: it is refused with faults, or its rules decide about
//! every request.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use sideray::sampling::manifest;
use sideray::sampling::rule::Request;

const REQUESTS: [Request<'_>; 3] = [
    Request { host: "shop.example:8080", method: "GET", path: "/orders/12/items" },
    Request { host: "", method: "", path: "" },
    Request { host: "größe.example", method: "PÖST", path: "/a*b?c" },
];

fuzz_target!(|text: &str| {
    match manifest::parse(text) {
        Ok(rules) => {
            let names: HashSet<&str> = (0..rules.len()).map(|index| rules.name(index)).collect();
            assert_eq!(names.len(), rules.len(), "two rules share a name: {names:?}");
            assert_eq!(rules.rules().len() + 1, rules.len(), "the default rule is one more");
            for request in &REQUESTS {
                let index = rules.find(request);
                assert!(index < rules.len(), "{request:?} falls under no rule");
                let rate = rules.limits(index).rate.get();
                assert!((0.0..=1.0).contains(&rate), "{rate} is no share");
            }
        }
        Err(faults) => {
            assert!(!faults.is_empty(), "refused without a fault");
            assert!(faults.iter().all(|fault| !fault.to_string().is_empty()));
        }
    }
});
