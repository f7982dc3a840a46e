//! hyper's timer, for timeouts that are set with every request and hardly ever run out.
//!
//! To register a timer with the runtime and to take it back costs more than all else about a
//! timeout. To push back the deadline of one that is registered costs next to nothing. So timers
//! that hyper drops are kept, registered as they are, and given to whoever asks next.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Instant;

use hyper::rt::Sleep;

/// Most timers that a worker keeps; more are dropped. An unused one is a few hundred bytes.
const KEPT: usize = 4_096;

thread_local! {
    /// The timers nobody uses at the moment.
    static SPARE: RefCell<Vec<Pin<Box<tokio::time::Sleep>>>> = const { RefCell::new(Vec::new()) };
}

/// hyper's timer on a worker.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timer;

impl hyper::rt::Timer for Timer {
    fn sleep(&self, duration: std::time::Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let deadline = deadline.into();
        let spare = SPARE.with_borrow_mut(Vec::pop);
        let timer = spare.map_or_else(
            || Box::pin(tokio::time::sleep_until(deadline)),
            |mut timer| {
                timer.as_mut().reset(deadline);
                timer
            },
        );
        Box::pin(Lent(Some(timer)))
    }
}

/// A timer that goes back to the spare ones when it is dropped.
struct Lent(Option<Pin<Box<tokio::time::Sleep>>>);

impl Future for Lent {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Ready(()), |timer| timer.as_mut().poll(cx))
    }
}

impl Sleep for Lent {}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(timer) = self.0.take() else { return };
        // While the thread ends there is nowhere to keep it.
        let keep = |spare: &RefCell<Vec<_>>| {
            let mut spare = spare.borrow_mut();
            if spare.len() < KEPT {
                spare.push(timer);
            }
        };
        SPARE.try_with(keep).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::rt::Timer as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "the paused clock is what is tested against")]
    async fn a_spare_timer_keeps_its_new_deadline_whichever_way_it_moved() {
        let second = Duration::from_secs(1);
        for wait in [10, 1, 30, 2].map(|seconds| second * seconds) {
            drop(Timer.sleep_until((tokio::time::Instant::now() + 5 * second).into_std()));
            let start = tokio::time::Instant::now();
            Timer.sleep_until((start + wait).into_std()).await;
            assert_eq!(start.elapsed(), wait);
        }
        assert_eq!(SPARE.with_borrow(Vec::len), 1, "one timer served all");
    }
}
