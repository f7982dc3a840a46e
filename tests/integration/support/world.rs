//! A clock that stands still and chance that counts, so that documents come out the same each
//! time.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sideray::sys::clock::Clock;
use sideray::sys::entropy::Entropy;
use sideray::trace::time::Micros;
use sideray::trace::time::Stamp;

/// A clock that only moves when told.
#[derive(Debug)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// Where it stands at first: 2026-11-22 12:00:00 UTC.
    pub const START: u64 = 1_795_348_800_000_000;

    pub fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_micros().try_into().unwrap(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Stamp {
        let since = self.0.load(Ordering::SeqCst);
        Stamp::new(Micros::new(Self::START + since), Duration::from_micros(since))
    }
}

/// Chance that counts up; each worker from its own start.
#[derive(Debug)]
pub struct SeqEntropy(u64);

impl SeqEntropy {
    pub fn worker(number: usize) -> Box<dyn Entropy> {
        Box::new(Self((number as u64) << 32))
    }
}

impl Entropy for SeqEntropy {
    fn bits(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}
