//! Certificates of a test's own, and both ends of TLS.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use sideray::net::tls::options::ServerOptions;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whoever issues certificates, in a folder of its own.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("root.pem"), root.pem()).unwrap();
        let root = root.der().clone();
        Self { folder, issuer: Issuer::new(params, key), root }
    }

    /// The file that makes others trust it.
    pub fn roots(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// Issues a certificate for `localhost`, 127.0.0.1 and AWS's hosts into the same two files each
    /// time.
    pub fn issue(&self) -> ServerOptions {
        let names = ["localhost", "127.0.0.1", "*.amazonaws.com", "*.us-east-1.amazonaws.com"];
        let names = names.map(str::to_owned);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names).unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        let options = ServerOptions {
            cert: self.folder.path().join("leaf.pem"),
            key: self.folder.path().join("leaf.key"),
        };
        std::fs::write(&options.cert, leaf.pem()).unwrap();
        std::fs::write(&options.key, key.serialize_pem()).unwrap();
        options
    }

    /// The TLS of a server that speaks these protocols.
    pub fn acceptor(&self, alpn: &[&str]) -> TlsAcceptor {
        let files = self.issue();
        let chain = vec![CertificateDer::from_pem_file(files.cert).unwrap()];
        let key = PrivateKeyDer::from_pem_file(files.key).unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    /// Connects as a client that trusts it and offers these protocols.
    pub async fn connect(&self, to: SocketAddr, alpn: &[&str]) -> TlsStream<TcpStream> {
        let io = TcpStream::connect(to).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        connector(&self.root, alpn).connect(name, io).await.unwrap()
    }
}

/// The TLS of a client that trusts `root` and offers these protocols.
fn connector(root: &CertificateDer<'static>, alpn: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

/// Speaks TLS to `host` through a tunnel of `proxy`, as a client that trusts the certificate in a
/// file and offers these protocols.
pub async fn through(
    proxy: SocketAddr,
    host: &str,
    root: &Path,
    alpn: &[&str],
) -> io::Result<TlsStream<TcpStream>> {
    let root = CertificateDer::from_pem_file(root).unwrap();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    connector(&root, alpn).connect(name, tunnel(proxy, &format!("{host}:443")).await).await
}

/// A tunnel of `proxy` to a host and port.
pub async fn tunnel(proxy: SocketAddr, to: &str) -> TcpStream {
    let mut io = TcpStream::connect(proxy).await.unwrap();
    io.write_all(format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n").as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(io.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&head));
    io
}

/// The certificate that a server showed.
pub fn shown(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

/// The protocol that was agreed on.
pub fn agreed(stream: &TlsStream<TcpStream>) -> &str {
    stream.get_ref().1.alpn_protocol().map_or("", |name| std::str::from_utf8(name).unwrap())
}
