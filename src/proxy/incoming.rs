//! The body of a request as it comes from the client, over HTTP/1.1 or HTTP/2.

use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::Bytes;
use bytes::BytesMut;
use hyper::body::Body;
use hyper::body::Frame;
use hyper::body::SizeHint;

use crate::http1::server;
use crate::http1::server::Interim;
use crate::resign::Chunks;

/// The body of a request.
#[derive(Debug)]
pub enum Incoming {
    /// Over HTTP/1.1.
    Http1(server::Incoming),
    /// Over HTTP/2.
    Http2(hyper::body::Incoming),
    /// Over either, and here already; none once it was taken.
    Kept {
        /// All of it.
        data: Option<Bytes>,
        /// The way to send informational responses, if there is one.
        interim: Option<Interim>,
    },
    /// Over either, with each of its chunks signed anew as it passes.
    Resigned(Box<Resigned>),
}

/// A body whose chunks are signed one by one.
#[derive(Debug)]
pub struct Resigned {
    body: Incoming,
    chunks: Chunks,
}

/// The body broke off, or is not one. Which it was is of no use to anybody but the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request broke off")]
pub struct Broken;

impl Incoming {
    /// A way to send informational responses; none over HTTP/2, where hyper has no way to.
    #[must_use]
    pub fn interim(&self) -> Option<Interim> {
        match self {
            Self::Http1(body) => Some(body.interim()),
            Self::Http2(_) => None,
            Self::Kept { interim, .. } => interim.clone(),
            Self::Resigned(resigned) => resigned.body.interim(),
        }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Http1(body) => Pin::new(body).poll_frame(cx).map_err(|_| Broken),
            Self::Http2(body) => Pin::new(body).poll_frame(cx).map_err(|_| Broken),
            Self::Kept { data, .. } => Poll::Ready(data.take().map(Frame::data).map(Ok)),
            Self::Resigned(resigned) => resigned.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
            Self::Kept { data, .. } => data.is_none(),
            Self::Resigned(resigned) => resigned.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
            Self::Kept { data, .. } => {
                SizeHint::with_exact(data.as_ref().map_or(0, |data| data.len() as u64))
            }
            Self::Resigned(resigned) => resigned.body.size_hint(),
        }
    }
}

impl Resigned {
    /// `body` as `chunks` has it.
    #[must_use]
    pub const fn new(body: Incoming, chunks: Chunks) -> Self {
        Self { body, chunks }
    }

    /// What is not made of signed chunks to its end has broken off.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let mut out = BytesMut::new();
        while out.is_empty() {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)?) {
                Some(frame) => frame,
                None if self.chunks.is_whole() => return Poll::Ready(None),
                None => return Poll::Ready(Some(Err(Broken))),
            };
            let Some(data) = frame.data_ref() else { return Poll::Ready(Some(Ok(frame))) };
            self.chunks.push(data, &mut out).map_err(|_| Broken)?;
        }
        Poll::Ready(Some(Ok(Frame::data(out.freeze()))))
    }
}
