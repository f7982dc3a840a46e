//! A resolved configuration as TOML that loads back to itself.

use std::path::Path;

use toml::Table;
use toml::Value;

use crate::config::Config;
use crate::config::annotate;
use crate::config::process::Format;
use crate::config::process::Workers;
use crate::config::rules;
use crate::config::site;
use crate::config::value::daemon_text;
use crate::config::value::duration_text;
use crate::config::value::origin_text;
use crate::config::value::size_text;
use crate::emit::options::LinesTo;
use crate::net::tls::options::ClientOptions;
use crate::proxy::options::Origin;
use crate::proxy::options::Pool;
use crate::proxy::options::Timeouts;
use crate::record::naming::Naming;
use crate::record::naming::Rule;
use crate::record::options::Missing;
use crate::record::options::Unknown;
use crate::sampling::rule::Limits;

impl Config {
    /// The whole configuration as TOML, defaults, flags and environment included. Loading it with
    /// neither flags nor environment gives the same again. There are no secrets in it.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut out = Writer::default();
        out.section("service");
        out.text("name", self.record.name.as_str());
        if let Some(version) = &self.origin.version {
            out.text("version", version);
        }
        self.write_naming(&mut out);
        self.write_ingress(&mut out);
        self.write_egress(&mut out);
        self.write_tracing(&mut out);
        self.write_sampling(&mut out);
        self.write_annotate(&mut out);
        self.write_process(&mut out);
        out.0
    }

    fn write_ingress(&self, out: &mut Writer) {
        let ingress = &self.ingress;
        out.section("ingress");
        out.text("listen", &ingress.listen.to_string());
        out.text("upstream", &origin_text(&ingress.upstream));
        out.waits(&ingress.timeouts, &ingress.pool);
        if let Some(tls) = &ingress.tls {
            out.section("ingress.tls");
            out.path("cert", &tls.cert);
            out.path("key", &tls.key);
        }
        out.roots("ingress.upstream_tls", &ingress.upstream_tls);
    }

    fn write_egress(&self, out: &mut Writer) {
        let egress = &self.egress;
        out.section("egress");
        out.text("listen", &egress.listen.to_string());
        out.list("no_trace", egress.no_trace.iter().map(|host| &**host));
        out.list("traced", egress.traced.iter().map(|host| &**host));
        out.waits(&egress.timeouts, &egress.pool);
        out.roots("egress.tls", &egress.tls);
        out.section("egress.intercept");
        out.list("hosts", egress.intercept.iter().map(|host| &**host));
        if let Some(dir) = &egress.ca_dir {
            out.path("ca_dir", dir);
        }
        if let Some(files) = &egress.ca {
            out.path("ca_cert", &files.cert);
            out.path("ca_key", &files.key);
        }
        out.section("egress.aws");
        out.key("resign", egress.resign.enabled);
        out.size("max_body", egress.resign.max_body);
        if !egress.resign.endpoints.is_empty() {
            let endpoints = egress.resign.endpoints.iter().map(|(service, uri)| {
                (service.to_string(), uri.to_string().trim_end_matches('/').into())
            });
            out.key("endpoints", endpoints.collect::<Table>());
        }
        for route in &egress.routes {
            out.line("\n[[egress.route]]");
            out.text("host", &route.host);
            let to = Origin::new(route.protocol, route.connect_to.clone());
            out.text("connect_to", &origin_text(&to));
        }
    }

    fn write_naming(&self, out: &mut Writer) {
        let Naming { hosts, rules } = &self.record.naming;
        out.section("naming");
        out.list("hosts", hosts.iter().map(|host| &**host));
        for Rule { name, host, method, path } in rules {
            out.line("\n[[naming.rules]]");
            out.text("name", name.as_str());
            out.text("host", host);
            out.text("http_method", method);
            out.text("url_path", path);
        }
    }

    fn write_tracing(&self, out: &mut Writer) {
        out.section("trace");
        out.key("enabled", self.record.enabled);
        let sent = [(self.propagation.xray, "xray"), (self.propagation.w3c, "w3c")];
        out.list("propagate", sent.into_iter().filter(|(sent, _)| *sent).map(|(_, name)| name));
        out.key("error_bodies", self.error_bodies);

        out.section("attribution");
        out.text(
            "unknown",
            match self.record.unknown {
                Unknown::Root => "root",
                Unknown::None(Missing::Log) => "none",
                Unknown::None(Missing::Ignore) => "ignore",
            },
        );
        out.key("fingerprint", self.attribution.fingerprint);
        out.key("thread", self.attribution.thread);
        out.text("max_hold", &duration_text(self.attribution.max_hold));
        out.key("process", self.attribution.process);
        out.key("sole", self.attribution.sole);
        out.count("max_requests", self.attribution.max_requests);
        out.count("max_routes", self.attribution.max_routes);
        out.text("remember", &duration_text(self.attribution.remember));

        out.section("origin");
        out.list("plugins", site::plugin_words(&self.origin.plugins).into_iter());
        let groups = self.origin.log_groups.iter();
        out.list("log_groups", groups.map(|group| group.arn().unwrap_or(group.name())));

        out.section("emit");
        out.text("daemon", &daemon_text(&self.emit.daemon));
        if let Some(file) = &self.emit.file {
            out.path("file", file);
        }
        out.count("queue", self.emit.queue);
        out.text("in_progress_after", &duration_text(self.record.in_progress_after));
        out.count("stream_after", self.record.stream_after);
    }

    /// The rules in force, wherever they were read.
    fn write_sampling(&self, out: &mut Writer) {
        out.section("sampling");
        out.text("mode", if self.record.central { "central" } else { "local" });
        let keep = rules::keep_words(&self.record.keep);
        out.list("keep", keep.iter().map(|word| &**word));
        out.key("keep_per_second", i64::from(self.record.keep.per_second));
        out.section("sampling.default");
        out.limits(self.sampling.limits(self.sampling.rules().len()));
        for rule in self.sampling.rules() {
            out.line("\n[[sampling.rules]]");
            out.text("description", &rule.name);
            out.text("host", &rule.host);
            out.text("http_method", &rule.method);
            out.text("url_path", &rule.path);
            out.limits(rule.limits);
        }
    }

    fn write_annotate(&self, out: &mut Writer) {
        for rule in &self.annotate {
            out.line("\n[[annotate]]");
            for (key, value) in annotate::written(rule) {
                out.key(key, value);
            }
        }
    }

    fn write_process(&self, out: &mut Writer) {
        if let Some(listen) = self.relay.listen {
            out.section("relay");
            out.text("listen", &listen.to_string());
        }
        out.section("collector");
        out.count("max_traces", self.collector.max_traces);
        out.size("max_bytes", self.collector.max_bytes);
        out.section("admin");
        out.text("listen", &self.admin.listen.to_string());
        out.key("api", self.admin.api);
        out.section("log");
        out.text("level", &self.log.level);
        out.text(
            "format",
            match self.log.format {
                Format::Json => "json",
                Format::Text => "text",
            },
        );
        match &self.log.access {
            None => out.text("access", "off"),
            Some(LinesTo::Stdout) => out.text("access", "stdout"),
            Some(LinesTo::File(path)) => out.path("access", path),
        }
        out.section("runtime");
        out.count(
            "workers",
            match self.workers {
                Workers::Count(count) => count.get(),
                Workers::PerCore => 0,
            },
        );
        out.section("shutdown");
        out.text("timeout", &duration_text(self.shutdown.timeout));
        out.text("flush", &duration_text(self.shutdown.flush));
    }
}

