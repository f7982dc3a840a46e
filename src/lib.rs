//! sideray: traces a service nobody changed.
//!
//! One process beside a service. Requests enter the service through its *ingress* port, the
//! service's own calls leave through its *egress* port, and what both saw leaves as AWS X-Ray
//! segment documents.
//!
//! # The life of a request
//!
//! ```text
//! net::listen::accept ─▶ proxy::serve ─▶ http1::server ─▶ proxy::ingress::Ingress::handle
//!      proxy::facts      what the core wants to know of it
//!      record::inbound   its trace header read, sampling decided, ids minted, entered in the ledger
//!      proxy::rewrite    hop-by-hop headers out, trace header in, our segment as Parent
//!      proxy::upstream   over a pooled connection (http1::client); what fails is a proxy::error, one table ─▶ status
//!      proxy::body       the response passes; its end, whichever way, closes the guard exactly once
//!      trace::exchange   the guard becomes a Segment, with the calls that closed before it
//!      emit::queue       offered, never waited for ─▶ emit::emitter ─▶ trace::document ─▶ emit::udp
//! ```
//!
//! An outbound call lives the same way, from `proxy::egress::Egress::handle`; `record::outbound`
//! asks [`attribution`] which open request caused it, and its subsegment travels inside that
//! request's segment, or on its own if the segment has gone. `CONNECT` is a [`net::tunnel`].
//!
//! # The rooms, bottom first
//!
//! A module imports only from rooms above it in this list; a test holds the sources to it.
//!
//! | room | its one job |
//! |---|---|
//! | [`nearest`] | which known word a misspelt one was meant to be (pure) |
//! | [`trace`] | X-Ray's language: times, ids, headers, facts, the document model, its bytes (pure) |
//! | [`sampling`] | rules, wildcards, reservoirs (pure) |
//! | [`annotate`] | annotations, metadata and user, taken by rules from what passes (pure) |
//! | [`attribution`] | which open request caused a call, or an honest "unknown" (pure) |
//! | [`aws`] | calls of AWS APIs as they stand on the wire (pure) |
//! | [`answer`] | what responses say of their errors (pure) |
//! | [`api`] | what a program says of its own requests: paths and JSON to values (pure) |
//! | [`carriers`] | hooks by which a runtime sends the trace header on |
//! | [`sys`] | seams: clock, chance, timers, drain, signals |
//! | [`emit`] | documents on their way out: queue, encoder, sinks |
//! | [`record`] | the recorder and its guards: all a handler knows of tracing |
//! | [`witness`] | who is at the other end of our connections: process and thread |
//! | [`net`] | listening, connecting, TLS, tunnels |
//! | [`origin`] | what machine this is: EC2, ECS, EKS, Elastic Beanstalk |
//! | [`http1`] | HTTP/1.1 on the wire, both ends of it |
//! | [`resign`] | AWS calls that were signed for us, signed anew for AWS |
//! | [`viewer`] | the embedded collector and what shows it |
//! | [`proxy`] | the two handlers |
//! | [`relay`] | the place of a daemon, for programs that have an SDK of their own |
//! | [`admin`] | health, metrics, drain, traces |
//! | [`config`] | `proxy.toml`, environment and flags, lowered into each component's options |
//! | [`app`] | everything put together; threads, shutdown |
//! | [`cli`] | the commands |
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::cast_possible_truncation,
        reason = "tests may panic"
    )
)]

pub mod admin;
pub mod annotate;
pub mod answer;
pub mod api;
pub mod app;
pub mod attribution;
pub mod aws;
pub mod carriers;
pub mod cli;
pub mod config;
pub mod emit;
pub mod http1;
pub mod nearest;
pub mod net;
pub mod origin;
pub mod proxy;
pub mod record;
pub mod relay;
pub mod resign;
pub mod sampling;
pub mod sys;
pub mod trace;
pub mod viewer;
pub mod witness;
