//! What the service runs in, as the first AWS SDK says whose call passes.

use std::sync::atomic::Ordering;

use crate::record::recorder::Recorder;

/// A runtime and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// Its name.
    pub name: Box<str>,
    /// Its version.
    pub version: Box<str>,
}

impl Recorder {
    /// Takes down what the service runs in, if that is not known yet; `ask` says whether a call tells.
    /// Once it is known this costs a look at a flag.
    pub fn meet(&self, ask: impl FnOnce() -> Option<Runtime>) {
        if self.shared.met.load(Ordering::Relaxed) {
            return;
        }
        let Some(Runtime { name, version }) = ask() else { return };
        // Another worker may have been told meanwhile.
        if !self.shared.met.swap(true, Ordering::Relaxed) {
            self.shared.learn(|site| {
                site.service.runtime = Some(name);
                site.service.runtime_version = Some(version);
            });
        }
    }
}
