//! What host and signature of a request say of the service it is for.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::header::USER_AGENT;

use crate::aws::Wire;
use crate::aws::call::Call;
use crate::aws::call::Candidates;
use crate::aws::endpoint;
use crate::aws::endpoint::Endpoint;
use crate::aws::endpoint::Partition;
use crate::aws::rest::Target;
use crate::aws::s3;
use crate::aws::scope::Scope;
use crate::aws::table;
use crate::aws::table::Kind;
use crate::aws::table::Service;

/// What JSON protocols name the operation in.
pub(super) const X_AMZ_TARGET: &str = "x-amz-target";
/// What SDKs send, whether they sign or not.
const OF_SDKS: [&str; 3] = ["amz-sdk-invocation-id", "amz-sdk-request", "x-amz-user-agent"];
/// How the `User-Agent` of an SDK begins.
const AGENTS: [&str; 3] = ["aws-", "Boto3/", "Botocore/"];
/// Most labels of a host that may name a service: `cp.tracking.geo` has three.
const MAX_LABELS: usize = 4;

/// A request, and what host and signature say of its service.
pub(super) struct Request<'a> {
    pub wire: &'a Wire<'a>,
    pub scope: Option<Scope<'a>>,
    pub endpoint: Option<Endpoint<'a>>,
    pub s3: Option<s3::Host<'a>>,
    /// Whether the host's labels are in the table.
    pub is_known_host: bool,
    /// The services that may be meant, the most common first.
    pub services: Vec<Service>,
    pub has_sdk: bool,
}

impl<'a> Request<'a> {
    pub(super) fn of(wire: &'a Wire<'a>) -> Self {
        let scope = Scope::of(wire.headers);
        let endpoint = Endpoint::parse(wire.host);
        let s3 = endpoint.as_ref().and_then(s3::Host::of);
        let by_host = match (&s3, &endpoint) {
            (Some(host), _) => host.service.or_else(|| table::named(Kind::Host, &host.label)),
            (None, Some(endpoint)) => by_labels(&endpoint.service()),
            (None, None) => None,
        };
        let signed_for = scope.map_or(table::UNSIGNED, |scope| scope.service);
        let by_scope = (scope.is_some() || endpoint.is_none())
            .then(|| table::named(Kind::Signing, signed_for))
            .flatten();
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
    pub(super) fn is_signed_or_sdk(&self) -> bool {
        self.scope.is_some()
            || self.has_sdk
            || self.wire.headers.contains_key(X_AMZ_TARGET)
            || (self.is_known_host && self.wire.headers.contains_key(AUTHORIZATION))
    }

    /// Whether the host is somebody's own below a domain of AWS: a function, a load balancer.
    pub(super) fn is_somebodys(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| {
            let is_unknown = !self.is_known_host && endpoint.labels.contains('.');
            is_unknown || endpoint.is_behind || endpoint.labels.ends_with("execute-api")
        })
    }

    pub(super) fn target(&self) -> Target<'_> {
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

    pub(super) fn call(&self, service: Service) -> Call {
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
    pub(super) fn unknown(&self) -> Option<Call> {
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

    /// The signature's region first: a host may have none, or another. A host without one is in
    /// us-east-1, but of S3, where such hosts lead to buckets anywhere (AWS reference, "Service
    /// endpoints").
    fn region(&self) -> Option<&str> {
        let by_scope = self.scope.and_then(|scope| scope.region);
        let by_label = self.s3.as_ref().and_then(|host| host.region);
        by_scope.or(by_label).or_else(|| {
            let endpoint = self.endpoint.as_ref()?;
            let is_first = endpoint.partition == Partition::Aws && self.s3.is_none();
            endpoint.region.or_else(|| is_first.then_some("us-east-1"))
        })
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
