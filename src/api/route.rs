//! The paths of the API, and who may call it.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use crate::api::Fault;
use crate::nearest;
use crate::trace::facts::host_of;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::segment::remarks::DEFAULT_NAMESPACE;

/// What a trace id looks like, for those who have another.
pub(super) const TRACE: &str = "not a trace id: it is the Root of X-Amzn-Trace-Id, as \
    1-5759e988-bd862e3fe1be46a994272793, or the 32 hex digits of traceparent";

/// What the id of a segment looks like.
pub(super) const SEGMENT: &str = "not the id of a segment: it is 16 lower-case hex digits, as the \
    Parent of X-Amzn-Trace-Id";

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `PUT /v1/traces/<Root>/…`.
    Say(Say),
    /// `POST /v1/subsegments`.
    Subsegments,
}

/// What is to be said, and of which request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say {
    /// The trace.
    pub trace: TraceId,
    /// The segment of the request, if it was named.
    pub parent: Option<SegmentId>,
    /// What.
    pub what: What,
}

/// What is said of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Annotations.
    Annotations,
    /// Metadata, in this namespace.
    Metadata(Box<str>),
    /// Who it is for.
    User,
    /// Exceptions, and whether they are faults, if that was said.
    Exceptions(Option<bool>),
}

/// Why a path leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stray {
    /// There is nothing.
    Nothing,
    /// The method to use is this.
    Method(&'static str),
    /// The path or the query is not as it should be.
    Fault(Fault),
}

/// Where `method` on `path` with `query` leads; none if the path is not the API's.
///
/// # Errors
///
/// [`Stray`] if it leads nowhere.
#[must_use]
pub fn route(method: &str, path: &str, query: Option<&str>) -> Option<Result<Route, Stray>> {
    let rest = path.strip_prefix("/v1").filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    Some(below(method, rest, query.unwrap_or_default()))
}

fn below(method: &str, rest: &str, query: &str) -> Result<Route, Stray> {
    if rest == "/subsegments" {
        allow(method, "POST")?;
        parameters(query, &[])?;
        return Ok(Route::Subsegments);
    }
    let (id, what) = rest
        .strip_prefix("/traces/")
        .and_then(|rest| rest.split_once('/'))
        .ok_or(Stray::Nothing)?;
    let known: &[&str] = match what {
        "annotations" | "user" => &["parent"],
        "metadata" => &["parent", "namespace"],
        "exceptions" => &["parent", "fault"],
        _ => return Err(Stray::Nothing),
    };
    allow(method, "PUT")?;
    let trace = trace(id).ok_or_else(|| Stray::fault("", TRACE))?;
    let mut parent = None;
    let mut namespace = DEFAULT_NAMESPACE;
    let mut fault = None;
    for (key, value) in parameters(query, known)? {
        match key {
            "parent" => {
                let id = SegmentId::parse(value.as_bytes());
                parent = Some(id.ok_or_else(|| Stray::fault("parent", SEGMENT))?);
            }
            "namespace" => namespace = plain(value)?,
            _ => fault = Some(flag(value)?),
        }
    }
    let what = match what {
        "annotations" => What::Annotations,
        "metadata" => What::Metadata(namespace.into()),
        "user" => What::User,
        _ => What::Exceptions(fault),
    };
    Ok(Route::Say(Say { trace, parent, what }))
}

fn allow(method: &str, allowed: &'static str) -> Result<(), Stray> {
    if method == allowed { Ok(()) } else { Err(Stray::Method(allowed)) }
}

/// The parameters of a query, all of them known.
fn parameters<'q>(query: &'q str, known: &[&str]) -> Result<Vec<(&'q str, &'q str)>, Stray> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let pairs: Vec<_> = pairs.collect();
    match pairs.iter().find(|(key, _)| !known.contains(key)) {
        None => Ok(pairs),
        Some(_) if known.is_empty() => Err(Stray::fault("query", "none is known here")),
        Some((key, _)) => Err(Stray::fault("query", &nearest::unknown("parameter", key, known))),
    }
}

/// A namespace as it may stand in a query: what would need to be escaped is not taken.
fn plain(value: &str) -> Result<&str, Stray> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !value.is_empty() && value.bytes().all(unreserved) {
        return Ok(value);
    }
    Err(Stray::fault("namespace", "takes ASCII letters, digits and -._~"))
}

fn flag(value: &str) -> Result<bool, Stray> {
    value.parse().map_err(|_| Stray::fault("fault", "is true or false"))
}

impl Stray {
    fn fault(at: &str, message: &str) -> Self {
        Self::Fault(Fault::malformed(at, message))
    }
}

/// A trace id, X-Ray's or that of `traceparent`.
pub(super) fn trace(text: &str) -> Option<TraceId> {
    TraceId::parse(text.as_bytes()).or_else(|| TraceId::from_w3c(text.as_bytes()))
}

/// Whether a `Host` can be one that a program beside us calls: an address, or a name without a dot,
/// as `localhost` and those of containers are. A page that a browser was led here from, by a name
/// that has come to mean this machine, has a name with a dot.
#[must_use]
pub fn is_near(host: &str) -> bool {
    let host = host.trim();
    if let Some(literal) = host.strip_prefix('[') {
        return literal.split(']').next().is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok());
    }
    let name = host_of(host);
    name.parse::<Ipv4Addr>().is_ok() || !(name.is_empty() || name.contains('.'))
}

#[cfg(test)]
mod tests;
