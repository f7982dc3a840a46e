//! A body that a test sends piece by piece.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::body::Frame;
use tokio::sync::mpsc;

use super::origin;

/// The end that a test sends from. Dropping it ends the body.
#[derive(Debug)]
pub struct Pieces(mpsc::UnboundedSender<Frame<Bytes>>);

#[derive(Debug)]
struct Receiver(mpsc::UnboundedReceiver<Frame<Bytes>>);

/// A body of unknown length, and the end to send it from.
pub fn channel() -> (Pieces, origin::Body) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Pieces(sender), Receiver(receiver).boxed())
}

impl Pieces {
    pub fn send(&self, piece: impl Into<Bytes>) {
        self.0.send(Frame::data(piece.into())).unwrap();
    }

    /// Ends the body with one trailer.
    pub fn end_with(self, name: &'static str, value: &'static str) {
        let mut trailers = HeaderMap::new();
        trailers.insert(name, HeaderValue::from_static(value));
        self.0.send(Frame::trailers(trailers)).unwrap();
    }
}

impl Body for Receiver {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}
