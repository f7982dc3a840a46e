//! Tables that are part of the program: text whose lines are sorted, searched as it is.

/// The lines of `table` that begin with `prefix`, in a search of logarithmic length.
///
/// `table` must be sorted by bytes, and each line must end with a line feed. A prefix that ends with
/// what separates columns finds no longer names.
pub(super) fn rows(table: &str, prefix: String) -> impl Iterator<Item = &str> {
    first(table, &prefix).lines().take_while(move |line| line.starts_with(&prefix))
}

/// What of `table` is not before `prefix`.
fn first<'t>(table: &'t str, prefix: &str) -> &'t str {
    let (mut low, mut high) = (0, table.len());
    // Both are starts of lines, or the end: what is before `low` is before `prefix`, what is from
    // `high` on is not.
    while low < high {
        let middle = low + (high - low) / 2;
        let start =
            table.get(low..middle).and_then(|t| t.rfind('\n')).map_or(low, |at| low + at + 1);
        let Some((line, _)) = table.get(start..).and_then(|rest| rest.split_once('\n')) else {
            break;
        };
        if line < prefix {
            low = start + line.len() + 1;
        } else {
            high = start;
        }
    }
    table.get(low..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "a b 1\na b 2\na bc 3\nb b 4\n";

    #[test]
    fn rows_of_a_prefix_are_found() {
        let table: &[(&str, &[&str])] = &[
            ("a b ", &["a b 1", "a b 2"]),
            ("a bc ", &["a bc 3"]),
            ("b b ", &["b b 4"]),
            ("", &["a b 1", "a b 2", "a bc 3", "b b 4"]),
            ("A ", &[]),
            ("a bb ", &[]),
            ("c ", &[]),
        ];
        for (prefix, expected) in table {
            let found: Vec<&str> = rows(TABLE, (*prefix).into()).collect();
            assert_eq!(found, *expected, "rows of {prefix:?}");
            assert_eq!(rows("", (*prefix).into()).count(), 0);
        }
    }
}
