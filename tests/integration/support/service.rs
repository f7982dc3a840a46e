//! What a service behind the sidecar does when it calls others: its way out is the egress port,
//! which is known only once the sidecar runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::OnceLock;

use http::Request;
use http::Response;
use http::request::Parts;

use super::client;
use super::origin;

/// The service's way out.
#[derive(Clone, Debug, Default)]
pub struct Egress(Arc<OnceLock<SocketAddr>>);

impl Egress {
    /// The port is this one; to be told once, before the first call.
    pub fn is(&self, address: SocketAddr) {
        self.0.set(address).unwrap();
    }

    pub fn address(&self) -> SocketAddr {
        *self.0.get().expect("the sidecar runs before the service calls")
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
        let host = url.authority().unwrap().to_string();
        let mut request = Request::get(url).header("host", host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        client::send(self.address(), request).await
    }
}
