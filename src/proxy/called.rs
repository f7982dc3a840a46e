//! A call of an AWS API on its way through the egress handler: recognised by its head, followed
//! through its bodies, described when it ends.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Request;
use http::Response;
use http::StatusCode;

use crate::attribution::fingerprint::Prints;
use crate::aws;
use crate::aws::outcome;
use crate::aws::outcome::Outcome;
use crate::aws::parameters;
use crate::aws::parameters::RequestParts;
use crate::aws::parameters::ResponseParts;
use crate::proxy::body::Close;
use crate::proxy::body::Tap;
use crate::proxy::facts;
use crate::proxy::look::Looked;
use crate::record::attempts::Attempt;
use crate::record::evidence::Evidence;
use crate::record::outbound::Called;
use crate::record::outbound::Outbound;
use crate::trace::exchange::Answered;
use crate::trace::exchange::Waiting;
use crate::trace::facts::AwsFacts;
use crate::trace::facts::End;
use crate::trace::facts::RemoteError;
use crate::trace::facts::host_of;

/// A call of an AWS API, and what of its request is needed at its end.
#[derive(Debug)]
pub(super) struct AwsCall {
    call: aws::Call,
    query: Box<str>,
    headers: HeaderMap,
    /// The beginning of the body, as it passes.
    sent: Option<Tap>,
}

/// How requests are looked at to tell calls of AWS APIs from others.
pub(super) fn wire<'a, B>(request: &'a Request<B>, authority: &'a str) -> aws::Wire<'a> {
    aws::Wire {
        method: request.method(),
        host: host_of(authority),
        path: facts::path(request),
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
    }
}

/// What the recorder is to know of a call when it is opened.
pub(super) fn called(
    call: Option<&aws::Call>,
    headers: &HeaderMap,
    prints: Option<Prints>,
    evidence: Option<Evidence>,
) -> Called {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    Called {
        name: call.map(|call| call.name().into()),
        attempt: call
            .and_then(|_| Attempt::read(text("amz-sdk-invocation-id"), text("amz-sdk-request"))),
        prints,
        evidence,
        links: facts::links(headers),
        traced: false,
    }
}

impl AwsCall {
    /// Follows `call`, whose `request` goes on.
    pub(super) fn new<B>(call: aws::Call, request: &Request<B>) -> Self {
        let wanted = call.needs_body()
            || call
                .operation()
                .is_none_or(|operation| parameters::wants_request_body(call.service(), operation));
        Self {
            query: request.uri().query().unwrap_or_default().into(),
            headers: request.headers().clone(),
            sent: wanted.then(|| Rc::new(RefCell::new(Vec::new()))),
            call,
        }
    }

    /// Where the beginning of the request's body is to be kept.
    pub(super) fn tap(&self) -> Option<Tap> {
        self.sent.clone()
    }

    /// The call had no response.
    pub(super) fn refused(mut self, outbound: Outbound<Waiting>, end: End) {
        outbound.close_aws(end, self.describe());
    }

    /// The response's head has come.
    pub(super) fn answered<B>(
        mut self,
        outbound: Outbound<Answered>,
        response: &Response<B>,
    ) -> Guard {
        self.read_request();
        let (service, operation) = (self.call.service(), self.call.operation());
        let status = response.status().as_u16();
        let wanted = outcome::wants_body(service, operation, self.call.protocol(), status)
            || operation
                .is_some_and(|operation| parameters::wants_response_body(service, operation));
        Guard::Aws(Box::new(Answer {
            status,
            headers: response.headers().clone(),
            body: wanted.then(Vec::new),
            whole: true,
            open: Some((self, outbound)),
        }))
    }

    /// Lets what was sent tell the operation, if it has to.
    fn read_request(&mut self) {
        if self.call.needs_body()
            && let Some(sent) = &self.sent
        {
            let sent = sent.borrow();
            self.call.read_body(&sent, sent.len() < parameters::REQUEST_PREFIX);
        }
    }

