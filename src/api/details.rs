//! What a program says of a subsegment, piece by piece, until it ends.

use serde_json::Value;

use crate::api::Fault;
use crate::api::fields::Fields;
use crate::api::fields::Parsed;
use crate::api::fields::expected;
use crate::api::fields::flag;
use crate::api::fields::quoted;
use crate::api::fields::small;
use crate::api::fields::text;
use crate::api::fields::whole;
use crate::api::said;
use crate::api::said::Mint;
use crate::nearest;
use crate::trace::facts::AwsFacts;
use crate::trace::facts::RequestFacts;
use crate::trace::facts::ResponseFacts;
use crate::trace::facts::Url;
use crate::trace::id::SegmentId;
use crate::trace::segment::Aws;
use crate::trace::segment::Body;
use crate::trace::segment::Ending;
use crate::trace::segment::Flags;
use crate::trace::segment::Http;
use crate::trace::segment::Name;
use crate::trace::segment::Namespace;
use crate::trace::segment::Notes;
use crate::trace::segment::Sql;
use crate::trace::segment::Subsegment;
use crate::trace::segment::remarks::ROOM;
use crate::trace::segment::remarks::Refused;
use crate::trace::segment::remarks::Remarks;
use crate::trace::time::Micros;

/// Everything said of a subsegment but its ids, its name and its times. It takes [`ROOM`] at most.
#[derive(Clone, Debug, Default)]
pub struct Details {
    kind: Option<Kind>,
    sql: Option<Block<Box<Sql>>>,
    http: Option<Block<(RequestFacts, Option<ResponseFacts>)>>,
    aws: Option<Block<Box<Aws>>>,
    remarks: Remarks,
}

/// The namespace that was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Aws,
    Local,
    Remote,
}

/// A block of fields.
#[derive(Clone, Debug)]
struct Block<T> {
    holds: T,
    /// In how many bytes of JSON it came.
    size: usize,
    /// And how many values.
    values: usize,
}

/// Bytes of memory that a value takes besides its text, about.
const VALUE: usize = 80;

impl Details {
    /// Reads what is said; ids of exceptions are made by `mint`.
    pub(super) fn read(fields: &mut Fields, mint: Mint<'_>) -> Parsed<Self> {
        let mut details = Self {
            kind: fields.find("namespace", kind)?,
            sql: fields.find("sql", |value, at| block(value, at, sql))?,
            http: fields.find("http", |value, at| block(value, at, http))?,
            aws: fields.find("aws", |value, at| block(value, at, aws))?,
            remarks: Remarks::default(),
        };
        if details.aws.is_some() && !matches!(details.kind, None | Some(Kind::Aws)) {
            let message = "what has an \"aws\" block is in the namespace \"aws\"; leave it out";
            return Err(Fault::refused(&fields.place("namespace"), message));
        }
        let remarks = &mut details.remarks;
        fields.find("annotations", |value, at| said::annotate(value, at, remarks))?;
        fields.find("metadata", |value, at| said::describe_all(value, at, remarks))?;
        let thrown = fields.has("exceptions") || fields.has("cause");
        fields.find("exceptions", |value, at| said::throw(value, at, remarks, mint))?;
        fields.find("cause", |value, at| said::cause(value, at, remarks, mint))?;
        let fault = fields.find("fault", flag)?.unwrap_or(thrown);
        let throttle = fields.find("throttle", flag)?.unwrap_or_default();
        let error = fields.find("error", flag)?.unwrap_or_default();
        remarks.flag(Flags { error, throttle, fault });
        fits(details).map_err(|refused| Fault::limit("", refused))
    }

    /// Takes in what was said since, which counts where both say something.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is no room for both; nothing has changed then.
    pub fn amend(&mut self, newer: Self) -> Result<(), Refused> {
        self.room_for(&newer)?;
        let Self { kind, sql, http, aws, remarks } = newer;
        self.remarks.amend(remarks)?;
        self.kind = kind.or(self.kind);
        self.sql = sql.or(self.sql.take());
        self.http = http.or(self.http.take());
        self.aws = aws.or(self.aws.take());
        Ok(())
    }

    /// Whether there is room for what was said since.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is none.
    pub fn room_for(&self, newer: &Self) -> Result<(), Refused> {
        let blocks: usize = self.sizes().into_iter().zip(newer.sizes()).map(newest).sum();
        let whole = blocks + self.remarks.room_for(&newer.remarks)?;
        if whole <= ROOM { Ok(()) } else { Err(Refused::Room) }
    }

    /// How many annotations there would be more with what was said since.
    #[must_use]
    pub fn new_annotations(&self, newer: &Self) -> usize {
        self.remarks.new_annotations(&newer.remarks)
    }

    /// How many annotations there are.
    #[must_use]
    pub const fn annotations(&self) -> usize {
        self.remarks.annotations()
    }

    /// Bytes of JSON that it takes, about.
    #[must_use]
    pub fn size(&self) -> usize {
        self.remarks.size() + self.sizes().into_iter().flatten().sum::<usize>()
    }

    fn sizes(&self) -> [Option<usize>; 3] {
        [
            self.sql.as_ref().map(|block| block.size),
            self.http.as_ref().map(|block| block.size),
            self.aws.as_ref().map(|block| block.size),
        ]
    }

