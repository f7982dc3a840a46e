//! What a response says of its error, read as it passes: gRPC's status in its head or trailers, an
//! error named in a body of JSON.

use bytes::Bytes;
use http::HeaderMap;
use http::Response;
use http::StatusCode;

use crate::answer::grpc;
use crate::answer::problem;
use crate::proxy::annotator::Pending;
use crate::proxy::annotator::Remarked;
use crate::proxy::body::Close;
use crate::record::inbound::Inbound;
use crate::record::outbound::Outbound;
use crate::trace::exchange::Answered;
use crate::trace::facts::End;
use crate::trace::facts::RemoteError;
use crate::trace::segment::Flags;

/// An open exchange, and what is looked at of its response.
#[derive(Debug)]
pub struct Looked<X> {
    exchange: X,
    /// None if there is nothing to see.
    look: Option<Box<Look>>,
    /// What rules still want to see.
    pending: Pending,
}

#[derive(Debug)]
enum Look {
    /// gRPC's status, once it has come.
    Grpc(Option<grpc::Failed>),
    /// The beginning of an error's body.
    Body { status: StatusCode, headers: HeaderMap, beginning: Vec<u8> },
}

/// What can be blamed on an exchange.
pub trait Blamed: Remarked {
    /// The response names an error, which raises these flags besides those of the status.
    fn blame(&mut self, error: RemoteError, flags: Flags);

    /// The exchange has ended.
    fn close(self, end: End);
}

impl Blamed for Inbound<Answered> {
    fn blame(&mut self, error: RemoteError, flags: Flags) {
        self.blame(error, flags);
    }

    fn close(self, end: End) {
        self.close(end);
    }
}

impl Blamed for Outbound<Answered> {
    fn blame(&mut self, error: RemoteError, flags: Flags) {
        self.blame(error, flags);
    }

    fn close(self, end: End) {
        self.close(end);
    }
}

impl<X: Blamed> Looked<X> {
    /// Looks at `response`, into the bodies of errors too if `bodies` are of interest, and shows its
    /// trailers to whoever is `pending`.
    pub(super) fn at<B>(
        exchange: X,
        response: &Response<B>,
        bodies: bool,
        pending: Pending,
    ) -> Self {
        let look = exchange.is_recorded().then(|| Look::at(response, bodies)).flatten();
        Self { exchange, look: look.map(Box::new), pending }
    }
}

impl Look {
    fn at<B>(response: &Response<B>, bodies: bool) -> Option<Self> {
        let (status, headers) = (response.status(), response.headers());
        if grpc::is_grpc(headers) {
            return Some(Self::Grpc(grpc::failed(headers)));
        }
        let wanted = bodies && problem::may_name_one(status, headers);
        wanted.then(|| Self::Body { status, headers: headers.clone(), beginning: Vec::new() })
    }

    fn error(self) -> Option<(RemoteError, Flags)> {
        match self {
            Self::Grpc(failed) => {
                let grpc::Failed { name, message, flags } = failed?;
                let code = name.into();
                Some((RemoteError { code, message, throttling: flags.throttle }, flags))
            }
            Self::Body { status, headers, beginning } => {
                let error = problem::named(status, &headers, &beginning)?;
                Some((error, Flags::default()))
            }
        }
    }
}

impl<X: Blamed + std::fmt::Debug> Close for Looked<X> {
    fn saw(&mut self, data: &Bytes) {
        if let Some(Look::Body { beginning, .. }) = self.look.as_deref_mut() {
            let room = problem::PREFIX.saturating_sub(beginning.len());
            beginning.extend_from_slice(data.get(..room).unwrap_or(data));
        }
    }

    fn trailers(&mut self, trailers: &HeaderMap) {
        if let Some(Look::Grpc(failed)) = self.look.as_deref_mut() {
            *failed = grpc::failed(trailers).or_else(|| failed.take());
        }
        self.pending.trailed(trailers, &mut self.exchange);
    }

    fn close(mut self, end: End) {
        let error = self.look.take().and_then(|look| look.error());
        if let Some((error, flags)) = error.filter(|_| end == End::Complete) {
            self.exchange.blame(error, flags);
        }
        self.exchange.close(end);
    }
}
