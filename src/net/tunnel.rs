//! A blind tunnel: bytes both ways, counted and never looked at.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::pin::pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use bytes::Buf;
use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;

use crate::sys::drain::Phase;
use crate::sys::drain::Watch;
use crate::sys::idle::Idle;
use crate::trace::facts::TunnelEnd;
use crate::trace::facts::TunnelFacts;

/// What is read at once, and the most that waits to be written, each way.
const BUFFER: usize = 16 * 1024;

/// Buffers that one way may pass on before the other way and the worker's other tasks have a turn.
const TURN: usize = 8;

/// Passes bytes both ways between the `service` and the `remote` until both have closed, one has
/// broken, nothing has passed for `idle`, or the shutdown's deadline has come. Both are dropped
/// then.
///
/// * A half-close is passed on, and the other way stays open.
/// * A slow reader slows its writer down: at most 16 KiB wait each way, and a way that waits for
///   bytes holds no buffer.
/// * A reader that takes nothing is as silent as a writer that sends nothing.
/// * `ended_by` is what happened first: where the service closed its half and the remote then fell
///   silent, it was the service.
pub async fn copy(
    mut service: impl AsyncRead + AsyncWrite + Unpin,
    mut remote: impl AsyncRead + AsyncWrite + Unpin,
    idle: Duration,
    mut watch: Watch,
) -> TunnelFacts {
    let seen = Seen::default();
    let mut silence = Idle::new(idle);
    let mut up = Way::new(TunnelEnd::Service, TunnelEnd::Remote, &seen);
    let mut down = Way::new(TunnelEnd::Remote, TunnelEnd::Service, &seen);
    let both = poll_fn(|cx| {
        let sent = up.poll(cx, &mut service, &mut remote)?;
        let received = down.poll(cx, &mut remote, &mut service)?;
        if sent.is_pending() || received.is_pending() {
            if seen.moved.take() {
                silence.heard();
            }
            ready!(silence.poll(cx));
            seen.end(TunnelEnd::IdleTimeout);
        }
        Poll::Ready(io::Result::Ok(()))
    });
    // Whichever arm wins, the tunnel is over. Bytes that it still holds are lost, as they are when a
    // connection breaks.
    tokio::select! {
        biased;
        () = watch.reached(Phase::Aborting) => seen.end(TunnelEnd::Shutdown),
        ended = both => log(&ended),
    }
    TunnelFacts {
        bytes_sent: up.passed,
        bytes_received: down.passed,
        ended_by: seen.ended.get().unwrap_or_default(),
    }
}

/// Why a tunnel broke is of no use but to whoever debugs it: peers reset connections all day.
fn log(ended: &io::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a tunnel broke");
    }
}

/// What both ways tell the tunnel.
#[derive(Default)]
struct Seen {
    /// Whether a byte has passed since this was last looked at.
    moved: Cell<bool>,
    /// What ended the tunnel first.
    ended: Cell<Option<TunnelEnd>>,
}

impl Seen {
    fn end(&self, by: TunnelEnd) {
        self.ended.set(self.ended.get().or(Some(by)));
    }
}

/// One way of a tunnel.
struct Way<'a> {
    source: TunnelEnd,
    sink: TunnelEnd,
    seen: &'a Seen,
    state: State,
    /// Bytes that were read and not yet written.
    buffer: BytesMut,
    /// Bytes that the sink took.
    passed: u64,
    /// Whether the sink may still hold some of them back.
    unflushed: bool,
}

enum State {
    Open,
    /// The source has ended, the sink is being told.
    Closing,
    Closed,
}

impl<'a> Way<'a> {
    fn new(source: TunnelEnd, sink: TunnelEnd, seen: &'a Seen) -> Self {
        let buffer = BytesMut::new();
        Self { source, sink, seen, state: State::Open, buffer, passed: 0, unflushed: false }
    }

    /// Ready once the source has ended and the sink knows, or one of them broke.
    fn poll<R, W>(&mut self, cx: &mut Context<'_>, from: &mut R, to: &mut W) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        if matches!(self.state, State::Open) {
            ready!(self.poll_pass(cx, from, to))?;
            self.buffer = BytesMut::new();
            self.state = State::Closing;
        }
        if matches!(self.state, State::Closing) {
            // A sink that cannot be told is gone, which the other way hears from it.
            drop(ready!(Pin::new(to).poll_shutdown(cx)));
            self.state = State::Closed;
        }
        Poll::Ready(Ok(()))
    }

    /// Passes bytes on; ready when the source has ended, or one of the two broke.
    fn poll_pass<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        for _ in 0..TURN {
            while !self.buffer.is_empty() {
                ready!(self.poll_empty(cx, to)).inspect_err(|_| self.seen.end(self.sink))?;
            }
            match self.poll_fill(cx, from) {
                Poll::Ready(Ok(0)) => {
                    self.seen.end(self.source);
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => {
                    self.seen.end(self.source);
                    return Poll::Ready(Err(error));
                }
                Poll::Pending => {
                    self.buffer = BytesMut::new();
                    ready!(self.poll_flush(cx, to)).inspect_err(|_| self.seen.end(self.sink))?;
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_fill<R>(&mut self, cx: &mut Context<'_>, from: &mut R) -> Poll<io::Result<usize>>
    where
        R: AsyncRead + Unpin,
    {
        self.buffer.reserve(BUFFER);
        pin!(from.read_buf(&mut self.buffer)).poll(cx)
    }

    fn poll_empty<W>(&mut self, cx: &mut Context<'_>, to: &mut W) -> Poll<io::Result<()>>
    where
        W: AsyncWrite + Unpin,
    {
        let taken = ready!(Pin::new(to).poll_write(cx, &self.buffer))?;
        if taken == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.buffer.advance(taken);
        self.passed = self.passed.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
        self.unflushed = true;
        self.seen.moved.set(true);
        Poll::Ready(Ok(()))
    }

    fn poll_flush<W>(&mut self, cx: &mut Context<'_>, to: &mut W) -> Poll<io::Result<()>>
    where
        W: AsyncWrite + Unpin,
    {
        if self.unflushed {
            ready!(Pin::new(to).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
