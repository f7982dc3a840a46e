//! TLS between both of our ends, with certificates minted here.

use std::error::Error as _;
use std::fs;
use std::time::Duration;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rustls::RootCertStore;
use rustls::ServerConfig;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::client::Alpn;
use super::client::Client;
use super::client::Negotiated;
use super::client::TlsError;
use super::options::ClientOptions;
use super::options::ServerOptions;
use super::server::Reloaded;
use super::server::Server;
use super::*;
use crate::net::stream::Stream;

/// Somebody who issues certificates, and the directory they are put into.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    dir: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let dir = TempDir::new().unwrap();
        // Its own name, or a stranger's certificate would look like a forgery of this one's.
        let name = dir.path().display().to_string();
        params.distinguished_name.push(DnType::CommonName, name);
        fs::write(dir.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), dir }
    }

    /// Where the server's files are; `issue` puts something there.
    fn server(&self) -> ServerOptions {
        ServerOptions {
            cert: self.dir.path().join("cert.pem"),
            key: self.dir.path().join("key.pem"),
        }
    }

    /// A client that trusts this authority.
    fn client(&self) -> Client {
        Client::load(&ClientOptions { roots: Some(self.dir.path().join("ca.pem")) }).unwrap()
    }

    /// Writes a new pair for `localhost` and the loopback addresses.
    fn issue(&self) -> ServerOptions {
        self.issue_with(|_| {})
    }

    fn issue_with(&self, change: impl FnOnce(&mut CertificateParams)) -> ServerOptions {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let options = self.server();
        fs::write(&options.cert, params.signed_by(&key, &self.issuer).unwrap().pem()).unwrap();
        fs::write(&options.key, key.serialize_pem()).unwrap();
        options
    }
}

/// One connection: what the client's handshake came to, and the certificate it was shown. Where
/// it succeeds, bytes are sent through [`Stream`]s both ways.
async fn meet(
    acceptor: &TlsAcceptor,
    client: &Client,
    host: &str,
    alpn: Alpn,
) -> Result<(Negotiated, Vec<u8>), TlsError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let serve = async {
        let (tcp, _) = listener.accept().await.unwrap();
        let Ok(tls) = acceptor.accept(tcp).await else { return };
        let mut stream = Stream::from(tls);
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        stream.write_all(heard.to_uppercase().as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    };
    let ask = async {
        let tcp = TcpStream::connect(addr).await.unwrap();
        let (tls, negotiated) = client.handshake(tcp, host, alpn).await?;
        let shown = tls.get_ref().1.peer_certificates().unwrap()[0].to_vec();
        let mut stream = Stream::from(tls);
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "HELLO");
        Ok((negotiated, shown))
    };
    tokio::join!(serve, ask).1
}

/// The certificate that a new connection is shown.
async fn shown(server: &Server, client: &Client) -> Vec<u8> {
    meet(&server.acceptor(), client, "localhost", Alpn::Http).await.unwrap().1
}

#[tokio::test]
async fn the_protocol_is_agreed_by_name_and_by_address() {
    let authority = Authority::new();
    let client = authority.client();
    let acceptor = Server::load(&authority.issue()).unwrap().acceptor();
    for host in ["localhost", "127.0.0.1", "::1", "[::1]"] {
        for (alpn, spoken) in [(Alpn::Http, Negotiated::H2), (Alpn::Http1, Negotiated::Http1)] {
            let (negotiated, _) = meet(&acceptor, &client, host, alpn).await.unwrap();
            assert_eq!(negotiated, spoken, "{host} {alpn:?}");
        }
    }
}

