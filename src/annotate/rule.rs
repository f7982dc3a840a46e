//! What a rule is: where a value comes from, what becomes of it, and for which exchanges.

use http::HeaderName;

use crate::annotate::filter::Filter;
use crate::trace::segment::remarks::Key;
use crate::trace::segment::remarks::Scalar;

/// Most rules: more than X-Ray indexes of a trace twice over.
pub const MAX_RULES: usize = 100;

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Where the value comes from.
    pub source: Source,
    /// What it becomes.
    pub target: Target,
    /// What it is read as.
    pub kind: Kind,
    /// Whose exchanges it is for.
    pub on: On,
    /// Which of them.
    pub filter: Filter,
    /// The user has said that it may be a secret.
    pub secret: bool,
}

/// Where a value comes from. Of headers, parameters and cookies that are there more than once, the
/// first counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A header of the request.
    Header(HeaderName),
    /// A header of the response.
    ResponseHeader(HeaderName),
    /// A parameter of the query.
    Query(Box<str>),
    /// A cookie.
    Cookie(Box<str>),
    /// What the route's template captures by this name.
    Path(Box<str>),
    /// Metadata of a gRPC call: a header of a request that says it is one.
    Grpc(HeaderName),
    /// Metadata of a gRPC answer: a header of a response that says it is one, else a trailer.
    GrpcResponse(HeaderName),
    /// A variable of sideray's own environment, and what it was at the start.
    Env(Box<str>, Option<Box<str>>),
    /// A constant.
    Value(Scalar),
}

/// What a value becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An annotation.
    Annotation(Key),
    /// A value of metadata.
    Metadata {
        /// In this namespace.
        namespace: Box<str>,
        /// By this key.
        key: Box<str>,
    },
    /// The segment's user.
    User,
}

/// What a text is read as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    #[default]
    Text,
    /// A number.
    Number,
    /// True or false.
    Boolean,
}

/// Which way an exchange goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A request to the service.
    Ingress,
    /// A call by the service.
    Egress,
}

/// Whose exchanges a rule is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum On {
    /// Requests to the service.
    #[default]
    Ingress,
    /// Calls by the service.
    Egress,
    /// Both.
    Both,
}

impl On {
    /// Whether exchanges that go this way are among them.
    #[must_use]
    pub const fn includes(self, side: Side) -> bool {
        match (self, side) {
            (Self::Both, _) => true,
            (Self::Ingress, Side::Ingress) | (Self::Egress, Side::Egress) => true,
            (Self::Ingress, Side::Egress) | (Self::Egress, Side::Ingress) => false,
        }
    }
}

impl Source {
    /// Its own name, of which a key can be made, and which may say that it is a secret; none for a
    /// constant.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Header(name)
            | Self::ResponseHeader(name)
            | Self::Grpc(name)
            | Self::GrpcResponse(name) => Some(name.as_str()),
            Self::Query(name) | Self::Cookie(name) | Self::Path(name) | Self::Env(name, _) => {
                Some(name)
            }
            Self::Value(_) => None,
        }
    }

    /// Whether there is no value before the response is there.
    #[must_use]
    pub const fn is_of_response(&self) -> bool {
        matches!(self, Self::ResponseHeader(_) | Self::GrpcResponse(_))
    }
}

impl Target {
    /// Whether it is the annotation of this key.
    #[must_use]
    pub fn annotates(&self, key: &Key) -> bool {
        matches!(self, Self::Annotation(own) if own == key)
    }
}
