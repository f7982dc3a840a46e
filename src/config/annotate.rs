//! `[[annotate]]`: what becomes an annotation, metadata or the user.

use http::HeaderName;
use serde_json::Number;
use toml::Value;
use toml::de::DeValue;

use crate::annotate::filter::Filter;
use crate::annotate::filter::StatusRange;
use crate::annotate::rule::Kind;
use crate::annotate::rule::MAX_RULES;
use crate::annotate::rule::On;
use crate::annotate::rule::Rule;
use crate::annotate::rule::Source;
use crate::annotate::rule::Target;
use crate::annotate::secret;
use crate::annotate::template::Template;
use crate::config::env::Env;
use crate::config::read::Parsed;
use crate::config::read::Section;
use crate::config::value;
use crate::config::value::text;
use crate::trace::segment::remarks::DEFAULT_NAMESPACE;
use crate::trace::segment::remarks::Key;
use crate::trace::segment::remarks::Remarks;
use crate::trace::segment::remarks::Scalar;

/// The keys that name a source. A rule has one.
const SOURCES: [&str; 9] = [
    "header",
    "response_header",
    "query",
    "cookie",
    "path",
    "grpc",
    "grpc_response",
    "env",
    "value",
];

/// Longest name of a parameter, a cookie, a variable, a key or a namespace, in bytes.
const LONGEST: usize = 500;

/// The words of `as`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    Annotation,
    Metadata,
    User,
}

/// Lowers all rules.
pub(super) fn rules(root: &mut Section<'_, '_>, env: &Env) -> Vec<Rule> {
    let rules = root.sections("annotate", |section| rule(section, env));
    if rules.len() > MAX_RULES {
        root.fault_of("annotate", format!("there may be {MAX_RULES} rules, and X-Ray indexes 50"));
    }
    rules.into_iter().flatten().collect()
}

/// One rule; `None` if it is at fault.
fn rule(section: &mut Section<'_, '_>, env: &Env) -> Option<Rule> {
    let source = source(section, env);
    let word = value::word([
        ("annotation", As::Annotation),
        ("metadata", As::Metadata),
        ("user", As::User),
    ]);
    let becomes = section.take("as", As::Annotation, text(word));
    let namespace = section.find("namespace", text(namespace));
    let key = match becomes {
        As::Annotation => section.find("key", text(key)),
        As::Metadata | As::User => section.find("key", text(name)),
    };
    let word =
        value::word([("string", Kind::Text), ("number", Kind::Number), ("boolean", Kind::Boolean)]);
    let kind = section.take("type", Kind::Text, text(word));
    let word = value::word([("ingress", On::Ingress), ("egress", On::Egress), ("both", On::Both)]);
    let on = section.take("on", On::Ingress, text(word));
    let secret = section.take("secret", false, value::boolean);
    let filter = filter(section);
    let (from, source) = source?;
    if !secret {
        refuse_secret(section, from, &source, key.as_deref());
    }
    check(section, from, &source, &filter);
    let target = match becomes {
        As::User => {
            check_user(section, kind, on);
            Target::User
        }
        As::Metadata => {
            let key = match key {
                Some(key) => key,
                None => annotation_key(section, from, &source, None)?.as_str().into(),
            };
            let namespace = namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.into());
            Target::Metadata { namespace, key }
        }
        As::Annotation => Target::Annotation(annotation_key(section, from, &source, key)?),
    };
    if section.has("namespace") && becomes != As::Metadata {
        section.fault_of("namespace", "only metadata has one; add as = \"metadata\"".to_owned());
    }
    Some(Rule { source, target, kind, on, filter, secret })
}

/// The one source of a rule, and the key that names it.
fn source(section: &mut Section<'_, '_>, env: &Env) -> Option<(&'static str, Source)> {
    let variable = |text: &str| {
        let value = env.any(text).map(Into::into);
        name(text).map(|name| Source::Env(name, value))
    };
    let found = [
        section.find("header", text(header)).map(Source::Header),
        section.find("response_header", text(header)).map(Source::ResponseHeader),
        section.find("query", text(name)).map(Source::Query),
        section.find("cookie", text(cookie)).map(Source::Cookie),
        section.find("path", text(name)).map(Source::Path),
        section.find("grpc", text(metadata)).map(Source::Grpc),
        section.find("grpc_response", text(metadata)).map(Source::GrpcResponse),
        section.find("env", text(variable)),
        section.find("value", constant).map(Source::Value),
    ];
    let mut there = SOURCES.into_iter().filter(|key| section.has(key));
    let Some(first) = there.next() else {
        section.fault_here(format!(
            "a rule says where its value comes from, by one of {}; write it as header = \
             \"x-request-id\"",
            SOURCES.join(", ")
        ));
        return None;
    };
    let more: Vec<_> = there.collect();
    for key in &more {
        let message = format!("a rule has one source, and {first} is it; write a rule for each");
        section.fault_of(key, message);
    }
    let source = found.into_iter().flatten().next().filter(|_| more.is_empty())?;
    Some((first, source))
}

