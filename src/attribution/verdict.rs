//! The answer: who made a call, how that was found, and how sure it is.

use crate::trace::header::Sampled;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;

/// Most candidates that an unknown call lists.
pub const MAX_CANDIDATES: usize = 16;

/// What was found about one outbound call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// Who made the call.
    pub parent: Parent,
    /// How that was found.
    pub method: Method,
    /// If the method is [`Method::Unknown`]: requests that may have made it, in no certain order,
    /// at most [`MAX_CANDIDATES`]. Empty otherwise.
    pub candidates: Vec<SegmentId>,
}

/// Who made a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parent {
    /// A trace that the call's own header names and that is to be continued as it says.
    Foreign {
        /// The trace.
        trace: TraceId,
        /// The segment or subsegment that makes the call, if the header names one.
        parent: Option<SegmentId>,
        /// The header's sampling decision.
        sampled: Option<Sampled>,
    },
    /// A request the ledger knows.
    Known {
        /// Its trace.
        trace: TraceId,
        /// Its segment.
        id: SegmentId,
        /// Whether it is recorded.
        sampled: bool,
        /// It was closed already when the call was made. Only a header can name such a one.
        late: bool,
    },
    /// Nobody, or nobody knows who: the method tells which.
    None,
}

/// How the parent was found. The order is that of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// The call carries a trace header.
    Header,
    /// The call carries values that came in with one request alone.
    Fingerprint,
    /// The thread that makes the call handles the request.
    Thread,
    /// The process that makes the call handles that request alone.
    Process,
    /// One request alone can have made it, and the route has earned that trust.
    Sole,
    /// No request can have made it: the service called on its own.
    Background,
    /// The evidence does not suffice.
    Unknown,
}

/// How sure a method is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// It cannot be wrong unless the service itself is.
    Certain,
    /// It follows from a test that goes wrong for about one route in a thousand.
    High,
    /// There is no parent to be sure of.
    None,
}

impl Method {
    /// Every method, for metrics that show zero before the first.
    pub const ALL: [Self; 7] = [
        Self::Header,
        Self::Fingerprint,
        Self::Thread,
        Self::Process,
        Self::Sole,
        Self::Background,
        Self::Unknown,
    ];

    /// The name in documents and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Fingerprint => "fingerprint",
            Self::Thread => "thread",
            Self::Process => "process",
            Self::Sole => "sole",
            Self::Background => "background",
            Self::Unknown => "unknown",
        }
    }

    /// How sure it is.
    #[must_use]
    pub const fn confidence(self) -> Confidence {
        match self {
            Self::Header | Self::Thread | Self::Process => Confidence::Certain,
            Self::Fingerprint | Self::Sole => Confidence::High,
            Self::Background | Self::Unknown => Confidence::None,
        }
    }
}

impl Confidence {
    /// The name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::High => "high",
            Self::None => "none",
        }
    }
}

impl Parent {
    /// The request, if it is one the ledger knows and was open when the call was made.
    pub(super) fn on_time(&self) -> Option<SegmentId> {
        match self {
            Self::Known { id, late: false, .. } => Some(*id),
            Self::Known { .. } | Self::Foreign { .. } | Self::None => None,
        }
    }
}

impl Attribution {
    /// A parent that `method` found.
    pub(super) const fn found(parent: Parent, method: Method) -> Self {
        Self { parent, method, candidates: Vec::new() }
    }

    /// A call that the service made on its own.
    pub(super) const fn background() -> Self {
        Self::found(Parent::None, Method::Background)
    }

    /// A call that one of `candidates`, or a request that is not among them, may have made.
    pub(super) const fn unknown(candidates: Vec<SegmentId>) -> Self {
        Self { parent: Parent::None, method: Method::Unknown, candidates }
    }
}
