//! Messages as bytes: heads, and bodies framed as their head says.

use std::io::Write;

use bytes::BufMut;
use bytes::Bytes;
use bytes::BytesMut;
use http::HeaderMap;
use http::Method;
use http::StatusCode;
use http::Version;
use http::header;
use hyper::body::Frame;
use hyper::body::SizeHint;

use crate::http1::error::Error;
use crate::http1::framing::Framing;
use crate::http1::head::Reason;
use crate::http1::transport::Transport;

/// What a head takes at the least; one allocation serves most.
const ROOM: usize = 512;

/// Writes the head of a request in origin form, and says how its body is to be framed. The target
/// is the path and query of `uri`; `*` and `CONNECT`'s authority are written as they are. Which
/// framing is ours to say: a `Content-Length` there is kept, `Transfer-Encoding` is not.
pub(super) fn request(head: &http::request::Parts, body: &SizeHint, out: &mut BytesMut) -> Framing {
    out.reserve(ROOM);
    out.put_slice(head.method.as_str().as_bytes());
    out.put_u8(b' ');
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    if target.starts_with('?') {
        // As of `http://host?query`.
        out.put_u8(b'/');
    }
    out.put_slice(target.as_bytes());
    out.put_slice(b" HTTP/1.1\r\n");
    let declared = declared(&head.headers);
    let framing = match (declared, body.exact()) {
        (Some(length), _) => Framing::Length(length),
        (None, Some(0)) => Framing::Length(0),
        (None, Some(length)) => {
            content_length(length, out);
            Framing::Length(length)
        }
        (None, None) => {
            out.put_slice(CHUNKED);
            Framing::Chunked
        }
    };
    fields(&head.headers, Keep { length: declared.is_some(), connection: true }, out);
    out.put_slice(b"\r\n");
    framing
}

/// What the head of a response depends on besides itself.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) version: Version,
    /// Whether the client would have the connection stay open.
    pub(super) persistent: bool,
}

/// Writes the head of a response, and says how its body is to be framed. Says `Connection: close`
/// if the connection is not to stay open.
pub(super) fn response(
    head: &http::response::Parts,
    body: &SizeHint,
    asked: &Asked,
    persistent: bool,
    out: &mut BytesMut,
) -> Framing {
    out.reserve(ROOM);
    let old = asked.version == Version::HTTP_10;
    status_line(head, old, out);
    let (framing, keep) = response_framing(head, body, asked);
    match (keep.length, framing) {
        (false, Framing::Length(length)) if has_body(head.status, asked) => {
            content_length(length, out);
        }
        (_, Framing::Chunked) => out.put_slice(CHUNKED),
        (_, Framing::Length(_) | Framing::UntilClose) => {}
    }
    if !keep.connection {
        let close = !persistent || framing == Framing::UntilClose;
        match (close, old) {
            (true, _) => out.put_slice(b"connection: close\r\n"),
            (false, true) => out.put_slice(b"connection: keep-alive\r\n"),
            (false, false) => {}
        }
    }
    fields(&head.headers, keep, out);
    out.put_slice(b"\r\n");
    framing
}

/// Writes an informational response, which never has a body.
pub(super) fn interim(status: StatusCode, headers: &HeaderMap, out: &mut BytesMut) {
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = status;
    status_line(&parts, false, out);
    fields(headers, Keep { length: false, connection: false }, out);
    out.put_slice(b"\r\n");
}

