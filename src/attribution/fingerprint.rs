//! Rule 2: a value that came in with one request alone goes out again with a call.
//!
//! Order numbers, session tokens, idempotency keys: what a service passes on names the request, if it
//! is long enough not to be met by chance and no other request had it. Only keyed hashes are kept.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::hash::Hasher as _;

use foldhash::fast::FixedState;
use siphasher::sip::SipHasher13;

use crate::trace::id::SegmentId;

/// Shortest value that counts, in bytes, and longest that is looked at.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=256;

/// Least entropy of a value, in eighths of a bit.
const ENTROPY: usize = 40 * 8;

/// Most values of one head.
const MOST: usize = 16;

/// Requests over which a value must be new.
const WINDOW: u64 = 10_000;

/// Values that are kept at most.
const CAPACITY: usize = 65_536;

/// So many requests must have been seen before a value that is new means anything.
const HISTORY: u64 = 200;

/// The secret by which values are hashed: without it a hash tells nothing.
#[derive(Clone, Copy)]
pub struct Key(pub [u8; 16]);

/// A value of a head, by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Print(u64);

/// The values of one head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prints(Vec<Print>);

impl Prints {
    /// The values in `texts`, which are a target and values of headers, that could name a request:
    /// at most sixteen of them, the first.
    #[must_use]
    pub fn of<'t>(key: Key, texts: impl IntoIterator<Item = &'t [u8]>) -> Self {
        let words = texts.into_iter().flat_map(|text| text.split(|byte| !is_of_word(*byte)));
        let telling = words.filter(|word| is_telling(word));
        Self(telling.take(MOST).map(|word| print(key, word)).collect())
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn print(key: Key, word: &[u8]) -> Print {
    let mut hasher = SipHasher13::new_with_key(&key.0);
    hasher.write(word);
    Print(hasher.finish())
}

const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Whether a word is long and odd enough to be an id. Letters that make words have about a bit and a
/// half each (Shannon 1951), digits that make times and counts about two; where letters and digits
/// are mixed it is four, as in hex.
fn is_telling(word: &[u8]) -> bool {
    if !LENGTH.contains(&word.len()) {
        return false;
    }
    let count = |is: fn(&u8) -> bool| word.iter().filter(|byte| is(byte)).count();
    let (letters, digits) = (count(u8::is_ascii_alphabetic), count(u8::is_ascii_digit));
    let entropy = match (letters, digits) {
        (0, _) => digits * 2 * 8,
        (_, 0 | 1) => letters * 12,
        _ => (letters + digits) * 4 * 8,
    };
    entropy >= ENTROPY
}

/// What the values of a call say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// They came in with this request.
    One(SegmentId),
    /// They came in with several.
    Several,
}

/// The values of the last requests, and who had them.
#[derive(Debug, Default)]
pub(super) struct Fingerprints {
    holders: HashMap<Print, Holder, FixedState>,
    /// The same by age, each with the number of its request.
    by_age: VecDeque<(Print, u64)>,
    /// Requests so far.
    requests: u64,
}

#[derive(Clone, Copy, Debug)]
struct Holder {
    /// None if several requests had it.
    only: Option<SegmentId>,
    /// The last that had it.
    number: u64,
}

impl Fingerprints {
    /// The request has come, with these values.
    pub(super) fn enter(&mut self, id: SegmentId, prints: &Prints) {
        self.requests += 1;
        let number = self.requests;
        for print in &prints.0 {
            let holder = self.holders.entry(*print).or_insert(Holder { only: Some(id), number });
            holder.only = holder.only.filter(|only| *only == id);
            holder.number = number;
            self.by_age.push_back((*print, number));
        }
        self.forget();
    }

    fn forget(&mut self) {
        while let Some((print, number)) = self.by_age.front() {
            if self.by_age.len() <= CAPACITY && number + WINDOW > self.requests {
                return;
            }
            if self.holders.get(print).is_some_and(|holder| holder.number == *number) {
                self.holders.remove(print);
            }
            self.by_age.pop_front();
        }
    }

