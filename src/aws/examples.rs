//! Calls as SDKs write them and services answer them, for tests; `examples.py` makes them.

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;

use crate::aws::Protocol;
use crate::aws::body::cbor;
use crate::aws::parameters::RequestParts;
use crate::aws::parameters::ResponseParts;

/// A call. The response is missing of those that nobody was there to answer.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Example {
    pub(super) service: String,
    pub(super) operation: String,
    #[serde(deserialize_with = "protocol")]
    pub(super) protocol: Protocol,
    labels: Vec<(String, String)>,
    query: String,
    #[serde(deserialize_with = "headers")]
    request_headers: HeaderMap,
    pub(super) request_body: Text,
    #[serde(default)]
    pub(super) status: u16,
    #[serde(default, deserialize_with = "headers")]
    pub(super) response_headers: HeaderMap,
    #[serde(default)]
    pub(super) response_body: Text,
    /// What the X-Ray SDK for Python records, and the rows of the others.
    pub(super) request_fields: Map<String, Value>,
    #[serde(default)]
    pub(super) response_fields: Map<String, Value>,
    #[serde(default)]
    pub(super) ids: Ids,
    pub(super) error: Option<Error>,
}

/// A body.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Text(String);

/// The ids that botocore tells.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Ids {
    pub(super) request_id: Option<String>,
    pub(super) id_2: Option<String>,
}

/// The error that botocore raises.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Error {
    pub(super) code: String,
    pub(super) message: Option<String>,
    /// `ClientError` if it has none for this code.
    pub(super) class: String,
}

/// All of them.
pub(super) fn examples() -> Vec<Example> {
    let lines = include_str!("examples.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Example {
    /// Calls `with` with the request, of whose body only what is in `body` is there.
    pub(super) fn request<T>(&self, body: &[u8], with: impl FnOnce(&RequestParts<'_>) -> T) -> T {
        let labels: Vec<_> = self.labels.iter().map(|(name, text)| (&**name, &**text)).collect();
        with(&RequestParts {
            service: &self.service,
            operation: &self.operation,
            protocol: self.protocol,
            labels: &labels,
            query: &self.query,
            headers: &self.request_headers,
            body,
        })
    }

    /// The response, of whose body only what is in `body` is there.
    pub(super) fn response<'a>(&'a self, body: &'a [u8]) -> ResponseParts<'a> {
        ResponseParts {
            service: &self.service,
            operation: &self.operation,
            protocol: self.protocol,
            status: self.status,
            headers: &self.response_headers,
            body,
            whole: body.len() == self.response_body.bytes().len(),
        }
    }

    /// The same call in CBOR, if it is in JSON.
    pub(super) fn in_cbor(mut self, known: bool) -> Option<Cbor> {
        let convert = |Text(text): &Text| {
            let json = serde_json::from_str(text).ok()?;
            Some(cbor::tests::written(&json, known))
        };
        if self.protocol != Protocol::Json {
            return None;
        }
        let (request, response) = (convert(&self.request_body)?, convert(&self.response_body));
        self.request_headers.clear();
        self.protocol = Protocol::Cbor;
        Some(Cbor { request, response: response.unwrap_or_default(), example: self })
    }
}

/// A call in CBOR.
pub(super) struct Cbor {
    pub(super) example: Example,
    pub(super) request: Vec<u8>,
    pub(super) response: Vec<u8>,
}

impl Text {
    pub(super) const fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Headers of names and values.
pub(super) fn map(headers: &[(&str, &str)]) -> HeaderMap {
    let pairs = headers.iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
    });
    pairs.collect()
}

fn headers<'de, D: serde::Deserializer<'de>>(from: D) -> Result<HeaderMap, D::Error> {
    let headers: std::collections::BTreeMap<String, String> = Deserialize::deserialize(from)?;
    let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    Ok(map(&headers))
}

fn protocol<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Protocol, D::Error> {
    let name: String = Deserialize::deserialize(from)?;
    Ok(match &*name {
        "json" => Protocol::Json,
        "query" => Protocol::Query,
        "ec2" => Protocol::Ec2,
        "rest-json" => Protocol::RestJson,
        "rest-xml" => Protocol::RestXml,
        _ => Protocol::Cbor,
    })
}
