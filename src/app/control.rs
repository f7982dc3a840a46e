//! What a running sidecar is told, from other threads, and waits that hear it.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::sampling::rule::Rules;

/// What a running sidecar can be told.
#[derive(Clone, Debug)]
pub enum Command {
    /// Shut down; told twice, at once.
    Stop,
    /// Put other sampling rules in force.
    SetRules(Rules),
    /// Look at the certificate files now.
    LoadCertificates,
}

/// Tells a running sidecar things, from any thread.
#[derive(Clone, Debug)]
pub struct Control(mpsc::Sender<Command>);

/// Hears what a [`Control`] tells.
#[derive(Debug)]
pub struct Commands(pub(super) mpsc::Receiver<Command>);

impl Control {
    /// A control, and what hears it.
    #[must_use]
    pub fn new() -> (Self, Commands) {
        let (tell, hear) = mpsc::channel(16);
        (Self(tell), Commands(hear))
    }

    /// Tells it. What a sidecar that has ended is told is lost; so is what is told faster than it
    /// can hear, which only a storm of signals does.
    pub fn tell(&self, command: Command) {
        drop(self.0.try_send(command));
    }
}

/// What came of a wait.
pub(super) enum Waited {
    Done,
    TooLong,
    ToldAgain,
}

impl Commands {
    /// Waits for `future`, no longer than `limit`, and not beyond a second request to stop.
    pub(super) async fn during(
        &mut self,
        limit: Duration,
        future: impl Future<Output = ()>,
    ) -> Waited {
        let told_again = async {
            loop {
                match self.0.recv().await {
                    Some(Command::Stop) => return,
                    Some(Command::LoadCertificates | Command::SetRules(_)) => {}
                    None => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            () = future => Waited::Done,
            () = tokio::time::sleep(limit) => Waited::TooLong,
            () = told_again => Waited::ToldAgain,
        }
    }
}
