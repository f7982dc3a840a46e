//! A response on its way to the client.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use http::Response;
use hyper::body::Body;

use crate::http1::encode;
use crate::http1::encode::Asked;
use crate::http1::encode::Encoder;
use crate::http1::framing::Framing;
use crate::http1::server::Line;
use crate::sys::drain::Phase;

/// What becomes of the connection after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It is broken.
    Broken,
    /// It is to be closed; the client knows, and sends nothing more.
    Close,
    /// It is to be closed, while the client may still be sending.
    Linger,
    /// The next request may come.
    Next,
    /// What follows is another protocol.
    Upgraded,
}

/// Writes a response, its body as it comes.
pub(super) async fn respond<B>(line: &mut Line<'_>, asked: &Asked, response: Response<B>) -> After
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, body) = response.into_parts();
    let tunnel = encode::opens_tunnel(head.status, asked);
    let mut persistent = asked.persistent;
    let framing = {
        let mut conn = line.conn.borrow_mut();
        persistent &= conn.answer() && !line.member.is_leaving();
        encode::response(&head, &body.size_hint(), asked, persistent, &mut conn.io.tail)
    };
    persistent &= framing != Framing::UntilClose;
    let mut sending = Sending { body, encoder: Encoder::new(framing), line, broken: false };
    drop(head);
    let whole = poll_fn(|cx| sending.poll(cx)).await.is_ok();
    let conn = sending.line.conn.borrow();
    if !whole {
        if sending.encoder.is_until_close() {
            conn.io.reset();
        }
        return After::Broken;
    }
    if tunnel {
        return After::Upgraded;
    }
    match (persistent, conn.decoder.is_done()) {
        (true, true) => After::Next,
        (false, true) if !asked.persistent && conn.io.read.is_empty() => After::Close,
        (true | false, _) => After::Linger,
    }
}

/// The body was not sent whole.
struct Broken;

struct Sending<'l, 'a, B> {
    body: B,
    encoder: Encoder,
    line: &'l mut Line<'a>,
    /// The body broke off: what there is of it is written, and then the connection is closed.
    broken: bool,
}

impl<B: Body<Data = Bytes> + Unpin> Sending<'_, '_, B> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        loop {
            let filled = self.fill(cx);
            let mut conn = self.line.conn.borrow_mut();
            let before = conn.io.waiting();
            let flushed = conn.io.poll_flush(cx);
            if conn.io.waiting() < before {
                self.line.write.heard();
            }
            match flushed {
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Broken)),
                Poll::Ready(Ok(())) if self.broken => return Poll::Ready(Err(Broken)),
                Poll::Ready(Ok(())) if self.encoder.is_done() => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) if filled.is_ready() => continue,
                Poll::Ready(Ok(())) => {
                    if conn.poll_gone(cx).is_ready() {
                        return Poll::Ready(Err(Broken));
                    }
                }
                Poll::Pending => {
                    if self.line.write.poll(cx).is_ready() {
                        tracing::debug!("a client took nothing of its response for too long");
                        return Poll::Ready(Err(Broken));
                    }
                }
            }
            if self.line.member.phase(cx) >= Phase::Aborting {
                return Poll::Ready(Err(Broken));
            }
            return Poll::Pending;
        }
    }

    /// Takes pieces of the body until enough waits to be written. Pending if the next has to be
    /// waited for.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.broken && !self.encoder.is_done() && !self.line.conn.borrow().io.is_full() {
            let frame = match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(frame) => frame,
            };
            let ended = frame.is_none() || self.body.is_end_stream();
            let mut conn = self.line.conn.borrow_mut();
            let mut pushed = match frame {
                Some(Ok(frame)) => self.encoder.push(frame, &mut conn.io).is_ok(),
                Some(Err(_)) => false,
                None => true,
            };
            if pushed && ended && !self.encoder.is_done() {
                pushed = self.encoder.finish(&mut conn.io).is_ok();
            }
            self.broken = !pushed;
        }
        Poll::Ready(())
    }
}
