//! A cursor over a TOML document: takes keys one by one, and finds every fault on its way.
//!
//! Whoever reads a [`Section`] asks for each key it knows, with a parser for the value. What is
//! left when the reader returns is unknown, so a misspelt key can neither be missed nor ignored.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::config::fault::Fault;
use crate::config::fault::Findings;
use crate::config::fault::Place;
use crate::nearest;

/// Longest distance from the start of its line at which a column is counted in characters. Beyond
/// it bytes are counted: each fault of a long line would have to count the whole line again.
const COUNTED: usize = 1_024;

/// Most characters of a value that a fault quotes.
const QUOTED: usize = 60;

/// What a parser of values returns: the value, or what is wrong and how to mend it.
pub(super) type Parsed<T> = Result<T, String>;

/// A value that was given outside the file.
#[derive(Debug)]
pub(super) struct Given<T> {
    place: Place,
    text: Box<str>,
    parsed: Parsed<T>,
}

impl<T> Given<T> {
    /// What `parse` makes of the `text` written at `place`, if there is one.
    pub(super) fn new(
        place: Place,
        text: Option<&str>,
        parse: impl FnOnce(&str) -> Parsed<T>,
    ) -> Option<Self> {
        let text = text?;
        Some(Self { place, text: quote(&format!("{text:?}")), parsed: parse(text) })
    }
}

/// The text of a file, and where its lines begin.
#[derive(Debug)]
pub(super) struct Text<'d> {
    name: Arc<str>,
    text: &'d str,
    lines: Vec<usize>,
}

impl<'d> Text<'d> {
    /// `text` as it stands in the file called `name`.
    pub(super) fn new(name: &str, text: &'d str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { name: name.into(), text, lines }
    }

    /// The line and column of a byte.
    fn place(&self, at: usize) -> Place {
        let line = self.lines.partition_point(|start| *start <= at);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..at).filter(|before| before.len() <= COUNTED);
        let column = before.map_or(at - start, |before| before.chars().count());
        Place::File { name: Arc::clone(&self.name), line, column: column + 1 }
    }

    fn quote(&self, span: Range<usize>) -> Option<Box<str>> {
        self.text.get(span).filter(|text| !text.is_empty()).map(quote)
    }
}

/// The first characters of a text's first line, with spaces for those a terminal might obey.
fn quote(text: &str) -> Box<str> {
    let line = text.lines().next().unwrap_or_default();
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    let mut quoted: String = line.chars().take(QUOTED).map(visible).collect();
    if line.len() < text.len() || line.chars().nth(QUOTED).is_some() {
        quoted.push('…');
    }
    quoted.into_boxed_str()
}

/// A key on one line, in quotes if it needs them.
fn shown(key: &str) -> Box<str> {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if key.chars().all(bare) { quote(key) } else { quote(&format!("{key:?}")) }
}

/// Parses `text` and hands `read` its root, whatever the text is: where it is no TOML, that is a
/// finding, and what can be understood of the rest is read.
pub(super) fn document<T>(
    text: &Text<'_>,
    findings: &mut Findings,
    read: impl FnOnce(&mut Section<'_, '_>) -> T,
) -> T {
    let (root, errors) = DeTable::parse_recoverable(text.text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        findings.broken(text.place(at), &format!("not TOML: {}", error.message()));
    }
    let path = String::new();
    Section { text, findings, path, head: 0, table: Some(root.get_ref()), known: Vec::new() }
        .finish(read)
}

/// One table of the document, or one that is not there.
#[derive(Debug)]
pub(super) struct Section<'n, 'd> {
    text: &'d Text<'d>,
    findings: &'n mut Findings,
    path: String,
    /// The byte where the table begins.
    head: usize,
    table: Option<&'d DeTable<'d>>,
    /// The keys asked for so far.
    known: Vec<&'static str>,
}

