//! The answering end of HTTP/1.1: a connection's requests, one after the other.
//!
//! ```text
//! next head ─▶ service ─▶ response ─▶ next head …        `101`, or `2xx` to CONNECT ─▶ upgraded
//!     └ not HTTP ─▶ refusal, close                       not persistent ─▶ close
//! ```
//!
//! One task does it all: the service's future, the request's body and the response's are polled by
//! it, and nothing else runs.

mod conn;
mod respond;

use std::cell::RefCell;
use std::future::Future;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use bytes::BytesMut;
use http::Request;
use http::Response;
use hyper::body::Body;

use self::conn::Conn;
pub use self::conn::Incoming;
pub use self::conn::Interim;
pub use self::conn::Upgrade;
use self::respond::After;
use self::respond::respond;
use crate::http1::encode::Asked;
use crate::http1::head;
use crate::http1::head::HeadError;
use crate::http1::head::Limits;
use crate::http1::head::RequestHead;
use crate::net::rewind::Rewind;
use crate::net::stream::Stream;
use crate::sys::crew::Member;
use crate::sys::drain::Phase;
use crate::sys::idle::Idle;

/// What HTTP/2 begins with, which is no HTTP/1.1. Source: RFC 9113 §3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long a connection that is closed with bytes unread goes on to read them, so that a reset
/// does not destroy the last response on its way. Source: RFC 9112 §9.6.
const LINGER: Duration = Duration::from_secs(1);

/// How long a server waits.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the whole head of the next request.
    pub head: Duration,
    /// For a client to take some of the response.
    pub write: Duration,
}

/// There is no response: the connection ends as that of the service did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Abort {
    /// With an end.
    #[error("the far side closed the connection")]
    Close,
    /// With a reset.
    #[error("the far side reset the connection")]
    Reset,
}

/// What a connection turned out to be.
#[derive(Debug)]
pub enum Spoken {
    /// HTTP/1.1, and it is over.
    Http1,
    /// HTTP/2: it begins with the preface, to be read again.
    Http2(Rewind),
}

/// Serves a connection until it closes, or is upgraded. When the drain begins it ends after the
/// request that is open; when the drain's deadline passes, at once.
pub async fn serve<F, A, B>(io: Stream, patience: Patience, member: &Member, service: F) -> Spoken
where
    F: Fn(Request<Incoming>) -> A,
    A: Future<Output = Result<Response<B>, Abort>>,
    B: Body<Data = Bytes> + Unpin,
{
    let mut line = Line::new(io, patience, member);
    loop {
        let head = match line.next().await {
            Next::Request(head) => head,
            Next::Http2 => return line.into_http2(),
            Next::Refused(error) => {
                line.refuse(error).await;
                return Spoken::Http1;
            }
            Next::End => return Spoken::Http1,
        };
        let asked = Asked {
            method: head.request.method().clone(),
            version: head.request.version(),
            persistent: head.persistent,
        };
        let request = Conn::begin(&line.conn, *head);
        let response = match line.unless_gone(service(request)).await {
            Some(Ok(response)) => response,
            Some(Err(abort)) => {
                line.abort(abort);
                return Spoken::Http1;
            }
            None => return Spoken::Http1,
        };
        match respond(&mut line, &asked, response).await {
            After::Next => {}
            After::Linger => {
                line.linger().await;
                return Spoken::Http1;
            }
            After::Upgraded => {
                line.hand_over();
                return Spoken::Http1;
            }
            After::Close => {
                line.close().await;
                return Spoken::Http1;
            }
            After::Broken => return Spoken::Http1,
        }
    }
}

/// A connection, and what its waits depend on.
#[derive(Debug)]
struct Line<'a> {
    conn: Rc<RefCell<Conn>>,
    member: &'a Member,
    head: Idle,
    write: Idle,
    /// How far the head that comes has been looked at.
    seen: usize,
    /// Whether no request has come yet.
    fresh: bool,
}

/// What comes next on a connection.
enum Next {
    /// Nothing.
    End,
    Http2,
    Refused(HeadError),
    /// Boxed: every connection that waits would have the room for it.
    Request(Box<RequestHead>),
}

impl<'a> Line<'a> {
    fn new(io: Stream, patience: Patience, member: &'a Member) -> Self {
        Self {
            conn: Rc::new(RefCell::new(Conn::new(io))),
            member,
            head: Idle::new(patience.head),
            write: Idle::new(patience.write),
            seen: 0,
            fresh: true,
        }
    }

