//! Each rule can fail.

use super::*;
use crate::source::tree;

const ROOMS: &[Room] = &[
    Room { path: "low", may: &[], kind: Kind::Pure },
    Room { path: "low::id", may: &[], kind: Kind::Pure },
    Room { path: "low::text", may: &["low::id"], kind: Kind::Pure },
    Room { path: "middle", may: &["low::text"], kind: Kind::Shell },
    Room { path: "high", may: &["low", "middle::options"], kind: Kind::Shell },
];

fn files(files: &[(&str, &str)]) -> Vec<Source> {
    let files: Vec<_> = files.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect();
    tree(&files)
}

/// Where the faults are: `path:line`.
fn places(faults: &[String]) -> Vec<String> {
    let place = |fault: &String| fault.split(": ").next().unwrap().to_owned();
    faults.iter().map(place).collect()
}

#[test]
fn an_import_must_be_in_the_plan() {
    for (path, text, place) in [
        ("src/lib.rs", "pub mod low;", None),
        ("src/low/text.rs", "use crate::low::id::Id;\nuse crate::low::text::more::X;", None),
        ("src/low/id.rs", "\nuse crate::low::text::Text;", Some("src/low/id.rs:2")),
        ("src/low/text.rs", "use crate::low;", Some("src/low/text.rs:1")),
        ("src/middle/a.rs", "use crate::low::text;\nuse super::b;", None),
        ("src/middle/a.rs", "fn f() {\n crate::high::g() }", Some("src/middle/a.rs:2")),
        ("src/middle/a.rs", "use crate::{low::{text::T,\nid::Id}};", Some("src/middle/a.rs:2")),
        ("src/middle/a.rs", "use super::super::high;", Some("src/middle/a.rs:1")),
        ("src/middle/a.rs", "use crate::*;", Some("src/middle/a.rs:1")),
        ("src/high.rs", "use crate::middle::options::O; use crate::low::id;", None),
        ("src/high.rs", "use crate::middle;\nfn f(o: middle::options::O) {}", None),
        ("src/high.rs", "use crate::middle;\nfn f(o: middle::a::O) {}", Some("src/high.rs:2")),
        ("src/high.rs", "// use crate::middle::a;\n#[cfg(test)] use crate::middle::a;", None),
        ("src/other.rs", "", Some("src/other.rs:1")),
    ] {
        let sources = files(&[(path, text), ("src/middle.rs", "")]);
        assert_eq!(places(&imports(ROOMS, &sources)), Vec::from_iter(place), "{path}: {text}");
    }
}

#[test]
fn the_plan_itself_must_go_bottom_up() {
    assert_eq!(order(ROOMS), [""; 0]);
    let upside_down = [
        Room { path: "a", may: &["b"], kind: Kind::Shell },
        Room { path: "b", may: &["b::c"], kind: Kind::Shell },
    ];
    assert_eq!(order(&upside_down).len(), 2);
}

#[test]
fn the_plan_holds_nothing_that_is_not_needed() {
    let all = [
        ("src/low.rs", ""),
        ("src/low/id.rs", ""),
        ("src/low/text.rs", "use crate::low::id::Id;"),
        ("src/middle/options.rs", "use crate::low::text::Text;"),
        ("src/high.rs", "use crate::low::id::Id; use crate::middle::options::O;"),
    ];
    assert_eq!(vacant(ROOMS, &files(&all)), [""; 0]);
    let faults = vacant(ROOMS, &files(&all[1..4]));
    let faults: Vec<_> = faults.iter().filter_map(|fault| fault.split(": ").nth(1)).collect();
    assert_eq!(
        faults,
        [
            "no file is in `low`",
            "no file is in `high`",
            "`high` does not import `low`",
            "`high` does not import `middle::options`",
        ]
    );
}

#[test]
fn a_circle_is_found_and_shown() {
    let straight = [("src/a.rs", "use crate::b::X;"), ("src/b.rs", "use crate::c::X;")];
    assert_eq!(cycles(&files(&straight)), [""; 0]);
    let circle = [
        ("src/a.rs", "use crate::b::X;"),
        ("src/b/d.rs", "use crate::c::X;"),
        ("src/c.rs", "\nuse crate::b::Y;"),
    ];
    let faults = cycles(&files(&circle));
    assert_eq!(places(&faults[1..]), ["src/b/d.rs:1", "src/c.rs:2"], "{faults:?}");
}

#[test]
fn the_core_takes_values_only() {
    let dependencies = dependencies(
        "[package]\na = 1\n[dependencies]\nhttp = \"1\"\nhyper-util = {}\n\n[x]\ny = 1\n",
    );
    assert_eq!(dependencies, ["http", "hyper_util"]);
    for (text, lines) in [
        ("use std::net::IpAddr;\nuse std::time::Duration;\nuse http::Method;", &[][..]),
        ("use std::collections::HashMap;\nfn env() { env!(\"X\"); fs::read() }", &[]),
        ("use std::net::{IpAddr,\nUdpSocket};", &[2]),
        ("use std::net;", &[1]),
        ("use std::time::*;", &[1]),
        ("use std::*;", &[1]),
        ("fn f() { std::time::Instant::now() }", &[1]),
        ("\nuse std::fs;", &[2]),
        ("use std::sync::Mutex;", &[1]),
        ("use std::env::var;", &[1]),
        ("use http::x::RandomState;", &[1]),
        ("use std::hash::RandomState;", &[1]),
        ("fn f() { hyper_util::x() }", &[1]),
        ("use hyper_util as h;", &[1]),
        ("async fn f() {\nx.await }", &[1, 2]),
        ("#[cfg(test)] mod tests { use std::fs; }", &[]),
    ] {
        let faults = purity(ROOMS, &dependencies, &files(&[("src/low/id.rs", text)]));
        let want: Vec<String> = lines.iter().map(|line| format!("src/low/id.rs:{line}")).collect();
        assert_eq!(places(&faults), want, "{text}");
    }
    let shell = files(&[("src/middle.rs", "use std::fs; async fn f() {}")]);
    assert_eq!(purity(ROOMS, &dependencies, &shell), [""; 0], "the shell may");
}

#[test]
fn what_requests_call_is_held_to_its_signature() {
    for (text, is_fault) in [
        ("impl A { pub fn open(&self) -> Option<B> {} }", false),
        ("impl A { pub async fn open(&self) {} }", true),
        ("impl A { pub fn open(&self) -> Result<B, C> {} }", true),
        ("impl A { pub fn open(&self) -> io::Result<()> {} }", true),
        ("impl A { pub fn open(&self) -> Result<(), C> {} }", true),
        ("impl A { pub fn open(&self) -> (u8, Result<(), C>) {} }", true),
        ("impl A { pub fn open(&self) -> impl Future<Output = ()> {} }", true),
        ("impl A { pub fn open(f: fn() -> Result<B, C>) -> B {} }", false),
        ("impl A { pub fn open(f: fn() -> Result<B, C>) {} }", false),
        ("impl A { pub fn open(&self) {} pub(super) async fn later() {} }", false),
        ("impl A { fn open(&self) {} }", true),
    ] {
        let sources = files(&[("src/record/a.rs", text)]);
        let faults = request_path(&[("src/record/", &["open"])], &sources);
        assert_eq!(faults.len(), usize::from(is_fault), "{text}: {faults:?}");
    }
}
