//! What can be seen of the service, for whoever asks, and said once in the log.

use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;

use tracing::info;
use tracing::warn;

use crate::sys::peer::capabilities::Capabilities;
use crate::sys::peer::capabilities::Why;

/// The names of what can be seen, each of which takes the one before it.
const PARTS: [&str; 3] = ["sockets", "processes", "threads"];

/// What can be seen, as far as it was tried.
#[derive(Debug, Default)]
pub(super) struct Sight(AtomicU8);

impl Sight {
    /// Takes down what was found.
    pub(super) fn found(&self, found: &Capabilities) {
        let parts = parts(found).into_iter().enumerate();
        let bits = parts.map(|(bit, part)| u8::from(part.is_ok()) << bit).sum();
        self.0.store(bits, Ordering::Relaxed);
    }

    /// Each part by its name.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&'static str, bool)> + use<> {
        let bits = self.0.load(Ordering::Relaxed);
        PARTS.into_iter().enumerate().map(move |(bit, name)| (name, bits >> bit & 1 == 1))
    }
}

/// Says what was found of the service.
pub(super) fn say(found: &Capabilities) {
    let [sockets, processes, threads] = parts(found);
    // What is missing for one is missing for all that take it.
    match (sockets.and(processes), threads) {
        (Ok(()), Ok(())) => info!("calls can be attributed by process and thread"),
        (Ok(()), Err(why)) => warn!(reason = %why, "calls cannot be attributed by thread"),
        (Err(why), _) => warn!(reason = %why, "calls cannot be attributed by process or thread"),
    }
}

const fn parts(found: &Capabilities) -> [Result<(), Why>; 3] {
    [found.diag, found.processes, found.threads]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_told_by_its_name() {
        let sight = Sight::default();
        let told = |sight: &Sight| -> Vec<&str> {
            sight.parts().filter(|(_, is)| *is).map(|(name, _)| name).collect()
        };
        let mut found = Capabilities::none(Why::System);
        sight.found(&found);
        assert!(told(&sight).is_empty());
        (found.diag, found.processes) = (Ok(()), Ok(()));
        sight.found(&found);
        assert_eq!(told(&sight), ["sockets", "processes"]);
        found.threads = Ok(());
        sight.found(&found);
        assert_eq!(told(&sight), PARTS);
    }
}