#[tokio::test]
async fn a_server_without_alpn_speaks_http1() {
    let authority = Authority::new();
    let acceptor = Server::load(&authority.issue()).unwrap().acceptor();
    let mut config = ServerConfig::clone(acceptor.config());
    config.alpn_protocols.clear();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let met = meet(&acceptor, &authority.client(), "localhost", Alpn::Http).await;
    assert_eq!(met.unwrap().0, Negotiated::Http1);
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_is_refused_in_words() {
    let authority = Authority::new();
    let client = authority.client();
    let good = Server::load(&authority.issue()).unwrap().acceptor();
    let expired =
        authority.issue_with(|params| params.not_after = rcgen::date_time_ymd(2001, 1, 1));
    let expired = Server::load(&expired).unwrap().acceptor();
    let future =
        authority.issue_with(|params| params.not_before = rcgen::date_time_ymd(4000, 1, 1));
    let future = Server::load(&future).unwrap().acceptor();
    let strangers = Authority::new().client();
    let nobodys = Client::trusting(RootCertStore::empty());

    for (acceptor, client, host, reason) in [
        (&good, &client, "example.com", "it is for another name"),
        (&good, &client, "127.0.0.2", "it is for another name"),
        (&good, &strangers, "localhost", "nobody whom we trust has issued it"),
        (&good, &nobodys, "localhost", "there are no root certificates to check it against"),
        (&expired, &client, "localhost", "it has expired"),
        (&future, &client, "localhost", "it is not valid yet"),
    ] {
        let error = meet(acceptor, client, host, Alpn::Http).await.unwrap_err();
        let said = format!("the certificate of {host} is not valid: {reason}");
        assert_eq!((error.to_string(), error.kind()), (said, "CertificateInvalid"));
        assert!(error.source().is_some(), "the cause is kept");
    }
}

#[tokio::test]
async fn protocols_that_do_not_meet_are_told_apart() {
    let authority = Authority::new();
    let acceptor = Server::load(&authority.issue()).unwrap().acceptor();
    let mut config = ServerConfig::clone(acceptor.config());
    config.alpn_protocols = vec![b"imap".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let client = authority.client();
    for alpn in [Alpn::Http, Alpn::Http1] {
        let error = meet(&acceptor, &client, "localhost", alpn).await.unwrap_err();
        assert_eq!(error.kind(), "TlsHandshakeFailed");
        assert_eq!(
            error.to_string(),
            "the TLS handshake with localhost failed: \
             the server speaks none of the protocols we offered"
        );
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told() {
    let client = Client::trusting(RootCertStore::empty());
    for (answer, host, reason) in [
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "localhost", "the server's answer is not TLS"),
        ("", "localhost", "the connection broke"),
        ("", "no host", "this is neither a host name nor an IP address"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        server.write_all(answer.as_bytes()).await.unwrap();
        server.shutdown().await.unwrap();
        let error = client.handshake(tcp, host, Alpn::Http).await.unwrap_err();
        let said = format!("the TLS handshake with {host} failed: {reason}");
        assert_eq!((error.to_string(), error.kind()), (said, "TlsHandshakeFailed"));
    }
}

#[tokio::test]
async fn a_reload_shows_a_new_pair_and_keeps_the_old_one_when_it_is_broken() {
    let authority = Authority::new();
    let client = authority.client();
    let options = authority.issue();
    let server = Server::load(&options).unwrap();
    let first = shown(&server, &client).await;
    assert_eq!(server.reload().unwrap(), Reloaded::Same);

    let old_key = fs::read(&options.key).unwrap();
    authority.issue();
    let new_key = fs::read(&options.key).unwrap();
    let whole = new_key.len();
    for (key, fault) in [
        (&old_key[..], "key.pem is not the key of"),
        (&new_key[..whole / 2], "key.pem is not a whole PEM file"),
        (b"", "key.pem holds no unencrypted private key"),
    ] {
        fs::write(&options.key, key).unwrap();
        let error = server.reload().unwrap_err().to_string();
        assert!(error.contains(fault), "{error}");
        assert_eq!(shown(&server, &client).await, first, "the old pair stays: {fault}");
    }

    fs::write(&options.key, new_key).unwrap();
    assert_eq!(server.reload().unwrap(), Reloaded::Changed);
    assert_ne!(shown(&server, &client).await, first);
    assert_eq!(server.reload().unwrap(), Reloaded::Same);
}

#[tokio::test(start_paused = true)]
async fn files_that_change_are_noticed() {
    let authority = Authority::new();
    let options = authority.issue();
    let server = Server::load(&options).unwrap();
    let before = Arc::clone(server.acceptor().config());
    let watching = Arc::clone(&server).watch_files(Duration::from_secs(10), Arc::default());
    let changes = async {
        fs::remove_file(&options.cert).unwrap();
        tokio::time::sleep(Duration::from_secs(25)).await;
        assert!(Arc::ptr_eq(&before, server.acceptor().config()), "the old pair stays");
        authority.issue();
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert!(!Arc::ptr_eq(&before, server.acceptor().config()), "the new pair is in use");
    };
    tokio::select! {
        () = watching => unreachable!("it never ends"),
        () = changes => {}
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let authority = Authority::new();
    let ServerOptions { cert, key } = authority.issue();
    let missing = cert.with_file_name("missing.pem");
    let garbage = cert.with_file_name("garbage.pem");
    fs::write(&garbage, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let half = cert.with_file_name("half.pem");
    fs::write(&half, "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
    let nonsense = cert.with_file_name("nonsense.pem");
    fs::write(&nonsense, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();

    for (cert, key, fault) in [
        (&missing, &key, "missing.pem cannot be read"),
        (&cert, &missing, "missing.pem cannot be read"),
        (&key, &key, "key.pem holds no certificate in PEM form"),
        (&cert, &cert, "cert.pem holds no unencrypted private key in PEM form"),
        (&half, &key, "half.pem is not a whole PEM file"),
        (&garbage, &key, "garbage.pem cannot be used"),
        (&cert, &nonsense, "nonsense.pem cannot be used"),
    ] {
        let options = ServerOptions { cert: cert.clone(), key: key.clone() };
        let error = Server::load(&options).unwrap_err().to_string();
        assert!(error.ends_with(fault), "{error}, not {fault}");
    }
    for (roots, fault) in [
        (&missing, "missing.pem cannot be read"),
        (&key, "key.pem holds no certificate in PEM form"),
        (&half, "half.pem is not a whole PEM file"),
        (&garbage, "garbage.pem cannot be used"),
    ] {
        let options = ClientOptions { roots: Some(roots.clone()) };
        let error = Client::load(&options).unwrap_err().to_string();
        assert!(error.ends_with(fault), "{error}, not {fault}");
    }
}
