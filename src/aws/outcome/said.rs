//! What the body of a response says of an error, whatever it is written in.

use std::ops::ControlFlow;

use crate::aws::body::cbor;
use crate::aws::body::json;
use crate::aws::body::xml;
use crate::aws::body::xml::Step;

/// The one error that is a document of its own.
const INVALID_CHANGE_BATCH: &str = "InvalidChangeBatch";

/// What a body says; each is the first that it says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) code: Option<Box<str>>,
    /// The type of the error's object, which is its code with a namespace.
    pub(super) kind: Option<Box<str>>,
    pub(super) message: Option<Box<str>>,
    pub(super) request_id: Option<Box<str>>,
    /// Whether it is S3's document of an error, by its beginning.
    pub(super) is_bare_error: bool,
}

impl Said {
    /// What `body` says. An object of JSON, XML and a map of CBOR cannot be taken for each other;
    /// anything else says nothing.
    pub(super) fn read(body: &[u8]) -> Self {
        let mut said = Self::default();
        match body.trim_ascii_start().first() {
            Some(b'{') => {
                json::Members::new(body)
                    .for_each(|(name, json)| said.member(&name, || json::text(json)));
            }
            Some(b'<') => xml::walk(body, |path, step| {
                said.element(path, step);
                ControlFlow::Continue(())
            }),
            Some(0xa0..=0xbf) => {
                cbor::Members::new(body)
                    .for_each(|(name, cbor)| said.member(&name, || cbor::text(cbor)));
            }
            _ => {}
        }
        said
    }

    /// Source: Smithy, "Operation error serialization" of the JSON protocols and RPC v2 CBOR;
    /// `errorMessage` and capitals by older services.
    fn member(&mut self, name: &str, text: impl FnOnce() -> Option<Box<str>>) {
        let place = match name {
            "__type" => &mut self.kind,
            "code" | "Code" => &mut self.code,
            "message" | "Message" | "errorMessage" => &mut self.message,
            _ => return,
        };
        if place.is_none() {
            *place = text().filter(|text| !text.is_empty());
        }
    }

    /// Source: of `ErrorResponse` Smithy, "AWS query protocol" and "AWS restXml protocol"; of
    /// `Response` "AWS EC2 query protocol"; of a bare `Error` S3 API reference, "Error responses"; of
    /// `InvalidChangeBatch` Route 53 API reference, `ChangeResourceRecordSets`.
    fn element(&mut self, path: &str, step: Step<'_>) {
        let Step::Closed(text) = step else {
            match path {
                "Error" => self.is_bare_error = true,
                INVALID_CHANGE_BATCH => self.code = Some(INVALID_CHANGE_BATCH.into()),
                _ => {}
            }
            return;
        };
        let (root, below) = path.split_once('/').unwrap_or((path, ""));
        let in_error = match below.strip_prefix("Errors/").unwrap_or(below).strip_prefix("Error/") {
            None if root == "Error" => below,
            None => "",
            Some(below) => below,
        };
        let place = match (in_error, below) {
            ("Code", _) => &mut self.code,
            ("Message" | "message", _) => &mut self.message,
            (_, "Messages/Message") if root == INVALID_CHANGE_BATCH => &mut self.message,
            (_, "RequestId" | "RequestID" | "requestId" | "ResponseMetadata/RequestId") => {
                &mut self.request_id
            }
            _ => return,
        };
        if place.is_none() && !text.is_empty() {
            *place = Some(text.into());
        }
    }
}
