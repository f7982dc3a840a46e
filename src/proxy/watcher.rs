//! A request to the service on its way, as far as it matters for the calls that it will make.

use std::rc::Rc;

use crate::record::evidence::Watch;
use crate::sys::link::Link;
use crate::witness::Witness;

/// Told over which connection a request goes, and holds it back where that helps. To clone it gives
/// another to the same request, which may be sent again.
#[derive(Clone, Debug)]
pub struct Watcher(Rc<(Watch, Witness)>);

impl Watcher {
    /// Tells `watch` what `witness` sees.
    #[must_use]
    pub fn new(watch: Watch, witness: Witness) -> Self {
        Self(Rc::new((watch, witness)))
    }

    /// The request is about to be sent over this connection, and nothing else is; or over one of
    /// which that cannot be said. Says whether its end is to be [held back](Self::held).
    pub(super) fn sends(&self, link: Option<Link>) -> bool {
        let (watch, _) = &*self.0;
        watch.over(link);
        link.is_some() && watch.holds().is_some()
    }

    /// All but the end of the request has been sent: waits for a thread of the service to read it.
    pub(super) async fn held(&self, link: Link) {
        let (watch, witness) = &*self.0;
        let Some((hold, limit)) = watch.holds() else { return };
        watch.held(witness.reader(link, hold, limit).await);
    }
}
