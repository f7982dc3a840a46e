//! The variables that lead a program's calls through the egress port, and have it trust what it is
//! shown there. Nothing that its user had set is lost: it is added to.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::carriers::JAVA_OPTIONS;
use crate::carriers::java_quoted;
use crate::net::tls::authority::public::PASSWORD;
use crate::net::tls::authority::public::PublicFiles;
use crate::proxy::options::METADATA;

/// Each names a file of certificates, which are then the only ones that are trusted: for the AWS
/// SDKs and CLI; Python's requests; OpenSSL and what is built on it, Go, Ruby; curl.
const BUNDLES: [&str; 4] =
    ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"];

/// Names a file of certificates that Node.js trusts besides its own.
const NODE: &str = "NODE_EXTRA_CA_CERTS";

/// The JVM's property that names a truststore.
const TRUST_STORE: &str = "-Djavax.net.ssl.trustStore=";

/// The JVM's property that spares hosts the proxy, for HTTPS too.
const NON_PROXY_HOSTS: &str = "-Dhttp.nonProxyHosts=";

/// A variable and its value.
pub(super) type Variable = (&'static str, OsString);

/// Names where a program can tell of its own requests.
const API: &str = "SIDERAY_API";

/// The variables for a program whose calls are to go through `egress`, and that can tell of its
/// requests at `api`, if it is to. `existing` is what it would have without us, and `public` what it is to trust, if calls over TLS are looked into: those files
/// must hold what [`trusted`] names too.
pub(super) fn environment(
    egress: SocketAddr,
    api: Option<SocketAddr>,
    existing: &dyn Fn(&str) -> Option<OsString>,
    public: Option<&PublicFiles>,
) -> Vec<Variable> {
    let egress = reachable(egress);
    let spared = spared(existing);
    let proxy = OsString::from(format!("http://{egress}"));
    let mut variables: Vec<Variable> = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"]
        .map(|name| (name, proxy.clone()))
        .into();
    variables.extend(["NO_PROXY", "no_proxy"].map(|name| (name, spared.join(",").into())));
    variables.push(("NODE_USE_ENV_PROXY", "1".into()));
    variables.extend(api.map(|api| (API, format!("http://{}", reachable(api)).into())));
    if let Some(public) = public {
        variables.extend(BUNDLES.map(|name| (name, public.bundle.clone().into())));
        // It takes one file: ours, or the one that his certificates were put into.
        let file = if existing(NODE).is_some() { &public.bundle } else { &public.ca };
        variables.push((NODE, file.into()));
    }
    let users = existing(JAVA_OPTIONS).unwrap_or_default();
    variables.push((JAVA_OPTIONS, java(egress, &spared, users, public)));
    variables
}

/// The variable that leads a program's X-Ray SDK to the `relay`. SDKs know no IPv6, so where all
/// addresses are listened on it is the one of IPv4.
pub(super) fn daemon(relay: SocketAddr) -> Variable {
    let any = relay.ip().is_unspecified();
    let ip = if any { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { relay.ip() };
    ("AWS_XRAY_DAEMON_ADDRESS", SocketAddr::new(ip, relay.port()).to_string().into())
}

/// Files and directories of certificates that the program's user wants trusted, each once.
pub(super) fn trusted(existing: &dyn Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let mut named: Vec<PathBuf> = Vec::new();
    for path in BUNDLES.into_iter().chain([NODE]).filter_map(existing).map(PathBuf::from) {
        if !named.contains(&path) {
            named.push(path);
        }
    }
    named
}

/// Hosts that are called without us, as `NO_PROXY` names them: the user's, and the metadata
/// addresses.
fn spared(existing: &dyn Fn(&str) -> Option<OsString>) -> Vec<String> {
    let set = |name| {
        let hosts = existing(name)?.to_string_lossy().into_owned();
        Some(hosts).filter(|hosts| !hosts.trim().is_empty())
    };
    let users = set("NO_PROXY").or_else(|| set("no_proxy"));
    let users = users.iter().flat_map(|hosts| hosts.split(',')).map(str::trim);
    users.filter(|host| !host.is_empty()).chain(METADATA).map(Into::into).collect()
}

/// Where a listener can be reached from this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback: IpAddr = match address.ip() {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let ip = if address.ip().is_unspecified() { loopback } else { address.ip() };
    SocketAddr::new(ip, address.port())
}

/// The JVM's options: it heeds none of the variables above. Ours come after the user's, and of two
/// that set the same property the later one counts; but a truststore of his own stays, because its
/// certificates cannot be put into ours.
fn java(
    egress: SocketAddr,
    spared: &[String],
    users: OsString,
    public: Option<&PublicFiles>,
) -> OsString {
    let text = users.to_string_lossy().into_owned();
    let mut hosts: Vec<String> = spared.iter().flat_map(|host| java_patterns(host)).collect();
    hosts.extend(text.split_whitespace().filter_map(|option| {
        Some(option.strip_prefix(NON_PROXY_HOSTS)?.trim_matches(['"', '\'']).to_owned())
    }));
    let mut options = users;
    let mut add = |name: &str, value: &OsStr| {
        if !options.is_empty() {
            options.push(" ");
        }
        options.push(name);
        options.push(java_quoted(value));
    };
    let (host, port) = (egress.ip().to_string(), egress.port().to_string());
    add("-Dhttp.proxyHost=", host.as_ref());
    add("-Dhttp.proxyPort=", port.as_ref());
    add("-Dhttps.proxyHost=", host.as_ref());
    add("-Dhttps.proxyPort=", port.as_ref());
    add(NON_PROXY_HOSTS, hosts.join("|").as_ref());
    if let Some(public) = public.filter(|_| !text.contains(TRUST_STORE)) {
        add(TRUST_STORE, public.truststore.as_ref());
        add("-Djavax.net.ssl.trustStorePassword=", PASSWORD.as_ref());
        add("-Djavax.net.ssl.trustStoreType=", "PKCS12".as_ref());
    }
    options
}

/// An entry of `NO_PROXY` as the JVM writes it: a name stands for what is below it too, a port is
/// not known, and an address range cannot be said. Source: JDK, "Networking properties".
fn java_patterns(host: &str) -> Vec<String> {
    if host.contains('/') {
        return Vec::new();
    }
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        let is_v6 = address.is_ipv6();
        return vec![if is_v6 { format!("[{address}]") } else { address.to_string() }];
    }
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let name = host.trim_start_matches('*').trim_start_matches('.');
    match name.parse::<IpAddr>() {
        Ok(address) => vec![address.to_string()],
        Err(_) if name.is_empty() => vec!["*".into()],
        Err(_) if name.len() < host.len() => vec![format!("*.{name}")],
        Err(_) => vec![name.into(), format!("*.{name}")],
    }
}

#[cfg(test)]
mod tests;
