//! The local API: what programs tell of their own requests, below `/v1`.
//!
//! A program beside us is believed; a page in somebody's browser is not. Bodies are bounded, and
//! what is refused has changed nothing.

mod answers;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::Request;
use http::StatusCode;
use http::header;
use http_body_util::BodyExt;
use http_body_util::LengthLimitError;
use http_body_util::Limited;
use hyper::body::Body;
use hyper::body::Incoming;

use crate::admin::reply::Reply;
use crate::admin::reply::refused;
use crate::admin::v1::answers::Answer;
use crate::api::Fault;
use crate::api::MAX_BODY;
use crate::api::piece;
use crate::api::piece::Order;
use crate::api::route;
use crate::api::route::Route;
use crate::api::route::Say;
use crate::api::route::Stray;
use crate::api::route::What;
use crate::api::said;
use crate::record::recorder::Recorder;
use crate::record::told::Which;
use crate::sys::drain::Phase;
use crate::trace::header::TraceHeader;
use crate::trace::header::X_AMZN_TRACE_ID;
use crate::trace::id::SegmentId;

/// How long a client may take for a body: it is near, and a body is short.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hears programs.
#[derive(Debug)]
pub struct Api {
    recorder: Rc<Recorder>,
    counters: Arc<Counters>,
}

/// What was answered, by status.
#[derive(Debug, Default)]
pub struct Counters([AtomicU64; STATUSES.len()]);

/// All that is answered.
const STATUSES: [StatusCode; 12] = [
    StatusCode::OK,
    StatusCode::CREATED,
    StatusCode::BAD_REQUEST,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::CONFLICT,
    StatusCode::GONE,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNPROCESSABLE_ENTITY,
    StatusCode::SERVICE_UNAVAILABLE,
];

impl Counters {
    fn count(&self, status: StatusCode) {
        let place = STATUSES.iter().position(|other| *other == status);
        if let Some(count) = place.and_then(|place| self.0.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Requests so far, by the status of their answer.
    pub fn by_status(&self) -> impl Iterator<Item = (StatusCode, u64)> {
        STATUSES.into_iter().zip(self.0.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}

/// Whether a path is the API's.
pub(super) fn is_below(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

impl Api {
    /// Has `recorder` record what programs tell.
    #[must_use]
    pub const fn new(recorder: Rc<Recorder>, counters: Arc<Counters>) -> Self {
        Self { recorder, counters }
    }

    /// Answers a request that came in this phase of the shutdown.
    pub(super) async fn answer(&self, request: Request<Incoming>, phase: Phase) -> Reply {
        let reply = match self.hear(request, phase).await {
            Ok(answer) => answer.into_reply(),
            Err(reply) => reply,
        };
        self.counters.count(reply.status());
        reply
    }

    async fn hear(&self, request: Request<Incoming>, phase: Phase) -> Result<Answer, Reply> {
        let (head, body) = request.into_parts();
        guard(&head.headers).map_err(Answer::into_reply)?;
        let (method, path) = (head.method.as_str(), head.uri.path());
        let route = match route::route(method, path, head.uri.query()) {
            Some(Ok(route)) => route,
            Some(Err(Stray::Method(allowed))) => return Err(refused(allowed)),
            Some(Err(Stray::Fault(fault))) => return Err(Answer::fault(&fault).into_reply()),
            Some(Err(Stray::Nothing)) | None => return Err(Answer::nowhere().into_reply()),
        };
        let body = read(body).await.map_err(Answer::into_reply)?;
        // From the flush on nobody takes what would be recorded.
        if phase >= Phase::Flushing {
            return Ok(Answer::ending());
        }
        let hint = hint(&head.headers);
        let answer = match route {
            Route::Say(say) => self.say(say, &body, hint),
            Route::Subsegments => self.subsegment(&body, hint),
        };
        Ok(answer.unwrap_or_else(|fault| Answer::fault(&fault)))
    }

    fn say(&self, say: Say, body: &[u8], hint: Option<SegmentId>) -> Result<Answer, Fault> {
        let Say { trace, parent, what } = say;
        let remarks = match what {
            What::Annotations => said::annotations(body)?,
            What::Metadata(namespace) => said::metadata(body, &namespace)?,
            What::User => said::user(body)?,
            What::Exceptions(fault) => said::exceptions(body, fault, &mut || self.recorder.mint())?,
        };
        Ok(Answer::said(&self.recorder.say(Which { trace, parent, hint }, remarks)))
    }

    fn subsegment(&self, body: &[u8], hint: Option<SegmentId>) -> Result<Answer, Fault> {
        match piece::order(body, &mut || self.recorder.mint())? {
            Order::New(new) => {
                let (trace, parent, begins) = (new.trace, new.parent.or(hint), new.end.is_none());
                let heard = self.recorder.tell(*new, hint);
                let answer = Answer::told(heard);
                Ok(if begins { answer.begun(trace, parent) } else { answer })
            }
            Order::End(end) => Ok(Answer::said(&self.recorder.end(*end))),
        }
    }
}

/// Lets programs in, and no pages.
fn guard(headers: &HeaderMap) -> Result<(), Answer> {
    let near = |host: &header::HeaderValue| host.to_str().is_ok_and(route::is_near);
    if !headers.get_all(header::HOST).iter().all(near) {
        return Err(Answer::stranger(
            "this API is for programs beside the sidecar, which call it by an address or by a \
             name without a dot",
        ));
    }
    if headers.contains_key(header::ORIGIN) {
        return Err(Answer::stranger("this API is not for pages in a browser"));
    }
    Ok(())
}

/// The parent that the trace header of the program's own request names.
fn hint(headers: &HeaderMap) -> Option<SegmentId> {
    TraceHeader::parse(headers.get(X_AMZN_TRACE_ID)?.as_bytes()).parent
}

/// Reads a body, unless it says or shows that it is too large.
async fn read(body: Incoming) -> Result<Bytes, Answer> {
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(Answer::too_large());
    }
    let whole = Limited::new(body, MAX_BODY).collect();
    match tokio::time::timeout(PATIENCE, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Answer::too_large()),
        Ok(Err(_)) => Err(Answer::broken()),
        Err(_) => Err(Answer::late()),
    }
}
