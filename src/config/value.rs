//! Parsers of single values, and their texts. Each says what is wrong and how to mend it.

use std::fmt::Display;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use toml::de::DeValue;

use crate::config::read::Parsed;
use crate::emit::options::Daemon;
use crate::emit::options::DaemonAddress;
use crate::nearest;
use crate::proxy::options::Origin;
use crate::proxy::options::Protocol;
use crate::trace::segment::Name;

/// The units of durations in milliseconds, the largest first.
const TIMES: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
/// The units of byte sizes, the largest first.
const SIZES: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
/// Longest wait that can be set: a day.
const LONGEST: Duration = Duration::from_secs(86_400);
/// Longest pattern of a host: the longest name DNS knows, and some room for wildcards.
const PATTERN: usize = 300;

/// Makes a parser of strings of a parser of text.
pub(super) fn text<T>(
    parse: impl FnOnce(&str) -> Parsed<T>,
) -> impl FnOnce(&DeValue<'_>) -> Parsed<T> {
    |value| match value.as_str() {
        Some(text) => parse(text),
        None => Err(format!("expected a string in quotes, found {}", found(value))),
    }
}

/// `true` or `false`.
pub(super) fn boolean(value: &DeValue<'_>) -> Parsed<bool> {
    value.as_bool().ok_or_else(|| format!("expected true or false, found {}", found(value)))
}

/// A whole number in `range`.
pub(super) fn count<N>(range: RangeInclusive<N>) -> impl FnOnce(&DeValue<'_>) -> Parsed<N>
where
    N: TryFrom<i64> + PartialOrd + Display,
{
    move |value| within(integer(value).and_then(|number| N::try_from(number).ok()), &range)
}

/// A whole number in `range`, as a word of the command line.
pub(super) fn count_word<N>(range: RangeInclusive<N>) -> impl FnOnce(&str) -> Parsed<N>
where
    N: FromStr + PartialOrd + Display,
{
    move |text| within(text.parse().ok(), &range)
}

fn within<N: PartialOrd + Display>(number: Option<N>, range: &RangeInclusive<N>) -> Parsed<N> {
    let message = || format!("expected a whole number from {} to {}", range.start(), range.end());
    number.filter(|number| range.contains(number)).ok_or_else(message)
}

/// A number from 0 to 1, which `make` turns into a rate.
pub(super) fn rate<R>(
    make: impl FnOnce(f64) -> Option<R>,
) -> impl FnOnce(&DeValue<'_>) -> Parsed<R> {
    |value| {
        let number = match value {
            DeValue::Float(number) => number.as_str().parse().ok(),
            DeValue::Integer(number) => number.as_str().parse().ok(),
            DeValue::String(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        let message = || "expected a share from 0 to 1; five percent is 0.05".to_owned();
        number.and_then(make).ok_or_else(message)
    }
}

/// A duration from a millisecond to a day, as `"250ms"`, `"10s"`, `"1m"`, `"1h"`.
pub(super) fn duration(value: &DeValue<'_>) -> Parsed<Duration> {
    let Some(text) = value.as_str() else {
        let number = integer(value).unwrap_or(10);
        return Err(format!("expected a duration with its unit; write it as \"{number}s\""));
    };
    duration_of(text)
}

/// The duration that a text says.
pub(super) fn duration_of(text: &str) -> Parsed<Duration> {
    let millis = measure(text, &TIMES)
        .ok_or("not a duration; write a whole number and ms, s, m or h, as \"250ms\" or \"10s\"")?;
    let duration = Duration::from_millis(millis);
    if duration.is_zero() || duration > LONGEST {
        return Err("out of range; from \"1ms\" to \"24h\" is allowed".to_owned());
    }
    Ok(duration)
}

/// The text of a duration, in the largest unit that says it whole.
pub(super) fn duration_text(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (unit, scale) = whole(millis, &TIMES).unwrap_or(("ms", 1));
    format!("{}{unit}", millis / scale)
}

/// A number of bytes in `range`, as an integer or as `"16MiB"`.
pub(super) fn size(range: RangeInclusive<u64>) -> impl FnOnce(&DeValue<'_>) -> Parsed<usize> {
    move |value| {
        let bytes = match value.as_str() {
            Some(text) => measure(text, &SIZES),
            None => integer(value).and_then(|number| u64::try_from(number).ok()),
        };
        let bytes = bytes.ok_or(
            "not a size; write a whole number of bytes, or one and KiB, MiB or GiB, as \"16MiB\"",
        )?;
        let fitting = Some(bytes).filter(|bytes| range.contains(bytes));
        fitting.and_then(|bytes| usize::try_from(bytes).ok()).ok_or_else(|| {
            let text = |bytes: u64| size_text(bytes).unwrap_or_else(|| bytes.to_string());
            let (least, most) = (text(*range.start()), text(*range.end()));
            format!("out of range; from {least:?} to {most:?} is allowed")
        })
    }
}

/// The text of a number of bytes in the largest unit that says it whole, if one does.
pub(super) fn size_text(bytes: u64) -> Option<String> {
    whole(bytes, &SIZES).map(|(unit, scale)| format!("{}{unit}", bytes / scale))
}

/// The number in front of its unit, times that unit.
fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, scale) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*scale)
}