    /// Whose values a call has, among the requests that are `live`.
    pub(super) fn find(&self, prints: &Prints, live: impl Fn(SegmentId) -> bool) -> Found {
        if self.requests < HISTORY {
            return Found::Nothing;
        }
        let holders = prints.0.iter().filter_map(|print| self.holders.get(print)?.only);
        holders.filter(|id| live(*id)).fold(Found::Nothing, |found, id| match found {
            Found::Nothing => Found::One(id),
            Found::One(other) if other == id => found,
            Found::One(_) | Found::Several => Found::Several,
        })
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key([7; 16]);

    fn prints(texts: &[&str]) -> Prints {
        Prints::of(KEY, texts.iter().map(|text| text.as_bytes()))
    }

    /// Two hundred requests that have nothing to do with the test.
    fn seasoned() -> Fingerprints {
        let mut all = Fingerprints::default();
        for number in 0..HISTORY {
            all.enter(SegmentId::mint(1_000_000 + number), &Prints::default());
        }
        all
    }

    #[test]
    fn ids_tell_and_words_and_times_do_not() {
        for (text, count) in [
            ("/orders/7f3a9c21de/items", 1),
            ("Bearer 0d9e8e6c-5f4a-4b0e-9c1d-2a3b4c5d6e7f", 1),
            ("/orders/12345678", 0),
            ("1732550000000", 0),
            ("1732550000", 0),
            ("12345678901234567890", 1),
            ("application-json-charset", 0),
            ("internationalisation", 0),
            ("text/html;q=0.9", 0),
            ("a1b2c3", 0),
            ("t=123456&c=3", 0),
            ("sid=k3jf02kfj38dk; theme=dark", 1),
        ] {
            assert_eq!(prints(&[text]).0.len(), count, "{text}");
        }
        assert!(prints(&["x1".repeat(200).as_str()]).is_empty(), "too long");
        assert_eq!(prints(&["7f3a9c21de "; 40]).0.len(), MOST);
    }

    #[test]
    fn a_value_names_the_only_live_request_that_had_it() {
        let mut all = seasoned();
        let (one, two) = (SegmentId::mint(1), SegmentId::mint(2));
        all.enter(one, &prints(&["/a/7f3a9c21de", "0d9e8e6c-5f4a", "5hared00key"]));
        all.enter(two, &prints(&["/a/11aa22bb33", "5hared00key"]));
        let find = |texts: &[&str]| all.find(&prints(texts), |_| true);
        assert_eq!(find(&["/b/7f3a9c21de"]), Found::One(one));
        assert_eq!(find(&["/b/7f3a9c21de", "x=0d9e8e6c-5f4a"]), Found::One(one));
        assert_eq!(find(&["/b/7f3a9c21de", "11aa22bb33"]), Found::Several);
        assert_eq!(find(&["5hared00key"]), Found::Nothing, "two had it");
        assert_eq!(find(&["ffffffff00ff"]), Found::Nothing);
        assert_eq!(all.find(&prints(&["7f3a9c21de"]), |id| id != one), Found::Nothing, "gone");
        let other = Prints::of(Key([8; 16]), [b"7f3a9c21de".as_slice()]);
        assert_eq!(all.find(&other, |_| true), Found::Nothing, "the key is a secret");
    }

    #[test]
    fn a_value_seen_again_within_the_window_names_nobody() {
        let mut all = seasoned();
        let value = prints(&["7f3a9c21de"]);
        all.enter(SegmentId::mint(1), &value);
        for number in 0..WINDOW - 1 {
            all.enter(SegmentId::mint(10 + number), &prints(&[&format!("aa{number}bb{number}cc")]));
        }
        all.enter(SegmentId::mint(2), &value);
        assert_eq!(all.find(&value, |_| true), Found::Nothing);
        for number in 0..=WINDOW {
            all.enter(SegmentId::mint(20_000 + number), &Prints::default());
        }
        all.enter(SegmentId::mint(3), &value);
        assert_eq!(all.find(&value, |_| true), Found::One(SegmentId::mint(3)), "long ago");
    }

    #[test]
    fn little_is_kept_and_nothing_is_said_too_early() {
        let mut all = Fingerprints::default();
        let value = prints(&["7f3a9c21de"]);
        all.enter(SegmentId::mint(1), &value);
        assert_eq!(all.find(&value, |_| true), Found::Nothing, "the first may all have it");
        for number in 0..20_000_u64 {
            let texts: Vec<_> = (0..MOST).map(|n| format!("{n}ab{number}cd{n}ef")).collect();
            let texts: Vec<_> = texts.iter().map(String::as_str).collect();
            all.enter(SegmentId::mint(number), &prints(&texts));
        }
        assert!(all.by_age.len() <= CAPACITY && all.holders.len() <= CAPACITY);
    }
}
