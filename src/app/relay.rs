//! The relay on the supervisor's thread: started if it is wanted, heard to its end.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::desk::Desk;
use crate::app::worker::Common;
use crate::emit::options::Daemon;
use crate::net::listen;
use crate::relay::calls::Calls;
use crate::relay::counters::Counters;
use crate::relay::documents::Documents;
use crate::relay::port::Port;
use crate::sys::drain::Phase;
use crate::sys::task;

/// A relay that runs.
#[derive(Debug)]
pub(super) struct Relay {
    receiving: JoinHandle<()>,
}

impl Relay {
    /// Takes what comes to `port`: documents to the `desk`, questions to the daemon.
    ///
    /// # Errors
    ///
    /// If the runtime cannot watch a socket.
    pub(super) fn start(
        port: Port,
        desk: &Desk,
        common: &Common,
        counters: &Arc<Counters>,
    ) -> io::Result<Self> {
        let Common { config, shared, drain, .. } = common;
        let (shared, counted) = (Arc::clone(shared), Arc::clone(counters));
        let documents = Documents::new(port.udp, shared, desk.queue.clone(), counted)?;
        let daemon = match &config.emit.daemon {
            Daemon::Embedded => None,
            Daemon::Remote(daemon) => Some(daemon.tcp.clone()),
        };
        let calls = Rc::new(Calls::new(daemon, Arc::clone(counters)));
        let serve = move |conn| drop(task::spawn(Rc::clone(&calls).serve(conn)));
        let listener = TcpListener::from_std(port.tcp)?;
        let accepted = Arc::<listen::Counters>::default();
        // Until the end: an SDK may ask while the last requests are finished.
        drop(task::spawn(listen::accept(
            listener,
            drain.clone(),
            Phase::Flushing,
            accepted,
            serve,
        )));
        Ok(Self { receiving: task::spawn(documents.run(drain.clone())) })
    }

    /// Waits until all documents that have come are taken in: soon after all traffic has ended.
    pub(super) async fn ended(self) {
        drop(self.receiving.await);
    }
}