#[derive(Debug, Default)]
struct Writer(String);

impl Writer {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn section(&mut self, name: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        self.line(&format!("{gap}[{name}]"));
    }

    fn key(&mut self, key: &str, value: impl Into<Value>) {
        let value: Value = value.into();
        self.line(&format!("{key} = {value}"));
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key, text);
    }

    /// A path is UTF-8, because it was read from TOML.
    fn path(&mut self, key: &str, path: &Path) {
        self.text(key, &path.to_string_lossy());
    }

    /// A count is far below the largest integer of TOML, because it was read from there.
    fn count(&mut self, key: &str, count: usize) {
        self.key(key, i64::try_from(count).unwrap_or(i64::MAX));
    }

    fn size(&mut self, key: &str, bytes: usize) {
        match u64::try_from(bytes).ok().and_then(size_text) {
            Some(text) => self.text(key, &text),
            None => self.count(key, bytes),
        }
    }

    fn list<'t>(&mut self, key: &str, texts: impl Iterator<Item = &'t str>) {
        self.key(key, texts.map(Value::from).collect::<Vec<_>>());
    }

    fn limits(&mut self, limits: Limits) {
        self.key("fixed_target", i64::from(limits.fixed_target));
        self.key("rate", limits.rate.get());
    }

    fn waits(&mut self, timeouts: &Timeouts, pool: &Pool) {
        self.text("connect_timeout", &duration_text(timeouts.connect));
        self.text("response_timeout", &duration_text(timeouts.response));
        self.text("idle_timeout", &duration_text(timeouts.idle));
        self.text("client_timeout", &duration_text(timeouts.client));
        self.text("tunnel_timeout", &duration_text(timeouts.tunnel));
        self.count("pool_max_idle", pool.max_idle);
        self.text("pool_idle_timeout", &duration_text(pool.idle_timeout));
    }

    fn roots(&mut self, section: &str, tls: &ClientOptions) {
        if let Some(roots) = &tls.roots {
            self.section(section);
            self.path("roots", roots);
        }
    }
}
