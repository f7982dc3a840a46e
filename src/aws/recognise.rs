//! From a request to the call it makes: the service first, by signature and host, then the
//! operation, by what the service's protocols say it with.

use std::borrow::Cow;

use http::HeaderMap;
use http::Method;
use http::header::AUTHORIZATION;
use http::header::CONTENT_TYPE;
use http::header::USER_AGENT;

use crate::aws::Wire;
use crate::aws::call::Call;
use crate::aws::call::Candidates;
use crate::aws::call::Protocol;
use crate::aws::endpoint;
use crate::aws::endpoint::Endpoint;
use crate::aws::form;
use crate::aws::form::Form;
use crate::aws::percent;
use crate::aws::rest::Match;
use crate::aws::rest::Target;
use crate::aws::s3;
use crate::aws::scope;
use crate::aws::scope::Scope;
use crate::aws::table;
use crate::aws::table::Kind;
use crate::aws::table::Service;

/// What JSON protocols name the operation in.
const X_AMZ_TARGET: &str = "x-amz-target";
/// What SDKs send, whether they sign or not.
const OF_SDKS: [&str; 3] = ["amz-sdk-invocation-id", "amz-sdk-request", "x-amz-user-agent"];
/// How the `User-Agent` of an SDK begins.
const AGENTS: [&str; 3] = ["aws-", "Boto3/", "Botocore/"];
/// Most labels of a host that may name a service: `cp.tracking.geo` has three.
const MAX_LABELS: usize = 4;

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
        .or_else(|| request.by_query())
        .or_else(|| request.by_uri())
        .or_else(|| request.without_operation())
}

/// A request, and what host and signature say of its service.
struct Request<'a> {
    wire: &'a Wire<'a>,
    scope: Option<Scope<'a>>,
    endpoint: Option<Endpoint<'a>>,
    s3: Option<s3::Host<'a>>,
    /// Whether the host's labels are in the table.
    is_known_host: bool,
    /// The services that may be meant, the most common first.
    services: Vec<Service>,
    has_sdk: bool,
}

impl<'a> Request<'a> {
    fn of(wire: &'a Wire<'a>) -> Self {
        let scope = Scope::of(wire.headers);
        let endpoint = Endpoint::parse(wire.host);
        let s3 = endpoint.as_ref().and_then(s3::Host::of);
        let by_host = match (&s3, &endpoint) {
            (Some(host), _) => host.service.or_else(|| table::named(Kind::Host, &host.label)),
            (None, Some(endpoint)) => by_labels(&endpoint.service()),
            (None, None) => None,
        };
        let by_scope = scope.and_then(|scope| table::named(Kind::Signing, scope.service));
        Self {
            wire,
            scope,
            endpoint,
            s3,
            is_known_host: by_host.is_some(),
            services: both(by_scope, by_host).filter_map(table::service).collect(),
            has_sdk: is_of_sdk(wire.headers),
        }
    }

    /// Whether anything but the host says that this is a call of AWS.
    fn is_signed_or_sdk(&self) -> bool {
        self.scope.is_some()
            || self.has_sdk
            || self.wire.headers.contains_key(X_AMZ_TARGET)
            || (self.is_known_host && self.wire.headers.contains_key(AUTHORIZATION))
    }

