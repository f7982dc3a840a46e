//! The `sql` block of subsegments.

use crate::trace::json::Json;

/// A query. Source: X-Ray developer guide, "Segment documents", `sql`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sql {
    /// Its fields, by the names in [`FIELDS`](Self::FIELDS).
    fields: [Option<Box<str>>; 8],
}

impl Sql {
    /// What the block may have, each a text.
    pub const FIELDS: [&str; 8] = [
        "connection_string",
        "url",
        "sanitized_query",
        "database_type",
        "database_version",
        "driver_version",
        "user",
        "preparation",
    ];

    /// Sets a field. False if there is none of that name.
    pub fn set(&mut self, name: &str, text: &str) -> bool {
        let place = Self::FIELDS.iter().position(|field| *field == name);
        let Some(field) = place.and_then(|place| self.fields.get_mut(place)) else { return false };
        *field = Some(text.into());
        true
    }

    /// The block, behind a comma; nothing if there is nothing to say.
    pub(super) fn write(&self, json: &mut Json<'_>) {
        let mut between = ",\"sql\":{";
        for (name, text) in Self::FIELDS.iter().zip(&self.fields) {
            if let Some(text) = text {
                json.raw(between);
                json.string(name);
                json.raw(":");
                json.string(text);
                between = ",";
            }
        }
        if between == "," {
            json.raw("}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_written() {
        let mut sql = Sql::default();
        let written = |sql: &Sql| {
            let mut buffer = Vec::new();
            sql.write(&mut Json::new(&mut buffer));
            String::from_utf8(buffer).unwrap()
        };
        assert_eq!(written(&sql), "");
        assert!(sql.set("sanitized_query", "SELECT \"a\" FROM t WHERE x = ?"));
        assert!(sql.set("url", "sqlite:shop.db"));
        assert!(!sql.set("password", "p"));
        assert_eq!(
            written(&sql),
            r#","sql":{"url":"sqlite:shop.db","sanitized_query":"SELECT \"a\" FROM t WHERE x = ?"}"#
        );
    }
}
