//! How well a source that can be wrong has done lately, by those that cannot.

/// So many of its last answers count.
const LAST: usize = 1_000;

/// Most of them that may have been wrong: half a percent.
const WRONG: u32 = 5;

const WORDS: usize = LAST.div_ceil(64);

/// The last thousand answers of one source that a certain one could check.
#[derive(Clone, Debug)]
pub(super) struct Score {
    /// One bit each, set if it was wrong.
    wrong: [u64; WORDS],
    at: usize,
    total: u32,
}

impl Default for Score {
    fn default() -> Self {
        Self { wrong: [0; WORDS], at: 0, total: 0 }
    }
}

impl Score {
    /// The source has given an answer, right or wrong.
    pub(super) fn checked(&mut self, right: bool) {
        let bit = 1 << (self.at % 64);
        if let Some(word) = self.wrong.get_mut(self.at / 64) {
            self.total -= u32::from(*word & bit != 0);
            self.total += u32::from(!right);
            *word = if right { *word & !bit } else { *word | bit };
        }
        self.at = (self.at + 1) % LAST;
    }

    /// Whether the source may be believed.
    pub(super) const fn is_good(&self) -> bool {
        self.total <= WRONG
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_wrong_answers_among_the_last_thousand_are_too_many() {
        let mut score = Score::default();
        for round in 0..5_000 {
            score.checked(round % 200 != 0);
            assert!(score.is_good(), "half a percent, {round}");
        }
        let mut score = Score::default();
        for wrong in 1..=WRONG + 1 {
            score.checked(false);
            assert_eq!(score.is_good(), wrong <= WRONG);
        }
        for _ in 1..LAST - WRONG as usize {
            score.checked(true);
            assert!(!score.is_good());
        }
        score.checked(true);
        assert!(score.is_good(), "the first wrong one was a thousand answers ago");
    }
}