fn filter(section: &mut Section<'_, '_>) -> Filter {
    let route = |text: &str| Template::parse(text).map_err(|error| error.to_string());
    Filter {
        route: section.find("route", text(route)),
        method: section.find("http_method", text(value::pattern)),
        host: section.find("host", text(value::host_pattern)),
        status: section.take("status", Vec::new(), statuses),
    }
}

/// Refuses what is probably a secret.
fn refuse_secret(section: &mut Section<'_, '_>, from: &str, source: &Source, key: Option<&str>) {
    let meant = "whoever may see traces would see it; if that is meant, write secret = true in the \
                 rule";
    if let Some(reason) = source.name().and_then(secret::reason) {
        section.fault_of(from, format!("{reason}; {meant}"));
    } else if let (Some(reason), Some(_)) = (key.and_then(secret::reason), source.name()) {
        section.fault_of("key", format!("{reason}; {meant}"));
    } else if let Source::Env(_, Some(value)) = source
        && has_user_information(value)
    {
        section.fault_of(from, format!("its value is a URL with user and password; {meant}"));
    }
}

/// Whether a text is a URL as `scheme://user:password@host`.
fn has_user_information(text: &str) -> bool {
    let authority = text.split_once("://").map(|(_, rest)| rest.split('/').next());
    authority.flatten().is_some_and(|authority| authority.contains('@'))
}

/// What a source wants besides.
fn check(section: &mut Section<'_, '_>, from: &str, source: &Source, filter: &Filter) {
    if let Source::Path(name) = source {
        let named = filter.route.as_ref().map(|route| route.names(name));
        if named == Some(false) {
            section.fault_of(from, "route captures nothing by that name".to_owned());
        } else if named.is_none() && !section.has("route") {
            let message = "names what route captures, and there is none; write it as route = ";
            section.fault_of(from, format!("{message}\"/orders/{{{name}}}\""));
        }
    }
    if matches!(source, Source::Value(_)) && section.has("type") {
        section.fault_of("type", "a value is of the type that it is written in".to_owned());
    }
}

/// A user is a text, and of segments alone. Source: X-Ray developer guide, "Segment documents".
fn check_user(section: &mut Section<'_, '_>, kind: Kind, on: On) {
    if section.has("key") {
        section.fault_of("key", "a user has no key".to_owned());
    }
    if kind != Kind::Text {
        section.fault_of("type", "a user is a string".to_owned());
    }
    if on != On::Ingress {
        let message = "only requests to the service have a user, so it is \"ingress\"";
        section.fault_of("on", message.to_owned());
    }
}

/// The key of an annotation: as it is written, or made of the source's own name.
fn annotation_key(
    section: &mut Section<'_, '_>,
    from: &str,
    source: &Source,
    key: Option<Box<str>>,
) -> Option<Key> {
    if section.has("key") {
        return Key::new(&key?);
    }
    let Some(name) = source.name() else { return missing_key(section) };
    let key = Key::clean(name);
    if key.is_none() {
        let message = "no key can be made of a name without letters and digits; write one as \
                       key = \"…\"";
        section.fault_of(from, message.to_owned());
    }
    key
}

fn missing_key<T>(section: &mut Section<'_, '_>) -> Option<T> {
    if !section.has("key") {
        section.fault_here("a value has no name of its own; write one as key = \"…\"".to_owned());
    }
    None
}

fn header(text: &str) -> Parsed<HeaderName> {
    let message = "not the name of a header; letters, digits and - are usual";
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| message.to_owned())
}

/// A key of gRPC metadata. Source: "gRPC over HTTP2", custom metadata.
fn metadata(text: &str) -> Parsed<HeaderName> {
    let name = header(text)?;
    if name.as_str().ends_with("-bin") {
        return Err("metadata that ends in -bin is no text, and annotations are".to_owned());
    }
    Ok(name)
}

fn cookie(text: &str) -> Parsed<Box<str>> {
    if text.contains([';', '=', ',', '"', ' ']) {
        return Err("not the name of a cookie".to_owned());
    }
    name(text)
}

fn name(text: &str) -> Parsed<Box<str>> {
    let sound = !text.is_empty() && text.len() <= LONGEST && !text.contains(char::is_control);
    let message = || format!("not a name; write 1 to {LONGEST} visible characters");
    sound.then(|| text.into()).ok_or_else(message)
}

