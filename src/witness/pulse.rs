//! Whether the one who looks still does: the kernel may keep it, and nobody is to wait for that.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::warn;

/// How long no look may begin while somebody waits. A look takes a millisecond, as a rule, and on a
/// machine of very many processes some ten.
const STILL: Duration = Duration::from_millis(250);

/// The looks so far.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    pub(super) looks: AtomicU64,
    /// How many there were when it was last found stuck, and one more: it is while there are no
    /// others.
    stuck: AtomicU64,
}

impl Pulse {
    /// A look begins.
    pub(super) fn beat(&self) {
        self.looks.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it was found stuck, and has not looked since.
    pub(super) fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed) == self.looks.load(Ordering::Relaxed) + 1
    }

    /// Waits for an answer for as long as looks begin. None if there will be none: half a second
    /// after the last look at the latest.
    pub(super) async fn wait<T>(&self, mut told: oneshot::Receiver<T>) -> Option<T> {
        let mut before = self.looks.load(Ordering::Relaxed);
        while !self.is_stuck() {
            if let Ok(told) = timeout(STILL, &mut told).await {
                return told.ok();
            }
            let looks = self.looks.load(Ordering::Relaxed);
            if looks == before && self.stuck.swap(looks + 1, Ordering::Relaxed) != looks + 1 {
                warn!("the kernel does not let the service be seen: calls do not wait for that");
            }
            before = looks;
        }
        None
    }
}
