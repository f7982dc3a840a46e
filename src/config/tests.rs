//! The whole configuration: precedence, the reference file, what a broken file is told.

mod daemon;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::config::env::Env;
use crate::config::source::File;
use crate::config::source::Flags;
use crate::emit::options::Daemon;
use crate::origin::options::Ec2Place;
use crate::origin::options::Places;
use crate::record::options::Missing;
use crate::record::options::Unknown;

/// The reference.
const REFERENCE: &str = include_str!("../../proxy.toml");

/// A file that is wrong in every way.
const BROKEN: &str = include_str!("broken.toml");

fn file(text: &str) -> Sources {
    let file = File { path: "proxy.toml".into(), text: text.to_owned() };
    Sources { file: Some(file), ..Sources::default() }
}

fn env(pairs: &[(&str, &str)]) -> Env {
    Env::new(|name| {
        let found = pairs.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// The reference with every key in force: a key behind `#` has no space after it.
fn uncommented() -> String {
    let strip = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => {
            format!("{rest}\n")
        }
        _ => format!("{line}\n"),
    };
    REFERENCE.lines().map(strip).collect()
}

/// Every key of a text that a reader asks for, whatever their values.
fn keys_asked_for(text: &str) -> BTreeSet<String> {
    let mut findings = Findings::default();
    let _config = gather(&file(text), &mut findings);
    findings.keys().map(without_indices).collect()
}

/// A key of any element of a list.
fn without_indices(key: &str) -> String {
    let pieces = key.split('[');
    pieces.map(|piece| piece.split_once(']').map_or(piece, |(_, rest)| rest)).collect()
}

/// Every key that is written in a text.
fn keys_written(text: &str) -> BTreeSet<String> {
    fn walk(path: &str, value: &toml::Value, keys: &mut BTreeSet<String>) {
        if let Some(table) = value.as_table() {
            for (key, value) in table {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                keys.insert(path.clone());
                walk(&path, value, keys);
            }
        }
        for element in value.as_array().into_iter().flatten() {
            walk(path, element, keys);
        }
    }
    let mut keys = BTreeSet::new();
    walk("", &toml::Value::Table(text.parse().unwrap()), &mut keys);
    keys
}

#[test]
fn the_reference_equals_the_defaults() {
    let defaults = load(&Sources::default()).unwrap().to_toml();
    assert_eq!(load(&file(REFERENCE)).unwrap().to_toml(), defaults);
    insta::assert_snapshot!("defaults", defaults);
}

#[test]
fn the_reference_has_every_key_and_no_other() {
    let all = uncommented();
    assert_eq!(keys_written(&all), keys_asked_for(&all));
}

#[test]
fn every_example_of_the_reference_is_sound() {
    let manifest = "manifest = \"/etc/sideray/sampling-rules.json\"";
    let all = uncommented().replace(manifest, "");
    let config = load(&file(&all)).unwrap_or_else(|faults| panic!("{faults}"));
    let written = config.to_toml();
    let again = load(&file(&written)).unwrap_or_else(|faults| panic!("{faults}\n{written}"));
    assert_eq!(again.to_toml(), written);
    assert_eq!(keys_written(&written), keys_written(&all), "what is read is also written");
}

#[test]
fn values_other_than_the_defaults_arrive_and_are_written() {
    let text = r#"
        service.name = 'a\b c'
        service.version = "2.0-beta é"
        naming = { hosts = ["*.Shop.example"], rules = [{ url_path = "/admin/*", name = "shop-admin" }] }
        ingress = { listen = "[::1]:1", upstream = "H2C://Example.com" }
        egress.no_trace = ["*.Internal", "*/Health*"]
        egress.traced = ["*.Internal"]
        egress.aws = { resign = true, max_body = 1000, endpoints = { "*" = "http://Emulator:4566", s3 = "https://s3.example" } }
        trace = { enabled = false, propagate = ["w3c", "xray"], error_bodies = false }
        attribution = { unknown = "ignore", sole = false, remember = "1500ms" }
        origin.plugins = ["eks", "ec2"]
        origin.log_groups = ["/ecs/shop", "arn:aws:logs:eu-west-1:123456789012:log-group:b:*"]
        emit.daemon = "udp:a:1 tcp:[::1]:2"
        relay.listen = "[::]:2000"
        collector.max_bytes = 65_537
        admin.api = false
        log = { level = "warn,sideray=trace", format = "json", access = "/var/log/access.jsonl" }
        runtime.workers = 0x10
        sampling.keep = ["slower than 2 s", "fault", "throttle"]
        sampling.keep_per_second = 5
        [[sampling.rules]]
        fixed_target = 0
        rate = 1
        [[annotate]]
        header = "X-Request-ID"
        [[annotate]]
        value = 1.5
        key = "share"
        on = "both"
        host = "*.Example"
        status = "400-499"
        [[annotate]]
        cookie = "session"
        as = "metadata"
        secret = true
        [[annotate]]
        value = -3
        as = "metadata"
        key = "what it is"
        namespace = "a b"
        [[annotate]]
        path = "who"
        route = "/{who}"
        as = "user"
    "#;
    let config = load(&file(text)).unwrap_or_else(|faults| panic!("{faults}"));
    let written = config.to_toml();
    insta::assert_snapshot!("others", written);
    assert_eq!(load(&file(&written)).unwrap().to_toml(), written);
}

#[test]
fn a_broken_file_is_told_everything_at_once() {
    let mut sources = file(BROKEN);
    sources.env =
        env(&[("AWS_XRAY_CONTEXT_MISSING", "LOG"), ("AWS_XRAY_DAEMON_ADDRESS", "udp:h:1")]);
    sources.flags = Flags {
        upstream: Some("ftp://h".to_owned()),
        workers: Some("many".to_owned()),
        ..Flags::default()
    };
    insta::assert_snapshot!("broken", load(&sources).unwrap_err().to_string());
}

#[test]
fn faults_beyond_the_bound_are_counted() {
    let text: String = (0..150).map(|n| format!("unheard_of_{n} = 1\n")).collect();
    let faults = load(&file(&text)).unwrap_err();
    assert_eq!(faults.as_slice().len(), 100);
    assert!(faults.to_string().ends_with("\nand 50 more"));
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let mut sources = file("emit.daemon = \"file:1\"\nservice.name = \"file\"");
    let seen = |sources: &Sources| {
        let config = load(sources).unwrap();
        let udp = match config.emit.daemon {
            Daemon::Remote(address) => address.udp,
            Daemon::Embedded => "embedded".into(),
        };
        (udp.to_string(), config.record.name.as_str().to_owned())
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(seen(&Sources::default()), pair("embedded", "service"));
    assert_eq!(seen(&sources), pair("file:1", "file"));
    sources.env =
        env(&[("AWS_XRAY_DAEMON_ADDRESS", "env:1"), ("AWS_XRAY_TRACING_NAME", "env (1)")]);
    assert_eq!(seen(&sources), pair("env:1", "env 1"));
    sources.flags.daemon = Some("embedded".to_owned());
    sources.flags.name = Some("flag".to_owned());
    assert_eq!(seen(&sources), pair("embedded", "flag"));
}

#[test]
fn a_fault_is_told_even_where_something_beats_it() {
    let mut sources = file("ingress.upstream = \"nowhere\"");
    sources.flags.upstream = Some("http://h:1".to_owned());
    let faults = load(&sources).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "proxy.toml:1:9: ingress.upstream = \"nowhere\": not an origin; write it as \
         \"http://nowhere\""
    );
}

#[test]
fn a_fault_between_values_stands_where_they_were_written() {
    let mut sources = file("egress.aws.endpoints = { sqs = 'http://localhost:8001' }");
    sources.flags.upstream = Some("http://localhost:8001".to_owned());
    sources.flags.admin_listen = Some("127.0.0.1:8000".to_owned());
    insta::assert_snapshot!("between", load(&sources).unwrap_err().to_string());
}

#[test]
fn the_variables_have_the_meaning_of_the_sdks() {
    let load = |name, value| {
        let sources = Sources { env: env(&[(name, value)]), ..Sources::default() };
        load(&sources).unwrap().record
    };
    for (value, expected) in [
        ("RUNTIME_ERROR", Unknown::None(Missing::Log)),
        ("LOG_ERROR", Unknown::None(Missing::Log)),
        ("IGNORE_ERROR", Unknown::None(Missing::Ignore)),
        ("", Unknown::Root),
    ] {
        assert_eq!(load("AWS_XRAY_CONTEXT_MISSING", value).unknown, expected, "{value}");
    }
    for (value, expected) in
        [("False", false), ("n", false), ("0", false), ("OFF", false), ("on", true), ("odd", true)]
    {
        assert_eq!(load("AWS_XRAY_SDK_ENABLED", value).enabled, expected, "{value}");
    }
    for (value, expected) in [("true", false), ("TRUE", false), ("1", true), ("false", true)] {
        assert_eq!(load("AWS_XRAY_SDK_DISABLED", value).enabled, expected, "{value}");
    }
}

#[test]
fn variables_say_where_to_ask_what_machine_this_is() {
    let places = |pairs: &[(&str, &str)]| {
        let sources = Sources { env: env(pairs), ..Sources::default() };
        load(&sources).unwrap().origin.places
    };
    let bare = places(&[]);
    assert_eq!(bare, Places::default());
    assert_eq!((&bare.ec2.endpoint, &bare.ecs), (&None, &None), "nobody is evident");
    let ec2 = places(&[
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://[::1]:1"),
        ("AWS_EC2_METADATA_DISABLED", "True"),
        ("AWS_EC2_METADATA_V1_DISABLED", "true"),
    ])
    .ec2;
    let endpoint = Some("http://[::1]:1".into());
    assert_eq!(ec2, Ec2Place { endpoint, disabled: true, v1_disabled: true });
    assert!(!places(&[("AWS_EC2_METADATA_DISABLED", "1")]).ec2.disabled, "as the SDKs have it");

    let (v3, v4) = ("ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4");
    for (pairs, expected) in [
        (&[(v3, "http://h/v3/a")][..], Some("http://h/v3/a")),
        (&[(v3, "http://h/v3/a"), (v4, "http://h/v4/a")], Some("http://h/v4/a")),
        (&[(v3, "http://h/v3/a"), (v4, "file:///a")], Some("http://h/v3/a")),
        (&[(v4, " ")], None),
    ] {
        assert_eq!(places(pairs).ecs.as_deref(), expected, "{pairs:?}");
    }
    let (host, port) = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT");
    for (pairs, expected) in [
        (&[(host, "10.0.0.1")][..], "https://10.0.0.1:443"),
        (&[(host, "fd00::1"), (port, "6443")], "https://[fd00::1]:6443"),
        (&[(port, "6443")], "https://kubernetes.default.svc"),
    ] {
        assert_eq!(&*places(pairs).kubernetes, expected, "{pairs:?}");
    }
}

#[test]
fn rules_come_from_the_file_or_from_a_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.json");
    let named = |more: &str| file(&format!("[sampling]\nmanifest = '{}'\n{more}", path.display()));
    let missing = load(&named("")).unwrap_err().to_string();
    assert!(missing.contains("cannot be read: No such file"), "{missing}");

    let rule = r#"{"host":"a*","http_method":"*","url_path":"*","fixed_target":2,"rate":0.5}"#;
    let text =
        format!(r#"{{"version":2,"default":{{"fixed_target":1,"rate":0}},"rules":[{rule}]}}"#);
    std::fs::write(&path, &text).unwrap();
    let config = load(&named("")).unwrap();
    assert_eq!(&*config.sampling.rules().next().unwrap().host, "a*");
    let again = load(&file(&config.to_toml())).unwrap();
    assert_eq!(again.sampling, config.sampling, "the rules are written, not the manifest");

    let both = load(&named("default = { rate = 1 }")).unwrap_err().to_string();
    assert!(both.contains(":3:1: sampling.default = { rate = 1 }: the manifest has"), "{both}");

    std::fs::write(&path, text.replace("0.5", "5").replace("\"version\":2", "\"version\":3"))
        .unwrap();
    let faults = load(&named("")).unwrap_err();
    assert_eq!(faults.as_slice().len(), 2, "{faults}");
    assert!(faults.to_string().contains("rules.json"), "{faults}");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let odd = load(&named("")).unwrap_err().to_string();
    assert!(odd.contains("not a plain file"), "{odd}");
}

#[test]
fn what_is_open_or_off_is_warned_of() {
    assert_eq!(load(&Sources::default()).unwrap().warnings(), Vec::<String>::new());
    let text = "egress.listen = '0.0.0.0:1'\nadmin.listen = '[::]:2'\n\
                relay.listen = '0.0.0.0:3'\ntrace.enabled = false";
    let warnings = load(&file(text)).unwrap().warnings();
    let starts = [
        "egress.listen = 0.0.0.0:1: ",
        "admin.listen = [::]:2: ",
        "relay.listen = 0.0.0.0:3: ",
        "trace.enabled = false: ",
    ];
    assert_eq!(warnings.len(), starts.len(), "{warnings:?}");
    for (warning, start) in warnings.iter().zip(starts) {
        assert!(warning.starts_with(start), "{warning}");
    }
}

#[test]
fn a_fault_is_one_line_whatever_it_quotes() {
    for text in [
        "service.name = [1,\t2]",
        "service.name = \"\u{1b}[31m\"",
        "service.name = '\u{85}'\nemit.queue = 'a\tb'",
        "emit.daemon = {\u{1b}}\n",
        "\"\u{1b}\" = 1\n[\"\u{7f}\"]\n['\u{9b}']\n\u{9b} = 1",
        "\u{1b}[31m",
    ] {
        for fault in load(&file(text)).unwrap_err().as_slice() {
            let line = fault.to_string();
            assert!(!line.contains(char::is_control), "a terminal might obey {line:?}");
        }
    }
}

/// Lines that are nearly right: more telling than noise.
fn nearly() -> impl Strategy<Value = String> {
    let lines: Vec<&'static str> = REFERENCE.lines().chain(BROKEN.lines()).collect();
    let line = (prop::sample::select(lines), any::<prop::sample::Index>(), ".{0,3}");
    let line = line.prop_map(|(line, at, noise)| {
        let mut characters: Vec<char> = line.trim_start_matches('#').chars().collect();
        let at = at.index(characters.len() + 1);
        characters.splice(at..at, noise.chars());
        characters.into_iter().collect::<String>()
    });
    proptest::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        if let Err(faults) = load(&file(&text)) {
            prop_assert!(!faults.as_slice().is_empty());
        }
    }

    #[test]
    fn any_nearly_right_text_is_survived_and_what_loads_is_written_so(text in nearly()) {
        if let Ok(config) = load(&file(&text)) {
            let written = config.to_toml();
            let again = load(&file(&written));
            prop_assert_eq!(again.map(|config| config.to_toml()), Ok(written));
        }
    }

    #[test]
    fn any_word_is_survived(word in any::<String>()) {
        let given = Some(word.clone());
        let flags = Flags {
            admin_listen: given.clone(),
            daemon: given.clone(),
            egress_listen: given.clone(),
            ingress_listen: given.clone(),
            name: given.clone(),
            upstream: given.clone(),
            workers: given,
        };
        let env = Env::new(|_| Some(word.clone()));
        let sources = Sources { file: None, env, flags };
        prop_assert!(load(&sources).is_err());
    }
}
