//! The bytes of one connection: what was read and not yet taken, what is to be written. Knows
//! nothing of HTTP.

use std::collections::VecDeque;
use std::io;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::Buf;
use bytes::Bytes;
use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;

use crate::net::rewind::Rewind;
use crate::net::stream::Stream;

/// What is read at once while a head is awaited. It is read into the stack, so that a connection
/// that waits holds no buffer.
const HEAD_ROOM: usize = 8 * 1024;

/// What is read at once of a body.
const BODY_ROOM: usize = 64 * 1024;

/// Up to this length bytes are copied behind those that wait to be written; longer pieces are
/// written from where they are.
const COPIED: usize = 8 * 1024;

/// While so many bytes wait to be written no more are to be added.
const FULL: usize = 64 * 1024;

/// Most pieces in one system call.
const SLICES: usize = 16;

/// One connection and its buffers.
#[derive(Debug)]
pub(super) struct Transport {
    io: Stream,
    /// Read and not yet taken.
    pub(super) read: BytesMut,
    /// To be written before `tail`.
    pieces: VecDeque<Bytes>,
    /// Bytes in `pieces`.
    waiting: usize,
    /// To be written last; whatever is short is appended here.
    pub(super) tail: BytesMut,
}

impl Transport {
    pub(super) fn new(io: Stream) -> Self {
        let (read, tail) = (BytesMut::new(), BytesMut::new());
        Self { io, read, pieces: VecDeque::new(), waiting: 0, tail }
    }

    /// Reads what there is of a head, without holding a buffer while there is nothing. Zero is the
    /// end.
    pub(super) fn poll_fill_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = [const { MaybeUninit::uninit() }; HEAD_ROOM];
        let mut buf = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf))?;
        self.read.extend_from_slice(buf.filled());
        Poll::Ready(Ok(buf.filled().len()))
    }

    /// Reads what there is of a body of which `expected` bytes are still to come, if that is known.
    /// Zero is the end.
    pub(super) fn poll_fill_body(
        &mut self,
        cx: &mut Context<'_>,
        expected: Option<u64>,
    ) -> Poll<io::Result<usize>> {
        let expected = expected.and_then(|expected| usize::try_from(expected).ok());
        let room = expected.unwrap_or(BODY_ROOM).min(BODY_ROOM);
        if room <= HEAD_ROOM {
            return self.poll_fill_head(cx);
        }
        self.read.reserve(room);
        let filled =
            std::pin::pin!(tokio::io::AsyncReadExt::read_buf(&mut self.io, &mut self.read));
        let filled = filled.poll(cx);
        if filled.is_pending() && self.read.is_empty() {
            self.read = BytesMut::new();
        }
        filled
    }

    /// Adds bytes behind those that wait to be written.
    pub(super) fn push(&mut self, bytes: Bytes) {
        if bytes.len() <= COPIED {
            self.tail.extend_from_slice(&bytes);
            return;
        }
        if !self.tail.is_empty() {
            let head = self.tail.split().freeze();
            self.waiting += head.len();
            self.pieces.push_back(head);
        }
        self.waiting += bytes.len();
        self.pieces.push_back(bytes);
    }

    /// How many bytes wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.waiting + self.tail.len()
    }

    /// Whether enough waits to be written.
    pub(super) fn is_full(&self) -> bool {
        self.waiting() >= FULL
    }

    /// Writes what waits. Ready when all of it has been handed to the kernel.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.waiting() > 0 {
            let written = ready!(self.poll_write(cx))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written(written);
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let io = Pin::new(&mut self.io);
        if self.pieces.is_empty() {
            return io.poll_write(cx, &self.tail);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let all = self.pieces.iter().map(Bytes::as_ref).chain([self.tail.as_ref()]);
        for (slice, bytes) in slices.iter_mut().zip(all) {
            *slice = IoSlice::new(bytes);
        }
        io.poll_write_vectored(cx, &slices)
    }

    fn written(&mut self, mut bytes: usize) {
        while let Some(piece) = self.pieces.front_mut() {
            let gone = piece.len().min(bytes);
            piece.advance(gone);
            self.waiting -= gone;
            bytes -= gone;
            if !piece.is_empty() {
                return;
            }
            self.pieces.pop_front();
        }
        self.tail.advance(bytes);
    }

    /// Lets go of what an idle connection does not need.
    pub(super) fn rest(&mut self) {
        if self.read.is_empty() {
            self.read = BytesMut::new();
        }
        if self.tail.is_empty() {
            self.tail = BytesMut::new();
        }
    }

    /// Says that nothing more will be written.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    /// Makes the close that follows a reset, so that what was sent is not taken for the whole.
    pub(super) fn reset(&self) {
        self.io.reset_on_close();
    }

    /// The connection for another protocol, with what was read of it.
    pub(super) fn into_rewind(self) -> Rewind {
        Rewind::new(self.read.freeze(), self.io)
    }
}
