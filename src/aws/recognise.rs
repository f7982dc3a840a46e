//! From a request to the call it makes: the service first, by signature and host, then the
//! operation, by what the service's protocols say it with.

use std::borrow::Cow;

use http::HeaderMap;
use http::Method;
use http::header::CONTENT_TYPE;

use crate::aws::Wire;
use crate::aws::call::Call;
use crate::aws::call::Candidates;
use crate::aws::call::Protocol;
use crate::aws::endpoint;
use crate::aws::form;
use crate::aws::form::Form;
use crate::aws::percent;
use crate::aws::request::Request;
use crate::aws::request::X_AMZ_TARGET;
use crate::aws::rest::Match;
use crate::aws::scope;
use crate::aws::table;
use crate::aws::table::Kind;
use crate::aws::table::Service;

/// The call of an AWS API that a request makes; `None` if it makes none.
///
/// Presigned URLs are none: they are a plain client's. Nor are requests to hosts of AWS that bear
/// no sign of an SDK, or that go to somebody's own function, load balancer or cluster. A signed
/// request to a host that is not AWS's (an emulator, a custom endpoint) is one. X-Ray's own calls
/// are told by [`Call::service`], which is `xray`.
///
/// Takes time in proportion to the request and to the operations of its service; what it returns is
/// bounded by the request.
#[must_use]
pub fn recognise(wire: &Wire<'_>) -> Option<Call> {
    if scope::is_presigned(wire.query) {
        return None;
    }
    let request = Request::of(wire);
    if !request.is_signed_or_sdk() {
        return None;
    }
    request
        .by_target()
        .or_else(|| request.by_cbor())
        .or_else(|| request.by_uri())
        .or_else(|| request.by_query())
        .or_else(|| request.without_operation())
}

impl Request<'_> {
    /// json: `X-Amz-Target: PREFIX.OPERATION`.
    fn by_target(&self) -> Option<Call> {
        let target = self.wire.headers.get(X_AMZ_TARGET)?.to_str().ok()?;
        let (prefix, operation) = target.rsplit_once('.')?;
        self.by_name(prefix, target, operation, Protocol::Json)
    }

    /// rpc-v2-cbor: `/service/PREFIX/operation/OPERATION`, behind whatever path an endpoint has.
    fn by_cbor(&self) -> Option<Call> {
        let spoken = self.wire.headers.get("smithy-protocol")?;
        let mut segments = self.wire.path.rsplit('/');
        let (operation, word) = (segments.next()?, segments.next()?);
        let (prefix, first) = (segments.next()?, segments.next()?);
        let is_cbor = spoken == "rpc-v2-cbor" && word == "operation" && first == "service";
        is_cbor.then(|| self.by_name(prefix, prefix, operation, Protocol::Cbor))?
    }

    fn by_name(&self, prefix: &str, whole: &str, name: &str, protocol: Protocol) -> Option<Call> {
        if !form::is_operation(name) {
            return None;
        }
        let operation = Some(Cow::Owned(name.to_owned()));
        let named =
            table::named(Kind::Target, prefix).or_else(|| table::named(Kind::Target, whole));
        let service = match named {
            Some(named) => {
                let own = self.services.iter().find(|one| named.split(' ').any(|n| n == one.name));
                own.copied().or_else(|| table::service(named.split(' ').next()?))
            }
            // Newer than the table, of a service that is in it.
            None => {
                let is_told = self.scope.is_some() || self.is_known_host;
                let mut own = self.services.iter().filter(|_| is_told);
                own.find(|one| one.protocols().any(|spoken| spoken == protocol)).copied()
            }
        };
        let mut call = match service {
            Some(service) => self.call(service),
            None => self.unknown()?,
        };
        call.protocol = Some(protocol);
        call.operation = operation;
        Some(call)
    }

    /// query and ec2: `Action` in the URL, or in a form.
    fn by_query(&self) -> Option<Call> {
        let spoken: Vec<Service> =
            self.services.iter().copied().filter(|one| query_of(*one).is_some()).collect();
        if spoken.is_empty() && !self.services.is_empty() {
            return None;
        }
        let form = Form::parse(self.wire.query);
        let is_form = self.wire.method == Method::POST && has_form(self.wire.headers);
        if form.action.is_none() && !is_form {
            return None;
        }
        let mut call = match spoken.first() {
            Some(service) => self.call(*service),
            None => self.unknown()?,
        };
        call.protocol = Some(spoken.first().and_then(|s| query_of(*s)).unwrap_or(Protocol::Query));
        let is_open = self.scope.is_none() && self.endpoint.is_none();
        call.candidates = if is_open { Candidates::Any } else { Candidates::of(&spoken) };
        if let Some(action) = form.action {
            call.settle(form.version.as_deref());
            call.operation = Some(Cow::Owned(action.into_owned()));
        } else {
            call.needs_body = true;
        }
        if call.service == "sqs" {
            let owner = self.wire.path.split('/').find(|part| endpoint::is_account(part));
            call.account_id = call.account_id.or_else(|| owner.map(Into::into));
        }
        Some(call)
    }

    /// rest-json and rest-xml: method and URI.
    fn by_uri(&self) -> Option<Call> {
        let target = self.target();
        let mut best: Option<(Service, Match<'_>)> = None;
        for service in self.services.iter().filter(|one| rest_of(**one).is_some()) {
            let Some(found) = Match::of(service.name, &target) else { continue };
            if best.as_ref().is_none_or(|(_, other)| found.score > other.score) {
                best = Some((*service, found));
            }
        }
        let (service, found) = best?;
        let mut call = self.call(service);
        call.protocol = rest_of(service);
        call.operation = Some(Cow::Borrowed(found.operation));
        let labels = found.labels.into_iter();
        call.labels = labels.map(|(name, raw)| (name, percent::decode(raw).into())).collect();
        if call.account_id.is_none() {
            let owner = call.labels.iter().find_map(|(_, value)| account_of_arn(value));
            call.account_id = owner.map(Into::into);
        }
        Some(call)
    }

    /// A call of which nothing says the operation: of one that is newer than the table, say.
    fn without_operation(&self) -> Option<Call> {
        if self.is_somebodys() {
            return None;
        }
        match self.services.first() {
            Some(service) if self.is_known_host => Some(self.call(*service)),
            // Some services sign for hosts of which the models say nothing.
            Some(service) if self.endpoint.is_none() && self.scope.is_some() && self.has_sdk => {
                Some(self.call(*service))
            }
            Some(_) => None,
            None if self.endpoint.is_some() || (self.scope.is_some() && self.has_sdk) => {
                self.unknown()
            }
            None => None,
        }
    }
}

fn has_form(headers: &HeaderMap) -> bool {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    let kind = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
    kind.get(..FORM.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(FORM))
}

fn query_of(service: Service) -> Option<Protocol> {
    service.protocols().find(|spoken| matches!(spoken, Protocol::Ec2 | Protocol::Query))
}

fn rest_of(service: Service) -> Option<Protocol> {
    service.protocols().find(|spoken| matches!(spoken, Protocol::RestJson | Protocol::RestXml))
}

/// The account in an ARN: its fifth field.
fn account_of_arn(text: &str) -> Option<&str> {
    let account = text.strip_prefix("arn:")?.split(':').nth(3)?;
    Some(account).filter(|account| endpoint::is_account(account))
}

#[cfg(test)]
mod tests;
