//! What the daemon's address has to do with other keys.

use super::*;

#[test]
fn central_rules_want_a_daemon() {
    let central = "[sampling]\nmode = 'central'";
    let faults = load(&file(central)).unwrap_err().to_string();
    assert!(faults.contains(":2:1: sampling.mode"), "{faults}");
    assert!(faults.contains("name it as emit.daemon"), "{faults}");
    let config = load(&file(&format!("emit.daemon = '127.0.0.1:2000'\n{central}"))).unwrap();
    assert!(config.record.central);
}

#[test]
fn a_relay_that_leads_back_or_has_no_port_of_its_own_is_refused() {
    for (text, fault) in [
        ("emit.daemon = 'localhost:2000'", "1:6: emit.daemon = 'localhost:2000': that is relay.li"),
        ("emit.daemon = 'udp:d:1 tcp:127.0.0.1:2000'", "1:6: emit.daemon"),
        ("admin.listen = '0.0.0.0:2000'", "2:7: relay.listen = '127.0.0.1:2000': admin.listen lis"),
        ("ingress.upstream = 'http://127.0.0.1:2000'", "1:9: ingress.upstream"),
    ] {
        let text = format!("{text}\nrelay.listen = '127.0.0.1:2000'");
        let faults = load(&file(&text)).unwrap_err().to_string();
        assert!(faults.starts_with(&format!("proxy.toml:{fault}")), "{faults}");
        assert_eq!(faults.lines().count(), 1, "{faults}");
    }
    let beside = "emit.daemon = '127.0.0.1:2001'\nrelay.listen = '127.0.0.1:2000'";
    assert!(load(&file(beside)).unwrap().warnings().is_empty());
    let mut sources = file("relay.listen = '127.0.0.1:2000'");
    sources.env = env(&[("AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000")]);
    let faults = load(&sources).unwrap_err().to_string();
    assert!(faults.starts_with("AWS_XRAY_DAEMON_ADDRESS: \"127.0.0.1:2000\": that is"), "{faults}");
}
