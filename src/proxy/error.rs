//! What can go wrong between the two sides, whose side it was, and what the client is told.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use http::StatusCode;

use crate::http1;
use crate::http1::client::Failed;
use crate::net::connect::ConnectError;
use crate::net::tls::client::TlsError;
use crate::proxy::body::UploadError;
use crate::trace::facts::Failure;

/// Why a request had no response.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client broke its own request off, or fell silent in the middle of it.
    #[error("{0}")]
    Client(UploadError),
    /// No connection could be made.
    #[error("{0}")]
    Connect(ConnectError),
    /// A connection was made, but not TLS.
    #[error("{0}")]
    Tls(TlsError),
    /// Connecting, TLS included, took too long.
    #[error("no connection to {authority} within {after:?}")]
    ConnectTimeout {
        /// Host and port.
        authority: Box<str>,
        /// The limit.
        after: Duration,
    },
    /// The connection broke before the head of the response had come.
    #[error("the connection broke before a response came")]
    Reset(#[source] Wire),
    /// What came was not HTTP.
    #[error("the response is not valid HTTP")]
    Protocol(#[source] Wire),
    /// No response came in time.
    #[error("no response within {0:?}")]
    ResponseTimeout(Duration),
    /// The response changes the protocol, and the request did not offer to.
    #[error("the protocol was changed without an offer to")]
    Upgrade,
}

/// What failed below the proxy.
#[derive(Debug, thiserror::Error)]
pub enum Wire {
    /// HTTP/1.1.
    #[error("{0}")]
    Http1(http1::error::Error),
    /// HTTP/2.
    #[error("{0}")]
    Http2(hyper::Error),
}

/// Whose doing an error was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one who asked.
    Client,
    /// The one who was asked.
    Upstream,
}

impl Error {
    /// Sorts what hyper says of a request it was given.
    pub(super) fn of_http2(error: hyper::Error) -> Self {
        if let Some(upload) = upload_error(&error) {
            return Self::Client(upload);
        }
        let parse = error.is_parse();
        let error = Wire::Http2(error);
        if parse { Self::Protocol(error) } else { Self::Reset(error) }
    }

    /// Sorts what became of a request over HTTP/1.1.
    pub(super) fn of_http1(failed: Failed<UploadError>) -> Self {
        match failed {
            Failed::Upload(error) => Self::Client(error),
            Failed::Wire(error) if error.is_protocol() => Self::Protocol(Wire::Http1(error)),
            Failed::Wire(error) => Self::Reset(Wire::Http1(error)),
        }
    }

    /// Whose doing it was.
    #[must_use]
    pub const fn side(&self) -> Side {
        match self {
            Self::Client(_) => Side::Client,
            Self::Connect(_)
            | Self::Tls(_)
            | Self::ConnectTimeout { .. }
            | Self::Reset(_)
            | Self::Protocol(_)
            | Self::ResponseTimeout(_)
            | Self::Upgrade => Side::Upstream,
        }
    }

    /// Whether the far side reset its connection, rather than close it.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        let Self::Reset(Wire::Http1(http1::error::Error::Io(error))) = self else { return false };
        error.kind() == io::ErrorKind::ConnectionReset
    }

    /// What the client is told. The only table from errors to statuses.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Client(UploadError::Broken) => StatusCode::BAD_REQUEST,
            Self::Client(UploadError::Silent(_)) => StatusCode::REQUEST_TIMEOUT,
            Self::Connect(error) if error.is_timeout() => StatusCode::GATEWAY_TIMEOUT,
            Self::Connect(ConnectError::Refused { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Connect(_)
            | Self::Tls(_)
            | Self::Reset(_)
            | Self::Protocol(_)
            | Self::Upgrade => StatusCode::BAD_GATEWAY,
            Self::ConnectTimeout { .. } | Self::ResponseTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The failure as a document records it.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let kind = match self {
            Self::Client(_) => "ClientDisconnected",
            Self::Connect(error) => error.kind(),
            Self::Tls(error) => error.kind(),
            Self::ConnectTimeout { .. } => "ConnectTimeout",
            Self::Reset(_) => "ConnectionReset",
            Self::Protocol(_) | Self::Upgrade => "ProtocolError",
            Self::ResponseTimeout(_) => "ResponseTimeout",
        };
        Failure { kind, message: self.to_string().into() }
    }
}

/// Digs out what our own request body said, if that is why hyper gave up.
fn upload_error(error: &hyper::Error) -> Option<UploadError> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(upload) = cause.downcast_ref::<UploadError>() {
            return Some(*upload);
        }
        source = cause.source();
    }
    None
}
