//! The body of a response on its way back, which holds its connection until it has been read to
//! the end.

use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use hyper::body::Body;
use hyper::body::Frame;
use hyper::body::Incoming;
use hyper::body::SizeHint;

use crate::http1::client::Exchange;
use crate::net::rewind::Rewind;
use crate::proxy::body::Upload;
use crate::proxy::error::Wire;
use crate::proxy::upstream::connection::Lease;

/// The body of a response.
#[derive(Debug)]
pub struct Download(Source);

#[derive(Debug)]
enum Source {
    /// None once it has ended, or broken.
    Http1(Option<Box<Lent>>),
    Http2(Incoming),
}

/// A connection while it carries a response.
#[derive(Debug)]
pub(super) struct Lent {
    pub(super) exchange: Exchange<Upload>,
    pub(super) lease: Lease,
}

impl Download {
    pub(super) fn http1(lent: Box<Lent>) -> Self {
        let mut download = Self(Source::Http1(Some(lent)));
        download.give_back_at_end();
        download
    }

    /// That of a response which may upgrade the connection.
    pub(super) const fn held(lent: Box<Lent>) -> Self {
        Self(Source::Http1(Some(lent)))
    }

    pub(super) const fn http2(body: Incoming) -> Self {
        Self(Source::Http2(body))
    }

    /// The connection, if the response has upgraded it.
    pub(in crate::proxy) fn into_upgraded(self) -> Option<Rewind> {
        match self.0 {
            Source::Http1(lent) => lent.map(|lent| lent.exchange.into_upgraded()),
            Source::Http2(_) => None,
        }
    }

    fn give_back_at_end(&mut self) {
        if let Source::Http1(place) = &mut self.0
            && let Some(lent) = place.take_if(|lent| lent.exchange.is_ended())
        {
            lent.lease.give_back(lent.exchange);
        }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = Wire;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Wire>>> {
        let place = match &mut self.0 {
            Source::Http1(place) => place,
            Source::Http2(body) => return Pin::new(body).poll_frame(cx).map_err(Wire::Http2),
        };
        let Some(lent) = place else { return Poll::Ready(None) };
        let polled = lent.exchange.poll_frame(cx).map_err(Wire::Http1);
        if let Poll::Ready(Some(Err(_))) = &polled {
            *place = None;
        }
        self.give_back_at_end();
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Http1(lent) => lent.is_none(),
            Source::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Http1(lent) => lent
                .as_ref()
                .map_or_else(|| SizeHint::with_exact(0), |lent| lent.exchange.size_hint()),
            Source::Http2(body) => body.size_hint(),
        }
    }
}
