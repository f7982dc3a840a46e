//! The rules of who may know what.

use std::collections::BTreeMap;
use std::collections::HashSet;

use crate::paths;
use crate::paths::Named;
use crate::paths::Token;
use crate::plan::Kind;
use crate::plan::Room;
use crate::source::Source;

/// Crates of values, which the core may use.
const PURE_CRATES: &[&str] = &[
    "bytes",
    "flate2",
    "foldhash",
    "http",
    "httparse",
    "memchr",
    "quick_xml",
    "serde",
    "serde_json",
    "siphasher",
    "thiserror",
];

/// Hashing by chance, whoever offers it.
const CHANCE: &str = "RandomState";

/// What of the standard library the core may not use, and what of it is a value all the same.
const IMPURE: &[(&str, &[&str])] = &[
    ("env", &[]),
    ("fs", &[]),
    ("io", &[]),
    ("net", &["IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr"]),
    ("os", &[]),
    ("process", &[]),
    ("sync", &["Arc"]),
    ("thread", &[]),
    ("time", &["Duration"]),
    ("*", &[]),
];

/// The row of `rooms` that `module` belongs to.
fn room_of<'a>(rooms: &'a [Room], module: &[String]) -> Option<&'a Room> {
    let fits = rooms.iter().filter(|room| is_in(module, room.path));
    fits.max_by_key(|room| room.path.len())
}

/// Whether `module` is at or below `path`.
fn is_in(module: &[String], path: &str) -> bool {
    let path: Vec<&str> = path.split("::").collect();
    module.len() >= path.len() && path.iter().zip(module).all(|(a, b)| a == b)
}

fn named(source: &Source, sources: &[Source]) -> Vec<Named> {
    let modules: HashSet<Vec<String>> = sources.iter().map(|s| s.module.clone()).collect();
    let mut named = paths::paths(source, &modules).ours;
    named.sort_by_key(|named| named.line);
    named
}

/// Every import that the plan does not allow, and every file the plan does not know.
pub fn imports(rooms: &[Room], sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !source.module.is_empty()) {
        let Some(room) = room_of(rooms, &source.module) else {
            faults.push(format!(
                "{}:1: it is in no room of the plan: give it a line in tests/layers/plan.rs and in \
                 ARCHITECTURE.md",
                source.path
            ));
            continue;
        };
        for path in named(source, sources) {
            let is_own = room_of(rooms, &path.segments).is_some_and(|to| to.path == room.path);
            if !is_own && !room.may.iter().any(|allowed| is_in(&path.segments, allowed)) {
                let may = if room.may.is_empty() { "nothing".into() } else { room.may.join(", ") };
                faults.push(format!(
                    "{}:{}: `{}` imports `{}`, and it may import {may}: take a value or a callback \
                     instead, or move what both need into a room below both",
                    source.path,
                    path.line,
                    room.path,
                    path.text(),
                ));
            }
        }
    }
    faults
}

/// Permissions that point up or sideways in the plan, which a circle would need.
pub fn order(rooms: &[Room]) -> Vec<String> {
    let mut faults = Vec::new();
    for (index, room) in rooms.iter().enumerate() {
        for allowed in room.may {
            let path: Vec<String> = allowed.split("::").map(Into::into).collect();
            if room_of(&rooms[..index], &path).is_none() {
                faults.push(format!(
                    "tests/layers/plan.rs: `{}` may import `{allowed}`, which is not above it",
                    room.path
                ));
            }
        }
    }
    faults
}

/// What the plan has that the sources do not need: rooms without a file, and permissions of which
/// no use is made.
pub fn vacant(rooms: &[Room], sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for room in rooms {
        let is_ours = |source: &&Source| {
            room_of(rooms, &source.module).is_some_and(|other| other.path == room.path)
        };
        if !sources.iter().any(|source| is_ours(&source)) {
            faults
                .push(format!("tests/layers/plan.rs: no file is in `{}`: take it out", room.path));
        }
        let paths = sources.iter().filter(is_ours).flat_map(|source| named(source, sources));
        let paths: Vec<Named> = paths.collect();
        for allowed in room.may {
            if !paths.iter().any(|path| is_in(&path.segments, allowed)) {
                faults.push(format!(
                    "tests/layers/plan.rs: `{}` does not import `{allowed}`: forbid it",
                    room.path
                ));
            }
        }
    }
    faults
}

