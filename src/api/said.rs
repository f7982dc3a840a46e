//! What a program says of a request: annotations, metadata, a user, exceptions.

use serde_json::Map;
use serde_json::Value;

use crate::api::Fault;
use crate::api::fields::Fields;
use crate::api::fields::Parsed;
use crate::api::fields::expected;
use crate::api::fields::flag;
use crate::api::fields::json;
use crate::api::fields::list;
use crate::api::fields::quoted;
use crate::api::fields::small;
use crate::api::fields::text;
use crate::trace::id::SegmentId;
use crate::trace::segment::Exception;
use crate::trace::segment::Flags;
use crate::trace::segment::Frame;
use crate::trace::segment::remarks::Key;
use crate::trace::segment::remarks::MAX_TEXT;
use crate::trace::segment::remarks::MAX_USER;
use crate::trace::segment::remarks::Remarks;
use crate::trace::segment::remarks::Scalar;

/// Makes the ids of exceptions.
pub type Mint<'m> = &'m mut dyn FnMut() -> SegmentId;

/// `{"order_id": 17, "paid": true}`.
///
/// # Errors
///
/// [`Fault`] if it is anything else.
pub fn annotations(body: &[u8]) -> Result<Remarks, Fault> {
    let mut remarks = Remarks::default();
    annotate(json(body)?, "", &mut remarks)?;
    Ok(remarks)
}

/// `{"cart": {"items": [1, 2]}}`, for one namespace.
///
/// # Errors
///
/// [`Fault`] if it is anything else.
pub fn metadata(body: &[u8], namespace: &str) -> Result<Remarks, Fault> {
    let mut remarks = Remarks::default();
    describe(json(body)?, "", namespace, &mut remarks)?;
    Ok(remarks)
}

/// `"ann"`.
///
/// # Errors
///
/// [`Fault`] if it is anything else.
pub fn user(body: &[u8]) -> Result<Remarks, Fault> {
    let Value::String(user) = json(body)? else {
        return Err(Fault::malformed("", "expected a string, as \"ann\""));
    };
    if !(1..=MAX_USER).contains(&user.chars().count()) {
        let message = format!("a user has 1 to {MAX_USER} characters");
        return Err(Fault::refused("", &message));
    }
    let mut remarks = Remarks::default();
    remarks.set_user(&user);
    Ok(remarks)
}

/// `{"type": "ValueError", "message": "…"}`, or a list of such, which are a fault of the service's
/// unless `fault` says otherwise.
///
/// # Errors
///
/// [`Fault`] if it is anything else.
pub fn exceptions(body: &[u8], fault: Option<bool>, mint: Mint<'_>) -> Result<Remarks, Fault> {
    let mut remarks = Remarks::default();
    throw(json(body)?, "", &mut remarks, mint)?;
    remarks.flag(Flags { fault: fault.unwrap_or(true), ..Flags::default() });
    Ok(remarks)
}

/// Takes annotations in.
pub(super) fn annotate(value: Value, at: &str, remarks: &mut Remarks) -> Parsed<()> {
    for (key, value) in free(value, at, "{\"order_id\": 17, \"paid\": true}")? {
        let place = join(at, &key);
        let known = Key::new(&key).ok_or_else(|| {
            let near = Key::clean(&key).map(|near| format!("; write {}", quoted(near.as_str())));
            let near = near.unwrap_or_default();
            let message = format!("keys are 1 to 500 ASCII letters, digits and _{near}");
            Fault::refused(&place, &message)
        })?;
        if value.as_str().is_some_and(|text| text.chars().nth(MAX_TEXT).is_some()) {
            let message = format!(
                "longer than {MAX_TEXT} characters, the most that X-Ray indexes; put it into \
                 metadata"
            );
            return Err(Fault::refused(&place, &message));
        }
        let scalar = Scalar::of_json(&value)
            .ok_or_else(|| expected(&place, "a string, a number or a boolean", &value))?;
        remarks.annotate(known, scalar).map_err(|refused| Fault::limit(&place, refused))?;
    }
    Ok(())
}

