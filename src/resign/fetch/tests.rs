//! Requests for credentials, over real sockets.

use std::path::PathBuf;

use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::*;
use crate::net::tls::options::ClientOptions;
use crate::net::tls::options::ServerOptions;
use crate::net::tls::server::Server;

/// A metadata service that answers each request by its path, and returns the heads it was sent.
async fn serve(listener: TcpListener, answers: &[(&str, &str)]) -> Vec<String> {
    let mut seen = Vec::new();
    for (path, answer) in answers {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert_eq!(head.split(' ').nth(1), Some(*path), "{head}");
        let length = answer.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\
             x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n{answer}"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        seen.push(head);
    }
    seen
}

fn fetch() -> Fetch {
    Fetch::new(Client::load(&ClientOptions::default()).unwrap())
}

#[tokio::test]
async fn an_instance_gives_its_roles_credentials() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let config = ProviderConfig::without_region().with_http_client(fetch());
    let client = imds::Client::builder().configure(&config).endpoint(&endpoint).unwrap().build();
    let provider =
        ImdsCredentialsProvider::builder().configure(&config).imds_client(client).build();
    let role = r#"{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"AKID","SecretAccessKey":"S",
        "Token":"T","Expiration":"2999-01-01T00:00:00Z","LastUpdated":"2020-01-01T00:00:00Z"}"#;
    let roles = "/latest/meta-data/iam/security-credentials";
    let (list, of_role) = (format!("{roles}/"), format!("{roles}/role"));
    let answers = [("/latest/api/token", "token"), (&*list, "role"), (&*of_role, role)];
    let given = provider.provide_credentials();
    let (credentials, seen) = tokio::join!(given, serve(listener, &answers));
    let credentials = credentials.unwrap();
    assert_eq!((credentials.access_key_id(), credentials.session_token()), ("AKID", Some("T")));
    assert!(seen.iter().all(|head| head.contains("\r\nhost: 127.0.0.1:")), "{seen:?}");
    assert!(seen.iter().all(|head| head.contains("\r\nx-sideray-credentials: 1\r\n")), "{seen:?}");
}

/// A connector that trusts the certificates of this file besides the system's.
fn connector(roots: Option<PathBuf>) -> Connector {
    let tls = Client::load(&ClientOptions { roots }).unwrap();
    Connector { tls, connect: Duration::from_secs(5), read: Duration::from_secs(5) }
}

async fn text(connector: &Connector, url: &str) -> Result<String, ConnectorError> {
    let response = connector.call(HttpRequest::get(url).unwrap()).await?;
    Ok(std::str::from_utf8(response.body().bytes().unwrap()).unwrap().to_owned())
}

#[tokio::test]
async fn tls_is_checked_against_the_roots_that_are_trusted() {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, signed.cert.pem()).unwrap();
    std::fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
    let tls = Server::load(&ServerOptions { cert: cert.clone(), key }).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let serve = async {
        for _ in 0..2 {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = tls.acceptor().accept(tcp).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            assert!(!String::from_utf8(head).unwrap().contains(OWN.as_str()), "AWS need not know");
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
        }
    };
    let ask = async {
        let refused = text(&connector(None), &url).await.unwrap_err();
        assert!(refused.is_io(), "{refused:?}");
        text(&connector(Some(cert)), &url).await.unwrap()
    };
    let (answer, ()) = tokio::join!(ask, serve);
    assert_eq!(answer, "hi");
}

#[tokio::test]
async fn whatever_goes_wrong_is_an_error_of_its_kind() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connector = Connector { read: Duration::from_millis(20), ..connector(None) };
    let silent = text(&connector, &format!("http://{address}/")).await.unwrap_err();
    assert!(silent.is_timeout(), "{silent:?}");
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();

    let connector = Connector { read: Duration::from_secs(5), ..connector };
    for answer in [
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", MAX_ANSWER + 1),
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi".into(),
        "SSH-2.0-OpenSSH_9.6\r\n".into(),
    ] {
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut rest = Vec::new();
            // It may be reset.
            drop(stream.read_to_end(&mut rest).await);
        };
        let url = format!("http://{address}/");
        let (error, ()) = tokio::join!(text(&connector, &url), serve);
        assert!(error.unwrap_err().is_io(), "{answer}");
    }
    drop((listener, stream));
    let refused = text(&connector, &format!("http://{address}/")).await.unwrap_err();
    assert!(refused.is_io(), "{refused:?}");
    let other = text(&connector, "ftp://localhost/").await.unwrap_err();
    assert!(other.is_user(), "{other:?}");
}