/// A circle of imports among the rooms at the top, if there is one.
pub fn cycles(sources: &[Source]) -> Vec<String> {
    let mut edges: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.module.is_empty()) {
        let from = &source.module[0];
        for path in named(source, sources).iter().filter(|path| !path.segments.is_empty()) {
            let to = &path.segments[0];
            if to != from {
                let place = || format!("{}:{}: `{}`", source.path, path.line, path.text());
                let known = edges.entry(from.clone()).or_default();
                known.entry(to.clone()).or_insert_with(place);
            }
        }
    }
    // A room that leads nowhere is in no circle; take such rooms away until none is left.
    loop {
        let rooms: HashSet<String> = edges.keys().cloned().collect();
        edges.values_mut().for_each(|to| to.retain(|room, _| rooms.contains(room)));
        let before = edges.len();
        edges.retain(|_, to| !to.is_empty());
        if edges.len() == before {
            break;
        }
    }
    let Some(mut room) = edges.keys().next() else { return Vec::new() };
    // Every room left leads on, so walking on must come back.
    let mut walked: Vec<&String> = Vec::new();
    while !walked.contains(&room) {
        walked.push(room);
        room = edges[room].keys().next().unwrap();
    }
    let circle = walked.iter().skip_while(|other| **other != room);
    let steps = circle.map(|room| edges[*room].values().next().unwrap().clone());
    let remedy =
        format!("rooms import each other in a circle through `{room}`: break one of these");
    [vec![remedy], steps.collect()].concat()
}

/// The names of the crate's dependencies in `manifest`, as code writes them.
pub fn dependencies(manifest: &str) -> Vec<String> {
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split_once(" = "));
    names.map(|(name, _)| name.replace('-', "_")).collect()
}

/// What the pure rooms name that is not a value.
pub fn purity(rooms: &[Room], dependencies: &[String], sources: &[Source]) -> Vec<String> {
    let is_pure = |source: &&Source| {
        room_of(rooms, &source.module).is_some_and(|room| room.kind == Kind::Pure)
    };
    let mut faults = Vec::new();
    for source in sources.iter().filter(is_pure) {
        let mut fault = |line: usize, what: &str| {
            faults.push(format!(
                "{}:{line}: `{what}` has no place in the core: take what it gives as an argument, \
                 and let a room of the shell call it",
                source.path
            ));
        };
        for path in paths::paths(source, &HashSet::new()).foreign {
            if is_impure(&path.segments, dependencies) {
                fault(path.line, &path.text());
            }
        }
        for token in paths::tokens(&source.code) {
            if matches!(token.text, "async" | "await") {
                fault(token.line, token.text);
            }
        }
    }
    faults
}

fn is_impure(path: &[String], dependencies: &[String]) -> bool {
    if path.iter().any(|segment| segment == CHANCE) {
        return true;
    }
    if !matches!(path[0].as_str(), "std" | "core") {
        return dependencies.contains(&path[0]) && !PURE_CRATES.contains(&path[0].as_str());
    }
    let Some(part) = path.get(1) else { return true };
    let Some((_, values)) = IMPURE.iter().find(|(name, _)| name == part) else { return false };
    path.get(2).is_none_or(|item| !values.contains(&item.as_str()))
}

/// Public functions below `paths` that wait or can fail, and expected ones that are not there.
pub fn request_path(paths: &[(&str, &[&str])], sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, expected) in paths {
        let mut seen = HashSet::new();
        for source in sources.iter().filter(|source| source.path.starts_with(path)) {
            let tokens = paths::tokens(&source.code);
            for (at, _) in tokens.iter().enumerate().filter(|(_, token)| token.text == "fn") {
                let Some(function) = public(&tokens, at) else { continue };
                seen.insert(function.name);
                if function.waits || function.fails {
                    let what = if function.waits { "waits" } else { "can fail" };
                    faults.push(format!(
                        "{}:{}: `{}` {what}, and requests call it: count what goes wrong and go on",
                        source.path, tokens[at].line, function.name
                    ));
                }
            }
        }
        for name in expected.iter().filter(|name| !seen.contains(*name)) {
            faults.push(format!("{path}: there is no public `{name}`: tell tests/layers/plan.rs"));
        }
    }
    faults
}

struct Function<'a> {
    name: &'a str,
    waits: bool,
    fails: bool,
}

/// The function whose `fn` is at `at`, if it is public.
fn public<'a>(tokens: &[Token<'a>], at: usize) -> Option<Function<'a>> {
    let qualifiers = tokens[..at].iter().rev().map(|token| token.text);
    let qualifiers: Vec<&str> = qualifiers
        .take_while(|text| matches!(*text, "async" | "const" | "unsafe" | "pub"))
        .collect();
    let signature: Vec<&str> = tokens[at + 1..]
        .iter()
        .map(|token| token.text)
        .take_while(|text| !matches!(*text, "{" | ";" | "where"))
        .collect();
    let mut depth = 0_i32;
    let arrow = signature.windows(2).position(|two| {
        depth += i32::from(two[0] == "(") - i32::from(two[0] == ")");
        depth == 0 && two == ["-", ">"]
    });
    let output = arrow.map_or(&[][..], |arrow| &signature[arrow..]);
    qualifiers.contains(&"pub").then(|| Function {
        name: signature[0],
        waits: qualifiers.contains(&"async") || output.contains(&"Future"),
        fails: output.contains(&"Result"),
    })
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
