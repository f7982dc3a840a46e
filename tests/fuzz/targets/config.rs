//! Any text as `proxy.toml`: it is refused with faults that can be shown, or what it means loads
//! back to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sideray::config;
use sideray::config::Config;
use sideray::config::fault::Faults;
use sideray::config::source::File;
use sideray::config::source::Sources;

const LARGEST: usize = 64 * 1024;

fuzz_target!(|text: &str| {
    // A manifest is a file of this machine, which is not the fuzzer's to choose.
    if text.len() > LARGEST || text.contains("manifest") {
        return;
    }
    match load(text) {
        Ok(config) => {
            let written = config.to_toml();
            match load(&written) {
                Ok(again) => assert_eq!(again.to_toml(), written, "loads back to another"),
                Err(faults) => panic!("what was written is refused: {faults}\n{written}"),
            }
            assert!(config.warnings().iter().all(|warning| shown_as_it_is(warning)));
        }
        Err(faults) => {
            assert!(!faults.as_slice().is_empty(), "refused without a fault");
            for fault in faults.as_slice() {
                let line = fault.to_string();
                assert!(shown_as_it_is(&line), "not fit for a terminal: {line:?}");
                assert!(line.len() < 4_096, "{} bytes are no line: {line}", line.len());
            }
        }
    }
});

fn load(text: &str) -> Result<Config, Faults> {
    let file = File { path: "proxy.toml".into(), text: text.to_owned() };
    config::load(&Sources { file: Some(file), ..Sources::default() })
}

fn shown_as_it_is(line: &str) -> bool {
    !line.is_empty() && !line.contains(char::is_control)
}
