//! Looking at how a client begins TLS, without answering.

use std::io;

use bytes::BytesMut;
use rustls::server::Acceptor;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;

use crate::net::tls::H2;
use crate::net::tls::HTTP1;

/// Longest ClientHello that is looked at; real ones are a few kilobytes.
const MOST: usize = 64 * 1024;

/// What a client says before anybody answers. Source: RFC 8446 §4.1.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The host it believes to speak to (SNI, RFC 6066 §3).
    pub server_name: Option<Box<str>>,
    /// The protocols it offers (ALPN, RFC 7301).
    pub offers: Offers,
}

/// What of HTTP a client offers to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offers {
    /// HTTP/2, and perhaps HTTP/1.1.
    Http2,
    /// HTTP/1.1, or it does not say.
    Http1,
    /// Something else, and no HTTP.
    Others,
}

impl Hello {
    /// Reads a whole ClientHello from `io` behind what was `read` of it before, and leaves all of
    /// it there, to be read again. None if it is not TLS after all, or too long.
    ///
    /// # Errors
    ///
    /// If the connection breaks, or ends before.
    pub async fn read(
        io: &mut (impl AsyncRead + Unpin),
        read: &mut BytesMut,
    ) -> io::Result<Option<Self>> {
        loop {
            match Self::parse(read) {
                Parsed::Whole(hello) => return Ok(Some(hello)),
                Parsed::Part if read.len() < MOST => {}
                Parsed::Part | Parsed::Never => return Ok(None),
            }
            if io.read_buf(read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn parse(mut bytes: &[u8]) -> Parsed {
        let mut acceptor = Acceptor::default();
        while !bytes.is_empty() {
            if !matches!(acceptor.read_tls(&mut bytes), Ok(1..)) {
                return Parsed::Never;
            }
        }
        match acceptor.accept() {
            Ok(None) => Parsed::Part,
            Err(_) => Parsed::Never,
            Ok(Some(accepted)) => {
                let hello = accepted.client_hello();
                Parsed::Whole(Self {
                    server_name: hello.server_name().map(|name| name.to_ascii_lowercase().into()),
                    offers: Offers::of(hello.alpn().map(Iterator::collect)),
                })
            }
        }
    }
}

impl Offers {
    fn of(alpn: Option<Vec<&[u8]>>) -> Self {
        match alpn {
            None => Self::Http1,
            Some(offered) if offered.contains(&H2) => Self::Http2,
            Some(offered) if offered.contains(&HTTP1) => Self::Http1,
            Some(_) => Self::Others,
        }
    }
}

enum Parsed {
    Never,
    Part,
    Whole(Hello),
}
