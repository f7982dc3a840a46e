//! What `/metrics` says: the counters of all workers, added up when they are asked for.

mod connections;
mod relay;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::admin::exposition::Exposition;
use crate::admin::exposition::Kind;
use crate::admin::v1;
use crate::attribution::verdict::Method;
use crate::emit;
use crate::emit::counters::DropReason;
use crate::emit::side::FileCounters;
use crate::net::listen;
use crate::proxy::annotator;
use crate::proxy::intercept;
use crate::proxy::resign;
use crate::proxy::upstream;
use crate::record;
use crate::record::counters::Direction;
use crate::record::counters::LATENCY_BUCKETS;
use crate::record::counters::STATUS_CLASSES;
use crate::record::recorder::Shared;
use crate::relay::counters::Counters as Relay;
use crate::viewer::store::Store;
use crate::witness::Witness;

/// Everything that is counted.
#[derive(Debug)]
pub struct Sources {
    /// The ledger and the sampler.
    pub shared: Arc<Shared>,
    /// What each worker counts, and the supervisor, which records too.
    pub workers: Vec<Worker>,
    /// Connections accepted by the ingress port.
    pub ingress: Arc<listen::Counters>,
    /// Connections accepted by the egress port.
    pub egress: Arc<listen::Counters>,
    /// The embedded collector.
    pub store: Arc<Store>,
    /// The file of documents, if there is one.
    pub file: Option<Arc<FileCounters>>,
    /// The access log, if there is one.
    pub access: Option<Arc<FileCounters>>,
    /// Who looks at the service, if anybody does.
    pub witness: Option<Witness>,
    /// The relay, if there is one.
    pub relay: Option<Arc<Relay>>,
    /// What the local API has answered.
    pub api: Arc<v1::Counters>,
}

/// What one worker counts, or the supervisor's thread.
#[derive(Clone, Debug, Default)]
pub struct Worker {
    /// Exchanges, attribution.
    pub record: Arc<record::counters::Counters>,
    /// Documents.
    pub emit: Arc<emit::counters::Counters>,
    /// Connections to the service.
    pub to_service: Arc<upstream::Counters>,
    /// Connections to called services.
    pub to_others: Arc<upstream::Counters>,
    /// Tunnels of the egress port.
    pub intercept: Arc<intercept::Counters>,
    /// Annotations taken from what passes.
    pub annotate: Arc<annotator::Counters>,
    /// Calls that were signed for the egress port.
    pub resign: Arc<resign::Counters>,
}

