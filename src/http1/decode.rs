//! The body of a message, taken from what a connection has read.

use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::Bytes;
use hyper::body::Frame;
use hyper::body::SizeHint;

use crate::http1::chunked::Chunked;
use crate::http1::chunked::Piece;
use crate::http1::error::Error;
use crate::http1::framing::Framing;
use crate::http1::transport::Transport;

/// How much of a body is still to come.
#[derive(Debug)]
pub(super) enum Decoder {
    /// Chunks. Boxed because most bodies have none.
    Chunked(Box<Chunked>),
    /// So many bytes; zero when it has ended.
    Length(u64),
    /// Whatever comes until the connection ends.
    UntilClose,
}

impl Decoder {
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Chunked => Self::Chunked(Box::default()),
            Framing::Length(length) => Self::Length(length),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    /// Whether all of it was taken.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self, Self::Length(0))
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Chunked(_) | Self::UntilClose => SizeHint::default(),
            Self::Length(length) => SizeHint::with_exact(*length),
        }
    }

    /// The next piece. None once all was taken; a connection that ends before is an error.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Transport,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            match self.take(io) {
                Ok(Taken::Frame(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(Taken::End) => return Poll::Ready(None),
                Ok(Taken::Nothing) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            let expected = self.size_hint().exact();
            match ready!(io.poll_fill_body(cx, expected)) {
                Ok(0) if matches!(self, Self::UntilClose) => *self = Self::Length(0),
                Ok(0) => return Poll::Ready(Some(Err(Error::Closed))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(Error::Io(error)))),
            }
        }
    }

    /// Takes a piece out of what was read.
    fn take(&mut self, io: &mut Transport) -> Result<Taken, Error> {
        match self {
            Self::Length(0) => Ok(Taken::End),
            _ if io.read.is_empty() => Ok(Taken::Nothing),
            Self::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(io.read.len());
                *left -= here as u64;
                Ok(Taken::Frame(Frame::data(io.read.split_to(here).freeze())))
            }
            Self::UntilClose => Ok(Taken::Frame(Frame::data(io.read.split().freeze()))),
            Self::Chunked(chunks) => match chunks.decode(&mut io.read).map_err(Error::Chunk)? {
                None => Ok(Taken::Nothing),
                Some(Piece::Data(data)) => Ok(Taken::Frame(Frame::data(data))),
                Some(Piece::End(trailers)) => {
                    *self = Self::Length(0);
                    Ok(trailers.map_or(Taken::End, |map| Taken::Frame(Frame::trailers(map))))
                }
            },
        }
    }
}

enum Taken {
    End,
    Frame(Frame<Bytes>),
    Nothing,
}
