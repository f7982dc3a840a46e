//! A place where documents are recorded: a recorder, its queue, and the emitter that empties it,
//! on one thread. Each worker has one; the supervisor's thread has one for what no request brings.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tracing::warn;

use crate::admin::metrics;
use crate::app::Outlet;
use crate::config::Config;
use crate::emit::emitter;
use crate::emit::queue::Queue;
use crate::record::recorder::Recorder;
use crate::record::recorder::Shared;
use crate::sys::clock::Clock;
use crate::sys::entropy::Entropy;
use crate::sys::task;

/// What a desk is made of.
#[derive(Debug)]
pub(super) struct Supplies<'a> {
    pub(super) config: &'a Config,
    pub(super) outlet: &'a Outlet,
    pub(super) shared: &'a Arc<Shared>,
    pub(super) clock: &'a Arc<dyn Clock>,
    /// The desk's alone.
    pub(super) counters: &'a metrics::Worker,
}

/// A recorder, its queue and its emitter. It must be [closed](Self::close): what is queued when it
/// is only dropped is lost with its thread.
#[derive(Debug)]
pub(super) struct Desk {
    /// Offers what it records to the queue.
    pub(super) recorder: Rc<Recorder>,
    /// Takes documents that no recorder made.
    pub(super) queue: Queue,
    emitting: JoinHandle<()>,
}

impl Desk {
    /// Opens one on the runtime of the caller.
    pub(super) fn open(supplies: &Supplies<'_>, entropy: Box<dyn Entropy>) -> Self {
        let Supplies { config, outlet, shared, clock, counters } = supplies;
        let (around, counted) = (Arc::clone(shared.around()), Arc::clone(&counters.emit));
        let (queue, emitter) = emitter::channel(&config.emit, outlet.sinks(clock), around, counted);
        let recorder =
            Recorder::new(Arc::clone(shared), entropy, queue.clone(), Arc::clone(&counters.record));
        Self { recorder, queue, emitting: task::spawn(emitter.run()) }
    }

    /// Sends what is kept back and what is queued, and takes no more. What is not sent `within` is
    /// lost, and counted. When it returns, nothing of the desk is left that could hold up the thread
    /// for what can block.
    pub(super) async fn close(mut self, within: Duration) {
        self.recorder.flush();
        self.queue.close();
        if tokio::time::timeout(within, &mut self.emitting).await.is_err() {
            warn!("documents were still queued when the time to flush them ended");
            self.emitting.abort();
            drop(self.emitting.await);
        }
    }
}
