//! From keys to options, section by section. What a key means stands in `proxy.toml`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use toml::de::DeValue;
use tracing_subscriber::EnvFilter;

use crate::attribution;
use crate::aws;
use crate::config::Config;
use crate::config::annotate;
use crate::config::env::Env;
use crate::config::fault::Place;
use crate::config::naming;
use crate::config::process::Admin;
use crate::config::process::Format;
use crate::config::process::Log;
use crate::config::process::Shutdown;
use crate::config::process::Workers;
use crate::config::read::Given;
use crate::config::read::Parsed;
use crate::config::read::Section;
use crate::config::rules;
use crate::config::site;
use crate::config::source::Flags;
use crate::config::value;
use crate::config::value::count;
use crate::config::value::count_word;
use crate::config::value::duration;
use crate::config::value::text;
use crate::emit;
use crate::emit::options::LinesTo;
use crate::nearest;
use crate::net::tls::options::CaFiles;
use crate::net::tls::options::ClientOptions;
use crate::net::tls::options::ServerOptions;
use crate::origin;
use crate::proxy::options::Egress;
use crate::proxy::options::Ingress;
use crate::proxy::options::Origin;
use crate::proxy::options::Pool;
use crate::proxy::options::Propagation;
use crate::proxy::options::Route;
use crate::proxy::options::Timeouts;
use crate::record;
use crate::record::options::Missing;
use crate::record::options::Unknown;
use crate::relay;
use crate::resign;
use crate::viewer;

/// Most workers; above it a typing error is likelier than a machine.
const MOST_WORKERS: usize = 1_024;

/// Lowers the whole file.
pub(super) fn config(root: &mut Section<'_, '_>, env: &Env, flags: &Flags) -> Config {
    let mut record = record::options::Options::default();
    let name = [env.name(), Given::new(Place::Flag("--name"), flags.name.as_deref(), value::name)];
    let mut version = None;
    record.name = root.section("service", |service| {
        version = service.find("version", site::version);
        service.take_or_given("name", record.name.clone(), text(value::name), name)
    });
    record.naming = root.section("naming", naming::naming);
    let ingress = root.section("ingress", |section| ingress(section, flags));
    let egress = root.section("egress", |section| egress(section, flags));
    let (propagation, error_bodies) = root.section("trace", |section| {
        let given = [env.not_disabled(), env.enabled()];
        record.enabled = section.take_or_given("enabled", record.enabled, value::boolean, given);
        let propagation = section.take("propagate", Propagation::default(), propagation);
        (propagation, section.take("error_bodies", true, value::boolean))
    });
    let attribution = root.section("attribution", |section| {
        record.unknown =
            section.take_or_given("unknown", record.unknown, text(unknown), [env.unknown()]);
        attribution(section)
    });
    let origin = root.section("origin", |section| site::origin(section, env));
    let emit = root.section("emit", |section| {
        let (after, most) = (record.in_progress_after, record.stream_after);
        record.in_progress_after = section.take("in_progress_after", after, duration);
        record.stream_after = section.take("stream_after", most, count(1..=10_000));
        emit(section, env, flags)
    });
    let relay = root.section("relay", |section| relay::options::Options {
        listen: section.find("listen", text(value::address(2_000))),
    });
    let collector = root.section("collector", collector);
    let sampling = root.section("sampling", |section| {
        record.central = section.take("mode", record.central, text(central));
        record.keep = rules::keep(section);
        rules::rules(section)
    });
    let annotate = annotate::rules(root, env);
    Config {
        ingress,
        egress,
        propagation,
        error_bodies,
        attribution,
        record,
        origin: origin::options::Options { version, ..origin },
        emit,
        collector,
        relay,
        sampling,
        annotate,
        admin: root.section("admin", |section| admin(section, flags)),
        log: root.section("log", log),
        workers: root.section("runtime", |section| workers(section, flags)),
        shutdown: root.section("shutdown", shutdown),
    }
}

fn ingress(section: &mut Section<'_, '_>, flags: &Flags) -> Ingress {
    let default = Ingress::default();
    let upstream = Given::new(Place::Flag("--upstream"), flags.upstream.as_deref(), value::origin);
    Ingress {
        listen: listen(
            section,
            default.listen,
            "--ingress-listen",
            flags.ingress_listen.as_deref(),
        ),
        upstream: section.take_or_given(
            "upstream",
            default.upstream,
            text(value::origin),
            [upstream],
        ),
        tls: section.section("tls", certificate),
        upstream_tls: section.section("upstream_tls", roots),
        timeouts: timeouts(section, default.timeouts),
        pool: pool(section, default.pool),
    }
}