impl Sources {
    /// The page, in the Prometheus text format.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = Exposition::default();
        self.exchanges(&mut page);
        self.documents(&mut page);
        self.decisions(&mut page);
        self.kept(&mut page);
        self.central(&mut page);
        self.remarks(&mut page);
        self.attribution(&mut page);
        self.told(&mut page);
        self.connections(&mut page);
        self.collector(&mut page);
        self.relay(&mut page);
        page.into_text()
    }

    fn sum(&self, of: impl Fn(&Worker) -> u64) -> u64 {
        self.workers.iter().map(of).sum()
    }

    fn exchanges(&self, page: &mut Exposition) {
        let mut requests = page.family(
            Kind::Counter,
            "sideray_requests_total",
            "Exchanges that ended, by direction and class of status.",
        );
        for direction in Direction::ALL {
            for (index, class) in STATUS_CLASSES.iter().enumerate() {
                let count = self.sum(|worker| {
                    let mut classes = worker.record.exchanges(direction).by_class();
                    classes.nth(index).map_or(0, |(_, count)| count)
                });
                let labels = [("direction", direction.as_str()), ("status_class", class)];
                requests.sample(&labels, count);
            }
        }
        let mut latency = page.family(
            Kind::Histogram,
            "sideray_request_duration_seconds",
            "From the head of a request to the end of its response.",
        );
        for direction in Direction::ALL {
            let buckets = LATENCY_BUCKETS.iter().enumerate().map(|(index, bound)| {
                let count = self.sum(|worker| {
                    worker.record.exchanges(direction).latencies().nth(index).unwrap_or_default()
                });
                (*bound, count)
            });
            let of_all = |worker: &Worker| -> u64 {
                worker.record.exchanges(direction).by_class().map(|(_, count)| count).sum()
            };
            let micros = self.sum(|worker| worker.record.exchanges(direction).latency_micros());
            let labels = [("direction", direction.as_str())];
            latency.histogram(&labels, buckets, self.sum(of_all), micros);
        }
    }

    fn documents(&self, page: &mut Exposition) {
        let counts: Vec<_> = self.workers.iter().map(|worker| worker.emit.counts()).collect();
        let sum = |of: fn(&emit::counters::Counts) -> u64| counts.iter().map(of).sum::<u64>();
        let counters = [
            ("sideray_documents_offered_total", "Documents recorded.", sum(|c| c.offered)),
            ("sideray_documents_split_total", "More documents, split off.", sum(|c| c.split)),
            ("sideray_documents_cut_total", "Documents with strings cut.", sum(|c| c.cut)),
            ("sideray_documents_sent_total", "Documents sent.", sum(|c| c.sent)),
            ("sideray_documents_bytes_total", "Bytes of documents sent.", sum(|c| c.bytes)),
        ];
        for (name, help, value) in counters {
            page.counter(name, help, value);
        }
        let queued = sum(emit::counters::Counts::outstanding);
        page.gauge("sideray_documents_queued", "Documents waiting to be sent.", queued);
        let mut dropped = page.family(
            Kind::Counter,
            "sideray_documents_dropped_total",
            "Documents lost, by reason.",
        );
        for reason in DropReason::ALL {
            let count: u64 = counts.iter().map(|counts| counts.dropped(reason)).sum();
            dropped.sample(&[("reason", reason.as_str())], count);
        }
        if let Some(file) = &self.file {
            let written = "Documents appended to the file.";
            page.counter("sideray_file_documents_written_total", written, file.written());
            let lost = "Documents the file could not take.";
            page.counter("sideray_file_documents_dropped_total", lost, file.dropped());
        }
        if let Some(access) = &self.access {
            let written = "Lines appended to the access log.";
            page.counter("sideray_access_lines_written_total", written, access.written());
            let lost = "Lines the access log could not take.";
            page.counter("sideray_access_lines_dropped_total", lost, access.dropped());
        }
        let progress = self.sum(|worker| read(&worker.record.in_progress));
        page.counter("sideray_in_progress_total", "Long requests announced.", progress);
        let streamed = self.sum(|worker| read(&worker.record.streamed));
        page.counter(
            "sideray_streamed_total",
            "Subsegments sent ahead of their segment.",
            streamed,
        );
    }

    fn decisions(&self, page: &mut Exposition) {
        let sampler = self.shared.sampler().local();
        let mut decisions = page.family(
            Kind::Counter,
            "sideray_sampling_decisions_total",
            "Decisions of the rules in force. Those that a caller's header made are not among them.",
        );
        for tally in sampler.tallies() {
            let labels = |decision| [("rule", tally.rule), ("decision", decision)];
            decisions.sample(&labels("sampled"), tally.sampled);
            decisions.sample(&labels("passed"), tally.passed);
        }
    }

    fn kept(&self, page: &mut Exposition) {
        let mut kept = page.family(
            Kind::Counter,
            "sideray_sampling_kept_total",
            "Requests recorded although the rules passed over them, by how they ended.",
        );
        for (because, count) in self.shared.keep().kept() {
            kept.sample(&[("because", because)], count);
        }
    }

    fn central(&self, page: &mut Exposition) {
        let Some(central) = self.shared.sampler().central() else { return };
        let rules = central.in_force(self.shared.second());
        let count = rules.as_ref().map_or(0, |rules| rules.tallies().count() as u64);
        let help = "Central sampling rules in force; 0 while the local ones count.";
        page.gauge("sideray_sampling_central_rules", help, count);
        let mut polls = page.family(
            Kind::Counter,
            "sideray_sampling_central_polls_total",
            "Questions to X-Ray about sampling.",
        );
        for ([about, result], count) in central.polls() {
            polls.sample(&[("about", about), ("result", result)], count);
        }
        let mut decisions = page.family(
            Kind::Counter,
            "sideray_sampling_central_decisions_total",
            "Decisions of the central rules in force.",
        );
        for tally in rules.iter().flat_map(|rules| rules.tallies()) {
            let labels = |decision| [("rule", tally.rule), ("decision", decision)];
            decisions.sample(&labels("sampled"), tally.sampled);
            decisions.sample(&labels("passed"), tally.passed);
        }
    }

    fn remarks(&self, page: &mut Exposition) {
        let mut annotations = page.family(
            Kind::Counter,
            "sideray_annotations_total",
            "Annotations, metadata and users taken from what passes: set, or left out, and why.",
        );
        let mut outcome = |outcome, field: fn(&annotator::Counters) -> &AtomicU64| {
            let count = self.sum(|worker| read(field(&worker.annotate)));
            annotations.sample(&[("outcome", outcome)], count);
        };
        outcome("set", |counters| &counters.set);
        outcome("untyped", |counters| &counters.untyped);
        outcome("malformed", |counters| &counters.malformed);
        let refused = self
            .sum(|worker| read(&worker.record.remarks_refused) + read(&worker.annotate.refused));
        let help = "Annotations, metadata and exceptions that a segment had no room for.";
        page.counter("sideray_remarks_dropped_total", help, refused);
    }

    fn attribution(&self, page: &mut Exposition) {
        let mut methods = page.family(
            Kind::Counter,
            "sideray_attribution_total",
            "Outbound calls, by how their parent was found.",
        );
        for method in Method::ALL {
            let count = self.sum(|worker| {
                let mut all = worker.record.attributions();
                all.find(|(other, _)| *other == method).map_or(0, |(_, counter)| read(counter))
            });
            methods.sample(&[("method", method.as_str())], count);
        }
        if let Some(witness) = &self.witness {
            let mut sight = page.family(
                Kind::Gauge,
                "sideray_attribution_sight",
                "What of the service can be seen, to tell whose its calls are: 1 if it can.",
            );
            for (part, can) in witness.sight() {
                sight.sample(&[("part", part)], u64::from(can));
            }
        }
        let missing = self.sum(|worker| read(&worker.record.context_missing));
        let help = "Outbound calls that passed untraced, their parent being unknown.";
        page.counter("sideray_context_missing_total", help, missing);
        let faults = self.sum(|worker| read(&worker.record.header_faults));
        let help = "Pieces of trace headers that made no sense and were skipped.";
        page.counter("sideray_trace_header_faults_total", help, faults);
        let ledger = self.shared.ledger_counts();
        let gauges = [
            ("sideray_ledger_open", "Requests open.", ledger.open),
            ("sideray_ledger_remembered", "Closed requests remembered.", ledger.remembered),
            ("sideray_ledger_routes", "Outbound routes known.", ledger.routes),
        ];
        for (name, help, value) in gauges {
            page.gauge(name, help, value as u64);
        }
        let help = "Requests the ledger had no room for: calls are not attributed to them.";
        page.counter("sideray_ledger_refused_total", help, ledger.refused);
        let help = "Calls for which two sources were certain of different requests.";
        page.counter("sideray_attribution_contradictions_total", help, ledger.contradictions);
    }

    fn told(&self, page: &mut Exposition) {
        let mut requests = page.family(
            Kind::Counter,
            "sideray_api_requests_total",
            "Requests of programs to the local API, by the status of the answer.",
        );
        for (status, count) in self.api.by_status() {
            requests.sample(&[("status", status.as_str())], count);
        }
        let pieces = self.shared.piece_counts();
        let help = "Subsegments that programs have begun and not ended.";
        page.gauge("sideray_api_subsegments_open", help, pieces.open as u64);
        let help = "Bytes of memory that what was said of them takes, about.";
        page.gauge("sideray_api_subsegments_open_bytes", help, pieces.bytes as u64);
        let help = "Subsegments there was no room for.";
        page.counter("sideray_api_subsegments_refused_total", help, pieces.refused);
        let help = "Subsegments that nobody ended, sent as in progress.";
        page.counter("sideray_api_subsegments_given_up_total", help, pieces.given_up);
    }

    fn collector(&self, page: &mut Exposition) {
        let counts = self.store.counts();
        page.gauge("sideray_collector_traces", "Traces kept.", counts.traces as u64);
        page.gauge("sideray_collector_bytes", "Bytes of documents kept.", counts.bytes as u64);
        let help = "Traces that left to make room.";
        page.counter("sideray_collector_evicted_total", help, counts.evicted);
        let help = "Documents that could not be read.";
        page.counter("sideray_collector_malformed_total", help, counts.malformed);
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