/// The largest unit of which `amount` is a multiple, but not none.
fn whole<'u>(amount: u64, units: &[(&'u str, u64)]) -> Option<(&'u str, u64)> {
    units.iter().copied().find(|(_, scale)| amount > 0 && amount.is_multiple_of(*scale))
}

/// An address to listen on; `port` is the one that hints show.
pub(super) fn address(port: u16) -> impl FnOnce(&str) -> Parsed<SocketAddr> {
    move |text| {
        text.parse().map_err(|_| {
            let bare = text.trim();
            let mended = if let Ok(port) = bare.strip_prefix(':').unwrap_or(bare).parse::<u16>() {
                SocketAddr::from(([127, 0, 0, 1], port))
            } else if let Ok(ip) = bare.trim_matches(['[', ']']).parse::<IpAddr>() {
                SocketAddr::new(ip, port)
            } else if let Some(Ok(port)) = bare.strip_prefix("localhost:").map(str::parse) {
                SocketAddr::from(([127, 0, 0, 1], port))
            } else {
                let example = SocketAddr::from(([127, 0, 0, 1], port));
                return format!("not an address; write an IP and a port, as \"{example}\"");
            };
            format!("not an address; write it as \"{mended}\"")
        })
    }
}

/// An origin: scheme, host, and a port that may be left to the scheme.
pub(super) fn origin(text: &str) -> Parsed<Origin> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(format!("not an origin; write it as \"http://{}\"", text.trim()));
    };
    let (protocol, port) = match scheme.to_ascii_lowercase().as_str() {
        "http" => (Protocol::Http1, 80),
        "h2c" => (Protocol::H2c, 80),
        "https" => (Protocol::Tls, 443),
        _ => return Err("not a scheme we speak; http, https and h2c are".to_owned()),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#']) {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return Err(format!(
            "requests keep their own path, so it cannot have one; write it as \"{scheme}://{host}\""
        ));
    }
    if let Some((_, host)) = rest.rsplit_once('@') {
        return Err(format!(
            "credentials are not for this file; write it as \"{scheme}://{host}\""
        ));
    }
    let ported = match rest.parse::<Authority>() {
        Ok(authority) if authority.as_str() == authority.host() => format!("{rest}:{port}"),
        Ok(_) | Err(_) => rest.to_owned(),
    };
    let authority = host_and_port(&ported)?;
    Ok(Origin::new(protocol, authority))
}

/// An endpoint of AWS's: an origin that is spoken to as AWS is.
pub(super) fn endpoint(text: &str) -> Parsed<Uri> {
    let origin = origin(text)?;
    if origin.protocol == Protocol::H2c {
        return Err("SDKs speak HTTP/1.1 to it; write http:// or https://".to_owned());
    }
    origin_text(&origin).parse().map_err(|_| "not a host and port".to_owned())
}

/// The text of an origin.
pub(super) fn origin_text(origin: &Origin) -> String {
    let scheme = match origin.protocol {
        Protocol::Http1 => "http",
        Protocol::H2c => "h2c",
        Protocol::Tls | Protocol::TlsHttp1 => "https",
    };
    format!("{scheme}://{}", origin.authority)
}

/// A host, by name or address, and a port from 1.
fn host_and_port(text: &str) -> Parsed<Authority> {
    let message = || {
        "not a host and port; write them as \"host:port\", an IPv6 address in brackets".to_owned()
    };
    let authority: Authority = text.to_ascii_lowercase().parse().map_err(|_| message())?;
    let sound = match authority.host().strip_prefix('[') {
        Some(v6) => v6.trim_end_matches(']').parse::<std::net::Ipv6Addr>().is_ok(),
        None => !authority.host().is_empty(),
    };
    let port = authority.port_u16().filter(|port| *port > 0);
    let plain = port.is_some_and(|port| text.len() == authority.host().len() + 1 + digits(port));
    if sound && plain { Ok(authority) } else { Err(message()) }
}

fn digits(port: u16) -> usize {
    port.to_string().len()
}