    async fn next(&mut self) -> Next {
        self.head.heard();
        let next = poll_fn(|cx| self.poll_next(cx)).await;
        self.fresh = false;
        next
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let conn = Rc::clone(&self.conn);
        let mut conn = conn.borrow_mut();
        loop {
            if let Some(next) = self.read_next(&mut conn.io.read) {
                return Poll::Ready(next);
            }
            if conn.io.read.is_empty() && self.member.phase(cx) >= Phase::Draining {
                return Poll::Ready(Next::End);
            }
            match conn.io.poll_fill_head(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Next::End),
                Poll::Pending => break,
            }
        }
        conn.io.rest();
        if self.member.phase(cx) >= Phase::Aborting {
            return Poll::Ready(Next::End);
        }
        self.head.poll(cx).map(|()| Next::End)
    }

    /// What has been read of the next request, once that is enough.
    fn read_next(&mut self, read: &mut BytesMut) -> Option<Next> {
        if read.is_empty() {
            return None;
        }
        if self.fresh {
            match preface(read) {
                Preface::Yes => return Some(Next::Http2),
                Preface::Perhaps => return None,
                Preface::No => {}
            }
        }
        match head::parse_request(read, &mut self.seen, &Limits::default()) {
            Ok(Some(head)) => Some(Next::Request(Box::new(head))),
            Ok(None) => None,
            Err(error) => Some(Next::Refused(error)),
        }
    }

    /// What `answering` gives, unless the client goes away or the drain's deadline passes before.
    async fn unless_gone<T>(&self, answering: impl Future<Output = T>) -> Option<T> {
        let mut answering = pin!(answering);
        poll_fn(|cx| {
            if let Poll::Ready(answer) = answering.as_mut().poll(cx) {
                return Poll::Ready(Some(answer));
            }
            if self.member.phase(cx) >= Phase::Aborting {
                return Poll::Ready(None);
            }
            self.conn.borrow_mut().poll_gone(cx).map(|()| None)
        })
        .await
    }

    /// Answers what is not a request.
    async fn refuse(&mut self, error: HeadError) {
        let status = error.status();
        let text = format!("{} {}\n", status.as_u16(), error.advice());
        let mut response = Response::new(http_body_util::Full::new(Bytes::from(text)));
        *response.status_mut() = status;
        let plain = http::HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(http::header::CONTENT_TYPE, plain);
        let asked =
            Asked { method: http::Method::GET, version: http::Version::HTTP_11, persistent: false };
        respond(self, &asked, response).await;
        self.linger().await;
    }

    fn abort(&self, abort: Abort) {
        match abort {
            Abort::Close => {}
            Abort::Reset => self.conn.borrow().io.reset(),
        }
    }

    /// Closes the connection in good order, which over TLS takes a word.
    async fn close(&self) {
        let closing = poll_fn(|cx| self.conn.borrow_mut().io.poll_shutdown(cx));
        drop(tokio::time::timeout(LINGER, closing).await);
    }

    /// Closes the connection for writing, and takes in what the client still sends, for a while.
    async fn linger(&self) {
        let timer = pin!(tokio::time::sleep(LINGER));
        let closing = poll_fn(|cx| {
            let mut conn = self.conn.borrow_mut();
            if self.member.phase(cx) >= Phase::Aborting {
                return Poll::Ready(());
            }
            conn.poll_discard(cx)
        });
        tokio::select! {
            () = timer => {}
            () = closing => {}
        }
    }

    fn into_http2(self) -> Spoken {
        match Rc::try_unwrap(self.conn) {
            Ok(conn) => Spoken::Http2(conn.into_inner().io.into_rewind()),
            // No request has come, so nobody else holds it.
            Err(_) => Spoken::Http1,
        }
    }

    /// Gives the connection to whoever waits for the upgrade. If somebody still reads the request's
    /// body, or nobody waits, it is closed.
    fn hand_over(self) {
        if let Ok(conn) = Rc::try_unwrap(self.conn) {
            conn.into_inner().hand_over();
        }
    }
}

/// Whether a connection begins as HTTP/2 does.
enum Preface {
    No,
    Perhaps,
    Yes,
}

fn preface(read: &[u8]) -> Preface {
    if read.starts_with(PREFACE) {
        Preface::Yes
    } else if PREFACE.starts_with(read) {
        Preface::Perhaps
    } else {
        Preface::No
    }
}
