//! Waiting for a metric to say what it should: metrics are the sidecar's own account of events
//! that no socket shows.

use std::time::Instant;

use super::DEADLINE;
use super::sidecar::Sidecar;

impl Sidecar {
    /// Waits until a sample on the metrics page has a value that is `wanted`, and gives it.
    pub async fn metric_where(&self, sample: &str, wanted: impl Fn(f64) -> bool) -> f64 {
        let end = Instant::now() + DEADLINE;
        loop {
            let value = self.metric(sample).await;
            if wanted(value) {
                return value;
            }
            assert!(Instant::now() < end, "{sample} stays at {value}");
        }
    }

    /// What became of the documents, once none is queued any more.
    pub async fn account(&self) -> Account {
        self.metric_where("sideray_documents_queued", |queued| queued == 0.0).await;
        let page = self.page().await;
        let of = |prefix: &str| -> u64 {
            let lines = page.lines().filter_map(|line| line.strip_prefix(prefix));
            let values = lines.map(|rest| rest.rsplit_once(' ').unwrap().1);
            values.map(|value| value.parse::<u64>().unwrap()).sum()
        };
        Account {
            offered: of("sideray_documents_offered_total"),
            split: of("sideray_documents_split_total"),
            sent: of("sideray_documents_sent_total"),
            dropped: of("sideray_documents_dropped_total{"),
        }
    }
}

/// What became of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    pub offered: u64,
    pub split: u64,
    pub sent: u64,
    pub dropped: u64,
}
