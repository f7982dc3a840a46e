//! The lines of a tree, for a terminal.

use crate::viewer::entity::Entity;
use crate::viewer::store::Trace;
use crate::viewer::summary::Summary;
use crate::viewer::tree::Kind;
use crate::viewer::tree::Order;
use crate::viewer::tree::Place;
use crate::viewer::tree::Placed;

/// Nodes deeper than this are drawn as if they were this deep, so that a long chain of documents
/// does not cost the square of its length.
const DEEPEST: usize = 48;

/// Texts are drawn up to this many characters.
const LONGEST: usize = 160;

/// Whether the text is coloured with terminal escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Coloured.
    Colored,
    /// Text alone.
    Plain,
}

#[derive(Clone, Copy)]
enum Paint {
    Bold,
    Dim,
    Red,
    Yellow,
}

impl Style {
    /// `text` painted, where colours are wanted.
    fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Bold => 1,
            Paint::Dim => 2,
            Paint::Red => 31,
            Paint::Yellow => 33,
        };
        match self {
            Self::Colored => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Plain => text.into(),
        }
    }
}

/// Draws `lines` of `trace`.
pub(super) fn draw(trace: &Trace, lines: &[Placed<'_>], style: Style) -> String {
    let Summary { id, start_time, duration, segments, subsegments, .. } = Summary::of(trace);
    let mut text = format!(
        "{} {}  {segments} segments, {subsegments} subsegments\n",
        style.paint(Paint::Bold, &format!("trace {id}")),
        milliseconds(duration),
    );
    // For each level above the line, whether more siblings follow on it.
    let mut above: Vec<Order> = Vec::new();
    for line in lines {
        let depth = line.depth.min(DEEPEST);
        above.truncate(depth);
        text.push_str(&style.paint(Paint::Dim, &branches(&above, line, depth)));
        text.push_str(&words(line, start_time, style).join("  "));
        text.push('\n');
        above.push(line.order);
    }
    text
}

/// The lines that join a node to those above it. `above` holds the order of each of its ancestors,
/// the top ones first, which have no lines between them.
fn branches(above: &[Order], line: &Placed<'_>, depth: usize) -> String {
    let mut text = String::new();
    if depth == 0 {
        return text;
    }
    for order in above.iter().skip(1) {
        text.push_str(match order {
            Order::Earlier => "│  ",
            Order::Last => "   ",
        });
    }
    text.push_str(match line.order {
        Order::Earlier => "├─ ",
        Order::Last => "└─ ",
    });
    text
}

/// What one line says.
fn words(line: &Placed<'_>, trace_start: f64, style: Style) -> Vec<String> {
    let entity = line.entity;
    let name = escape(entity.name());
    let mut words = vec![match line.kind {
        Kind::Segment => style.paint(Paint::Bold, &name),
        Kind::Subsegment => format!("→ {name}"),
    }];
    let request: Vec<_> =
        entity.method().into_iter().chain(entity.url().map(path)).map(escape).collect();
    if !request.is_empty() {
        words.push(request.join(" "));
    }
    words.extend(entity.status().map(|status| status.to_string()));
    words.push(time(entity));
    let offset = entity.start().unwrap_or(trace_start) - trace_start;
    words.push(style.paint(Paint::Dim, &format!("+{}", milliseconds(offset))));
    words.extend(flags(entity, style));
    words.extend(entity.cause().map(|cause| style.paint(Paint::Red, &escape(cause))));
    if let Place::Orphan(parent) = line.place {
        let note = format!("(its parent {} is not in this trace)", escape(parent));
        words.push(style.paint(Paint::Yellow, &note));
    }
    words
}

fn flags(entity: Entity<'_>, style: Style) -> impl Iterator<Item = String> {
    let flags = [("error", Paint::Yellow), ("throttle", Paint::Yellow), ("fault", Paint::Red)];
    let set = flags.into_iter().filter(move |(flag, _)| entity.flag(flag));
    set.map(move |(flag, paint)| style.paint(paint, &flag.to_uppercase()))
}

fn time(entity: Entity<'_>) -> String {
    match (entity.start(), entity.end()) {
        (Some(start), Some(end)) => milliseconds(end - start),
        (None, _) | (_, None) => "in progress".into(),
    }
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1e3)
}

/// The path of a URL; all of it where it has no scheme.
fn path(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else { return url };
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or(rest)
}

/// `text` with everything that a terminal might obey, or not show, written out, and not too long.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len().min(LONGEST));
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            safe.push('…');
            break;
        }
        if matches!(character, '"' | '\'') {
            safe.push(character);
        } else {
            safe.extend(character.escape_debug());
        }
    }
    safe
}
