//! The pattern language of sampling rules and of dynamic names: `*` and `?`, nothing else.

use std::str::Chars;

/// A pattern that is matched often, taken apart beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    /// What stands before the first character that is a wildcard or not ASCII.
    head: Box<str>,
    /// What stands between the head and the tail, such a character at both ends.
    middle: Box<str>,
    /// What stands behind the last such character; empty if there is none.
    tail: Box<str>,
}

impl Pattern {
    /// The pattern `text`.
    #[must_use]
    pub fn new(text: Box<str>) -> Self {
        let special = |c: char| matches!(c, '*' | '?') || !c.is_ascii();
        let (head, rest) = text.split_at(text.find(special).unwrap_or(text.len()));
        let middle = rest.trim_end_matches(|c| !special(c));
        let tail = rest.strip_prefix(middle).unwrap_or_default();
        Self { head: head.into(), middle: middle.into(), tail: tail.into(), text }
    }

    /// What [`matches()`] says of this pattern and `text`. Most patterns (a literal, a prefix, a
    /// suffix) tell by their plain ends alone, many times sooner. Called for up to three fields of
    /// every rule on the request path.
    #[must_use]
    pub fn matches(&self, Text { text, ascii }: Text<'_>) -> bool {
        if &*self.text == "*" {
            return true;
        }
        // Beyond ASCII there are other forms of ASCII letters: the Kelvin sign is a `k`.
        if !ascii {
            return matches(&self.text, text);
        }
        let Some((head, rest)) = text.split_at_checked(self.head.len()) else { return false };
        let tail_at = rest.len().checked_sub(self.tail.len());
        let Some((middle, tail)) = tail_at.and_then(|at| rest.split_at_checked(at)) else {
            return false;
        };
        (middle.is_empty() || !self.middle.is_empty())
            && head.eq_ignore_ascii_case(&self.head)
            && tail.eq_ignore_ascii_case(&self.tail)
            && (&*self.middle == "*" || matches(&self.middle, middle))
    }
}

/// A text that is compared with many patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    text: &'a str,
    ascii: bool,
}

impl<'a> Text<'a> {
    /// This text.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { text, ascii: text.is_ascii() }
    }

    /// Whether there are no characters in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.text.is_empty()
    }
}

/// Whether `pattern` matches the whole of `text`.
///
/// `*` stands for any run of characters, also none, also across `/` and `.`; `?` for exactly one
/// character (not byte); there are no classes and no escape, and every other character stands for
/// itself in either case. Allocates nothing, and takes at worst the product of both lengths.
/// Source: X-Ray developer guide, "Configuring sampling rules", rule options.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Behind the last `*`, and the text from where the rest has not been tried yet. An earlier
    // `*` never needs another try: the last one can take in whatever the earlier could.
    let mut retry: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        let here = text.clone();
        match (pattern.next(), text.next()) {
            (Some('*'), _) if pattern.as_str().is_empty() => return true,
            (Some('*'), _) => {
                text = here.clone();
                retry = Some((pattern.clone(), here));
            }
            (Some('?'), Some(_)) => {}
            (Some(wanted), Some(found)) if same(wanted, found) => {}
            (None, None) => return true,
            (Some(_), None) => return false,
            (Some(_) | None, Some(_)) => {
                let Some((behind, untried)) = &mut retry else { return false };
                untried.next();
                pattern = behind.clone();
                text = untried.clone();
            }
        }
    }
}

/// Whether two characters are the same but for their case.
fn same(one: char, other: char) -> bool {
    one == other
        || if one.is_ascii() && other.is_ascii() {
            one.eq_ignore_ascii_case(&other)
        } else {
            lower(one) == lower(other)
        }
}

/// The simple lower case: one character for one. Only `İ` has a full lower case of two, whose
/// first is the simple one.
fn lower(character: char) -> char {
    character.to_lowercase().next().unwrap_or(character)
}

#[cfg(test)]
mod tests;
