//! A service behind the sidecar: a real HTTP server that does as a closure says and remembers what
//! it was asked.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::Request;
use http::Response;
use http::request::Parts;
use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::wire::Io;

pub type Body = BoxBody<Bytes, Infallible>;
type Reply = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
type Handler = dyn Fn(Request<Incoming>) -> Reply + Send + Sync;

/// A running service. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Parts>>>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Origin {
    /// A service that answers 200 and "hello".
    pub async fn hello() -> Self {
        Self::start(|_| async { Response::new(full("hello")) }).await
    }

    /// A service that answers as `handler` says, over HTTP/1.1 and HTTP/2.
    pub async fn start<F, R>(handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), handler)
    }

    /// The same on a listener of the test's.
    pub fn on<F, R>(listener: TcpListener, handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::serve(listener, None, handler)
    }

    /// A service that answers 200 and "hello" over TLS.
    pub async fn tls(acceptor: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve(listener, Some(acceptor), |_| async { Response::new(full("hello")) })
    }

    fn serve<F, R>(listener: TcpListener, tls: Option<TlsAcceptor>, handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let (seen, connections) = (Arc::default(), Arc::default());
        let handler: Arc<Handler> = Arc::new(move |request| Box::pin(handler(request)));
        let served = serve(listener, tls, handler, Arc::clone(&seen), Arc::clone(&connections));
        Self { address, seen, connections, task: tokio::spawn(served) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The heads of all requests so far, in the order of their arrival.
    pub fn seen(&self) -> Vec<Parts> {
        self.seen.lock().unwrap().clone()
    }

    /// The head of the only request so far.
    pub fn only(&self) -> Parts {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "requests the service saw");
        seen.remove(0)
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    handler: Arc<Handler>,
    seen: Arc<Mutex<Vec<Parts>>>,
    connections: Arc<AtomicUsize>,
) {
    let mut open = tokio::task::JoinSet::new();
    loop {
        let (io, _) = listener.accept().await.unwrap();
        connections.fetch_add(1, Ordering::SeqCst);
        let (handler, seen) = (Arc::clone(&handler), Arc::clone(&seen));
        let service = service_fn(move |request: Request<Incoming>| {
            let (parts, body) = request.into_parts();
            seen.lock().unwrap().push(parts.clone());
            let reply = handler(Request::from_parts(parts, body));
            async move { Ok::<_, Infallible>(reply.await) }
        });
        let tls = tls.clone();
        open.spawn(async move {
            let io: Box<dyn Io> = match tls {
                None => Box::new(io),
                Some(tls) => Box::new(tls.accept(io).await.unwrap()),
            };
            let http = auto::Builder::new(TokioExecutor::new());
            http.serve_connection_with_upgrades(TokioIo::new(io), service).await.ok();
        });
    }
}

/// A whole body.
pub fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).boxed()
}

/// Answers with the body of the request.
pub async fn echo(request: Request<Incoming>) -> Response<Body> {
    let body = request.into_body().collect().await.unwrap();
    Response::new(full(body.to_bytes()))
}

/// A value of a header the service saw.
pub fn header<'a>(parts: &'a Parts, name: &str) -> &'a str {
    parts.headers.get(name).map_or("", |value| value.to_str().unwrap())
}
