//! A place where documents are recorded: a recorder, its queue, and the emitter that empties it,
//! on one thread. Each worker has one; the supervisor's thread has one for what no request brings.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tracing::warn;

use crate::admin::metrics;
use crate::app::worker::Common;
use crate::emit::emitter;
use crate::emit::queue::Queue;
use crate::emit::side::Lines;
use crate::record::recorder::Recorder;
use crate::sys::entropy::Entropy;
use crate::sys::task;

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
    /// Opens one on the runtime of the caller. `counters` are the desk's alone; requests that are
    /// recorded here leave their lines in `access`.
    pub(super) fn open(
        common: &Common,
        counters: &metrics::Worker,
        entropy: Box<dyn Entropy>,
        access: Option<Lines>,
    ) -> Self {
        let Common { config, outlet, shared, clock, .. } = common;
        let (around, counted) = (Arc::clone(shared.around()), Arc::clone(&counters.emit));
        let (queue, emitter) = emitter::channel(&config.emit, outlet.sinks(clock), around, counted);
        let (shared, counted) = (Arc::clone(shared), Arc::clone(&counters.record));
        let recorder = Recorder::new(shared, entropy, queue.clone(), counted, access);
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