impl<'d> Section<'_, 'd> {
    /// The value of `key`, or `default` if it is absent or faulty.
    pub(super) fn take<T>(
        &mut self,
        key: &'static str,
        default: T,
        parse: impl FnOnce(&DeValue<'d>) -> Parsed<T>,
    ) -> T {
        self.find(key, parse).unwrap_or(default)
    }

    /// The value of `key`, or what was `given` outside the file, the last of several; every one of
    /// them is checked.
    pub(super) fn take_or_given<T, const N: usize>(
        &mut self,
        key: &'static str,
        default: T,
        parse: impl FnOnce(&DeValue<'d>) -> Parsed<T>,
        given: [Option<Given<T>>; N],
    ) -> T {
        let mut value = self.take(key, default, parse);
        for Given { place, text, parsed } in given.into_iter().flatten() {
            match parsed {
                Ok(parsed) => {
                    self.findings.set(self.path_of(key), place, Some(text));
                    value = parsed;
                }
                Err(message) => self.fault(key, place, Some(text), message),
            }
        }
        value
    }

    /// The value of `key`, if it is there and sound.
    pub(super) fn find<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&DeValue<'d>) -> Parsed<T>,
    ) -> Option<T> {
        let (at, value) = self.entry(key)?;
        match parse(value.get_ref()) {
            Ok(parsed) => Some(parsed),
            Err(message) => {
                let quoted = self.text.quote(value.span());
                self.fault(key, self.text.place(at), quoted, message);
                None
            }
        }
    }

    /// The value of `key`, which must be there; `hint` is an example of it.
    pub(super) fn need<T>(
        &mut self,
        key: &'static str,
        hint: &str,
        parse: impl FnOnce(&DeValue<'d>) -> Parsed<T>,
    ) -> Option<T> {
        let value = self.find(key, parse);
        if !self.has(key) {
            let message = format!("missing; write it as {key} = {hint}");
            self.fault(key, self.text.place(self.head), None, message);
        }
        value
    }

    /// Whether `key` is there, sound or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Each value of the list `key`, or `default` if it is absent; faulty ones are left out.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        default: Vec<T>,
        parse: impl Fn(&DeValue<'d>) -> Parsed<T>,
    ) -> Vec<T> {
        let Some(list) = self.array(key, "a list, as [\"…\", \"…\"]") else { return default };
        let mut values = Vec::new();
        for value in list {
            match parse(value.get_ref()) {
                Ok(parsed) => values.push(parsed),
                Err(message) => {
                    let span = value.span();
                    let (place, quoted) = (self.text.place(span.start), self.text.quote(span));
                    self.fault(key, place, quoted, message);
                }
            }
        }
        values
    }

    /// Each pair of the table `key`, whose keys are free, as `parse` has it; faulty ones are left
    /// out.
    pub(super) fn pairs<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str, &DeValue<'d>) -> Parsed<T>,
    ) -> Vec<T> {
        let Some((at, value)) = self.entry(key) else { return Vec::new() };
        let Some(table) = value.get_ref().as_table() else {
            let quoted = self.text.quote(value.span());
            let found = value.get_ref().type_str();
            let message = format!("expected a table, as {{ … = \"…\" }}, found {found}");
            self.fault(key, self.text.place(at), quoted, message);
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for (name, value) in table {
            let (place, quoted) =
                (self.text.place(name.span().start), self.text.quote(value.span()));
            let below = format!("{key}.{}", shown(name.get_ref()));
            self.findings.set(self.path_of(&below), place.clone(), quoted.clone());
            match parse(name.get_ref(), value.get_ref()) {
                Ok(pair) => pairs.push(pair),
                Err(message) => self.fault(&below, place, quoted, message),
            }
        }
        pairs
    }

    /// What `read` makes of the table `key`, which may be absent.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_, '_>) -> T,
    ) -> T {
        let path = self.path_of(key);
        let found = self.entry(key);
        let table = found.and_then(|(_, value)| value.get_ref().as_table());
        if let (Some((at, value)), None) = (found, table) {
            let found = value.get_ref().type_str();
            let message = format!("found {found}, but it is a section; write it as [{path}]");
            self.fault(key, self.text.place(at), None, message);
        }
        self.below(path, found.map_or(0, |(at, _)| at), table).finish(read)
    }

    /// What `read` makes of each table of the list `key`, which may be absent.
    pub(super) fn sections<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'_, '_>) -> T,
    ) -> Vec<T> {
        let path = self.path_of(key);
        let expected = format!("a list of sections, each written as [[{path}]]");
        let mut values = Vec::new();
        for (index, value) in self.array(key, &expected).into_iter().flatten().enumerate() {
            let span = value.span();
            if let Some(table) = value.get_ref().as_table() {
                let below = self.below(format!("{path}[{index}]"), span.start, Some(table));
                values.push(below.finish(&mut read));
            } else {
                let quoted = self.text.quote(span.clone());
                let place = self.text.place(span.start);
                self.fault(key, place, quoted, format!("expected {expected}"));
            }
        }
        values
    }

    /// The elements of the list `key`, if it is there and is one.
    fn array(&mut self, key: &'static str, expected: &str) -> Option<&'d [Spanned<DeValue<'d>>]> {
        let (at, value) = self.entry(key)?;
        let list = value.get_ref().as_array();
        if list.is_none() {
            let quoted = self.text.quote(value.span());
            let message = format!("expected {expected}, found {}", value.get_ref().type_str());
            self.fault(key, self.text.place(at), quoted, message);
        }
        list.map(|list| &**list)
    }

    fn below<'s>(
        &'s mut self,
        path: String,
        head: usize,
        table: Option<&'d DeTable<'d>>,
    ) -> Section<'s, 'd> {
        let findings = &mut *self.findings;
        Section { text: self.text, findings, path, head, table, known: Vec::new() }
    }

    /// Where `key` stands, and its value; from now on it is a known key.
    fn entry(&mut self, key: &'static str) -> Option<(usize, &'d Spanned<DeValue<'d>>)> {
        self.known.push(key);
        let path = self.path_of(key);
        let Some((name, value)) = self.table.and_then(|table| table.get_key_value(key)) else {
            self.findings.known(path);
            return None;
        };
        let at = name.span().start;
        self.findings.set(path, self.text.place(at), self.text.quote(value.span()));
        Some((at, value))
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Takes a fault of the value of `key` down.
    pub(super) fn fault_of(&mut self, key: &str, message: String) {
        let path = self.path_of(key);
        self.findings.fault_of(&path, message);
    }

    /// Takes a fault of the section itself down.
    pub(super) fn fault_here(&mut self, message: String) {
        let (place, message) = (self.text.place(self.head), message.into_boxed_str());
        let key = self.path.clone().into_boxed_str();
        self.findings.fault(Fault { place, key, value: None, message });
    }

    fn fault(&mut self, key: &str, place: Place, value: Option<Box<str>>, message: String) {
        let (key, message) = (self.path_of(key).into_boxed_str(), message.into_boxed_str());
        self.findings.fault(Fault { place, key, value, message });
    }

    /// Reads the section and reports what was not asked for.
    fn finish<T>(mut self, read: impl FnOnce(&mut Section<'_, 'd>) -> T) -> T {
        let value = read(&mut self);
        for (name, _) in self.table.into_iter().flatten() {
            let key: &str = name.get_ref();
            if !self.known.contains(&key) {
                let message = nearest::unknown("key", key, &self.known);
                self.fault(&shown(key), self.text.place(name.span().start), None, message);
            }
        }
        value
    }
}
