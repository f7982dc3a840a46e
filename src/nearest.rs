//! Which known word a misspelt one was probably meant to be.

/// Longest word that is compared; nothing that is known comes near it.
const LONGEST: usize = 64;

/// Says that `word` is an unknown `kind` of word, and which of the `known` was meant, or which
/// there are.
#[must_use]
pub fn unknown(kind: &str, word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("unknown {kind}; did you mean {near:?}?"),
        None => format!("unknown {kind}; known are {}", known.join(", ")),
    }
}

/// The known word nearest to `word`, if one is near: at most a third of its characters wrong,
/// but one may always be.
fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_lowercase().replace('-', "_");
    let distances = known.iter().map(|known| (distance(&word, known), *known));
    let (distance, near) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= (near.chars().count() / 3).max(1)).then_some(near)
}

/// How many characters must be put in, left out or replaced to make `to` of `from` (Levenshtein);
/// one for the same letters in another order, the commonest slip of all.
fn distance(from: &str, to: &str) -> usize {
    if from != to && sorted(from) == sorted(to) {
        return 1;
    }
    // `row[i]` is the distance of what was read of `from` to the first `i` characters of `to`.
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (read, letter) in from.chars().enumerate() {
        let mut diagonal = read;
        let mut left = read + 1;
        let mut next = vec![left];
        for (above, wanted) in row.iter().skip(1).zip(to.chars()) {
            let replaced = diagonal + usize::from(letter != wanted);
            left = replaced.min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

fn sorted(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.chars().collect();
    letters.sort_unstable();
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (from, to, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("a", "a", 0),
            ("inof", "info", 1),
        ] {
            assert_eq!(distance(from, to), edits, "{from} to {to}");
        }
    }

    #[test]
    fn suggests_what_is_near_and_lists_what_is_not() {
        let known = ["listen", "upstream", "connect_timeout"];
        for (word, said) in [
            ("lisen", "unknown key; did you mean \"listen\"?"),
            ("Connect-Timeout", "unknown key; did you mean \"connect_timeout\"?"),
            ("name", "unknown key; known are listen, upstream, connect_timeout"),
            ("colour", "unknown key; known are listen, upstream, connect_timeout"),
        ] {
            assert_eq!(unknown("key", word, &known), said);
        }
        assert_eq!(nearest(&"l".repeat(LONGEST + 1), &known), None);
        assert_eq!(nearest("listen", &[]), None);
    }
}
