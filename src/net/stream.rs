//! A connection, plain or over TLS, as HTTP is spoken over it.

use std::fmt::Debug;
use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio_rustls::client;
use tokio_rustls::server;

/// What bytes can be read from and written to, wherever it is.
pub trait Io: AsyncRead + AsyncWrite + Debug + Send + Unpin {
    /// Makes the close that follows a reset instead of an end, where there is such a thing.
    fn reset_on_close(&self);
}

impl<T: Io> Io for server::TlsStream<T> {
    fn reset_on_close(&self) {
        self.get_ref().0.reset_on_close();
    }
}

/// A connection. The TLS states are boxed: each is over a kilobyte, and most connections are plain.
#[derive(Debug)]
pub enum Stream {
    /// Within another connection: what a tunnel carries, as it is or within TLS of our own.
    Boxed(Box<dyn Io>),
    /// TLS that we asked for.
    Client(Box<client::TlsStream<TcpStream>>),
    /// No TLS.
    Plain(TcpStream),
    /// TLS that we were asked for.
    Server(Box<server::TlsStream<TcpStream>>),
}

impl Stream {
    /// Makes the close that follows a reset instead of an end. A connection that is already dead
    /// needs neither.
    pub fn reset_on_close(&self) {
        let tcp = match self {
            Self::Boxed(io) => return io.reset_on_close(),
            Self::Client(io) => io.get_ref().0,
            Self::Plain(io) => io,
            Self::Server(io) => io.get_ref().0,
        };
        if let Err(error) = SockRef::from(tcp).set_linger(Some(Duration::ZERO)) {
            tracing::debug!(%error, "SO_LINGER was refused");
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(io: TcpStream) -> Self {
        Self::Plain(io)
    }
}

impl From<client::TlsStream<TcpStream>> for Stream {
    fn from(io: client::TlsStream<TcpStream>) -> Self {
        Self::Client(Box::new(io))
    }
}

impl From<server::TlsStream<TcpStream>> for Stream {
    fn from(io: server::TlsStream<TcpStream>) -> Self {
        Self::Server(Box::new(io))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Boxed(io) => Pin::new(io).poll_read(cx, buf),
            Self::Client(io) => Pin::new(io).poll_read(cx, buf),
            Self::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Self::Server(io) => Pin::new(io).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Boxed(io) => Pin::new(io).poll_write(cx, buf),
            Self::Client(io) => Pin::new(io).poll_write(cx, buf),
            Self::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Self::Server(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Boxed(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Self::Client(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Self::Plain(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Self::Server(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Boxed(io) => io.is_write_vectored(),
            Self::Client(io) => io.is_write_vectored(),
            Self::Plain(io) => io.is_write_vectored(),
            Self::Server(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Boxed(io) => Pin::new(io).poll_flush(cx),
            Self::Client(io) => Pin::new(io).poll_flush(cx),
            Self::Plain(io) => Pin::new(io).poll_flush(cx),
            Self::Server(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Boxed(io) => Pin::new(io).poll_shutdown(cx),
            Self::Client(io) => Pin::new(io).poll_shutdown(cx),
            Self::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Self::Server(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn can_be_upgraded_by_hyper() {
        fn check<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>() {}
        check::<Stream>();
    }
}