fn key(text: &str) -> Parsed<Box<str>> {
    if Key::new(text).is_some() {
        return Ok(text.into());
    }
    let mended = Key::clean(text).map(|key| format!("; write it as \"{key}\""));
    let mended = mended.unwrap_or_default();
    Err(format!("X-Ray takes 1 to 500 letters of ASCII, digits and _{mended}"))
}

fn namespace(text: &str) -> Parsed<Box<str>> {
    let reserved = Remarks::default().describe(text, "", &serde_json::Value::Null);
    reserved.map_err(|error| error.to_string())?;
    name(text)
}

/// A text, a number or a boolean.
fn constant(value: &DeValue<'_>) -> Parsed<Scalar> {
    let scalar = match value {
        DeValue::String(text) if !text.is_empty() => Some(Scalar::text(text)),
        DeValue::Boolean(flag) => Some(Scalar::Boolean(*flag)),
        DeValue::Integer(_) => value::count(i64::MIN..=i64::MAX)(value).ok().map(i64_scalar),
        DeValue::Float(number) => {
            let number = number.as_str().parse().ok().and_then(Number::from_f64);
            number.map(Scalar::Number)
        }
        DeValue::String(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    };
    let expected = "expected a string that is not empty, a number, true or false";
    scalar.ok_or_else(|| expected.to_owned())
}

fn i64_scalar(number: i64) -> Scalar {
    Scalar::Number(number.into())
}

/// One status, a class or a range of them, or a list of such.
fn statuses(value: &DeValue<'_>) -> Parsed<Vec<StatusRange>> {
    let message = || {
        "write a status, a class or a range, as \"404\", \"5xx\" or \"400-499\", or \
                      a list of such"
            .to_owned()
    };
    let one = |value: &DeValue<'_>| value.as_str().and_then(StatusRange::parse);
    match value.as_array() {
        Some(list) if list.is_empty() => Err(message()),
        Some(list) => list.iter().map(|value| one(value.get_ref()).ok_or_else(message)).collect(),
        None => one(value).map(|range| vec![range]).ok_or_else(message),
    }
}

/// A rule as it is written.
pub(super) fn written(rule: &Rule) -> Vec<(&'static str, Value)> {
    let Rule { source, target, kind, on, filter, secret } = rule;
    let mut keys: Vec<(&'static str, Value)> = vec![written_source(source)];
    match target {
        Target::Annotation(key) => {
            keys.extend([("as", "annotation".into()), ("key", key.as_str().into())]);
        }
        Target::Metadata { namespace, key } => {
            let (namespace, key) = (&**namespace, &**key);
            let pairs = [("as", "metadata"), ("namespace", namespace), ("key", key)];
            keys.extend(pairs.map(|(key, text)| (key, text.into())));
        }
        Target::User => keys.push(("as", "user".into())),
    }
    let kind = match kind {
        Kind::Text => "string",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
    };
    if !matches!(source, Source::Value(_)) {
        keys.push(("type", kind.into()));
    }
    let on = match on {
        On::Ingress => "ingress",
        On::Egress => "egress",
        On::Both => "both",
    };
    keys.push(("on", on.into()));
    let Filter { route, method, host, status } = filter;
    let route = route.as_ref().map(|route| route.to_string().into_boxed_str());
    let texts = [("route", &route), ("http_method", method), ("host", host)]
        .map(|(key, text)| text.as_deref().map(|text| (key, text.into())));
    keys.extend(texts.into_iter().flatten());
    if !status.is_empty() {
        let status: Vec<_> = status.iter().map(|range| range.to_string().into()).collect();
        keys.push(("status", Value::Array(status)));
    }
    if *secret {
        keys.push(("secret", true.into()));
    }
    keys
}

fn written_source(source: &Source) -> (&'static str, Value) {
    let key = match source {
        Source::Header(_) => "header",
        Source::ResponseHeader(_) => "response_header",
        Source::Query(_) => "query",
        Source::Cookie(_) => "cookie",
        Source::Path(_) => "path",
        Source::Grpc(_) => "grpc",
        Source::GrpcResponse(_) => "grpc_response",
        Source::Env(..) => "env",
        Source::Value(_) => "value",
    };
    let value = match (source, source.name()) {
        (Source::Value(value), _) => written_constant(value),
        (_, name) => name.unwrap_or_default().into(),
    };
    (key, value)
}

fn written_constant(value: &Scalar) -> Value {
    match value {
        Scalar::Text(text) => (&**text).into(),
        Scalar::Boolean(flag) => (*flag).into(),
        Scalar::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
    }
}

#[cfg(test)]
mod tests;
