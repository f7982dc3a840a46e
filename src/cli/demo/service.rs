//! The services of the demo: plain HTTP servers that know nothing of tracing, each a process of
//! its own.

use std::convert::Infallible;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use clap::ValueEnum;
use http::Request;
use http::Response;
use http::StatusCode;
use http::header;
use http_body_util::BodyExt;
use http_body_util::Empty;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::process::Signal;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::runtime::LocalOptions;

use crate::cli::exit;
use crate::cli::log;
use crate::sys::task;

/// How long the stock is looked up.
const SLOW: Duration = Duration::from_millis(60);

/// Arguments of a demo service. They are ours to give: the command is hidden.
#[derive(Args, Clone, Debug)]
pub struct Service {
    /// Which service to be
    role: Role,

    /// The proxy its calls go through, as `host:port`
    #[arg(long, env = "HTTP_PROXY", default_value = "")]
    proxy: String,

    /// `host:port` of the services that the front calls
    #[arg(long)]
    calls: Vec<String>,
}

/// What a demo service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Calls the two others.
    Front,
    /// Slow.
    Stock,
    /// Fails two times of three.
    Payment,
}

impl Role {
    /// The name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::Stock => "stock",
            Self::Payment => "payment",
        }
    }
}

/// Serves until the process is killed, or its parent is gone. Standard input is the listener.
#[must_use]
pub fn serve(service: Service) -> u8 {
    let runtime =
        runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    match runtime.and_then(|runtime| runtime.block_on(listen(service))) {
        Ok(()) => exit::OK,
        Err(error) => {
            log::complain(&error);
            exit::FAILED
        }
    }
}

async fn listen(service: Service) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
    let listener = std::net::TcpListener::from(io::stdin().as_fd().try_clone_to_owned()?);
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let service = Arc::new((service, AtomicU64::new(0)));
    loop {
        let (io, _) = listener.accept().await?;
        let service = Arc::clone(&service);
        let handler = service_fn(move |_: Request<Incoming>| {
            let service = Arc::clone(&service);
            async move {
                let number = service.1.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Infallible>(answer(&service.0, number).await)
            }
        });
        drop(task::spawn(async move {
            // A client that breaks off is none of the demo's business.
            drop(server::Builder::new().serve_connection(TokioIo::new(io), handler).await);
        }));
    }
}

async fn answer(service: &Service, number: u64) -> Response<Full<Bytes>> {
    match service.role {
        Role::Front => front(service).await,
        Role::Stock => {
            tokio::time::sleep(SLOW).await;
            reply(StatusCode::OK, "12 left\n")
        }
        Role::Payment if !number.is_multiple_of(3) => {
            reply(StatusCode::INTERNAL_SERVER_ERROR, "the bank does not answer\n")
        }
        Role::Payment => reply(StatusCode::OK, "paid\n"),
    }
}

async fn front(service: &Service) -> Response<Full<Bytes>> {
    let proxy = service.proxy.trim_start_matches("http://");
    for called in &service.calls {
        match call(proxy, called).await {
            Ok(status) if status.is_success() => {}
            Ok(_) | Err(_) => return reply(StatusCode::BAD_GATEWAY, "please try again\n"),
        }
    }
    reply(StatusCode::OK, "thank you\n")
}

/// Calls `http://{url}` through the proxy, as any HTTP client does that heeds `HTTP_PROXY`.
pub(super) async fn call(proxy: &str, url: &str) -> Result<StatusCode, Box<dyn std::error::Error>> {
    let io = TokioIo::new(TcpStream::connect(proxy).await?);
    let (mut sender, connection) = client::handshake(io).await?;
    drop(task::spawn(connection));
    let host = url.split_once('/').map_or(url, |(host, _)| host);
    let request = Request::get(format!("http://{url}"))
        .header(header::HOST, host)
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    response.into_body().collect().await?;
    Ok(status)
}

fn reply(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *reply.status_mut() = status;
    reply
}
