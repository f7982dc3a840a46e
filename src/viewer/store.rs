//! The bounded store: joins documents into traces, in whatever order they come.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use serde_json::json;

use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::viewer::entity::Entity;
use crate::viewer::options::Options;
use crate::viewer::summary::Summary;

/// What a document is reckoned to take besides its bytes, so that many small ones are bounded too.
const OVERHEAD: usize = 128;

/// The traces that are kept. Shared by the thread that stores and those that answer.
#[derive(Debug)]
pub struct Store {
    options: Options,
    /// A lock, because a document is inserted and evicts as one step; held for arithmetic only:
    /// documents are parsed outside of it.
    inner: Mutex<Inner>,
}

/// What the store holds and what it let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Traces held.
    pub traces: usize,
    /// Bytes held: the documents', and a fixed amount for each of them.
    pub bytes: usize,
    /// Traces that left to make room.
    pub evicted: u64,
    /// Documents refused, because they were no X-Ray documents.
    pub malformed: u64,
}

/// The documents of one trace, parsed, in the order of their start.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Its id.
    pub id: TraceId,
    /// Segments, and subsegments that came on their own.
    pub documents: Vec<Value>,
}

#[derive(Debug, Default)]
struct Inner {
    traces: HashMap<TraceId, Documents>,
    /// Every trace once, the oldest first, by when its first document came.
    order: VecDeque<TraceId>,
    counts: Counts,
}

type Documents = BTreeMap<SegmentId, Stored>;

#[derive(Clone, Debug)]
struct Stored {
    bytes: Arc<[u8]>,
    progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Open,
    Complete,
}

impl Stored {
    fn cost(&self) -> usize {
        self.bytes.len() + OVERHEAD
    }
}

impl Store {
    /// An empty store with the bounds of `options`.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, inner: Mutex::default() }
    }

    /// Joins a document to its trace. A complete document replaces the one that said it was in
    /// progress, and never the other way round. One that cannot be joined is counted as malformed.
    pub fn insert(&self, document: &[u8]) {
        let parsed = parse(document);
        let mut inner = self.inner.lock();
        match parsed {
            Some((trace, id, stored)) => inner.insert(trace, id, stored, self.options),
            None => inner.counts.malformed += 1,
        }
    }

    /// What the traces are about, the newest first, `limit` at most.
    #[must_use]
    pub fn summaries(&self, limit: usize) -> Vec<Summary> {
        let newest = {
            let inner = self.inner.lock();
            let newest = inner.order.iter().rev().take(limit);
            newest.filter_map(|id| Some((*id, inner.documents(*id)?))).collect::<Vec<_>>()
        };
        newest.into_iter().map(|(id, documents)| Summary::of(&Trace::new(id, &documents))).collect()
    }

    /// The trace with the id `id`, if it is still held.
    #[must_use]
    pub fn trace(&self, id: &str) -> Option<Trace> {
        let id = TraceId::parse(id.as_bytes())?;
        let documents = self.inner.lock().documents(id)?;
        Some(Trace::new(id, &documents))
    }

    /// What the store holds and what it let go.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let inner = self.inner.lock();
        Counts { traces: inner.traces.len(), ..inner.counts }
    }
}

impl Inner {
    fn insert(&mut self, trace: TraceId, id: SegmentId, stored: Stored, options: Options) {
        let documents = self.traces.entry(trace).or_insert_with(|| {
            self.order.push_back(trace);
            Documents::new()
        });
        let before = documents.get(&id);
        let late = stored.progress == Progress::Open
            && before.is_some_and(|before| before.progress == Progress::Complete);
        if late {
            return;
        }
        let freed = before.map_or(0, Stored::cost);
        self.counts.bytes = (self.counts.bytes + stored.cost()).saturating_sub(freed);
        documents.insert(id, stored);
        while self.order.len() > options.max_traces || self.counts.bytes > options.max_bytes {
            if !self.evict() {
                break;
            }
        }
    }

    /// Lets the oldest trace go; false if there is none.
    fn evict(&mut self) -> bool {
        let Some(oldest) = self.order.pop_front() else {
            return false;
        };
        let documents = self.traces.remove(&oldest).unwrap_or_default();
        let freed: usize = documents.values().map(Stored::cost).sum();
        self.counts.bytes = self.counts.bytes.saturating_sub(freed);
        self.counts.evicted += 1;
        true
    }

    /// References to the documents of a trace, to be parsed once the lock is free.
    fn documents(&self, id: TraceId) -> Option<Vec<Arc<[u8]>>> {
        let documents = self.traces.get(&id)?;
        Some(documents.values().map(|stored| Arc::clone(&stored.bytes)).collect())
    }
}

impl Trace {
    fn new(id: TraceId, documents: &[Arc<[u8]>]) -> Self {
        // What is stored has been parsed before.
        let parsed = documents.iter().filter_map(|bytes| serde_json::from_slice(bytes).ok());
        let mut documents: Vec<Value> = parsed.collect();
        let start = |document: &Value| Entity::new(document).start().unwrap_or_default();
        documents.sort_by(|a, b| start(a).total_cmp(&start(b)));
        Self { id, documents }
    }

    /// When the first of its documents began, in seconds since the Unix epoch.
    #[must_use]
    pub fn start(&self) -> f64 {
        let starts = self.documents.iter().filter_map(|document| Entity::new(document).start());
        starts.min_by(f64::total_cmp).unwrap_or_default()
    }

    /// Seconds from the first start to the last end that is known.
    #[must_use]
    pub fn duration(&self) -> f64 {
        let ends = self.documents.iter().filter_map(|document| Entity::new(document).end());
        ends.max_by(f64::total_cmp).map_or(0.0, |end| (end - self.start()).max(0.0))
    }

    /// The trace as `BatchGetTraces` would tell it, but with the documents as objects.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let segments = self
            .documents
            .iter()
            .map(|document| json!({"Id": Entity::new(document).id(), "Document": document}));
        json!({
            "Id": self.id,
            "Duration": self.duration(),
            "Segments": segments.collect::<Vec<_>>(),
        })
    }
}

/// Reads what joining needs; `None` if `document` is no X-Ray document.
fn parse(document: &[u8]) -> Option<(TraceId, SegmentId, Stored)> {
    let value: Value = serde_json::from_slice(document).ok()?;
    let trace = TraceId::parse(value.get("trace_id")?.as_str()?.as_bytes())?;
    let entity = Entity::new(&value);
    let id = SegmentId::parse(entity.id()?.as_bytes())?;
    value.get("name")?.as_str()?;
    entity.start()?;
    let progress = if entity.end().is_some() { Progress::Complete } else { Progress::Open };
    Some((trace, id, Stored { bytes: document.into(), progress }))
}

#[cfg(test)]
mod tests;