fn egress(section: &mut Section<'_, '_>, flags: &Flags) -> Egress {
    let default = Egress::default();
    let intercept = section.section("intercept", intercept);
    Egress {
        listen: listen(section, default.listen, "--egress-listen", flags.egress_listen.as_deref()),
        tls: section.section("tls", roots),
        no_trace: section
            .list("no_trace", default.no_trace, |value| text(value::host_and_path)(value)),
        traced: section.list("traced", default.traced, |value| text(value::host_pattern)(value)),
        routes: section.sections("route", route).into_iter().flatten().collect(),
        resign: section.section("aws", resign),
        intercept: intercept.hosts,
        ca_dir: intercept.ca_dir,
        ca: intercept.ca,
        timeouts: timeouts(section, default.timeouts),
        pool: pool(section, default.pool),
    }
}

/// Whose TLS is ended, and by whose certificates.
struct Intercept {
    hosts: Vec<Box<str>>,
    ca_dir: Option<PathBuf>,
    ca: Option<CaFiles>,
}

fn intercept(section: &mut Section<'_, '_>) -> Intercept {
    let default = Egress::default().intercept;
    Intercept {
        hosts: section.list("hosts", default, |value| text(value::authority_pattern)(value)),
        ca_dir: section.find("ca_dir", text(value::path)),
        ca: pair(section, "ca_cert", "ca_key").map(|(cert, key)| CaFiles { cert, key }),
    }
}

/// How AWS calls are signed anew, if they are to be.
fn resign(section: &mut Section<'_, '_>) -> resign::options::Options {
    let default = resign::options::Options::default();
    resign::options::Options {
        enabled: section.take("resign", default.enabled, value::boolean),
        endpoints: section.pairs("endpoints", |service, value| {
            Ok((aws_service(service)?, text(value::endpoint)(value)?))
        }),
        max_body: section.take("max_body", default.max_body, value::size(0..=1 << 30)),
    }
}

/// The name of an AWS service, or `*` for all of them.
fn aws_service(name: &str) -> Parsed<Box<str>> {
    let known = name == "*"
        || aws::table::service(name).is_some()
        || aws::table::named(aws::table::Kind::Signing, name).is_some();
    let message = || {
        "not a service of AWS; write its name as botocore or its signatures have it, as \
         \"dynamodb\", or \"*\" for all"
            .to_owned()
    };
    known.then(|| name.into()).ok_or_else(message)
}

/// Another way to some hosts.
fn route(section: &mut Section<'_, '_>) -> Option<Route> {
    let host = section.need("host", "\"*.amazonaws.com\"", text(value::host_pattern));
    let connect_to =
        section.need("connect_to", "\"http://127.0.0.1:5000\"", text(value::origin))?;
    let Origin { protocol, authority, .. } = connect_to;
    Some(Route { host: host?, protocol, connect_to: authority })
}

fn listen(
    section: &mut Section<'_, '_>,
    default: SocketAddr,
    name: &'static str,
    given: Option<&str>,
) -> SocketAddr {
    let port = default.port();
    let given = Given::new(Place::Flag(name), given, value::address(port));
    section.take_or_given("listen", default, text(value::address(port)), [given])
}

fn timeouts(section: &mut Section<'_, '_>, default: Timeouts) -> Timeouts {
    Timeouts {
        connect: section.take("connect_timeout", default.connect, duration),
        response: section.take("response_timeout", default.response, duration),
        idle: section.take("idle_timeout", default.idle, duration),
        client: section.take("client_timeout", default.client, duration),
        tunnel: section.take("tunnel_timeout", default.tunnel, duration),
    }
}

fn pool(section: &mut Section<'_, '_>, default: Pool) -> Pool {
    Pool {
        max_idle: section.take("pool_max_idle", default.max_idle, count(0..=65_536)),
        idle_timeout: section.take("pool_idle_timeout", default.idle_timeout, duration),
    }
}

/// A certificate and its key.
fn certificate(section: &mut Section<'_, '_>) -> Option<ServerOptions> {
    pair(section, "cert", "key").map(|(cert, key)| ServerOptions { cert, key })
}

/// Two files of which each is useless alone: both, or neither.
fn pair(
    section: &mut Section<'_, '_>,
    one: &'static str,
    other: &'static str,
) -> Option<(PathBuf, PathBuf)> {
    let first = section.find(one, text(value::path));
    let second = section.find(other, text(value::path));
    for (there, missing) in [(one, other), (other, one)] {
        if section.has(there) && !section.has(missing) {
            section.fault_of(there, format!("useless alone; set {missing} too"));
        }
    }
    first.zip(second)
}

fn roots(section: &mut Section<'_, '_>) -> ClientOptions {
    ClientOptions { roots: section.find("roots", text(value::path)) }
}

