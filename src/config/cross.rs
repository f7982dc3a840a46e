//! Faults that show only when one value is held beside another.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;

use http::uri::Authority;

use crate::config::Config;
use crate::config::fault::Findings;
use crate::emit::options::Daemon;

/// Compares what [`lower`](crate::config::lower) has put in place.
pub(super) fn check(config: &Config, findings: &mut Findings) {
    let mut listeners = vec![
        ("ingress.listen", config.ingress.listen),
        ("egress.listen", config.egress.listen),
        ("admin.listen", config.admin.listen),
    ];
    listeners.extend(config.relay.listen.map(|listen| ("relay.listen", listen)));
    for (index, (key, address)) in listeners.iter().enumerate() {
        for (other, taken) in listeners.iter().take(index) {
            if collide(*address, *taken) {
                let message = format!("{other} listens on {taken} already; take another port");
                findings.fault_of(key, message);
            }
        }
        if points_at(config.ingress.upstream.authority.as_str(), *address) {
            let message = format!(
                "that is {key} of this sidecar, so requests would go round in a loop; name the \
                 service's own port"
            );
            findings.fault_of("ingress.upstream", message);
        }
    }
    if let (Some(relay), Daemon::Remote(daemon)) = (config.relay.listen, &config.emit.daemon)
        && (points_at(&daemon.udp, relay) || points_at(&daemon.tcp, relay))
    {
        let message = "that is relay.listen of this sidecar, so documents would go round in a \
                       loop; name the daemon itself, or let the relay listen elsewhere and tell \
                       the service by its own AWS_XRAY_DAEMON_ADDRESS";
        findings.fault_of("emit.daemon", message.to_owned());
    }
    if config.record.central && config.emit.daemon == Daemon::Embedded {
        let message = "central rules come through an X-Ray daemon, and there is none; name it as \
                       emit.daemon, usually \"127.0.0.1:2000\"";
        findings.fault_of("sampling.mode", message.to_owned());
    }
    for (service, endpoint) in &config.egress.resign.endpoints {
        let authority = endpoint.authority().map_or("", Authority::as_str);
        if points_at(authority, config.egress.listen) {
            let message = "that is egress.listen of this sidecar, so requests would go round in a \
                           loop; name the server itself";
            findings.fault_of(&format!("egress.aws.endpoints.{service}"), message.to_owned());
        }
    }
}

/// Whether two listeners cannot both have their address. Port 0 is any free port.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let (a, b) = (one.ip().to_canonical(), other.ip().to_canonical());
    let overlap = a == b || a.is_unspecified() || b.is_unspecified();
    one.port() != 0 && one.port() == other.port() && overlap
}

/// Whether `authority`, as far as it can be told without a look-up, leads to `listener`.
fn points_at(authority: &str, listener: SocketAddr) -> bool {
    let Some((host, port)) = authority.rsplit_once(':') else { return false };
    let ip = match host {
        "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        _ => host.trim_matches(['[', ']']).parse::<IpAddr>().ok(),
    };
    let local = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    let port = port.parse::<u16>().ok();
    ip.map(|ip| ip.to_canonical()).is_some_and(|ip| {
        let bound = listener.ip().to_canonical();
        let reached = ip == bound || (local(ip) && bound.is_unspecified());
        let reached = reached || (ip.is_unspecified() && bound.is_loopback());
        port == Some(listener.port()) && listener.port() != 0 && reached
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_collide_on_one_port_and_overlapping_addresses() {
        for (one, other, expected) in [
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("0.0.0.0:1", "127.0.0.1:1", true),
            ("[::]:1", "127.0.0.1:1", true),
            ("[::ffff:127.0.0.1]:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "127.0.0.1:2", false),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            let [a, b]: [SocketAddr; 2] = [one, other].map(|text| text.parse().unwrap());
            assert_eq!((collide(a, b), collide(b, a)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn an_upstream_that_leads_back_is_seen() {
        for (authority, listener, expected) in [
            ("127.0.0.1:8000", "0.0.0.0:8000", true),
            ("localhost:8000", "0.0.0.0:8000", true),
            ("localhost:8000", "127.0.0.1:8000", true),
            ("[::1]:8000", "[::]:8000", true),
            ("0.0.0.0:8000", "127.0.0.1:8000", true),
            ("10.0.0.1:8000", "10.0.0.1:8000", true),
            ("10.0.0.1:8000", "0.0.0.0:8000", false),
            ("127.0.0.1:8080", "0.0.0.0:8000", false),
            ("example.com:8000", "0.0.0.0:8000", false),
            ("127.0.0.1:8000", "127.0.0.1:0", false),
        ] {
            let address = listener.parse().unwrap();
            assert_eq!(points_at(authority, address), expected, "{authority} {listener}");
        }
    }
}
