//! The metrics of connections: accepted, made, kept idle; tunnels, and calls signed anew.

use std::sync::atomic::AtomicU64;

use crate::admin::exposition::Exposition;
use crate::admin::exposition::Kind;
use crate::admin::metrics::Sources;
use crate::admin::metrics::Worker;
use crate::admin::metrics::read;
use crate::proxy::intercept;
use crate::proxy::resign;
use crate::proxy::upstream;
use crate::record::counters::Direction;

/// Picks one pool of a worker.
type Pool = fn(&Worker) -> &upstream::Counters;

/// The pools of a worker, by direction.
const POOLS: [(Direction, Pool); 2] = [
    (Direction::Inbound, |worker| &worker.to_service),
    (Direction::Outbound, |worker| &worker.to_others),
];

impl Sources {
    pub(super) fn connections(&self, page: &mut Exposition) {
        let mut accepted = page.family(
            Kind::Counter,
            "sideray_connections_accepted_total",
            "Connections accepted, by port.",
        );
        let ports = [("ingress", &self.ingress), ("egress", &self.egress)];
        for (port, counters) in ports {
            accepted.sample(&[("port", port)], read(&counters.accepted));
        }
        let mut errors = page.family(
            Kind::Counter,
            "sideray_accept_errors_total",
            "Accepts that failed, by port.",
        );
        for (port, counters) in ports {
            errors.sample(&[("port", port)], read(&counters.accept_errors));
        }
        let mut events = page.family(
            Kind::Counter,
            "sideray_upstream_total",
            "Connections made and used, by direction and event.",
        );
        for (direction, of) in POOLS {
            let event = |event, field: fn(&upstream::Counters) -> &AtomicU64| {
                let count = self.sum(|worker| read(field(of(worker))));
                ([("direction", direction.as_str()), ("event", event)], count)
            };
            for (labels, count) in [
                event("connected", |counters| &counters.connected),
                event("failed", |counters| &counters.failed),
                event("reused", |counters| &counters.reused),
                event("retried", |counters| &counters.retried),
            ] {
                events.sample(&labels, count);
            }
        }
        self.tunnels(page);
        self.resigned(page);
        let mut idle = page.family(
            Kind::Gauge,
            "sideray_upstream_idle_connections",
            "Idle connections in the pools, by direction.",
        );
        for (direction, of) in POOLS {
            let count = self.sum(|worker| read(&of(worker).idle));
            idle.sample(&[("direction", direction.as_str())], count);
        }
    }

    fn tunnels(&self, page: &mut Exposition) {
        let mut tunnels = page.family(
            Kind::Counter,
            "sideray_tunnels_total",
            "Tunnels that were looked into, by what became of them.",
        );
        let mut outcome = |outcome, field: fn(&intercept::Counters) -> &AtomicU64| {
            let count = self.sum(|worker| read(field(&worker.intercept)));
            tunnels.sample(&[("outcome", outcome)], count);
        };
        outcome("intercepted", |counters| &counters.intercepted);
        outcome("plain", |counters| &counters.plain);
        outcome("refused", |counters| &counters.refused);
        outcome("left_alone", |counters| &counters.left_alone);
        outcome("unverified", |counters| &counters.unverified);
        outcome("unknown", |counters| &counters.unknown);
    }

    fn resigned(&self, page: &mut Exposition) {
        let mut resigned = page.family(
            Kind::Counter,
            "sideray_resigned_total",
            "Requests to the egress port itself while [egress.aws] resign is on, by what became of \
             them.",
        );
        let mut outcome = |outcome, field: fn(&resign::Counters) -> &AtomicU64| {
            let count = self.sum(|worker| read(field(&worker.resign)));
            resigned.sample(&[("outcome", outcome)], count);
        };
        outcome("signed", |counters| &counters.signed);
        outcome("refused", |counters| &counters.refused);
    }
}
