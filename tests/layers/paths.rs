//! The paths that a file's code names, as a reader of Rust would resolve them.

use std::collections::HashSet;

use crate::source::Source;

/// A word or a sign of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub text: &'a str,
    pub line: usize,
}

/// A path, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub segments: Vec<String>,
    pub line: usize,
}

impl Named {
    pub fn text(&self) -> String {
        self.segments.join("::")
    }
}

/// What a file names.
#[derive(Debug, Default)]
pub struct Paths {
    /// Paths within this crate, from its root.
    pub ours: Vec<Named>,
    /// All others.
    pub foreign: Vec<Named>,
}

/// The words and signs of stripped `code`. `::` is one sign.
pub fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let length = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push(Token { text: &rest[..length], line: number + 1 });
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// The paths `source` names, where `modules` are all modules of the crate. A module that is
/// imported in order to name what is in it counts as what is named.
pub fn paths(source: &Source, modules: &HashSet<Vec<String>>) -> Paths {
    let tokens = tokens(&source.code);
    let found = branches(&tokens);
    let mut paths = Paths::default();
    let mut opened = Vec::new();
    for tree in &found {
        let Some(segments) = resolve(&tree.segments, &source.module) else { continue };
        let named = Named { segments, line: tree.line };
        if modules.contains(&named.segments) && tree.is_import {
            opened.push((tree.alias, named));
        } else {
            paths.ours.push(named);
        }
    }
    for tree in found.iter().filter(|tree| resolve(&tree.segments, &source.module).is_none()) {
        let Named { segments, line } = tree.owned();
        match opened.iter().find(|(alias, _)| *alias == tree.segments[0]) {
            Some((_, module)) => {
                let segments = [&module.segments, &segments[1..]].concat();
                paths.ours.push(Named { segments, line });
            }
            None => paths.foreign.push(Named { segments, line }),
        }
    }
    let is_used = |alias: &str| found.iter().any(|t| !t.is_import && t.segments[0] == alias);
    paths.ours.extend(opened.iter().filter(|(alias, _)| !is_used(alias)).map(|(_, m)| m.clone()));
    paths
}

/// One branch of a path, as it is written.
struct Branch<'a> {
    segments: Vec<&'a str>,
    line: usize,
    /// What the code below calls it.
    alias: &'a str,
    is_import: bool,
}

impl Branch<'_> {
    fn owned(&self) -> Named {
        Named { segments: self.segments.iter().map(|&s| s.into()).collect(), line: self.line }
    }
}

/// All paths of the code.
fn branches<'a>(tokens: &[Token<'a>]) -> Vec<Branch<'a>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let (is_root, is_import) = (is_root(tokens, at), is_imported(tokens, at));
        at += 1;
        if is_root {
            let known = found.len();
            at = follow(tokens, at, vec![token.text], token.line, &mut found);
            found[known..].iter_mut().for_each(|branch| branch.is_import = is_import);
        }
    }
    found
}

/// Whether a path that begins at `at` is one of a `use`.
fn is_imported(tokens: &[Token<'_>], at: usize) -> bool {
    let before = tokens[..at].iter().rev().map(|token| token.text).find(|text| *text != "::");
    before == Some("use")
}

/// Whether a path begins at `at`.
fn is_root(tokens: &[Token<'_>], at: usize) -> bool {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let is_word = |text: &str| text.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    if !is_word(text(at)) {
        return false;
    }
    let before = |back: usize| at.checked_sub(back).map_or("", text);
    let follows = before(2) == ">" || (is_word(before(2)) && before(2) != "use");
    let continues = before(1) == "::" && follows;
    let is_path = text(at + 1) == "::" || before(1) == "use";
    let is_method = before(1) == "." && before(2) != ".";
    // `pub(in path)` says who may see, not what is seen.
    let is_visibility = before(1) == "in" && before(2) == "(" && before(3) == "pub";
    is_path && !is_method && !is_visibility && !continues
}

/// Goes on with `path` at `at` and keeps its branches; where what follows it begins.
fn follow<'a>(
    tokens: &[Token<'a>],
    mut at: usize,
    mut path: Vec<&'a str>,
    line: usize,
    found: &mut Vec<Branch<'a>>,
) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token: &Token<'a>| token.text);
    while text(at) == "::" {
        let next = text(at + 1);
        if next == "{" {
            at += 2;
            while !matches!(text(at), "}" | "") {
                let branch = [path.clone(), vec![text(at)]].concat();
                at = follow(tokens, at + 1, branch, tokens[at].line, found);
                if text(at) == "," {
                    at += 1;
                }
            }
            return at + 1;
        }
        if !next.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '*') {
            break; // `::<` of a generic
        }
        path.push(next);
        at += 2;
    }
    if path.len() > 1 && path.last() == Some(&"self") {
        path.pop();
    }
    let mut alias = path.last().copied().unwrap_or_default();
    if text(at) == "as" {
        alias = text(at + 1);
        at += 2;
    }
    found.push(Branch { segments: path, line, alias, is_import: false });
    at
}

