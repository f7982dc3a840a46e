//! AWS calls as they look on the wire: what the bytes of one name, and what it ended with.

pub mod body;
#[cfg(test)]
mod examples;
pub mod outcome;
pub mod parameters;
mod sorted;

/// The protocols AWS's services speak. Source: the `protocols` of botocore's service models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `json` 1.0 and 1.1: the operation in `X-Amz-Target`, everything else in the body.
    Json,
    /// `query`: a form, answered in XML.
    Query,
    /// `ec2`: a dialect of `query`.
    Ec2,
    /// `rest-json`: method and URI, JSON bodies.
    RestJson,
    /// `rest-xml`: method and URI, XML bodies.
    RestXml,
    /// `smithy-rpc-v2-cbor`: the operation in the path, everything else in the body.
    Cbor,
}
