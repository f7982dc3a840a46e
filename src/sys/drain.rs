//! Telling everybody to stop, and knowing when they have.
//!
//! A [`Drain`] tells. An [`Observer`] hears, and is for whoever serves traffic: listeners, handlers.
//! A [`Watch`] hears too, and by being dropped answers that its holder is done: it is for traffic
//! itself, one for each connection and each tunnel. So nobody who only waits for traffic can hold
//! the shutdown up.

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
    /// All traffic has ended: send what is still queued.
    Flushing,
}

/// The telling end.
#[derive(Debug)]
pub struct Drain {
    phase: watch::Sender<Phase>,
    /// Keeps the channel open while there is no traffic; dropped when traffic is to end.
    alive: Option<mpsc::Sender<Infallible>>,
    /// Yields `None` once every watch has been dropped.
    done: mpsc::Receiver<Infallible>,
}

/// Hears how far the shutdown has come.
#[derive(Clone, Debug)]
pub struct Observer {
    phase: watch::Receiver<Phase>,
    alive: mpsc::WeakSender<Infallible>,
}

/// Hears how far the shutdown has come, and holds it up until it is dropped.
#[derive(Clone, Debug)]
pub struct Watch {
    phase: watch::Receiver<Phase>,
    _alive: Option<mpsc::Sender<Infallible>>,
}

/// A drain and its first observer.
#[must_use]
pub fn channel() -> (Drain, Observer) {
    let (phase, heard) = watch::channel(Phase::Running);
    let (alive, done) = mpsc::channel(1);
    let observer = Observer { phase: heard, alive: alive.downgrade() };
    (Drain { phase, alive: Some(alive), done }, observer)
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
        self.alive = None;
        while self.done.recv().await.is_some() {}
    }
}

impl Observer {
    /// How far the shutdown has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Waits until `phase` is reached, or the [`Drain`] is gone. Cancel-safe.
    pub async fn reached(&mut self, phase: Phase) {
        reached(&mut self.phase, phase).await;
    }

    /// A watch for a new piece of traffic.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch { phase: self.phase.clone(), _alive: self.alive.upgrade() }
    }
}

impl Watch {
    /// Waits until `phase` is reached, or the [`Drain`] is gone. Cancel-safe.
    pub async fn reached(&mut self, phase: Phase) {
        reached(&mut self.phase, phase).await;
    }
}

async fn reached(heard: &mut watch::Receiver<Phase>, phase: Phase) {
    // An error means that the drain was dropped: nobody will tell, so stop as if told.
    drop(heard.wait_for(|current| *current >= phase).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tells_in_order_and_hears_the_last_one_leave() {
        let (mut drain, mut observer) = channel();
        let watch = observer.watch();
        drain.advance(Phase::Aborting);
        drain.advance(Phase::Draining);
        assert_eq!(observer.phase(), Phase::Aborting, "a shutdown never goes back");
        observer.reached(Phase::Draining).await;

        let mut done = std::pin::pin!(drain.done());
        tokio::select! {
            biased;
            () = &mut done => panic!("done while a watch is held"),
            () = std::future::ready(()) => {}
        }
        drop(watch);
        done.await;
    }

    #[tokio::test]
    async fn without_traffic_it_is_done_at_once() {
        let (mut drain, observer) = channel();
        drop(observer.watch());
        let later = observer.watch();
        drop(later);
        drain.advance(Phase::Draining);
        drain.done().await;
        assert_eq!(observer.phase(), Phase::Draining);
    }
}