/// Takes metadata of one namespace in.
fn describe(value: Value, at: &str, namespace: &str, remarks: &mut Remarks) -> Parsed<()> {
    for (key, value) in free(value, at, "{\"cart\": [1, 2]}")? {
        let refused = |refused| Fault::limit(&join(at, &key), refused);
        remarks.describe(namespace, &key, &value).map_err(refused)?;
    }
    Ok(())
}

/// Takes metadata of several namespaces in.
pub(super) fn describe_all(value: Value, at: &str, remarks: &mut Remarks) -> Parsed<()> {
    for (namespace, value) in free(value, at, "{\"default\": {\"cart\": [1, 2]}}")? {
        describe(value, &join(at, &namespace), &namespace, remarks)?;
    }
    Ok(())
}

/// The fields of an object whose keys are free.
fn free(value: Value, at: &str, like: &str) -> Parsed<Map<String, Value>> {
    Fields::of(value, at, like).map(Fields::rest)
}

fn join(at: &str, key: &str) -> String {
    let key = quoted(key);
    if at.is_empty() { key } else { format!("{at}.{key}") }
}

/// Takes an exception in, or a list of them, each before those that caused it.
pub(super) fn throw(value: Value, at: &str, remarks: &mut Remarks, mint: Mint<'_>) -> Parsed<()> {
    thrown(value, at, remarks, mint).map(drop)
}

/// The same; gives the id of the first.
fn thrown(
    value: Value,
    at: &str,
    remarks: &mut Remarks,
    mint: Mint<'_>,
) -> Parsed<Option<SegmentId>> {
    if !value.is_array() {
        return exception(value, at, remarks, mint).map(Some);
    }
    let ids = list(value, at, |value, at| exception(value, at, remarks, mint))?;
    Ok(ids.first().copied())
}

fn exception(value: Value, at: &str, remarks: &mut Remarks, mint: Mint<'_>) -> Parsed<SegmentId> {
    let like = "{\"type\": \"ValueError\", \"message\": \"no such order\"}";
    let mut fields = Fields::of(value, at, like)?;
    let id = mint();
    let kind = fields.need("type", "\"type\": \"ValueError\"", text)?;
    let mut exception = Exception::new(id, kind);
    exception.message = fields.find("message", text)?.unwrap_or_default().into();
    exception.remote = fields.find("remote", flag)?.unwrap_or_default();
    exception.truncated = fields.find("truncated", small)?.unwrap_or_default();
    exception.stack = fields.find("stack", |value, at| list(value, at, frame))?.unwrap_or_default();
    if let Some(directory) = fields.find("working_directory", text)? {
        remarks.started_in(&directory).map_err(|refused| Fault::limit(at, refused))?;
    }
    // What it was caused by stands behind it, and yet must be known first: its id is in it.
    let mut causes = Remarks::default();
    exception.cause =
        fields.find("cause", |value, at| thrown(value, at, &mut causes, mint))?.flatten();
    fields.finish()?;
    remarks.throw(exception).map_err(|refused| Fault::limit(at, refused))?;
    remarks.amend(causes).map_err(|refused| Fault::limit(at, refused))?;
    Ok(id)
}

fn frame(value: Value, at: &str) -> Parsed<Frame> {
    let like = "{\"path\": \"app.py\", \"line\": 42, \"label\": \"order\"}";
    let mut fields = Fields::of(value, at, like)?;
    let frame = Frame {
        path: fields.find("path", text)?.unwrap_or_default().into(),
        line: fields.find("line", small)?.unwrap_or_default(),
        label: fields.find("label", text)?.unwrap_or_default().into(),
    };
    fields.finish()?;
    Ok(frame)
}

/// The `cause` block as documents have it: exceptions, and where the program was started.
pub(super) fn cause(value: Value, at: &str, remarks: &mut Remarks, mint: Mint<'_>) -> Parsed<()> {
    let mut block = Fields::of(value, at, "{\"exceptions\": [{\"type\": \"ValueError\"}]}")?;
    if let Some(directory) = block.find("working_directory", text)? {
        remarks.started_in(&directory).map_err(|refused| Fault::limit(at, refused))?;
    }
    block
        .need("exceptions", "\"exceptions\": […]", |value, at| throw(value, at, remarks, mint))?;
    block.finish()
}

#[cfg(test)]
pub(super) mod tests;