fn status_line(head: &http::response::Parts, old: bool, out: &mut BytesMut) {
    out.put_slice(if old { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
    out.put_slice(head.status.as_str().as_bytes());
    out.put_u8(b' ');
    let own = head.extensions.get::<Reason>().map(Reason::as_bytes);
    let usual = || head.status.canonical_reason().unwrap_or_default().as_bytes();
    out.put_slice(own.unwrap_or_else(usual));
    out.put_slice(b"\r\n");
}

/// Whether a response has a body. Source: RFC 9110 §6.4.1.
fn has_body(status: StatusCode, asked: &Asked) -> bool {
    let never = status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
        || asked.method == Method::HEAD;
    !never && !opens_tunnel(status, asked)
}

/// Whether what follows the response is no longer HTTP.
pub(super) fn opens_tunnel(status: StatusCode, asked: &Asked) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS
        || (asked.method == Method::CONNECT && status.is_success())
}

fn response_framing(
    head: &http::response::Parts,
    body: &SizeHint,
    asked: &Asked,
) -> (Framing, Keep) {
    let tunnel = opens_tunnel(head.status, asked);
    let forbidden = tunnel || head.status == StatusCode::NO_CONTENT;
    if !has_body(head.status, asked) {
        return (Framing::Length(0), Keep { length: !forbidden, connection: tunnel });
    }
    let declared = declared(&head.headers);
    let framing = match (declared.or(body.exact()), asked.version) {
        (Some(length), _) => Framing::Length(length),
        (None, Version::HTTP_10) => Framing::UntilClose,
        (None, _) => Framing::Chunked,
    };
    (framing, Keep { length: declared.is_some(), connection: false })
}

/// The length that the headers declare, if they declare one that makes sense.
fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

const CHUNKED: &[u8] = b"transfer-encoding: chunked\r\n";

fn content_length(length: u64, out: &mut BytesMut) {
    out.put_slice(b"content-length: ");
    decimal(length, out);
    out.put_slice(b"\r\n");
}

/// Which of the headers that frame a message are the caller's to say.
#[derive(Clone, Copy)]
struct Keep {
    length: bool,
    connection: bool,
}

fn fields(headers: &HeaderMap, keep: Keep, out: &mut BytesMut) {
    for (name, value) in headers {
        let skipped = match *name {
            header::TRANSFER_ENCODING => true,
            header::CONTENT_LENGTH => !keep.length,
            header::CONNECTION => !keep.connection,
            _ => false,
        };
        if !skipped {
            field(name.as_str(), value.as_bytes(), out);
        }
    }
}

fn field(name: &str, value: &[u8], out: &mut BytesMut) {
    out.reserve(name.len() + value.len() + 4);
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

fn decimal(number: u64, out: &mut BytesMut) {
    // Writing to a buffer that grows cannot fail.
    write!(out.writer(), "{number}").ok();
}

/// The framing of a body on its way out, and how much of it is still owed.
#[derive(Debug)]
pub(super) struct Encoder {
    framing: Framing,
    ended: bool,
}

impl Encoder {
    pub(super) const fn new(framing: Framing) -> Self {
        Self { framing, ended: matches!(framing, Framing::Length(0)) }
    }

    /// Whether everything that was declared has been written.
    pub(super) const fn is_done(&self) -> bool {
        self.ended
    }

    /// Whether the end of the connection is the only end that the body has.
    pub(super) const fn is_until_close(&self) -> bool {
        matches!(self.framing, Framing::UntilClose)
    }

    /// Adds a piece of the body.
    ///
    /// # Errors
    ///
    /// If the body is longer than was declared: what is too much must not be taken for the next
    /// message.
    pub(super) fn push(&mut self, frame: Frame<Bytes>, out: &mut Transport) -> Result<(), Error> {
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(other) => {
                if let Ok(trailers) = other.into_trailers() {
                    self.trailers(&trailers, out);
                }
                return Ok(());
            }
        };
        match &mut self.framing {
            _ if data.is_empty() => {}
            Framing::Chunked => {
                write!((&mut out.tail).writer(), "{:x}\r\n", data.len()).ok();
                out.push(data);
                out.tail.put_slice(b"\r\n");
            }
            Framing::Length(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(Error::Length)?;
                self.ended = *left == 0;
                out.push(data);
            }
            Framing::UntilClose => out.push(data),
        }
        Ok(())
    }

    /// Only chunked coding has a place for them. Source: RFC 9112 §7.1.2.
    fn trailers(&mut self, trailers: &HeaderMap, out: &mut Transport) {
        if self.framing == Framing::Chunked && !self.ended {
            out.tail.put_slice(b"0\r\n");
            fields(trailers, Keep { length: false, connection: false }, &mut out.tail);
            out.tail.put_slice(b"\r\n");
            self.ended = true;
        }
    }

    /// The body has ended.
    ///
    /// # Errors
    ///
    /// If it is shorter than was declared.
    pub(super) fn finish(&mut self, out: &mut Transport) -> Result<(), Error> {
        match self.framing {
            Framing::Chunked if !self.ended => out.tail.put_slice(b"0\r\n\r\n"),
            Framing::Length(1..) => return Err(Error::Length),
            Framing::Chunked | Framing::Length(0) | Framing::UntilClose => {}
        }
        self.ended = true;
        Ok(())
    }
}
