//! What is taken of a body: the values of the members that are asked for.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::aws::body::cbor;
use crate::aws::body::form;
use crate::aws::body::json;
use crate::aws::parameters::row::Capture;
use crate::aws::parameters::row::Kind;
use crate::aws::parameters::row::Member;
use crate::aws::parameters::row::Row;

mod xml;

pub(super) use xml::of_xml;

/// The member in a body, and what of it its row asks for.
pub(super) type Wanted<'r> = (Member, &'r Row);

/// What `wanted` asks for, in its order, of the object that `body` begins with.
pub(super) fn of_json(body: &[u8], wanted: &[Wanted<'_>]) -> Vec<Option<Value>> {
    let take = |json: &[u8], capture| match capture {
        Capture::Count => json::count(json).map(Value::from),
        Capture::Keys => json::keys(json).map(unique),
        Capture::Value => json::value(json),
    };
    of_members(json::Members::new(body), take, wanted)
}

/// What `wanted` asks for, in its order, of the map that `body` begins with.
pub(super) fn of_cbor(body: &[u8], wanted: &[Wanted<'_>]) -> Vec<Option<Value>> {
    let take = |cbor: &[u8], capture| match capture {
        Capture::Count => cbor::count(cbor).map(Value::from),
        Capture::Keys => cbor::keys(cbor).map(unique),
        Capture::Value => cbor::value(cbor),
    };
    of_members(cbor::Members::new(body), take, wanted)
}

/// Takes of `members` what is `wanted`, each where it is named first.
fn of_members<'a>(
    mut members: impl Iterator<Item = (Cow<'a, str>, &'a [u8])>,
    take: impl Fn(&[u8], Capture) -> Option<Value>,
    wanted: &[Wanted<'_>],
) -> Vec<Option<Value>> {
    // Of each whether it was named, and what was taken.
    let mut found: Vec<Option<Option<Value>>> = vec![None; wanted.len()];
    while found.iter().any(Option::is_none) {
        let Some((name, written)) = members.next() else { break };
        for ((member, row), found) in wanted.iter().zip(&mut found) {
            if found.is_none() && member.name == name {
                *found = Some(take(written, row.capture).filter(|value| is_a(value, row)));
            }
        }
    }
    found.into_iter().map(Option::flatten).collect()
}

/// Whether `value` can be what `row` asks for.
fn is_a(value: &Value, row: &Row) -> bool {
    match (row.capture, row.kind) {
        (Capture::Count | Capture::Keys, _) => true,
        (Capture::Value, Kind::Boolean) => value.is_boolean(),
        (Capture::Value, Kind::Integer) => value.is_number(),
        (Capture::Value, Kind::List) => value.is_array(),
        (Capture::Value, Kind::Map | Kind::Structure) => value.is_object(),
        (Capture::Value, Kind::String) => value.is_string(),
    }
}

/// The keys as they are first named.
fn unique(keys: Vec<String>) -> Value {
    let mut seen = BTreeSet::new();
    keys.into_iter().filter(|key| seen.insert(key.clone())).map(Value::from).collect()
}

/// What `wanted` asks for of a form; of lists and maps, which can go on anywhere, only if it ends
/// here. Their elements are numbered. Source: AWS Query protocol of Smithy, "Collections".
pub(super) fn of_form(body: &[u8], ends: form::Ends, (member, row): Wanted<'_>) -> Option<Value> {
    let path = member.path.replace('/', ".");
    let mut pairs = form::pairs(body, ends);
    if !matches!(row.kind, Kind::List | Kind::Map) {
        let (_, text) = pairs.find(|(name, _)| *name == path)?;
        return scalar(row.kind, &text);
    }
    if ends == form::Ends::Later {
        return None;
    }
    let (mut elements, mut values) = (BTreeMap::new(), BTreeMap::new());
    let (key, value) = member.entry.split_once(',').unwrap_or_default();
    for (name, text) in pairs {
        let Some((number, field)) = numbered(&name, &path) else { continue };
        if row.kind == Kind::Map && field == value {
            values.entry(number).or_insert(text);
        } else if row.kind == Kind::List || field == key {
            elements.entry(number).or_insert(text);
        }
    }
    if elements.is_empty() {
        return None;
    }
    match (row.capture, row.kind) {
        (Capture::Count, _) => Some(elements.len().into()),
        (Capture::Keys, _) => Some(unique(elements.into_values().map(Cow::into_owned).collect())),
        (Capture::Value, Kind::Map) => {
            let pairs = elements.into_iter().filter_map(|(number, key)| {
                Some((key.into_owned(), Value::from(values.remove(&number)?)))
            });
            Some(Value::Object(pairs.collect()))
        }
        (Capture::Value, _) => {
            let kind = Kind::parse(member.entry)?;
            elements.values().map(|text| scalar(kind, text)).collect()
        }
    }
}

/// Of `path.2.field` the number and the field.
fn numbered<'n>(name: &'n str, path: &str) -> Option<(u32, &'n str)> {
    let rest = name.strip_prefix(path)?.strip_prefix('.')?;
    let (number, field) = rest.split_once('.').unwrap_or((rest, ""));
    Some((number.parse().ok()?, field))
}

/// The value of a parameter that is written as plain text.
pub(super) fn scalar(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Boolean => match text {
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            _ => None,
        },
        Kind::Integer => text.parse::<i64>().ok().map(Value::from),
        Kind::String => Some(text.into()),
        Kind::List | Kind::Map | Kind::Structure => None,
    }
}