    /// Whether the host is somebody's own below a domain of AWS: a function, a load balancer.
    fn is_somebodys(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| {
            let is_unknown = !self.is_known_host && endpoint.labels.contains('.');
            is_unknown || endpoint.is_behind || endpoint.labels.ends_with("execute-api")
        })
    }

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
            None => {
                let mut own = self.services.iter();
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
        call.candidates = Candidates::of(&spoken, self.scope.is_some());
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

    fn target(&self) -> Target<'_> {
        let speaks_s3 = self.services.iter().any(|one| one.name == "s3");
        let bucket = match &self.s3 {
            Some(host) => host.bucket.as_deref(),
            None if speaks_s3 && self.endpoint.is_none() => s3::bucket_of_other(self.wire.host),
            None => None,
        };
        let label = match (&self.s3, self.scope) {
            (Some(host), _) => &host.label,
            (None, Some(scope)) if scope.service == "s3express" => "s3express-control",
            (None, _) => "",
        };
        Target {
            method: self.wire.method.as_str(),
            path: self.wire.path,
            query: self.wire.query,
            headers: self.wire.headers,
            bucket,
            label,
        }
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

    fn call(&self, service: Service) -> Call {
        let partition = self.endpoint.as_ref().map(|endpoint| endpoint.partition);
        let global = partition.filter(|partition| service.is_global(partition.name()));
        let region = match global {
            Some(partition) => Some(Cow::Borrowed(partition.global_region())),
            None => self.region().map(|region| Cow::Owned(region.to_owned())),
        };
        Call {
            name: Cow::Borrowed(service.prefix),
            service: Cow::Borrowed(service.name),
            protocol: None,
            region,
            operation: None,
            labels: Vec::new(),
            account_id: self.account().map(Into::into),
            needs_body: false,
            candidates: Candidates::Settled,
        }
    }

    /// A call of a service that is not in the table, by the host's label or the signature's.
    fn unknown(&self) -> Option<Call> {
        if self.is_somebodys() {
            return None;
        }
        let by_scope = self.scope.map(|scope| Cow::Borrowed(scope.service));
        let name = match &self.endpoint {
            Some(endpoint) => endpoint.service(),
            None => by_scope.or_else(|| self.has_sdk.then_some(Cow::Borrowed(self.wire.host)))?,
        };
        Some(Call {
            name: Cow::Owned(name.clone().into_owned()),
            service: Cow::Owned(name.into_owned()),
            protocol: None,
            region: self.region().map(|region| Cow::Owned(region.to_owned())),
            operation: None,
            labels: Vec::new(),
            account_id: None,
            needs_body: false,
            candidates: Candidates::Settled,
        })
    }

    /// The signature's region first: a host may have none, or another (AWS guide, "Service
    /// endpoints": global endpoints are signed for a region all the same).
    fn region(&self) -> Option<&str> {
        let by_scope = self.scope.and_then(|scope| scope.region);
        let by_label = self.s3.as_ref().and_then(|host| host.region);
        by_scope.or(by_label).or_else(|| self.endpoint.as_ref()?.region)
    }

    fn account(&self) -> Option<&str> {
        match &self.s3 {
            Some(host) => host.account.or_else(|| {
                let header = self.wire.headers.get("x-amz-account-id")?.to_str().ok()?;
                Some(header).filter(|account| endpoint::is_account(account))
            }),
            None => self.endpoint.as_ref().and_then(Endpoint::account),
        }
    }
}

/// The services that a host's labels stand for: as many labels as are known, from the end.
fn by_labels(labels: &str) -> Option<&'static str> {
    let mut at = labels.len();
    let starts = std::iter::from_fn(|| {
        let front = labels.get(..at)?.strip_suffix('.').or_else(|| labels.get(..at))?;
        (!front.is_empty()).then(|| {
            at = front.rfind('.').map_or(0, |dot| dot + 1);
            at
        })
    });
    let starts: Vec<usize> = starts.take(MAX_LABELS).collect();
    starts.into_iter().rev().find_map(|start| table::named(Kind::Host, labels.get(start..)?))
}

/// The services in both lists; if there is none, those of the signature, which is sure, and if it
/// says nothing, those of the host.
fn both(
    scope: Option<&'static str>,
    host: Option<&'static str>,
) -> impl Iterator<Item = &'static str> {
    let is_on = move |name: &str| host.is_some_and(|host| host.split(' ').any(|one| one == name));
    let scoped = scope.or(host).unwrap_or_default();
    let meets = scoped.split(' ').any(is_on);
    scoped.split(' ').filter(move |name| !meets || is_on(name))
}

fn is_of_sdk(headers: &HeaderMap) -> bool {
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    OF_SDKS.iter().any(|name| headers.contains_key(*name))
        || AGENTS.iter().any(|begin| agent.starts_with(begin))
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
