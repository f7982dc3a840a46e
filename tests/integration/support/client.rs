//! A client in front of the sidecar: one request over a connection of its own, or bytes as a test
//! wants them.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use http::Response;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::DEADLINE;

/// A request in the making, with a `Host` a browser would send.
pub fn get(path: &str) -> http::request::Builder {
    Request::get(path).header("host", "shop.example")
}

/// A keep-alive HTTP/1.1 connection.
pub async fn connect(to: SocketAddr) -> http1::SendRequest<Full<Bytes>> {
    let io = TokioIo::new(TcpStream::connect(to).await.unwrap());
    let (sender, connection) = http1::handshake(io).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    sender
}

/// An HTTP/2 connection by prior knowledge.
pub async fn connect_h2<B>(to: SocketAddr) -> http2::SendRequest<B>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    let io = TokioIo::new(TcpStream::connect(to).await.unwrap());
    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Sends a request over a new connection and reads its whole response.
pub async fn send(to: SocketAddr, request: http::request::Builder) -> Response<String> {
    send_body(to, request, "").await
}

/// The same with a body.
pub async fn send_body(
    to: SocketAddr,
    request: http::request::Builder,
    body: impl Into<Bytes>,
) -> Response<String> {
    let mut request = request.body(Full::new(body.into())).unwrap();
    name_host(&mut request);
    let response = connect(to).await.send_request(request).await.unwrap();
    read(response).await
}

/// Puts the `Host` that a request must have, which hyper leaves to whoever calls it.
pub fn name_host<B>(request: &mut Request<B>) {
    if let Some(authority) = request.uri().authority() {
        let host = authority.as_str().rsplit('@').next().unwrap().parse().unwrap();
        request.headers_mut().entry("host").or_insert(host);
    }
}

/// Reads a response to its end.
pub async fn read(response: Response<hyper::body::Incoming>) -> Response<String> {
    let (parts, body) = response.into_parts();
    let body = tokio::time::timeout(DEADLINE, body.collect()).await.expect("a whole body").unwrap();
    Response::from_parts(parts, String::from_utf8(body.to_bytes().to_vec()).unwrap())
}

/// Sends bytes and reads until the far side closes.
pub async fn raw(to: SocketAddr, bytes: &str) -> String {
    let mut io = TcpStream::connect(to).await.unwrap();
    io.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = io.read_to_end(&mut answer);
    tokio::time::timeout(DEADLINE, read).await.expect("the far side closes").ok();
    String::from_utf8_lossy(&answer).into_owned()
}

/// A value of a header of a response.
pub fn header<'a, B>(response: &'a Response<B>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}
