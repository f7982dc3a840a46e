//! The table of what is recorded: one row, one parameter.

use crate::aws::sorted;

/// Sorted by bytes; `generate.py`, which makes it, says what its columns are.
pub(super) const TABLE: &str = include_str!("table.txt");

/// Which of the two messages of a call a parameter is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Request,
    Response,
}

/// A parameter that is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: &'static str,
    pub(super) capture: Capture,
    pub(super) kind: Kind,
    pub(super) place: Place,
}

/// What of a parameter is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capture {
    /// Of a list, how long it is.
    Count,
    /// Of a map, its keys.
    Keys,
    Value,
}

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Integer,
    List,
    Map,
    String,
    Structure,
}

/// Where a parameter is written, and by which name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Body(Member),
    Header(&'static str),
    Label(&'static str),
    Payload,
    Query(&'static str),
    Status,
}

/// A parameter that is written in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Its name in JSON and CBOR.
    pub(super) name: &'static str,
    /// Its path in a form and in XML.
    pub(super) path: &'static str,
    /// What is in each of its elements there.
    pub(super) entry: &'static str,
}

impl Row {
    /// The rows of one message of an operation.
    pub(super) fn of(
        service: &str,
        operation: &str,
        message: Message,
    ) -> impl Iterator<Item = Self> {
        let direction = match message {
            Message::Request => '>',
            Message::Response => '<',
        };
        let prefix = format!("{service} {operation} {direction} ");
        let length = prefix.len();
        let lines = sorted::rows(TABLE, prefix);
        lines.filter_map(move |line| Self::parse(line.get(length..)?))
    }

    /// Whether the parameter is in the body.
    pub(super) const fn is_in_body(&self) -> bool {
        matches!(self.place, Place::Body(_) | Place::Payload)
    }

    fn parse(columns: &'static str) -> Option<Self> {
        let mut columns = columns.split(' ');
        let key = columns.next()?;
        let capture = match columns.next()? {
            "count" => Capture::Count,
            "keys" => Capture::Keys,
            "value" => Capture::Value,
            _ => return None,
        };
        let kind = Kind::parse(columns.next()?)?;
        let place = columns.next()?;
        let place = match place.split_once(':').unwrap_or((place, "")) {
            ("body", name) => Place::Body(Member {
                name,
                path: columns.next().unwrap_or(name),
                entry: columns.next().unwrap_or_default(),
            }),
            ("header", name) => Place::Header(name),
            ("label", name) => Place::Label(name),
            ("payload", "") => Place::Payload,
            ("query", name) => Place::Query(name),
            ("status", "") => Place::Status,
            _ => return None,
        };
        Some(Self { key, capture, kind, place })
    }
}

impl Kind {
    /// The kind that the table calls so.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "list" => Self::List,
            "map" => Self::Map,
            "string" => Self::String,
            "structure" => Self::Structure,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn lines() -> impl Iterator<Item = &'static str> {
        TABLE.lines().filter(|line| !line.starts_with('#'))
    }

    #[test]
    fn the_table_is_sorted_and_says_of_what_it_was_made() {
        assert!(TABLE.is_ascii() && TABLE.ends_with('\n') && TABLE.lines().is_sorted());
        assert!(
            TABLE
                .starts_with("# Made by generate.py of aws_parameters.json format 1 and botocore ")
        );
    }

    #[test]
    fn each_line_is_a_row_and_found() {
        let mut operations = BTreeSet::new();
        let mut rows = 0;
        for line in lines() {
            let columns: Vec<&str> = line.splitn(4, ' ').collect();
            let row = Row::parse(columns[3]).unwrap_or_else(|| panic!("no row: {line}"));
            let message = if columns[2] == ">" { Message::Request } else { Message::Response };
            let found = Row::of(columns[0], columns[1], message).filter(|other| *other == row);
            assert_eq!(found.count(), 1, "not found, or twice: {line}");
            operations.insert((columns[0], columns[1]));
            rows += 1;
        }
        assert_eq!((operations.len(), rows), (112, 217));
        assert_eq!(Row::of("dynamodb", "Put", Message::Request).count(), 0);
        assert_eq!(Row::of("dynamo", "PutItem", Message::Request).count(), 0);
    }

    #[test]
    fn no_key_is_given_twice() {
        let mut seen = BTreeSet::new();
        for line in lines() {
            let columns: Vec<&str> = line.split(' ').collect();
            assert!(seen.insert((columns[0], columns[1], columns[3])), "given twice: {line}");
        }
    }
}
