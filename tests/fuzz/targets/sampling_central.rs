//! Any answer to the questions about central sampling: rules that are sound, or nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sideray::sampling::central::wire;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(page) = wire::read_rules(bytes) {
        for rule in page.rules {
            assert!((0.0..=1.0).contains(&rule.rate.get()), "{rule:?}");
        }
    }
    if let Ok(answer) = wire::read_targets(bytes) {
        for target in answer.targets {
            let rate = target.rate.get();
            assert!((0.0..=1.0).contains(&rate), "{target:?}");
        }
    }
});
