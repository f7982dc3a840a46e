//! What is taken of a body in XML.

use std::ops::ControlFlow;

use serde_json::Map;
use serde_json::Value;

use crate::aws::body::xml;
use crate::aws::body::xml::Step;
use crate::aws::parameters::capture::Wanted;
use crate::aws::parameters::capture::scalar;
use crate::aws::parameters::capture::unique;
use crate::aws::parameters::row::Capture;
use crate::aws::parameters::row::Kind;

/// What `wanted` asks for of the root, or of the result of `operation` in it. Lists and maps count
/// once what they are in has ended: what is not wrapped can go on anywhere there.
///
/// Source: Smithy, "XML bindings" and "AWS query protocol": a list or a map that is flattened has no
/// element of its own around its elements.
pub(in crate::aws::parameters) fn of_xml(
    body: &[u8],
    operation: Option<&str>,
    wanted: Wanted<'_>,
) -> Option<Value> {
    let mut collected = Collected::new(wanted);
    let mut taken = None;
    xml::walk(body, |path, step| {
        let Step::Closed(text) = step else { return ControlFlow::Continue(()) };
        let Some(path) = below(path, operation) else { return ControlFlow::Continue(()) };
        match collected.close(path, text) {
            Some(value) => {
                taken = value;
                ControlFlow::Break(())
            }
            None => ControlFlow::Continue(()),
        }
    });
    taken
}

/// The path from what the members are in, which itself has the empty one.
fn below<'p>(path: &'p str, operation: Option<&str>) -> Option<&'p str> {
    let from_root = path.split_once('/').map_or("", |(_, below)| below);
    let Some(operation) = operation else { return Some(from_root) };
    let below = from_root.strip_prefix(operation)?.strip_prefix("Result")?;
    if below.is_empty() { Some(below) } else { below.strip_prefix('/') }
}

/// What has been seen of what is wanted.
struct Collected<'r> {
    wanted: Wanted<'r>,
    /// What its elements are in.
    container: &'static str,
    count: usize,
    elements: Vec<Value>,
    map: Map<String, Value>,
    /// Of the element that has not ended.
    fields: Map<String, Value>,
    key: Option<String>,
    value: Option<Value>,
}

impl<'r> Collected<'r> {
    fn new(wanted: Wanted<'r>) -> Self {
        Self {
            wanted,
            container: wanted.0.path.rsplit_once('/').map_or("", |(container, _)| container),
            count: 0,
            elements: Vec::new(),
            map: Map::new(),
            fields: Map::new(),
            key: None,
            value: None,
        }
    }

    /// An element has ended. What has been taken, if there is no more to come.
    fn close(&mut self, path: &str, text: &str) -> Option<Option<Value>> {
        let (member, row) = self.wanted;
        let is_one = !matches!(row.kind, Kind::List | Kind::Map);
        if path == self.container {
            return Some(if is_one { None } else { self.taken() });
        }
        let rest = path.strip_prefix(member.path)?;
        match rest.strip_prefix('/') {
            None if !rest.is_empty() => {}
            None if is_one => return Some(scalar(row.kind, text)),
            None => self.element(text),
            Some(field) => self.field(field, text),
        }
        None
    }

    fn element(&mut self, text: &str) {
        self.count += 1;
        let (member, row) = self.wanted;
        match (row.capture, row.kind) {
            (Capture::Count, _) => {}
            (Capture::Keys | Capture::Value, Kind::Map) => {
                if let (Some(key), Some(value)) = (self.key.take(), self.value.take()) {
                    self.map.entry(key).or_insert(value);
                }
            }
            (Capture::Keys | Capture::Value, _) => {
                let element = match Kind::parse(member.entry) {
                    Some(kind) => scalar(kind, text),
                    None => Some(std::mem::take(&mut self.fields).into()),
                };
                self.elements.extend(element);
            }
        }
    }

    fn field(&mut self, name: &str, text: &str) {
        let (member, row) = self.wanted;
        match (row.capture, row.kind) {
            (Capture::Count, _) => {}
            (Capture::Keys | Capture::Value, Kind::Map) => match member.entry.split_once(',') {
                Some((key, _)) if key == name => self.key = Some(text.to_owned()),
                Some((_, value)) if value == name => self.value = Some(text.into()),
                _ => {}
            },
            (Capture::Keys | Capture::Value, _) => {
                let mut fields = member.entry.split(',').filter_map(|field| field.split_once(':'));
                let kind = fields.find(|(field, _)| *field == name);
                let value = kind.and_then(|(_, kind)| scalar(Kind::parse(kind)?, text));
                self.fields.extend(value.map(|value| (name.to_owned(), value)));
            }
        }
    }

    fn taken(&mut self) -> Option<Value> {
        let (_, row) = self.wanted;
        // Of what is flattened and empty nothing is there at all.
        if self.count == 0 && self.container.is_empty() {
            return None;
        }
        let map = std::mem::take(&mut self.map);
        Some(match (row.capture, row.kind) {
            (Capture::Count, _) => self.count.into(),
            (Capture::Keys, _) => unique(map.into_iter().map(|(key, _)| key).collect()),
            (Capture::Value, Kind::Map) => map.into(),
            (Capture::Value, _) => std::mem::take(&mut self.elements).into(),
        })
    }
}
