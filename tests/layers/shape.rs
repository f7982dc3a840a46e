//! The rules of what a file looks like. The length of functions is clippy's to watch.

use crate::source::Source;

/// Most lines of a file.
const LINES: usize = 400;

/// Everything about the files of `sources` that is not as the house wants it.
pub fn faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for Source { path, text, .. } in sources {
        let lines = text.lines().count();
        if lines > LINES {
            faults.push(format!(
                "{path}:{LINES}: {lines} lines: it does more than one job; split it into modules"
            ));
        }
        if path.ends_with("/mod.rs") {
            faults.push(format!("{path}:1: call it after its folder and put it beside that"));
        }
        if !text.starts_with("//! ") {
            faults.push(format!("{path}:1: it does not say its job: begin with a line of `//!`"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tree;

    fn faults_of(path: &str, text: &str) -> Vec<String> {
        faults(&tree(&[(path.to_owned(), text.to_owned())]))
    }

    #[test]
    fn a_good_file_passes() {
        let longest = format!("//! Job.\n{}", "\n".repeat(LINES - 1));
        assert_eq!(faults_of("src/a.rs", &longest), [""; 0]);
    }

    #[test]
    fn each_fault_is_found() {
        let long = format!("//! Job.\n{}", "\n".repeat(LINES));
        for (path, text, fault) in [
            ("src/a.rs", &*long, "src/a.rs:400: 401 lines"),
            ("src/a/mod.rs", "//! Job.", "src/a/mod.rs:1: call it after"),
            ("src/a.rs", "use b;\n//! Job.", "src/a.rs:1: it does not say"),
            ("src/a.rs", "", "src/a.rs:1: it does not say"),
        ] {
            let faults = faults_of(path, text);
            assert!(matches!(&faults[..], [only] if only.starts_with(fault)), "{faults:?}");
        }
    }
}
