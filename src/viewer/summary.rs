//! One trace in a line: what a list of traces shows.

use serde::Serialize;

use crate::trace::id::TraceId;
use crate::viewer::entity::Entity;
use crate::viewer::store::Trace;

/// What a trace is about. It serialises with the names of `GetTraceSummaries` where that has one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Summary {
    /// The trace's id.
    pub id: TraceId,
    /// When it began, in seconds since the Unix epoch.
    pub start_time: f64,
    /// Seconds from the first start to the last end that is known.
    pub duration: f64,
    /// The name of the root: the first segment without a parent, else the first segment, else
    /// the first document.
    pub name: String,
    /// The root's request.
    pub http: HttpSummary,
    /// Some entity has a fault.
    pub has_fault: bool,
    /// Some entity has an error.
    pub has_error: bool,
    /// Some entity was throttled.
    pub has_throttle: bool,
    /// A segment is still in progress.
    pub is_partial: bool,
    /// Number of segments.
    pub segments: usize,
    /// Number of subsegments, embedded and separate.
    pub subsegments: usize,
}

/// A request in a summary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HttpSummary {
    /// Its method.
    #[serde(rename = "HttpMethod", skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Its URL.
    #[serde(rename = "HttpURL", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The status of its response.
    #[serde(rename = "HttpStatus", skip_serializing_if = "Option::is_none")]
    pub status: Option<u64>,
}

impl Summary {
    /// What `trace` is about.
    #[must_use]
    pub fn of(trace: &Trace) -> Self {
        let documents = || trace.documents.iter().map(Entity::new);
        let segments = || documents().filter(|document| !document.is_separate());
        let root = segments()
            .find(|segment| segment.parent_id().is_none())
            .or_else(|| segments().next())
            .or_else(|| documents().next());
        let mut entities = 0;
        let [mut has_fault, mut has_error, mut has_throttle] = [false; 3];
        documents().for_each(|document| {
            document.walk(&mut |entity| {
                entities += 1;
                has_fault |= entity.flag("fault");
                has_error |= entity.flag("error");
                has_throttle |= entity.flag("throttle");
            });
        });
        let count = segments().count();
        Self {
            id: trace.id,
            start_time: trace.start(),
            duration: trace.duration(),
            name: root.map(Entity::name).unwrap_or_default().into(),
            http: root.map(HttpSummary::of).unwrap_or_default(),
            has_fault,
            has_error,
            has_throttle,
            is_partial: segments().any(|segment| segment.end().is_none()),
            segments: count,
            subsegments: entities - count,
        }
    }
}

impl HttpSummary {
    fn of(entity: Entity<'_>) -> Self {
        Self {
            method: entity.method().map(Into::into),
            url: entity.url().map(Into::into),
            status: entity.status(),
        }
    }
}
