//! Bodies on their way through. None is buffered: a piece is taken from one side when the other
//! asks for it.
//!
//! [`Upload`] goes to the service, [`Body`] comes back. The second owns the exchange's guard and
//! closes it at the last byte, at an error, or by being dropped, whichever comes first: exactly
//! once, because closing consumes the guard.

use std::cell::Cell;
use std::cell::RefCell;
use std::fmt::Debug;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::Response;
use http::StatusCode;
use hyper::body::Body as HttpBody;
use hyper::body::Frame;
use hyper::body::SizeHint;

use crate::annotate::said;
use crate::aws::parameters::REQUEST_PREFIX;
use crate::http1::server::Interim;
use crate::proxy::error::Wire;
use crate::proxy::incoming::Broken;
use crate::proxy::incoming::Incoming;
use crate::proxy::rewrite;
use crate::proxy::upgrade::Gate;
use crate::proxy::upstream::Download;
use crate::proxy::watcher::Watcher;
use crate::sys::idle::Idle;
use crate::trace::facts::End;
use crate::trace::facts::Failure;

/// The body of a request on its way to the service.
#[derive(Debug)]
pub struct Upload {
    /// None if there is nothing to send.
    body: Option<Incoming>,
    idle: Idle,
    gate: Option<Gate>,
    /// Who looks at its beginning.
    tap: Option<Tap>,
    /// Who is told of its way.
    watcher: Option<Watcher>,
    /// Where informational responses of the service go.
    interim: Option<Interim>,
    given: u64,
    progress: Rc<Cell<Progress>>,
}

/// The beginning of a body, kept while the body passes: at most [`REQUEST_PREFIX`] bytes.
pub(super) type Tap = Rc<RefCell<Vec<u8>>>;

/// How far an upload has come, and so who is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The client: the next piece is its to send.
    Asked,
    /// The service: it was given so many pieces and has not asked for another.
    Given(u64),
    /// The service: it was given everything.
    Sent,
}

/// Why an upload broke off: always the client's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// The client's connection broke, or what it sent was not a body.
    #[error("the client broke the request off")]
    Broken,
    /// The client sent nothing for too long.
    #[error("the client sent nothing for {0:?} in the middle of a request")]
    Silent(Duration),
}

impl Upload {
    /// Passes `body` on, once `gate` is open if there is one, giving up when the client is silent
    /// for longer than `idle`.
    #[must_use]
    pub fn new(body: Incoming, idle: Duration, gate: Option<Gate>) -> Self {
        let interim = body.interim();
        let (body, progress) = if body.is_end_stream() {
            (None, Progress::Sent)
        } else {
            (Some(body), Progress::Given(0))
        };
        let (idle, progress) = (Idle::new(idle), Rc::new(Cell::new(progress)));
        Self { body, idle, gate, tap: None, watcher: None, interim, given: 0, progress }
    }

    /// A body of nothing.
    #[must_use]
    pub fn nothing() -> Self {
        let (idle, progress) = (Idle::new(Duration::MAX), Rc::new(Cell::new(Progress::Sent)));
        Self {
            body: None,
            idle,
            gate: None,
            tap: None,
            watcher: None,
            interim: None,
            given: 0,
            progress,
        }
    }

    /// An informational response has come from the service. `100 Continue` lets the body go, and
    /// the client hears it from its own connection when the body is asked for; others are passed
    /// on.
    pub(super) fn informed(&mut self, response: &mut Response<()>) {
        if response.status() == StatusCode::CONTINUE {
            self.open();
        } else if let Some(interim) = &self.interim {
            rewrite::strip_hop_by_hop(response.headers_mut());
            said::remove(response.headers_mut());
            interim.send(response.status(), response.headers());
        }
    }

    /// Keeps the beginning of what passes in `tap`.
    pub(super) fn tap(&mut self, tap: Option<Tap>) {
        self.tap = tap;
    }

    /// Has its way to the service told.
    pub(super) fn watch(&mut self, watcher: Watcher) {
        self.watcher = Some(watcher);
    }

    /// Who is told of its way.
    pub(super) fn watcher(&self) -> Option<Watcher> {
        self.watcher.clone()
    }

    /// Holds nothing back any more.
    pub(super) fn open(&mut self) {
        self.gate = None;
    }

    /// How far it has come, to be looked at after hyper has taken the body itself.
    pub(super) fn progress(&self) -> Rc<Cell<Progress>> {
        Rc::clone(&self.progress)
    }

    fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.idle.heard();
                if let (Some(tap), Some(data)) = (&self.tap, frame.data_ref()) {
                    let mut tap = tap.borrow_mut();
                    let room = REQUEST_PREFIX.saturating_sub(tap.len());
                    tap.extend_from_slice(data.get(..room).unwrap_or(data));
                }
                self.given += 1;
                let ended = body.is_end_stream();
                let progress = if ended { Progress::Sent } else { Progress::Given(self.given) };
                self.progress.set(progress);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(Broken))) => Poll::Ready(Some(Err(UploadError::Broken))),
            Poll::Ready(None) => {
                self.progress.set(Progress::Sent);
                Poll::Ready(None)
            }
            Poll::Pending => {
                self.progress.set(Progress::Asked);
                ready!(self.idle.poll(cx));
                Poll::Ready(Some(Err(UploadError::Silent(self.idle.after()))))
            }
        }
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        if let Some(gate) = &mut self.gate {
            if gate.poll(cx).is_pending() {
                self.progress.set(Progress::Asked);
                return Poll::Pending;
            }
            self.gate = None;
        }
        self.poll_body(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

/// What a body closes when it ends: an exchange's guard.
pub trait Close: Debug {
    /// A piece of the body has passed.
    fn saw(&mut self, _data: &Bytes) {}

    /// The trailers have passed.
    fn trailers(&mut self, _trailers: &HeaderMap) {}

    /// The exchange has ended.
    fn close(self, end: End);
}

/// The body of a response on its way to the client.
#[derive(Debug)]
pub struct Body<G: Close>(Kind<G>);

#[derive(Debug)]
enum Kind<G> {
    /// Of our own making.
    Text(Option<Bytes>),
    /// From the service.
    Observed { download: Download, idle: Idle, guard: Option<G> },
}

/// Why a download broke off. The client sees its connection break, as it would have without us.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The service's connection broke in the middle of the response.
    #[error("the response broke off")]
    Broken(#[source] Wire),
    /// The service sent nothing for too long.
    #[error("nothing was sent for {0:?} in the middle of the response")]
    Silent(Duration),
}

impl DownloadError {
    fn failure(&self) -> Failure {
        let kind = match self {
            Self::Broken(_) => "ResponseBroken",
            Self::Silent(_) => "ResponseTimeout",
        };
        Failure { kind, message: self.to_string().into() }
    }
}

impl<G: Close> Body<G> {
    /// A short text.
    #[must_use]
    pub const fn text(text: &'static str) -> Self {
        Self(Kind::Text(Some(Bytes::from_static(text.as_bytes()))))
    }

    /// Nothing.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Kind::Text(None))
    }

    /// Passes `download` on and closes `guard` when it ends, giving up when the service is silent
    /// for longer than `idle`.
    #[must_use]
    pub fn observed(download: Download, idle: Duration, guard: G) -> Self {
        let mut guard = Some(guard);
        if download.is_end_stream() {
            close(&mut guard, End::Complete);
        }
        Self(Kind::Observed { download, idle: Idle::new(idle), guard })
    }
}

impl<G: Close + Unpin> HttpBody for Body<G> {
    type Data = Bytes;
    type Error = DownloadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, DownloadError>>> {
        let (download, idle, guard) = match &mut self.0 {
            Kind::Text(text) => return Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Kind::Observed { download, idle, guard } => (download, idle, guard),
        };
        let error = match Pin::new(&mut *download).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                idle.heard();
                if let Some(guard) = guard {
                    saw(guard, &frame);
                }
                if download.is_end_stream() {
                    close(guard, End::Complete);
                }
                return Poll::Ready(Some(Ok(frame)));
            }
            Poll::Ready(None) => {
                close(guard, End::Complete);
                return Poll::Ready(None);
            }
            Poll::Ready(Some(Err(error))) => DownloadError::Broken(error),
            Poll::Pending => {
                ready!(idle.poll(cx));
                DownloadError::Silent(idle.after())
            }
        };
        close(guard, End::Failed(error.failure()));
        Poll::Ready(Some(Err(error)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Text(text) => text.is_none(),
            Kind::Observed { download, .. } => download.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |t| t.len() as u64)),
            Kind::Observed { download, .. } => download.size_hint(),
        }
    }
}

fn saw<G: Close>(guard: &mut G, frame: &Frame<Bytes>) {
    if let Some(data) = frame.data_ref() {
        guard.saw(data);
    } else if let Some(trailers) = frame.trailers_ref() {
        guard.trailers(trailers);
    }
}

fn close<G: Close>(guard: &mut Option<G>, end: End) {
    if let Some(guard) = guard.take() {
        guard.close(end);
    }
}
