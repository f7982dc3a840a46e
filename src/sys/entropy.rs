//! Chance: the random bits of ids and sampling decisions.

use std::fmt::Debug;

/// A source of random bits that belongs to one worker.
pub trait Entropy: Debug + Send {
    /// 64 random bits.
    fn bits(&mut self) -> u64;
}

/// The operating system's secure generator, asked for many bits at once, so that an id costs no
/// system call of its own.
#[derive(Debug)]
pub struct SystemEntropy {
    pool: Box<[u8; Self::POOL]>,
    used: usize,
}

impl SystemEntropy {
    const POOL: usize = 1024;
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self { pool: Box::new([0; Self::POOL]), used: Self::POOL }
    }
}

impl Entropy for SystemEntropy {
    /// # Panics
    ///
    /// If the operating system has no random bits to give, which ends the worker loudly: ids that
    /// repeat would join strangers' traces.
    #[expect(clippy::expect_used, reason = "there is no honest way to go on without chance")]
    fn bits(&mut self) -> u64 {
        if self.used >= Self::POOL {
            getrandom::fill(&mut *self.pool).expect("the operating system gives random bits");
            self.used = 0;
        }
        let bits = self.pool.get(self.used..).and_then(<[u8]>::first_chunk);
        self.used += size_of::<u64>();
        bits.copied().map(u64::from_ne_bytes).expect("the pool is a whole number of words")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn words_do_not_repeat_across_refills() {
        let mut entropy = SystemEntropy::default();
        let words: HashSet<u64> = (0..1000).map(|_| entropy.bits()).collect();
        assert_eq!(words.len(), 1000);
    }
}