/// The path from the crate's root; `None` if it does not say that it is in this crate.
fn resolve(segments: &[&str], module: &[String]) -> Option<Vec<String>> {
    let owned = |segments: &[&str]| segments.iter().map(|&s| s.to_owned()).collect::<Vec<_>>();
    match segments {
        ["crate" | "sideray", rest @ ..] => Some(owned(rest)),
        ["self", rest @ ..] => Some([module, &owned(rest)].concat()),
        ["super", rest @ ..] => {
            let (_, parent) = module.split_last()?;
            let climbs = rest.first() == Some(&"super");
            if climbs { resolve(rest, parent) } else { Some([parent, &owned(rest)].concat()) }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tree;

    fn named(text: &str) -> (Vec<String>, Vec<String>) {
        let files = [("src/a/b.rs".to_owned(), text.to_owned())];
        let modules = ["x", "y", "y::z"].map(|m| m.split("::").map(Into::into).collect());
        let paths = paths(&tree(&files)[0], &HashSet::from(modules));
        let texts = |named: &[Named]| {
            let mut texts: Vec<_> =
                named.iter().map(|n| format!("{}:{}", n.text(), n.line)).collect();
            texts.sort();
            texts
        };
        (texts(&paths.ours), texts(&paths.foreign))
    }

    #[test]
    fn paths_are_found_however_they_are_written() {
        for (text, ours) in [
            ("use crate::c::D;", &["c::D:1"][..]),
            ("pub use crate::c::D as E;", &["c::D:1"]),
            (
                "use crate::{\nc::{D, e::{self, F}},\ng::*};",
                &["c::D:2", "c::e:2", "c::e::F:2", "g::*:3"],
            ),
            ("fn f() -> crate::c::D<u8> { crate::c::d::<u8>() }", &["c::D:1", "c::d:1"]),
            ("fn f(x: &dyn crate::c::T) { <x as crate::c::T>::g() }", &["c::T:1", "c::T:1"]),
            ("use super::c; fn f() { super::super::d::e() }", &["a::c:1", "d::e:1"]),
            ("self::c::d();", &["a::b::c::d:1"]),
            ("use sideray::c::D;", &["c::D:1"]),
            ("use crate::x;", &["x:1"]),
            ("use crate::x;\nfn f(o: x::o::P) {}", &["x::o::P:2"]),
            ("use crate::y::{z as w};\nw::f();", &["y::z::f:2"]),
            ("// crate::c::D\nconst C: &str = \"crate::c::D\";", &[]),
            ("#[cfg(test)]\nmod tests { use crate::c::D; }", &[]),
        ] {
            assert_eq!(named(text).0, ours, "{text}");
        }
    }

    #[test]
    fn foreign_paths_are_found_too() {
        for (text, foreign) in [
            (
                "use std::{fs, time::{Duration, Instant}};",
                &["std::fs:1", "std::time::Duration:1", "std::time::Instant:1"][..],
            ),
            ("use tokio;", &["tokio:1"]),
            ("let a = ::std::fs::read(b);", &["std::fs::read:1"]),
            ("a.b::<u8>();", &[]),
        ] {
            assert_eq!(named(text).1, foreign, "{text}");
        }
    }
}
