//! One trace as a tree across services: a segment stands below the subsegment that called it, a
//! subsegment that was sent on its own below its parent.

use std::collections::HashMap;

use crate::viewer::entity::Entity;
use crate::viewer::store::Trace;

mod draw;

pub use draw::Style;

/// `trace` as text, one line for each segment and subsegment, below a line about all of it.
/// Whatever the documents say is safe to print: control characters are escaped.
#[must_use]
pub fn render(trace: &Trace, style: Style) -> String {
    draw::draw(trace, &lay_out(trace), style)
}

/// A segment or subsegment in its place; the list of them is in the order of the lines.
#[derive(Clone, Copy, Debug)]
struct Placed<'a> {
    entity: Entity<'a>,
    kind: Kind,
    /// How many nodes are above it.
    depth: usize,
    place: Place<'a>,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Segment,
    Subsegment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place<'a> {
    Root,
    Below(usize),
    /// The document named this parent, which is not in the trace, or which is below itself.
    Orphan(&'a str),
}

/// Where a node stands among those with the same parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Last,
    Earlier,
}

/// A node before its place is known.
#[derive(Debug)]
struct Node<'a> {
    entity: Entity<'a>,
    kind: Kind,
    place: Place<'a>,
    /// In the order of their start.
    children: Vec<usize>,
}

fn lay_out(trace: &Trace) -> Vec<Placed<'_>> {
    let nodes = link(collect(trace));
    let mut seen = vec![false; nodes.len()];
    let mut placed = Vec::with_capacity(nodes.len());
    let mut tops: Vec<_> = indices(&nodes, |node| !matches!(node.place, Place::Below(_)));
    sort_by_start(&mut tops, &nodes);
    place(&tops, &nodes, &mut seen, &mut placed);
    // Whatever is left is in a circle, or below one: open each circle at its first node.
    for index in 0..nodes.len() {
        place(&[index], &nodes, &mut seen, &mut placed);
    }
    placed
}

/// Every entity of every document, those embedded with their parents known.
fn collect(trace: &Trace) -> Vec<Node<'_>> {
    fn add<'a>(entity: Entity<'a>, kind: Kind, place: Place<'a>, nodes: &mut Vec<Node<'a>>) {
        let index = nodes.len();
        nodes.push(Node { entity, kind, place, children: Vec::new() });
        // No deeper than the parser let the document be nested.
        for child in entity.subsegments() {
            add(child, Kind::Subsegment, Place::Below(index), nodes);
        }
    }
    let mut nodes = Vec::new();
    for document in trace.documents.iter().map(Entity::new) {
        let kind = if document.is_separate() { Kind::Subsegment } else { Kind::Segment };
        let place = document.parent_id().map_or(Place::Root, Place::Orphan);
        add(document, kind, place, &mut nodes);
    }
    nodes
}

/// Finds the named parents, and tells every parent its children.
fn link(mut nodes: Vec<Node<'_>>) -> Vec<Node<'_>> {
    let ids: HashMap<&str, usize> = nodes
        .iter()
        .enumerate()
        .filter_map(|(index, node)| Some((node.entity.id()?, index)))
        .collect();
    let mut children = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter_mut().enumerate() {
        if let Place::Orphan(parent) = node.place
            && let Some(parent) = ids.get(parent)
        {
            node.place = Place::Below(*parent);
        }
        if let Place::Below(parent) = node.place
            && let Some(children) = children.get_mut(parent)
        {
            children.push(index);
        }
    }
    for own in &mut children {
        sort_by_start(own, &nodes);
    }
    nodes.iter_mut().zip(children).for_each(|(node, children)| node.children = children);
    nodes
}

/// Places `tops` and all that is below them, skipping what has been placed. It does not recurse:
/// a chain of documents may be as long as the store is large.
fn place<'a>(tops: &[usize], nodes: &[Node<'a>], seen: &mut [bool], placed: &mut Vec<Placed<'a>>) {
    let mut stack = Vec::new();
    push(tops, 0, &mut stack);
    while let Some((index, depth, order)) = stack.pop() {
        let (Some(node), Some(seen)) = (nodes.get(index), seen.get_mut(index)) else { continue };
        if std::mem::replace(seen, true) {
            continue;
        }
        let place = match node.place {
            // Drawn at the top all the same: it is in a circle.
            Place::Below(_) if depth == 0 => {
                Place::Orphan(node.entity.parent_id().unwrap_or_default())
            }
            place @ (Place::Root | Place::Below(_) | Place::Orphan(_)) => place,
        };
        placed.push(Placed { entity: node.entity, kind: node.kind, depth, place, order });
        push(&node.children, depth + 1, &mut stack);
    }
}

/// Puts siblings on the stack so that the first is taken first.
fn push(siblings: &[usize], depth: usize, stack: &mut Vec<(usize, usize, Order)>) {
    let mut order = Order::Last;
    for index in siblings.iter().rev() {
        stack.push((*index, depth, order));
        order = Order::Earlier;
    }
}

fn indices(nodes: &[Node<'_>], wanted: impl Fn(&Node<'_>) -> bool) -> Vec<usize> {
    nodes.iter().enumerate().filter(|(_, node)| wanted(node)).map(|(index, _)| index).collect()
}

fn sort_by_start(indices: &mut [usize], nodes: &[Node<'_>]) {
    let start = |index: &usize| nodes.get(*index).and_then(|node| node.entity.start());
    indices.sort_by(|a, b| start(a).unwrap_or_default().total_cmp(&start(b).unwrap_or_default()));
}

#[cfg(test)]
mod tests;