/// A daemon: `embedded`, or an address as [`daemon_address`] reads it.
pub(super) fn daemon(text: &str) -> Parsed<Daemon> {
    match text {
        "embedded" => Ok(Daemon::Embedded),
        _ => daemon_address(text).map(Daemon::Remote),
    }
}

/// The address of a daemon, in the forms of the SDKs: `host:port` for both protocols, or
/// `tcp:host:port udp:host:port` in any order. Source: X-Ray developer guide, "Configuring the
/// X-Ray daemon"; the SDK for Python, `daemon_config.py`.
pub(super) fn daemon_address(text: &str) -> Parsed<DaemonAddress> {
    let address = |text: &str| Some(host_and_port(text).ok()?.as_str().into());
    let words: Vec<&str> = text.split_whitespace().take(3).collect();
    let read = match words.as_slice() {
        [both] => address(both).map(|udp: Box<str>| DaemonAddress { tcp: udp.clone(), udp }),
        [one, two] => {
            let of = |prefix| one.strip_prefix(prefix).or_else(|| two.strip_prefix(prefix));
            let (udp, tcp) = (of("udp:").and_then(address), of("tcp:").and_then(address));
            udp.zip(tcp).map(|(udp, tcp)| DaemonAddress { udp, tcp })
        }
        _ => None,
    };
    read.ok_or_else(|| {
        "not a daemon's address; write \"host:port\", or \"tcp:host:port udp:host:port\"".to_owned()
    })
}

/// The text of a daemon.
pub(super) fn daemon_text(daemon: &Daemon) -> String {
    match daemon {
        Daemon::Embedded => "embedded".to_owned(),
        Daemon::Remote(DaemonAddress { udp, tcp }) if udp == tcp => udp.to_string(),
        Daemon::Remote(DaemonAddress { udp, tcp }) => format!("tcp:{tcp} udp:{udp}"),
    }
}

/// A segment name that X-Ray takes as it stands.
pub(super) fn name(text: &str) -> Parsed<Name> {
    let name = Name::new(text);
    if name.as_str() == text {
        return Ok(name);
    }
    Err(format!(
        "X-Ray takes 1 to {} letters, digits, spaces and _.:/%&#=+\\-@; write it as {:?}",
        Name::MAX,
        name.as_str()
    ))
}

/// A pattern of hosts, without port.
pub(super) fn host_pattern(text: &str) -> Parsed<Box<str>> {
    let port = text.split_once(':').filter(|(_, rest)| !rest.contains(':'));
    if let Some((host, _)) = port {
        return Err(format!("it is compared without the port; write it as {host:?}"));
    }
    if text.starts_with('[') {
        let bare = text.trim_matches(['[', ']']);
        return Err(format!("it is compared without brackets; write it as {bare:?}"));
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || "/@".contains(c);
    if text.is_empty() || text.len() > PATTERN || text.contains(odd) {
        return Err("not a host; write a name or an address, with * and ? as you like".to_owned());
    }
    Ok(text.to_ascii_lowercase().into_boxed_str())
}

/// A pattern of hosts, without port, and perhaps of paths behind it.
pub(super) fn host_and_path(text: &str) -> Parsed<Box<str>> {
    match text.split_once('/') {
        None => host_pattern(text),
        Some((host, path)) => Ok(format!("{}/{path}", host_pattern(host)?).into()),
    }
}

/// A pattern on a host, or on a host and port.
pub(super) fn authority_pattern(text: &str) -> Parsed<Box<str>> {
    let port =
        |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit() || b == b'*');
    match text.rsplit_once(':') {
        Some((host, last)) if !host.contains(':') && port(last) => {
            Ok(format!("{}:{last}", host_pattern(host)?).into())
        }
        Some(_) | None => host_pattern(text),
    }
}

/// Any pattern.
pub(super) fn pattern(text: &str) -> Parsed<Box<str>> {
    Ok(text.into())
}

/// A path of a file.
pub(super) fn path(text: &str) -> Parsed<PathBuf> {
    if text.is_empty() || text.contains('\0') {
        return Err("not a path; leave the key out to do without".to_owned());
    }
    Ok(text.into())
}

/// One of a few `words`.
pub(super) fn word<T: Copy, const N: usize>(
    words: [(&'static str, T); N],
) -> impl Fn(&str) -> Parsed<T> {
    move |text| {
        let found = words.iter().find(|(word, _)| *word == text);
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| nearest::unknown("value", text, &words.map(|(word, _)| word)))
    }
}

/// An integer of any radix.
fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// What a value is, to say that something else was expected.
fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

#[cfg(test)]
mod tests;
