//! One end of a connection, read and written by hand: for what a well-behaved library would not
//! send, and for knowing exactly when what arrives.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::DEADLINE;

/// What a wire may be made of.
pub trait Io: AsyncRead + AsyncWrite + Debug + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Debug + Send + Unpin> Io for T {}

/// An open connection and what was read from it and not yet looked at.
#[derive(Debug)]
pub struct Wire<T = TcpStream> {
    io: T,
    read: Vec<u8>,
}

/// A server that is played by the test itself.
#[derive(Debug)]
pub struct Listener(TcpListener);

/// A first line and header lines, as they came.
#[derive(Debug)]
pub struct Head(String);

impl Listener {
    pub async fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// The next connection.
    pub async fn accept(&self) -> Wire {
        let accepted = timeout(DEADLINE, self.0.accept()).await.expect("a connection comes");
        Wire::new(accepted.unwrap().0)
    }

    /// Whether no connection has come that was not accepted.
    pub fn is_quiet(&self) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        self.0.poll_accept(&mut context).is_pending()
    }
}

impl Wire {
    pub async fn connect(to: SocketAddr) -> Self {
        Self::new(TcpStream::connect(to).await.unwrap())
    }

    /// Takes TLS on, as a server.
    pub async fn tls(self, acceptor: &TlsAcceptor) -> Wire<TlsStream<TcpStream>> {
        let accepted = timeout(DEADLINE, acceptor.accept(self.io)).await;
        Wire::new(accepted.expect("a handshake").unwrap())
    }

    /// Offers TLS as a server, and says whether the client would have none of it.
    pub async fn refuses_us(self, acceptor: &TlsAcceptor) -> bool {
        match timeout(DEADLINE, acceptor.accept(self.io)).await.expect("a handshake") {
            Ok(stream) => Wire::new(stream).more().await == 0,
            Err(_) => true,
        }
    }

    /// Sends so many zeros, or fewer if the far side does not take them, and reads the head that
    /// comes meanwhile.
    pub async fn head_while_sending(&mut self, length: usize) -> Head {
        let (read, mut write) = self.io.split();
        let zeros = vec![0; length];
        let mut answer = Wire::new(tokio::io::join(read, tokio::io::sink()));
        tokio::select! {
            biased;
            head = answer.head() => head,
            _ = write.write_all(&zeros) => answer.head().await,
        }
    }

    /// Closes with a reset instead of an end.
    pub fn reset(self) {
        socket2::SockRef::from(&self.io).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

impl<T: Io> Wire<T> {
    pub fn new(io: T) -> Self {
        Self { io, read: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = timeout(DEADLINE, self.io.write_all(bytes.as_ref()));
        sent.await.expect("the far side reads").unwrap();
        self.io.flush().await.unwrap();
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        self.io.shutdown().await.unwrap();
    }

    /// The next head.
    pub async fn head(&mut self) -> Head {
        Head(self.until("\r\n\r\n").await)
    }

    /// A head, and the body its `Content-Length` promises.
    pub async fn message(&mut self) -> (Head, String) {
        let head = self.head().await;
        let length = head.header("content-length").parse().unwrap_or(0);
        let body = self.exactly(length).await;
        (head, String::from_utf8(body).unwrap())
    }

    /// Reads up to and with `end`.
    pub async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = find(&self.read, end.as_bytes()) {
                let text = self.read.drain(..at + end.len()).collect();
                return String::from_utf8(text).unwrap();
            }
            let came = self.more().await;
            assert!(came > 0, "closed before {end:?}: {:?}", String::from_utf8_lossy(&self.read));
        }
    }

    /// Reads so many bytes.
    pub async fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            let came = self.more().await;
            assert!(came > 0, "closed after {} bytes of {length}", self.read.len());
        }
        self.read.drain(..length).collect()
    }

    /// Reads until the far side ends or resets the connection.
    pub async fn rest(&mut self) -> String {
        while self.more().await > 0 {}
        String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned()
    }

    /// Waits until the far side has closed; it must send nothing more before.
    pub async fn closed(&mut self) {
        assert_eq!(self.rest().await, "", "bytes before the end");
    }

    /// Reads once; zero at the end, however it came.
    async fn more(&mut self) -> usize {
        let read = timeout(DEADLINE, self.io.read_buf(&mut self.read));
        read.await.unwrap_or_else(|_| panic!("silence after {:?}", self.text())).unwrap_or(0)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.read).into_owned()
    }
}

impl Head {
    /// The request line or the status line.
    pub fn line(&self) -> &str {
        self.0.lines().next().unwrap()
    }

    /// The values of a header, joined with a bar; empty if there is none.
    pub fn header(&self, name: &str) -> String {
        let lines = self.0.lines().skip(1).filter_map(|line| line.split_once(": "));
        let values = lines.filter(|(other, _)| other.eq_ignore_ascii_case(name));
        values.map(|(_, value)| value).collect::<Vec<_>>().join("|")
    }

    /// Whether there is such a header.
    pub fn has(&self, name: &str) -> bool {
        self.0.lines().any(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
