//! Rule 1: the call carries a trace header. What that names is the parent, certainly.

use crate::attribution::requests::Requests;
use crate::attribution::verdict::Parent;
use crate::trace::header::TraceHeader;

/// Whom the header names: a request of ours where trace and parent agree, or where only one open
/// request has the trace; else whatever the header says, which is how a service with subsegments
/// of its own is continued. `None` if it names no trace, as if there were no header.
pub(super) fn parent<T>(header: &TraceHeader, requests: &Requests<T>) -> Option<Parent> {
    let root = header.root?;
    let ours = header
        .parent
        .or_else(|| requests.only_open(root))
        .and_then(|id| requests.parent(id))
        .filter(|parent| matches!(parent, Parent::Known { trace, .. } if *trace == root));
    let foreign = Parent::Foreign { trace: root, parent: header.parent, sampled: header.sampled };
    Some(ours.unwrap_or(foreign))
}
