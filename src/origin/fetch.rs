//! One small request to somebody near, over a connection of its own.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::Request;
use http::StatusCode;
use http::Uri;
use http::header;
use http_body_util::BodyExt;
use http_body_util::Empty;
use http_body_util::Limited;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::net::connect;
use crate::net::connect::ConnectError;
use crate::net::stream::Stream;
use crate::net::tls::client::Alpn;
use crate::net::tls::client::Client;
use crate::net::tls::client::TlsError;
use crate::origin::insist::Failure;

/// Most bytes of an answer: what is asked for takes a few thousand.
const ANSWER: usize = 256 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The place is none.
    #[error("{0:?} is not a URL that can be asked")]
    Place(String),
    /// The request cannot be put.
    #[error("the question cannot be put: {0}")]
    Question(#[from] http::Error),
    /// Nobody is there.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// There is no TLS with whom is there.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The connection broke.
    #[error("the answer cannot be read: {0}")]
    Exchange(#[from] hyper::Error),
    /// The answer is too long, or broke off.
    #[error("the answer cannot be read: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    /// It is not an answer.
    #[error("the answer is {0}")]
    Status(StatusCode),
    /// There was a connection, and no answer over it in time.
    #[error("there was no answer in time")]
    TooLate,
    /// The answer is not what it should be.
    #[error("the answer makes no sense")]
    Nonsense,
}

impl FetchError {
    /// Whether it would be the same later: whoever was asked has said no, or cannot be asked.
    pub(super) fn failure(self) -> Failure<Self> {
        match self {
            Self::Status(StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS) => {
                Failure::Passing(self)
            }
            Self::Status(status) if status.is_client_error() => Failure::Final(self),
            Self::Place(_) | Self::Question(_) => Failure::Final(self),
            Self::Connect(_)
            | Self::Tls(_)
            | Self::Exchange(_)
            | Self::Body(_)
            | Self::Status(_)
            | Self::TooLate
            | Self::Nonsense => Failure::Passing(self),
        }
    }
}

/// Asks for `path` at `place`, a URL whose own path comes before it, by `request`, which has neither
/// body nor target yet. `tls` says who is trusted, where the URL is one of https; without, such a
/// place cannot be asked.
///
/// Waits `patience` for the connection and as long again for the answer, and follows no redirect.
///
/// # Errors
///
/// If there is no answer with status 200.
pub(super) async fn fetch(
    place: &str,
    path: &str,
    request: http::request::Builder,
    tls: Option<&Client>,
    patience: Duration,
) -> Result<Bytes, FetchError> {
    let no_place = || FetchError::Place(place.to_owned());
    let url: Uri =
        format!("{}{path}", place.trim_end_matches('/')).parse().map_err(|_| no_place())?;
    let authority = url.authority().ok_or_else(no_place)?;
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| no_place())?;
    let request = request.uri(target).header(header::HOST, host).body(Empty::<Bytes>::new())?;
    let port = |default| authority.port_u16().unwrap_or(default);
    let stream: Stream = match (url.scheme_str(), tls) {
        (Some("http"), _) => connect::connect(authority.host(), port(80), patience).await?.into(),
        (Some("https"), Some(tls)) => {
            let tcp = connect::connect(authority.host(), port(443), patience).await?;
            let shaken = timeout(patience, tls.handshake(tcp, authority.host(), Alpn::Http1)).await;
            shaken.map_err(|_| FetchError::TooLate)??.0.into()
        }
        _ => return Err(no_place()),
    };
    timeout(patience, exchange(stream, request)).await.unwrap_or(Err(FetchError::TooLate))
}

async fn exchange(stream: Stream, request: Request<Empty<Bytes>>) -> Result<Bytes, FetchError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut answer = pin!(async {
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), ANSWER).collect().await;
        Ok(body.map_err(FetchError::Body)?.to_bytes())
    });
    tokio::select! {
        answer = &mut answer => answer,
        // What it has brought before it closed is still to be read.
        _ = connection => answer.await,
    }
}