/// Which headers are sent on: a list that names at least one.
fn propagation(value: &DeValue<'_>) -> Parsed<Propagation> {
    let mut propagation = Propagation { xray: false, w3c: false };
    let names = value.as_array().map(|list| list.iter().map(|name| name.get_ref().as_str()));
    for name in names.into_iter().flatten() {
        match name {
            Some("xray") => propagation.xray = true,
            Some("w3c") => propagation.w3c = true,
            Some(_) | None => return Err("known are \"xray\" and \"w3c\"".to_owned()),
        }
    }
    if propagation.xray || propagation.w3c {
        return Ok(propagation);
    }
    Err("every trace would end here; write [\"xray\"], [\"w3c\"] or both".to_owned())
}

fn attribution(section: &mut Section<'_, '_>) -> attribution::options::Options {
    let default = attribution::options::Options::default();
    attribution::options::Options {
        fingerprint: section.take("fingerprint", default.fingerprint, value::boolean),
        thread: section.take("thread", default.thread, value::boolean),
        process: section.take("process", default.process, value::boolean),
        max_hold: section.take("max_hold", default.max_hold, duration),
        sole: section.take("sole", default.sole, value::boolean),
        max_requests: section.take("max_requests", default.max_requests, count(1..=16_777_216)),
        max_routes: section.take("max_routes", default.max_routes, count(1..=1_048_576)),
        remember: section.take("remember", default.remember, duration),
    }
}

/// The fate of calls without a parent. `ignore` is what `AWS_XRAY_CONTEXT_MISSING` can say.
fn unknown(word: &str) -> Parsed<Unknown> {
    value::word([
        ("root", Unknown::Root),
        ("none", Unknown::None(Missing::Log)),
        ("ignore", Unknown::None(Missing::Ignore)),
    ])(word)
}

/// Whose sampling rules count.
fn central(word: &str) -> Parsed<bool> {
    value::word([("local", false), ("central", true)])(word)
}

fn emit(section: &mut Section<'_, '_>, env: &Env, flags: &Flags) -> emit::options::Options {
    let default = emit::options::Options::default();
    let daemon =
        [env.daemon(), Given::new(Place::Flag("--daemon"), flags.daemon.as_deref(), value::daemon)];
    emit::options::Options {
        daemon: section.take_or_given("daemon", default.daemon, text(value::daemon), daemon),
        file: section.find("file", text(value::path)),
        queue: section.take("queue", default.queue, count(1..=1_048_576)),
    }
}

fn collector(section: &mut Section<'_, '_>) -> viewer::options::Options {
    let default = viewer::options::Options::default();
    viewer::options::Options {
        max_traces: section.take("max_traces", default.max_traces, count(1..=1_000_000)),
        max_bytes: section.take("max_bytes", default.max_bytes, value::size(1 << 16..=1 << 34)),
    }
}

fn admin(section: &mut Section<'_, '_>, flags: &Flags) -> Admin {
    let default = Admin::default();
    let given = flags.admin_listen.as_deref();
    Admin {
        listen: listen(section, default.listen, "--admin-listen", given),
        api: section.take("api", default.api, value::boolean),
    }
}

fn log(section: &mut Section<'_, '_>) -> Log {
    let default = Log::default();
    let format = value::word([("text", Format::Text), ("json", Format::Json)]);
    Log {
        level: section.take("level", default.level, text(level)),
        format: section.take("format", default.format, text(format)),
        access: section.take("access", default.access, text(access)),
    }
}

/// Where the access log goes.
fn access(to: &str) -> Parsed<Option<LinesTo>> {
    match to {
        "off" => Ok(None),
        "stdout" => Ok(Some(LinesTo::Stdout)),
        path => value::path(path).map(|path| Some(LinesTo::File(path))),
    }
}

/// A level or directives. A bare word must be a level: `EnvFilter` would take `inof` for the name
/// of a module, and log nothing else.
fn level(directives: &str) -> Parsed<Box<str>> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for word in directives.split(',').map(str::trim) {
        let bare = word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if bare && !LEVELS.contains(&word.to_ascii_lowercase().as_str()) {
            return Err(nearest::unknown("level", word, &LEVELS));
        }
    }
    match EnvFilter::try_new(directives) {
        Ok(_) => Ok(directives.into()),
        Err(error) => Err(format!("{error}; write a level, or as \"info,sideray::proxy=debug\"")),
    }
}

fn workers(section: &mut Section<'_, '_>, flags: &Flags) -> Workers {
    let range = 0..=MOST_WORKERS;
    let given =
        Given::new(Place::Flag("--workers"), flags.workers.as_deref(), count_word(range.clone()));
    let count = section.take_or_given("workers", 0, count(range), [given]);
    NonZeroUsize::new(count).map_or(Workers::PerCore, Workers::Count)
}

fn shutdown(section: &mut Section<'_, '_>) -> Shutdown {
    let default = Shutdown::default();
    Shutdown {
        timeout: section.take("timeout", default.timeout, duration),
        flush: section.take("flush", default.flush, duration),
    }
}
