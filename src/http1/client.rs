//! The asking end of HTTP/1.1: one request and its response at a time over a connection.
//!
//! Nothing runs by itself: whoever waits for the response, or reads its body, also moves the
//! request on. An idle connection has no task.

use std::fmt::Debug;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use std::task::ready;

use bytes::Bytes;
use bytes::BytesMut;
use http::Method;
use http::Response;
use http::StatusCode;
use hyper::body::Body;
use hyper::body::Frame;
use hyper::body::SizeHint;

use crate::http1::decode::Decoder;
use crate::http1::encode;
use crate::http1::encode::Encoder;
use crate::http1::error::Error;
use crate::http1::head;
use crate::http1::head::Limits;
use crate::http1::transport::Transport;
use crate::net::rewind::Rewind;
use crate::net::stream::Stream;

/// Most informational responses to one request; a server that sends more is not serving.
const MAX_INTERIM: u32 = 32;

/// A connection without a request.
#[derive(Debug)]
pub struct Connection(Transport);

/// A request on its way, and its response.
#[derive(Debug)]
pub struct Exchange<B> {
    io: Transport,
    asked: Method,
    upload: Upload<B>,
    seen: usize,
    interim: u32,
    decoder: Decoder,
    persistent: bool,
}

/// The body of the request, as far as it has not been written.
#[derive(Debug)]
struct Upload<B> {
    body: B,
    encoder: Encoder,
    state: Sending,
    /// The end of the head, while it is kept back.
    held: BytesMut,
}

/// So many bytes of a head are kept back: without them it has no end.
const HELD: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    /// Nothing was handed to the kernel yet.
    Unsent,
    /// Something was.
    Begun,
    /// All was.
    Done,
    /// The far side takes no more; it may have said why.
    Refused,
}

/// The head of a response.
#[derive(Debug)]
pub enum Head {
    /// A 1xx that another follows.
    Interim(Response<()>),
    /// The response; its body is to be read by [`Exchange::poll_frame`]. `101` is one.
    Final(Response<()>),
}

/// Why there is no response.
#[derive(Debug)]
pub enum Failed<E> {
    /// The body of the request could not be had.
    Upload(E),
    /// The connection or the far side failed.
    Wire(Error),
}

impl Connection {
    /// A connection that was just made.
    #[must_use]
    pub fn new(io: Stream) -> Self {
        Self(Transport::new(io))
    }

