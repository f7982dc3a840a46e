//! Calls of AWS APIs, as they stand on the wire: who is called, and what for.
//!
//! [`recognise`] reads host, signature, headers, path and query, and says which service is called
//! and which operation is meant. What only the body tells, [`Call::read_body`] takes from its
//! beginning. The facts it compares with are a [`table`] made from botocore's service models, which
//! is searched in place.
//!
//! What a call names and how it ended, [`parameters`] and [`outcome`] read from the bounded
//! beginnings of its bodies.
//!
//! Nothing here changes a request, and nothing is normalised: S3 has keys with `//` and `/../` in
//! them, and every byte of a path is signed.

use http::HeaderMap;
use http::Method;

pub use crate::aws::call::Call;
pub use crate::aws::call::Protocol;
pub use crate::aws::recognise::recognise;

pub mod agent;
pub mod body;
mod call;
pub mod endpoint;
#[cfg(test)]
mod examples;
mod form;
pub mod outcome;
pub mod parameters;
pub mod percent;
mod recognise;
mod request;
mod rest;
mod s3;
pub mod scope;
mod sorted;
pub mod table;

/// A request as it stands on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Wire<'a> {
    /// Its method.
    pub method: &'a Method,
    /// The host as addressed: lower-case, without port.
    pub host: &'a str,
    /// The path as sent, not decoded. It begins with `/`.
    pub path: &'a str,
    /// The query as sent, not decoded, without `?`. May be empty.
    pub query: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
}
