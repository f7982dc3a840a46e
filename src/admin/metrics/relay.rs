//! What the metrics say of the relay.

use crate::admin::exposition::Exposition;
use crate::admin::exposition::Kind;
use crate::admin::metrics::Sources;

impl Sources {
    pub(super) fn relay(&self, page: &mut Exposition) {
        let Some(relay) = &self.relay else { return };
        let help = "Datagrams that SDKs sent, by what became of them.";
        let mut documents = page.family(Kind::Counter, "sideray_relay_documents_total", help);
        for (outcome, count) in relay.documents() {
            documents.sample(&[("outcome", outcome.as_str())], count);
        }
        let help = "Questions that SDKs put to the daemon, by what became of them.";
        let mut calls = page.family(Kind::Counter, "sideray_relay_calls_total", help);
        for (outcome, count) in relay.calls() {
            calls.sample(&[("outcome", outcome.as_str())], count);
        }
    }
}
