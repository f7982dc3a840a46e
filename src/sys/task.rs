//! Spawning on a worker's own runtime.

use std::future::Future;

use tokio::task::JoinHandle;

/// Runs `future` beside the caller, on the same single-threaded runtime.
///
/// # Panics
///
/// If there is no such runtime: every caller runs on a worker.
#[expect(clippy::disallowed_methods, reason = "this is the seam")]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    tokio::task::spawn_local(future)
}

/// Lets hyper spawn the streams of an HTTP/2 connection on the worker that owns it.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        drop(spawn(future));
    }
}
