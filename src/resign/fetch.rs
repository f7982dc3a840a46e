//! How the providers of credentials speak HTTP: one connection for each request, made and trusted
//! as the calls of the service are, polled by whoever asks. There are few such requests.

use std::io;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpClient;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::http::HttpConnectorFuture;
use aws_smithy_runtime_api::client::http::HttpConnectorSettings;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::HeaderName;
use http::HeaderValue;
use http::Request;
use http::Response;
use http::Uri;
use http::header::HOST;
use http_body_util::BodyExt as _;
use http_body_util::Full;
use http_body_util::Limited;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::net::connect;
use crate::net::stream::Stream;
use crate::net::tls::client::Alpn;
use crate::net::tls::client::Client;

/// By this we know our own requests, should they come back to the egress port: a profile may name
/// it as the endpoint of all services, and mean the service alone.
pub(super) const OWN: HeaderName = HeaderName::from_static("x-sideray-credentials");

/// Most bytes of an answer. Credentials take one or two thousand.
const MAX_ANSWER: usize = 256 * 1024;

/// How long is waited where the providers do not say: as the SDKs wait for a connection, and as
/// long as all providers may take.
const CONNECT: Duration = Duration::from_millis(3100);
const READ: Duration = Duration::from_secs(10);

/// Makes connectors.
#[derive(Debug)]
pub(super) struct Fetch {
    tls: Client,
}

/// Sends requests.
#[derive(Clone, Debug)]
struct Connector {
    tls: Client,
    connect: Duration,
    read: Duration,
}

impl Fetch {
    pub(super) const fn new(tls: Client) -> Self {
        Self { tls }
    }
}

impl HttpClient for Fetch {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            tls: self.tls.clone(),
            connect: settings.connect_timeout().unwrap_or(CONNECT),
            read: settings.read_timeout().unwrap_or(READ),
        })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.fetch(request).await })
    }
}

impl Connector {
    async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
        let (request, to) = prepared(request).map_err(|e| ConnectorError::user(e.into()))?;
        let stream = match timeout(self.connect, self.connected(&to)).await {
            Ok(connected) => connected?,
            Err(elapsed) => return Err(ConnectorError::timeout(elapsed.into())),
        };
        match timeout(self.read, exchange(stream, request)).await {
            Ok(answer) => answer.map_err(ConnectorError::io),
            Err(elapsed) => Err(ConnectorError::timeout(elapsed.into())),
        }
    }

    async fn connected(&self, to: &Server) -> Result<Stream, ConnectorError> {
        let tcp = connect::connect(&to.host, to.port, self.connect).await.map_err(|error| {
            if error.is_timeout() {
                ConnectorError::timeout(error.into())
            } else {
                ConnectorError::io(error.into())
            }
        })?;
        if !to.is_tls {
            return Ok(tcp.into());
        }
        let shaken = self.tls.handshake(tcp, &to.host, Alpn::Http1).await;
        let (stream, _) = shaken.map_err(|error| ConnectorError::io(error.into()))?;
        Ok(stream.into())
    }
}

/// Who is asked.
struct Server {
    host: Box<str>,
    port: u16,
    is_tls: bool,
}

/// A request in the form that its server wants, and its server.
fn prepared(request: Request<SdkBody>) -> Result<(Request<Full<Bytes>>, Server), io::Error> {
    let wrong = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
    let (mut head, body) = request.into_parts();
    let body = body.bytes().ok_or_else(|| wrong("the request's body is a stream"))?;
    let body = Full::new(Bytes::copy_from_slice(body));
    let authority = head.uri.authority().ok_or_else(|| wrong("the URL has no host"))?;
    let is_tls = match head.uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(wrong("the URL is neither of http nor of https")),
    };
    let server = Server {
        host: authority.host().into(),
        port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
        is_tls,
    };
    if !head.headers.contains_key(HOST) {
        let host =
            HeaderValue::from_str(authority.as_str()).map_err(|_| wrong("the URL's host"))?;
        head.headers.insert(HOST, host);
    }
    // To us it could only come in clear.
    if !is_tls {
        head.headers.insert(OWN, HeaderValue::from_static("1"));
    }
    let target = head.uri.path_and_query().cloned();
    head.uri = target.map_or_else(|| Uri::from_static("/"), Uri::from);
    Ok((Request::from_parts(head, body), server))
}

/// One request over a connection that ends with it.
async fn exchange(
    stream: Stream,
    request: Request<Full<Bytes>>,
) -> Result<HttpResponse, Box<dyn std::error::Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async move {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
        Ok(Response::from_parts(head, SdkBody::from(body)))
    };
    // The connection's own fault is told by the answer, which then has none.
    let (answer, _) = tokio::join!(answer, connection);
    let answer: Result<_, Box<dyn std::error::Error + Send + Sync>> = answer;
    Ok(HttpResponse::try_from(answer?)?)
}

#[cfg(test)]
mod tests;