    /// Bytes of memory that it takes, about.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let blocks = [
            self.sql.as_ref().map(|block| block.values),
            self.http.as_ref().map(|block| block.values),
            self.aws.as_ref().map(|block| block.values),
        ];
        let values = blocks.into_iter().flatten().sum::<usize>();
        self.size() + self.remarks.footprint() - self.remarks.size() + VALUE * values
    }

    /// The subsegment of which all this was said.
    #[must_use]
    pub fn into_subsegment(
        self,
        id: SegmentId,
        name: Name,
        start_time: Micros,
        end: Ending,
    ) -> Subsegment {
        let Self { kind, sql, http, aws, remarks } = self;
        let status = http.as_ref().and_then(|http| Some(http.holds.1?.status));
        let namespace = match (aws, kind) {
            (Some(aws), _) => Namespace::Aws(aws.holds),
            (None, Some(Kind::Aws)) => {
                Namespace::Aws(Box::new(Aws { facts: AwsFacts::default(), retries: 0 }))
            }
            (None, Some(Kind::Local)) => Namespace::Local,
            (None, Some(Kind::Remote)) => Namespace::Remote,
            (None, None) if sql.is_some() || http.is_some() => Namespace::Remote,
            (None, None) => Namespace::Local,
        };
        let mut body = Body {
            name,
            start_time,
            end,
            http: http.map(|Block { holds: (request, response), .. }| Http::new(request, response)),
            flags: status.map(Flags::of_status).unwrap_or_default(),
            cause: None,
            notes: Notes::default(),
            remarks: None,
        };
        body.remark(remarks);
        Subsegment { id, namespace, sql: sql.map(|sql| sql.holds), body }
    }
}

fn fits(details: Details) -> Result<Details, Refused> {
    if details.size() <= ROOM { Ok(details) } else { Err(Refused::Room) }
}

/// Of two sizes the later one, if there is one.
fn newest((before, since): (Option<usize>, Option<usize>)) -> usize {
    since.or(before).unwrap_or_default()
}

fn block<T>(
    value: Value,
    at: &str,
    parse: impl FnOnce(Value, &str) -> Parsed<T>,
) -> Parsed<Block<T>> {
    let (size, values) = (value.to_string().len(), count(&value));
    Ok(Block { holds: parse(value, at)?, size, values })
}

/// How many values there are in one, itself included.
fn count(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
        Value::Array(values) => 1 + values.iter().map(count).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(count).sum::<usize>(),
    }
}

fn kind(value: Value, at: &str) -> Parsed<Kind> {
    match text(value, at)?.as_str() {
        "aws" => Ok(Kind::Aws),
        "local" => Ok(Kind::Local),
        "remote" => Ok(Kind::Remote),
        _ => Err(Fault::malformed(at, "known are \"remote\", \"aws\" and \"local\"")),
    }
}

fn sql(value: Value, at: &str) -> Parsed<Box<Sql>> {
    let fields = Fields::of(value, at, "{\"sanitized_query\": \"SELECT 1\"}")?;
    let mut sql = Sql::default();
    for (key, value) in fields.rest() {
        let place = format!("{at}.{}", quoted(&key));
        if value.is_null() {
            continue;
        }
        if !sql.set(&key, &text(value, &place)?) {
            let message = nearest::unknown("field", &key, &Sql::FIELDS);
            return Err(Fault::malformed(&place, &message));
        }
    }
    Ok(Box::new(sql))
}

fn http(value: Value, at: &str) -> Parsed<(RequestFacts, Option<ResponseFacts>)> {
    let like = "{\"request\": {\"method\": \"GET\", \"url\": \"https://a.example/\"}}";
    let mut fields = Fields::of(value, at, like)?;
    let request = fields.need("request", like, request)?;
    let response = fields.find("response", response)?;
    fields.finish()?;
    Ok((request, response))
}

fn request(value: Value, at: &str) -> Parsed<RequestFacts> {
    let like = "{\"method\": \"GET\", \"url\": \"https://a.example/\"}";
    let mut fields = Fields::of(value, at, like)?;
    let method = fields.need("method", "\"method\": \"GET\"", |value, at| {
        let method = text(value, at)?;
        method.parse().map_err(|_| Fault::refused(at, "not a method of HTTP, as \"GET\" is"))
    })?;
    let url = fields.need("url", "\"url\": \"https://a.example/\"", |value, at| {
        let message = "not a URL with scheme and host, as \"https://a.example/\"";
        Url::parse(&text(value, at)?).ok_or_else(|| Fault::refused(at, message))
    })?;
    fields.finish()?;
    Ok(RequestFacts { method, url, user_agent: None, client: None })
}

fn response(value: Value, at: &str) -> Parsed<ResponseFacts> {
    let mut fields = Fields::of(value, at, "{\"status\": 200}")?;
    let status = fields.need("status", "\"status\": 200", |value, at| {
        let status = u16::try_from(whole(value, at)?).ok();
        let known = status.filter(|status| (100..=599).contains(status));
        known.ok_or_else(|| Fault::refused(at, "not a status, from 100 to 599"))
    })?;
    let content_length = fields.find("content_length", whole)?;
    fields.finish()?;
    Ok(ResponseFacts { status, content_length })
}

/// What the SDKs record of a call of AWS; keys of resources are free.
fn aws(value: Value, at: &str) -> Parsed<Box<Aws>> {
    let mut fields = Fields::of(value, at, "{\"operation\": \"PutItem\"}")?;
    let mut boxed = |key| fields.find(key, text).map(|text| text.map(Into::into));
    let mut facts = AwsFacts {
        operation: boxed("operation")?,
        region: boxed("region")?,
        account_id: boxed("account_id")?,
        request_id: boxed("request_id")?,
        id_2: boxed("id_2")?,
        ..AwsFacts::default()
    };
    let retries = fields.find("retries", small)?.unwrap_or_default();
    for (key, value) in fields.rest() {
        if value.is_null() || value.is_object() {
            let place = format!("{at}.{}", quoted(&key));
            return Err(expected(&place, "a string, a number, a boolean or a list", &value));
        }
        facts.resources.push((key.into(), value));
    }
    Ok(Box::new(Aws { facts, retries }))
}
