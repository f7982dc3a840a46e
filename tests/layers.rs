//! The plan of the house, kept: reads the sources and fails, with file, line and remedy, where one
//! breaks it.
//!
//! [`plan`] is the plan as data, [`source`] and [`paths`] read a file, [`rules`] and [`shape`] are
//! the checks. Each is a function of sources in memory, and its own tests prove that it can fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    reason = "a test's way to fail is to panic"
)]

use std::fs;
use std::path::Path;

use crate::source::Source;

#[path = "layers/paths.rs"]
mod paths;
#[path = "layers/plan.rs"]
mod plan;
#[path = "layers/rules.rs"]
mod rules;
#[path = "layers/shape.rs"]
mod shape;
#[path = "layers/source.rs"]
mod source;

/// The sources in `folders`.
fn sources(folders: &[&str]) -> Vec<Source> {
    fn walk(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                walk(root, &path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in folders {
        walk(root, &root.join(folder), &mut files);
    }
    files.sort();
    assert!(!files.is_empty(), "no sources in {folders:?}");
    source::tree(&files)
}

fn nothing(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn modules_import_what_the_plan_allows() {
    nothing(&rules::imports(plan::ROOMS, &sources(&["src"])));
}

#[test]
fn rooms_do_not_import_each_other_in_a_circle() {
    nothing(&rules::cycles(&sources(&["src"])));
}

#[test]
fn the_plan_goes_bottom_up_and_allows_no_more_than_is_needed() {
    nothing(&rules::order(plan::ROOMS));
    nothing(&rules::vacant(plan::ROOMS, &sources(&["src"])));
}

#[test]
fn the_core_is_pure() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    nothing(&rules::purity(plan::ROOMS, &rules::dependencies(&manifest), &sources(&["src"])));
}

#[test]
fn what_requests_call_can_neither_wait_nor_fail() {
    nothing(&rules::request_path(plan::REQUEST_PATH, &sources(&["src"])));
}

#[test]
fn files_are_short_and_say_their_job() {
    nothing(&shape::faults(&sources(&["src", "tests", "benches"])));
}
