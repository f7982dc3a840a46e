//! A connection as its exchanges share it: the task that serves it, and whoever reads the body of
//! the request or waits for its upgrade.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use bytes::Bytes;
use http::HeaderMap;
use http::Request;
use http::StatusCode;
use http::Version;
use hyper::body::Body;
use hyper::body::Frame;
use hyper::body::SizeHint;
use tokio::sync::oneshot;

use crate::http1::decode::Decoder;
use crate::http1::encode;
use crate::http1::error::Error;
use crate::http1::framing::Framing;
use crate::http1::head::RequestHead;
use crate::http1::transport::Transport;
use crate::net::rewind::Rewind;
use crate::net::stream::Stream;

/// How much of the requests behind the one that is open is read ahead.
const AHEAD: usize = 64 * 1024;

/// A connection and the request that is open on it.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) io: Transport,
    pub(super) decoder: Decoder,
    /// Which request this is. Who held on to an earlier one has nothing to read any more.
    serial: u64,
    /// Whether the client waits for `100 Continue` before it sends the body.
    expects: bool,
    /// Whether nobody will read the rest of the body.
    abandoned: bool,
    /// Whether the client knows of informational responses: HTTP/1.0 does not.
    hears: bool,
    upgrade: Option<oneshot::Sender<Rewind>>,
    /// The serving task, while it waits for somebody else to move the connection on.
    waiting: Option<Waker>,
}

/// The body of a request, read from the connection as it is asked for.
#[derive(Debug)]
pub struct Incoming {
    conn: Rc<RefCell<Conn>>,
    serial: u64,
}

/// A way to send informational responses ahead of the response.
#[derive(Clone, Debug)]
pub struct Interim {
    conn: Rc<RefCell<Conn>>,
    serial: u64,
}

/// The connection, once the response has been sent that upgrades it. An error if none was.
pub type Upgrade = oneshot::Receiver<Rewind>;

impl Conn {
    pub(super) fn new(io: Stream) -> Self {
        Self {
            io: Transport::new(io),
            decoder: Decoder::new(Framing::Length(0)),
            serial: 0,
            expects: false,
            abandoned: false,
            hears: true,
            upgrade: None,
            waiting: None,
        }
    }

    /// Opens the next exchange.
    pub(super) fn begin(this: &Rc<RefCell<Self>>, head: RequestHead) -> Request<Incoming> {
        let mut conn = this.borrow_mut();
        conn.decoder = Decoder::new(head.framing);
        conn.serial += 1;
        conn.expects = head.expects_continue;
        conn.abandoned = false;
        conn.hears = head.request.version() == Version::HTTP_11;
        conn.upgrade = None;
        let body = Incoming { conn: Rc::clone(this), serial: conn.serial };
        head.request.map(|()| body)
    }

    /// The response begins. Says whether the next request can follow: the whole of this one has
    /// been read, or will be. A client that waits for `100 Continue` is not asked for its body any
    /// more, and may never send it.
    pub(super) fn answer(&mut self) -> bool {
        self.abandoned |= std::mem::take(&mut self.expects);
        self.decoder.is_done() || !self.abandoned
    }

    /// Ready when the client has gone away. What it sends behind its request is kept for later.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.io.waiting() > 0
            && let Poll::Ready(Err(_)) = self.io.poll_flush(cx)
        {
            return Poll::Ready(());
        }
        if !self.decoder.is_done() {
            // Whoever reads the body hears of it.
            self.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        while self.io.read.len() < AHEAD {
            match self.io.poll_fill_head(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Pending
    }

    /// Closes for writing and throws away what is read; ready when the client has closed too.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.io.poll_shutdown(cx).is_pending() {
            return Poll::Pending;
        }
        loop {
            self.io.read.clear();
            match self.io.poll_fill_head(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Gives the connection to whoever asked for it.
    pub(super) fn hand_over(self) {
        if let Some(upgrade) = self.upgrade {
            // Who does not wait any more lets it be closed.
            drop(upgrade.send(self.io.into_rewind()));
        }
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.expects {
            self.expects = false;
            if self.io.read.is_empty() {
                encode::interim(StatusCode::CONTINUE, &HeaderMap::new(), &mut self.io.tail);
                self.nudge();
            }
        }
        let polled = self.decoder.poll(cx, &mut self.io);
        if self.decoder.is_done() || matches!(polled, Poll::Ready(Some(Err(_)))) {
            self.nudge();
        }
        polled
    }

    /// Lets the serving task look at the connection again.
    fn nudge(&mut self) {
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }
}

impl Incoming {
    /// A way to send informational responses.
    #[must_use]
    pub fn interim(&self) -> Interim {
        Interim { conn: Rc::clone(&self.conn), serial: self.serial }
    }

    /// The connection itself, once it is upgraded.
    #[must_use]
    pub fn on_upgrade(&self) -> Upgrade {
        let (give, take) = oneshot::channel();
        self.conn.borrow_mut().upgrade = Some(give);
        take
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut conn = self.conn.borrow_mut();
        if conn.serial != self.serial {
            return Poll::Ready(Some(Err(Error::Closed)));
        }
        conn.poll_body(cx)
    }

    fn is_end_stream(&self) -> bool {
        let conn = self.conn.borrow();
        conn.serial == self.serial && conn.decoder.is_done()
    }

    fn size_hint(&self) -> SizeHint {
        self.conn.borrow().decoder.size_hint()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let mut conn = self.conn.borrow_mut();
        if conn.serial == self.serial {
            conn.abandoned = true;
        }
    }
}

impl Interim {
    /// Sends one, unless the client speaks HTTP/1.0 or the exchange is over.
    pub fn send(&self, status: StatusCode, headers: &HeaderMap) {
        let mut conn = self.conn.borrow_mut();
        if conn.serial == self.serial && conn.hears {
            encode::interim(status, headers, &mut conn.io.tail);
            conn.nudge();
        }
    }
}
