//! What a service behind the sidecar does when it calls others: its way out is the egress port,
//! which is known only once the sidecar runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;

use bytes::Bytes;
use http::Request;
use http::Response;
use http::request::Parts;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;

use super::client;
use super::origin;

/// The service's way out, over connections that are kept, as HTTP clients keep them.
#[derive(Clone, Debug, Default)]
pub struct Egress {
    address: Arc<OnceLock<SocketAddr>>,
    idle: Arc<Mutex<Vec<SendRequest<Full<Bytes>>>>>,
}

impl Egress {
    /// The port is this one; to be told once, before the first call.
    pub fn is(&self, address: SocketAddr) {
        self.address.set(address).unwrap();
    }

    pub fn address(&self) -> SocketAddr {
        *self.address.get().expect("the sidecar runs before the service calls")
    }

    /// Calls `url` as a client that heeds `HTTP_PROXY` and knows nothing of traces.
    pub async fn call(&self, url: impl AsRef<str>) -> Response<String> {
        self.call_with(url, &[]).await
    }

    /// Calls `url` and forwards the trace header of `caused_by`, as an SDK or a diligent author
    /// would.
    pub async fn forward(&self, url: impl AsRef<str>, caused_by: &Parts) -> Response<String> {
        let header = origin::header(caused_by, "x-amzn-trace-id");
        self.call_with(url, &[("x-amzn-trace-id", header)]).await
    }

    /// Calls `url` with headers.
    pub async fn call_with(
        &self,
        url: impl AsRef<str>,
        headers: &[(&str, &str)],
    ) -> Response<String> {
        let url: http::Uri = url.as_ref().parse().unwrap();
        let mut request = Request::get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut connection = self.connection().await;
        let mut request = request.body(Full::default()).unwrap();
        client::name_host(&mut request);
        let response = client::read(connection.send_request(request).await.unwrap()).await;
        if connection.ready().await.is_ok() {
            self.idle.lock().unwrap().push(connection);
        }
        response
    }

    async fn connection(&self) -> SendRequest<Full<Bytes>> {
        loop {
            let idle = self.idle.lock().unwrap().pop();
            match idle {
                Some(connection) if connection.is_ready() => return connection,
                Some(_) => {}
                None => return client::connect(self.address()).await,
            }
        }
    }
}
