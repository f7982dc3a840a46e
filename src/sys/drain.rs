//! Telling everybody to stop, and knowing when they have.
//!
//! A [`Drain`] tells; each [`Watch`] hears, and by being dropped answers that its holder is done.
//! `Watch` clones are handed to whoever holds traffic (a connection, a tunnel), never to whoever
//! only serves it: one clone kept too long would hold the shutdown up until its deadline.

use std::convert::Infallible;

use tokio::sync::mpsc;
use tokio::sync::watch;

/// How far the shutdown has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Business as usual.
    Running,
    /// Accept nothing new, finish what is open.
    Draining,
    /// The deadline has passed: drop what is still open.
    Aborting,
}

/// The telling end.
#[derive(Debug)]
pub struct Drain {
    phase: watch::Sender<Phase>,
    /// Yields `None` once every watch has been dropped.
    done: mpsc::Receiver<Infallible>,
}

/// The hearing end.
#[derive(Clone, Debug)]
pub struct Watch {
    phase: watch::Receiver<Phase>,
    _alive: mpsc::Sender<Infallible>,
}

/// A drain and its first watch.
#[must_use]
pub fn channel() -> (Drain, Watch) {
    let (phase, heard) = watch::channel(Phase::Running);
    let (alive, done) = mpsc::channel(1);
    (Drain { phase, done }, Watch { phase: heard, _alive: alive })
}

impl Drain {
    /// Moves on to `phase`; never back.
    pub fn advance(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let forward = *current < phase;
            *current = (*current).max(phase);
            forward
        });
    }

    /// Waits until every watch has been dropped. Cancel-safe.
    pub async fn done(&mut self) {
        while self.done.recv().await.is_some() {}
    }
}

impl Watch {
    /// How far the shutdown has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Waits until `phase` is reached, or the [`Drain`] is gone. Cancel-safe.
    pub async fn reached(&mut self, phase: Phase) {
        // An error means that the drain was dropped: nobody will tell, so stop as if told.
        drop(self.phase.wait_for(|current| *current >= phase).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tells_in_order_and_hears_the_last_one_leave() {
        let (mut drain, mut watch) = channel();
        assert_eq!(watch.phase(), Phase::Running);
        drain.advance(Phase::Aborting);
        drain.advance(Phase::Draining);
        assert_eq!(watch.phase(), Phase::Aborting, "a shutdown never goes back");
        watch.reached(Phase::Draining).await;

        let mut done = std::pin::pin!(drain.done());
        tokio::select! {
            biased;
            () = &mut done => panic!("done while a watch is held"),
            () = std::future::ready(()) => {}
        }
        drop(watch);
        done.await;
    }
}
