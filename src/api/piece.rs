//! What `POST /v1/subsegments` asks: a whole subsegment, one that begins, or the end of one.

use serde_json::Value;

use crate::api::Fault;
use crate::api::details::Details;
use crate::api::fields::Fields;
use crate::api::fields::Parsed;
use crate::api::fields::json;
use crate::api::fields::seconds;
use crate::api::fields::text;
use crate::api::route;
use crate::api::said::Mint;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::segment::Name;
use crate::trace::time::Micros;

/// What is asked.
#[derive(Clone, Debug)]
pub enum Order {
    /// A subsegment, whole if it has an end, else begun.
    New(Box<New>),
    /// One that was begun ends.
    End(Box<End>),
}

/// A subsegment.
#[derive(Clone, Debug)]
pub struct New {
    /// Its trace.
    pub trace: TraceId,
    /// The segment or subsegment that it is part of, if that was said.
    pub parent: Option<SegmentId>,
    /// Its name.
    pub name: Name,
    /// When it began; now if that was not said.
    pub start: Option<Micros>,
    /// When it ended, not before its start; it has not if that was not said.
    pub end: Option<Micros>,
    /// What else was said.
    pub details: Details,
}

/// The end of a subsegment.
#[derive(Clone, Debug)]
pub struct End {
    /// Which one.
    pub id: SegmentId,
    /// When; now if that was not said.
    pub end: Option<Micros>,
    /// What is said besides.
    pub details: Details,
}

/// Reads what is asked. Who has an `id` ends a subsegment, who has a `trace_id` adds one.
///
/// # Errors
///
/// [`Fault`] if it is neither.
pub fn order(body: &[u8], mint: Mint<'_>) -> Result<Order, Fault> {
    let like = "{\"trace_id\": \"1-…\", \"name\": \"…\"} to begin one, {\"id\": \"…\"} to end it";
    let mut fields = Fields::of(json(body)?, "", like)?;
    let order = match (fields.has("id"), fields.has("trace_id")) {
        (true, true) => {
            let message = "ids are given, not taken: leave it out to add a subsegment, or leave \
                           trace_id out to end the one of this id";
            return Err(Fault::malformed("id", message));
        }
        (true, false) => Order::End(Box::new(end(&mut fields, mint)?)),
        (false, _) => Order::New(Box::new(new(&mut fields, mint)?)),
    };
    fields.finish()?;
    Ok(order)
}

fn new(fields: &mut Fields, mint: Mint<'_>) -> Parsed<New> {
    let trace = fields.need("trace_id", "the Root of X-Amzn-Trace-Id", trace)?;
    let parent = fields.find("parent_id", id)?;
    let name = fields.need("name", "\"name\": \"…\"", |value, at| {
        let name = text(value, at)?;
        let blank = name.trim().is_empty();
        if blank { Err(Fault::refused(at, "a name is not empty")) } else { Ok(Name::new(&name)) }
    })?;
    let start = fields.find("start_time", seconds)?;
    let end = fields.find("end_time", seconds)?;
    match (start, end) {
        (None, Some(_)) => {
            let message = "missing, and there is an end_time; write when it began, in seconds";
            return Err(Fault::malformed("start_time", message));
        }
        (Some(start), Some(end)) if end < start => {
            return Err(Fault::refused("end_time", "before start_time"));
        }
        (Some(_) | None, _) => {}
    }
    let details = Details::read(fields, mint)?;
    Ok(New { trace, parent, name, start, end, details })
}

fn end(fields: &mut Fields, mint: Mint<'_>) -> Parsed<End> {
    Ok(End {
        id: fields.need("id", "\"id\": \"…\"", id)?,
        end: fields.find("end_time", seconds)?,
        details: Details::read(fields, mint)?,
    })
}

fn trace(value: Value, at: &str) -> Parsed<TraceId> {
    route::trace(&text(value, at)?).ok_or_else(|| Fault::malformed(at, route::TRACE))
}

fn id(value: Value, at: &str) -> Parsed<SegmentId> {
    let id = text(value, at)?;
    SegmentId::parse(id.as_bytes()).ok_or_else(|| Fault::malformed(at, route::SEGMENT))
}

#[cfg(test)]
mod tests;