    /// Whether the far side has closed it, or has said something unasked, which nobody could tell
    /// from the response to the next request.
    pub fn is_closed(&mut self) -> bool {
        !self.0.read.is_empty()
            || self.0.poll_fill_head(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Begins an exchange. Nothing is sent until it is polled.
    pub fn start<B: Body<Data = Bytes>>(
        mut self,
        head: &http::request::Parts,
        body: B,
    ) -> Exchange<B> {
        let framing = encode::request(head, &body.size_hint(), &mut self.0.tail);
        let upload = Upload {
            body,
            encoder: Encoder::new(framing),
            state: Sending::Unsent,
            held: BytesMut::new(),
        };
        Exchange {
            io: self.0,
            asked: head.method.clone(),
            upload,
            seen: 0,
            interim: 0,
            decoder: Decoder::UntilClose,
            persistent: false,
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Exchange<B> {
    /// Sends the request and waits for the next head that comes.
    ///
    /// # Errors
    ///
    /// [`Failed`] says whose doing it was. A request that the far side does not take whole is no
    /// error as long as there is a response.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, Failed<B::Error>>> {
        self.poll_upload(cx).map_err(Failed::Upload)?;
        loop {
            let limits = Limits::default();
            let head =
                head::parse_response(&mut self.io.read, &mut self.seen, &limits, &self.asked);
            if let Some(head) = head.map_err(|error| Failed::Wire(Error::Head(error)))? {
                return Poll::Ready(self.received(head).map_err(Failed::Wire));
            }
            match ready!(self.io.poll_fill_head(cx)) {
                Ok(0) => return Poll::Ready(Err(Failed::Wire(Error::Closed))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(Failed::Wire(Error::Io(error)))),
            }
        }
    }

    fn received(&mut self, head: head::ResponseHead) -> Result<Head, Error> {
        let status = head.response.status();
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            self.interim += 1;
            return if self.interim > MAX_INTERIM {
                Err(Error::Interim(MAX_INTERIM))
            } else {
                Ok(Head::Interim(head.response))
            };
        }
        self.decoder = Decoder::new(head.framing);
        self.persistent = head.persistent;
        Ok(Head::Final(head.response))
    }

    /// The next piece of the response's body; none after the last. Moves the request on too.
    ///
    /// # Errors
    ///
    /// If the body breaks off, or is not framed as its head says. What is wrong with the request's
    /// own body is not told: the response has been given already.
    pub fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.upload.state != Sending::Done && self.poll_upload(cx).is_err() {
            self.upload.state = Sending::Refused;
        }
        self.decoder.poll(cx, &mut self.io)
    }

    /// Keeps the end of the head back until [`release`](Self::release): whoever has read the rest
    /// waits for it. To be called before anything is sent.
    pub fn hold(&mut self) {
        let kept = self.io.tail.len().saturating_sub(HELD);
        self.upload.held = self.io.tail.split_off(kept);
    }

    /// Sends what is not kept back. Whatever goes wrong is told by [`poll_head`](Self::poll_head).
    pub fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let before = self.io.waiting();
        let flushed = self.io.poll_flush(cx);
        if self.io.waiting() < before {
            self.upload.state = Sending::Begun;
        }
        flushed.map(|_| ())
    }

    /// Lets the end of the head go.
    pub fn release(&mut self) {
        self.io.tail.unsplit(std::mem::take(&mut self.upload.held));
    }

    /// Moves the request on as far as it goes.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<(), B::Error> {
        let upload = &mut self.upload;
        while matches!(upload.state, Sending::Unsent | Sending::Begun) {
            let filled = upload.fill(cx, &mut self.io)?;
            let before = self.io.waiting();
            let flushed = self.io.poll_flush(cx);
            if self.io.waiting() < before {
                upload.state = Sending::Begun;
            }
            match flushed {
                Poll::Pending => return Ok(()),
                // It may have answered before it closed.
                Poll::Ready(Err(_)) if upload.state == Sending::Begun => {
                    upload.state = Sending::Refused;
                }
                // The response's reader hears of it, and the request can be sent elsewhere.
                Poll::Ready(Err(_)) => return Ok(()),
                Poll::Ready(Ok(())) if upload.encoder.is_done() => upload.state = Sending::Done,
                Poll::Ready(Ok(())) if filled.is_pending() => return Ok(()),
                Poll::Ready(Ok(())) => {}
            }
        }
        Ok(())
    }
}

impl<B: Body<Data = Bytes> + Unpin> Upload<B> {
    /// Takes pieces of the body until enough is ready to be written. Pending if the next has to be
    /// waited for.
    fn fill(&mut self, cx: &mut Context<'_>, io: &mut Transport) -> Result<Poll<()>, B::Error> {
        while !self.encoder.is_done() && !io.is_full() {
            let pushed = match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Some(frame)) => self.encoder.push(frame?, io),
                Poll::Ready(None) => self.encoder.finish(io),
            };
            if pushed.is_ok() && self.body.is_end_stream() && !self.encoder.is_done() {
                drop(self.encoder.finish(io));
            }
            if pushed.is_err() {
                // Its length is wrong: what was sent cannot be mended, so no more is.
                self.state = Sending::Refused;
                return Ok(Poll::Pending);
            }
        }
        Ok(Poll::Ready(()))
    }
}

impl<B> Exchange<B> {
    /// Whether all of the body has been read.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.decoder.is_done()
    }

    /// What is known of the rest of the body.
    #[must_use]
    pub fn size_hint(&self) -> SizeHint {
        self.decoder.size_hint()
    }

    /// The request's body, as far as it has been read.
    pub const fn body_mut(&mut self) -> &mut B {
        &mut self.upload.body
    }

    /// The request's body, and whether nothing at all of the request was sent.
    #[must_use]
    pub fn into_body(self) -> (B, bool) {
        (self.upload.body, self.upload.state == Sending::Unsent)
    }

    /// The connection, if it can carry another request: both messages have ended, nothing came
    /// after the response, and the far side keeps it open.
    #[must_use]
    pub fn finish(mut self) -> Option<Connection> {
        let whole = self.upload.state == Sending::Done && self.decoder.is_done();
        if !whole || !self.persistent || !self.io.read.is_empty() {
            return None;
        }
        self.io.rest();
        Some(Connection(self.io))
    }

    /// The connection after a `101`, for whatever is spoken on it now.
    #[must_use]
    pub fn into_upgraded(self) -> Rewind {
        self.io.into_rewind()
    }
}
