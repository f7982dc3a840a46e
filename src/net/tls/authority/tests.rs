//! Handshakes in memory with clients that trust the authority and nobody else.

use std::io::Read;
use std::io::Write;
use std::sync::Barrier;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::HandshakeKind;
use rustls::ProtocolVersion;
use rustls::RootCertStore;
use rustls::ServerConnection;
use rustls::SupportedProtocolVersion;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::version::TLS12;
use rustls::version::TLS13;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::*;
use crate::net::tls::authority::ca::DAY;
use crate::net::tls::authority::ca::HOUR;
use crate::trace::time::Micros;
use crate::trace::time::Stamp;

const HTTP: &[&[u8]] = &[b"h2", b"http/1.1"];
const HTTP1: &[&[u8]] = &[b"http/1.1"];

/// The machine's wall clock when the test began, moved by hand: the clients of these tests do not
/// know another.
#[derive(Debug)]
struct ManualClock {
    start: Stamp,
    seconds: AtomicU64,
}

impl ManualClock {
    fn new() -> Arc<Self> {
        let start = crate::sys::clock::SystemClock::start().now();
        Arc::new(Self { start, seconds: AtomicU64::new(0) })
    }

    fn set(&self, seconds: u64) {
        self.seconds.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Stamp {
        let seconds = self.seconds.load(Ordering::Relaxed);
        let wall = Micros::new(self.start.wall().get() + seconds * 1_000_000);
        Stamp::new(wall, Duration::from_secs(seconds))
    }
}

/// An ephemeral authority without files, that keeps `most` hosts.
fn authority(clock: &Arc<ManualClock>, most: usize) -> Authority {
    let ca = Ca::ephemeral(clock.now().wall()).unwrap();
    let files = PublicFiles::of("/nonexistent".as_ref());
    Authority::new(ca, files, Arc::clone(clock) as _, most).unwrap()
}

fn client(ca: &str, version: &'static SupportedProtocolVersion) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// What a connection came to, seen from the client.
struct Met {
    alpn: Option<Vec<u8>>,
    version: ProtocolVersion,
    kind: HandshakeKind,
    leaf: CertificateDer<'static>,
}

/// Connects in memory, and has a byte sent to the client, which so receives its tickets.
fn meet(
    client: &Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    host: &str,
) -> Result<Met, rustls::Error> {
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    server.writer().write_all(b"!").unwrap();
    let mut heard = [0; 1];
    for _ in 0..8 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        feed(&wire, |bytes| server.read_tls(bytes));
        server.process_new_packets()?;
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        feed(&wire, |bytes| client.read_tls(bytes));
        client.process_new_packets()?;
        if client.reader().read(&mut heard).is_ok_and(|length| length == 1) {
            break;
        }
    }
    assert_eq!(&heard, b"!");
    Ok(Met {
        alpn: client.alpn_protocol().map(<[u8]>::to_vec),
        version: client.protocol_version().unwrap(),
        kind: client.handshake_kind().unwrap(),
        leaf: client.peer_certificates().unwrap()[0].clone().into_owned(),
    })
}

fn feed(mut wire: &[u8], mut read: impl FnMut(&mut dyn Read) -> std::io::Result<usize>) {
    while !wire.is_empty() {
        read(&mut wire).unwrap();
    }
}

#[test]
fn clients_that_trust_the_authority_trust_its_leaves() {
    let authority = authority(&ManualClock::new(), 8);
    for version in [&TLS12, &TLS13] {
        for (host, asked) in [
            ("dynamodb.eu-west-1.amazonaws.com", "dynamodb.eu-west-1.amazonaws.com"),
            ("my.bucket.s3.amazonaws.com", "MY.bucket.S3.amazonaws.com."),
            ("with_underscore.example", "with_underscore.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "[::1]"),
            ("2001:db8::1", "2001:DB8:0::1"),
        ] {
            for (offered, wanted, spoken) in [
                (HTTP, HTTP, Some(&b"h2"[..])),
                (HTTP, HTTP1, Some(b"http/1.1")),
                (HTTP1, HTTP, Some(b"http/1.1")),
                (HTTP, &[], None),
                (&[], HTTP, None),
            ] {
                let mut client = client(authority.ca_pem(), version);
                client.alpn_protocols = wanted.iter().map(|name| name.to_vec()).collect();
                let server = authority.server(asked, offered).unwrap();
                let met = meet(&Arc::new(client), server, host).unwrap();
                assert_eq!(met.alpn.as_deref(), spoken, "{host} {version:?}");
                assert_eq!(met.version, version.version, "{host}");
            }
        }
    }
    assert_eq!(authority.minted(), 6, "one for each host");
}

#[test]
fn nobody_else_trusts_them_and_they_are_for_one_host() {
    let clock = ManualClock::new();
    let (ours, theirs) = (authority(&clock, 8), authority(&clock, 8));
    let stranger = Arc::new(client(theirs.ca_pem(), &TLS13));
    let friend = Arc::new(client(ours.ca_pem(), &TLS13));
    let server = ours.server("a.example", HTTP).unwrap();
    for (client, host) in [(&stranger, "a.example"), (&friend, "b.example")] {
        assert!(meet(client, Arc::clone(&server), host).is_err(), "{host}");
    }
    assert!(meet(&friend, server, "a.example").is_ok());
}

#[test]
fn what_is_no_host_gets_no_certificate() {
    let authority = authority(&ManualClock::new(), 8);
    let long = format!("{}.example", "a".repeat(64));
    for host in
        ["", ".", "*.example", "a b", "a..b", "-a.example", "bücher.example", "fe80::1%1", &long]
    {
        let error = authority.server(host, HTTP).unwrap_err();
        assert!(matches!(error, MintError::Name { .. }), "{host}: {error}");
    }
    assert_eq!(authority.minted(), 0);
}

#[test]
fn sessions_are_resumed_on_either_version_and_after_a_renewal() {
    let clock = ManualClock::new();
    let authority = authority(&clock, 8);
    for version in [&TLS12, &TLS13] {
        let client = Arc::new(client(authority.ca_pem(), version));
        for (at, kind) in [
            (0, HandshakeKind::Full),
            (0, HandshakeKind::Resumed),
            (25 * HOUR, HandshakeKind::Resumed),
        ] {
            clock.set(at);
            let server = authority.server("a.example", HTTP).unwrap();
            assert_eq!(meet(&client, server, "a.example").unwrap().kind, kind, "{version:?}");
        }
        clock.set(0);
        let server = authority.server("b.example", HTTP).unwrap();
        let other = meet(&client, server, "b.example").unwrap();
        assert_eq!(other.kind, HandshakeKind::Full, "another host is another session");
    }
}

#[test]
fn many_who_ask_at_once_share_one_certificate() {
    let authority = authority(&ManualClock::new(), 8);
    let barrier = Barrier::new(16);
    let all: Vec<_> = thread::scope(|scope| {
        let ask = || {
            barrier.wait();
            authority.server("a.example", HTTP).unwrap()
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(authority.minted(), 1);
    assert!(all.iter().all(|config| Arc::ptr_eq(config, &all[0])));
}

#[test]
fn the_host_that_was_asked_for_longest_ago_leaves_first() {
    let authority = authority(&ManualClock::new(), 2);
    for (host, minted) in [("a", 1), ("b", 2), ("a", 2), ("c", 3), ("a", 3), ("b", 4), ("a", 4)] {
        authority.server(host, HTTP).unwrap();
        assert_eq!(authority.minted(), minted, "{host}");
    }
}

#[test]
fn sets_of_protocols_are_bounded() {
    let authority = authority(&ManualClock::new(), 2);
    let first = authority.server("a", HTTP).unwrap();
    for protocol in 0..=u8::MAX {
        authority.server("a", &[&[protocol]]).unwrap();
    }
    assert!(!Arc::ptr_eq(&first, &authority.server("a", HTTP).unwrap()));
    assert_eq!(authority.minted(), 1);
}

#[test]
fn a_leaf_is_valid_now_and_renewed_before_it_ends() {
    let clock = ManualClock::new();
    let authority = authority(&clock, 2);
    let client = Arc::new(client(authority.ca_pem(), &TLS13));
    let start = clock.now().wall().whole_seconds();
    for (at, minted) in [
        (0, 1),
        (23 * HOUR, 1),
        (24 * HOUR, 2),
        (300 * DAY, 3),
        // The clock is set back.
        (0, 4),
    ] {
        clock.set(at);
        let server = authority.server("a", HTTP).unwrap();
        assert_eq!(authority.minted(), minted, "after {} hours", at / HOUR);
        if at > 23 * HOUR {
            continue; // The client's clock was not moved.
        }
        let leaf = meet(&client, server, "a").unwrap().leaf;
        let validity = X509Certificate::from_der(&leaf).unwrap().1.validity().clone();
        assert_eq!(validity.not_before.timestamp(), (start - HOUR).cast_signed());
        assert_eq!(validity.not_after.timestamp(), (start + 36 * HOUR).cast_signed());
    }
}