    /// What the request says.
    fn describe(&mut self) -> AwsFacts {
        self.read_request();
        let call = &self.call;
        let mut facts = AwsFacts {
            operation: call.operation().map(Into::into),
            region: call.region().map(Into::into),
            account_id: call.account_id().map(Into::into),
            ..AwsFacts::default()
        };
        if let (Some(operation), Some(protocol)) = (call.operation(), call.protocol()) {
            let labels: Vec<_> = call.labels().collect();
            let sent = self.sent.as_ref().map(|sent| sent.borrow());
            facts.resources = parameters::of_request(&RequestParts {
                service: call.service(),
                operation,
                protocol,
                labels: &labels,
                query: &self.query,
                headers: &self.headers,
                body: sent.as_deref().map_or(&[], Vec::as_slice),
            });
        }
        facts
    }
}

/// What the body of a response closes: an ordinary call, or one of an AWS API.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the usual one is not worth an allocation")]
pub enum Guard {
    /// Of an AWS API.
    Aws(Box<Answer>),
    /// Of any other service.
    Plain(Looked<Outbound<Answered>>),
}

/// A response of an AWS API as it passes. Dropping it records that the call was given up.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    headers: HeaderMap,
    /// The beginning of the body; none if it is of no interest.
    body: Option<Vec<u8>>,
    /// Whether `body` is all of it so far.
    whole: bool,
    open: Option<(AwsCall, Outbound<Answered>)>,
}

impl Answer {
    fn saw(&mut self, data: &Bytes) {
        if let Some(body) = &mut self.body {
            let room = parameters::RESPONSE_PREFIX.saturating_sub(body.len());
            let taken = data.get(..room).unwrap_or(data);
            body.extend_from_slice(taken);
            self.whole &= taken.len() == data.len();
        }
    }

    fn facts(&self, mut call: AwsCall) -> AwsFacts {
        let mut facts = call.describe();
        let AwsCall { call, .. } = call;
        let body = self.body.as_deref().unwrap_or_default();
        let (service, operation, protocol) = (call.service(), call.operation(), call.protocol());
        let Outcome { request_id, id_2, error, .. } =
            outcome::outcome(service, operation, protocol, self.status, &self.headers, body);
        (facts.request_id, facts.id_2) = (request_id, id_2);
        let named = error.map(|error| RemoteError {
            code: error.code,
            message: error.message.unwrap_or_default(),
            throttling: error.throttling,
        });
        facts.error = named.or_else(|| nameless(self.status));
        if let (Some(operation), Some(protocol)) = (operation, protocol) {
            let parts = ResponseParts {
                service,
                operation,
                protocol,
                status: self.status,
                headers: &self.headers,
                body,
                whole: self.whole,
            };
            facts.resources.extend(parameters::of_response(&parts));
        }
        facts
    }
}

/// The error of a response that names none, as answers to `HEAD` do: SDKs take the status for it.
fn nameless(status: u16) -> Option<RemoteError> {
    let status = StatusCode::from_u16(status).ok().filter(|status| status.as_u16() >= 400)?;
    Some(RemoteError {
        code: status.as_str().into(),
        message: status.canonical_reason().unwrap_or_default().into(),
        throttling: status == StatusCode::TOO_MANY_REQUESTS,
    })
}

impl Close for Guard {
    fn saw(&mut self, data: &Bytes) {
        match self {
            Self::Aws(answer) => answer.saw(data),
            Self::Plain(looked) => looked.saw(data),
        }
    }

    fn trailers(&mut self, trailers: &HeaderMap) {
        match self {
            Self::Aws(_) => {}
            Self::Plain(looked) => looked.trailers(trailers),
        }
    }

    fn close(self, end: End) {
        match self {
            Self::Aws(mut answer) => {
                if let Some((call, outbound)) = answer.open.take() {
                    outbound.close_aws(end, answer.facts(call));
                }
            }
            Self::Plain(looked) => looked.close(end),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some((call, outbound)) = self.open.take() {
            outbound.abandon_aws(self.facts(call));
        }
    }
}
