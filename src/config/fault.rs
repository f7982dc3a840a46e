//! Faults of a configuration: where each value was written, what is wrong with it, how to mend it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Most faults that are told; the others are only counted. Nobody mends more at a time, and a
/// file of garbage must not become a log of garbage.
const MOST: usize = 100;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: it is the default.
    Default,
    /// In this variable of the environment.
    Environment(&'static str),
    /// In a file.
    File {
        /// The file, as the user called it.
        name: Arc<str>,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// Behind this flag of the command line.
    Flag(&'static str),
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// The key with its sections, such as `egress.listen`; blank where the text is no TOML.
    pub key: Box<str>,
    /// What was written, if it can be quoted in short.
    pub value: Option<Box<str>>,
    /// What is wrong, and how to mend it.
    pub message: Box<str>,
}

impl fmt::Display for Fault {
    /// One line: place, key, value, message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Default => write!(f, "default: ")?,
            Place::Environment(name) | Place::Flag(name) => write!(f, "{name}: ")?,
            Place::File { name, line, column } => write!(f, "{name}:{line}:{column}: ")?,
        }
        let keyed = matches!(self.place, Place::Default | Place::File { .. });
        if keyed && !self.key.is_empty() {
            f.write_str(&self.key)?;
            f.write_str(if self.value.is_some() { " = " } else { ": " })?;
        }
        if let Some(value) = &self.value {
            write!(f, "{value}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with a configuration; never nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    faults: Vec<Fault>,
    untold: usize,
}

impl Faults {
    /// One fault alone.
    pub(super) fn one(fault: Fault) -> Self {
        Self { faults: vec![fault], untold: 0 }
    }

    /// The faults in the order of their places, at most a hundred.
    #[must_use]
    pub fn as_slice(&self) -> &[Fault] {
        &self.faults
    }
}

impl fmt::Display for Faults {
    /// A line each, and a last one for those beyond the bound.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{fault}")?;
        }
        if self.untold > 0 {
            write!(f, "\nand {} more", self.untold)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// What reading a configuration finds: its faults, every key asked for, and where the value in
/// force of each was written.
#[derive(Debug, Default)]
pub(super) struct Findings {
    faults: Vec<Fault>,
    untold: usize,
    /// Lines that are no TOML. What is left of them makes no sense, so nothing is said about it.
    broken: BTreeSet<usize>,
    keys: BTreeMap<String, (Place, Option<Box<str>>)>,
}

impl Findings {
    /// Takes a fault of the text itself down.
    pub(super) fn broken(&mut self, place: Place, message: &str) {
        if let Place::File { line, .. } = &place
            && !self.broken.insert(*line)
        {
            return;
        }
        self.push(Fault { place, key: "".into(), value: None, message: message.into() });
    }

    /// Takes a fault of a value down.
    pub(super) fn fault(&mut self, fault: Fault) {
        match &fault.place {
            Place::File { line, .. } if self.broken.contains(line) => {}
            Place::Default | Place::Environment(_) | Place::File { .. } | Place::Flag(_) => {
                self.push(fault);
            }
        }
    }

    fn push(&mut self, fault: Fault) {
        if self.faults.len() < MOST {
            self.faults.push(fault);
        } else {
            self.untold += 1;
        }
    }

    /// Takes down that `key` exists, with the default in force until something else is [`set`].
    ///
    /// [`set`]: Self::set
    pub(super) fn known(&mut self, key: String) {
        self.keys.entry(key).or_insert((Place::Default, None));
    }

    /// Takes down where the value in force of `key` was written, and as what.
    pub(super) fn set(&mut self, key: String, place: Place, value: Option<Box<str>>) {
        self.keys.insert(key, (place, value));
    }

    /// Takes a fault of the value in force of `key` down: one that shows only beside others.
    pub(super) fn fault_of(&mut self, key: &str, message: String) {
        let (place, value) = self.keys.get(key).cloned().unwrap_or((Place::Default, None));
        let message = message.into_boxed_str();
        self.fault(Fault { place, key: key.into(), value, message });
    }

    /// Every key asked for.
    #[cfg(test)]
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// What is wrong, if anything is.
    pub(super) fn faults(mut self) -> Option<Faults> {
        self.faults.sort_by_key(|fault| match &fault.place {
            Place::Flag(_) => (0, 0, 0),
            Place::Environment(_) => (1, 0, 0),
            Place::File { line, column, .. } => (2, *line, *column),
            Place::Default => (3, 0, 0),
        });
        (!self.faults.is_empty()).then_some(Faults { faults: self.faults, untold: self.untold })
    }
}
