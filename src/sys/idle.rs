//! A watch on silence: how long something may be waited for that comes in pieces.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Sleep;

/// Runs out when nothing was heard for a while. No timer is set until something is waited for,
/// so that what never waits costs nothing.
#[derive(Debug)]
pub struct Idle {
    after: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    running: bool,
}

impl Idle {
    /// Runs out `after` the wait for one piece began.
    #[must_use]
    pub const fn new(after: Duration) -> Self {
        Self { after, timer: None, running: false }
    }

    /// How long it waits.
    #[must_use]
    pub const fn after(&self) -> Duration {
        self.after
    }

    /// A piece has come: the next wait starts anew.
    pub const fn heard(&mut self) {
        self.running = false;
    }

    /// Ready once nothing was heard for the whole time. To be polled while a piece is awaited.
    #[expect(clippy::disallowed_methods, reason = "a timer's deadline, not a time of record")]
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timer = match (&mut self.timer, self.running) {
            (Some(timer), true) => timer,
            (Some(timer), false) => {
                timer.as_mut().reset(tokio::time::Instant::now() + self.after);
                timer
            }
            (none @ None, _) => none.insert(Box::pin(tokio::time::sleep(self.after))),
        };
        self.running = true;
        timer.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "the paused clock is what is tested against")]
    async fn runs_out_only_after_silence() {
        let second = Duration::from_secs(1);
        let mut idle = Idle::new(second);
        for _ in 0..3 {
            let early = tokio::time::timeout(second / 2, poll_fn(|cx| idle.poll(cx))).await;
            assert!(early.is_err(), "ran out after half its time");
            idle.heard();
        }
        let start = tokio::time::Instant::now();
        poll_fn(|cx| idle.poll(cx)).await;
        assert_eq!(start.elapsed(), second);
    }
}
