//! A call of an AWS API: who is called, and what for.

use std::borrow::Cow;

use crate::aws::form;
use crate::aws::table;
use crate::aws::table::Service;

/// The language a service is spoken to in. Source: Smithy 2.0, "AWS protocols".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Smithy RPC v2 CBOR: the operation is in the path.
    Cbor,
    /// EC2's kind of [`Query`](Self::Query), with errors of its own.
    Ec2,
    /// JSON 1.0 and 1.1: the operation is in `X-Amz-Target`.
    Json,
    /// A form, or the query of a URL, with the operation in `Action`.
    Query,
    /// The operation is told by method and URI; bodies are JSON.
    RestJson,
    /// The operation is told by method and URI; bodies are XML.
    RestXml,
}

/// What a request asks of which service. It owns all it says: the request may go on.
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) name: Cow<'static, str>,
    pub(super) service: Cow<'static, str>,
    pub(super) protocol: Option<Protocol>,
    pub(super) region: Option<Cow<'static, str>>,
    pub(super) operation: Option<Cow<'static, str>>,
    pub(super) labels: Vec<(&'static str, Box<str>)>,
    pub(super) account_id: Option<Box<str>>,
    pub(super) needs_body: bool,
    /// Services that the body may still tell apart, by the version it names.
    pub(super) candidates: Candidates,
}

/// Where the services that may be meant are taken from.
#[derive(Clone, Debug)]
pub(super) enum Candidates {
    /// Nothing is known of the service: any that has the version.
    Any,
    /// These.
    Known(Box<[Service]>),
    /// The service is known.
    Settled,
}

impl Candidates {
    /// What is left to choose from.
    pub(super) fn of(services: &[Service]) -> Self {
        match services {
            [] | [_] => Self::Settled,
            several => Self::Known(several.into()),
        }
    }
}

impl Call {
    /// The name of the subsegment, which is botocore's endpoint prefix: `dynamodb`, `s3`,
    /// `runtime.sagemaker`, `email`. The host's own label for a service that is not in the table.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// botocore's name of the service: `dynamodb`, `sagemaker-runtime`, `sesv2`. The host's own
    /// label for a service that is not in the table.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The language this request is in, if it is in one of the service's.
    #[must_use]
    pub const fn protocol(&self) -> Option<Protocol> {
        self.protocol
    }

    /// The region: `aws-global` and its likes for a service that has one endpoint for all regions,
    /// else that of the signature, else that of the host.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The operation, in the API's own spelling; `None` while only the body can tell, and for good
    /// where nothing does.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.operation.as_deref()
    }

    /// Whether the operation is in the body, and [`read_body`](Self::read_body) is to be called.
    #[must_use]
    pub const fn needs_body(&self) -> bool {
        self.needs_body
    }

    /// Takes in the beginning of the body; `whole` says that it is all of it. Does nothing for a
    /// call that does not need it. An `Action` that stands behind `prefix` stays unknown.
    pub fn read_body(&mut self, prefix: &[u8], whole: bool) {
        if !self.needs_body {
            return;
        }
        self.needs_body = false;
        let form = form::Form::read(prefix, whole);
        self.settle(form.version.as_deref());
        self.operation = form.action.map(|action| Cow::Owned(action.into_owned()));
    }

    /// Chooses among the candidates by the API version a query names.
    pub(super) fn settle(&mut self, version: Option<&str>) {
        let candidates = std::mem::replace(&mut self.candidates, Candidates::Settled);
        let Some(version) = version else { return };
        let found = match candidates {
            Candidates::Settled => None,
            Candidates::Known(services) => {
                services.iter().find(|service| service.version == version).copied()
            }
            Candidates::Any => {
                let services = table::named(table::Kind::Version, version);
                services.and_then(|all| table::service(all.split(' ').next()?))
            }
        };
        let Some(service) = found else { return };
        self.name = Cow::Borrowed(service.prefix);
        self.service = Cow::Borrowed(service.name);
    }

    /// The labels of the URI, decoded, by the name of botocore's member: `("Bucket", "b")`,
    /// `("Key", "a/b c")`, `("FunctionName", …)`. The bucket is there also when it is in the host.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The account that owns what is called, where host, path or an ARN in the path says so for
    /// certain.
    #[must_use]
    pub fn account_id(&self) -> Option<&str> {
        self.account_id.as_deref()
    }
}
