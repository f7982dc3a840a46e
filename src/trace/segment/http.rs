//! The `http` block of segments and subsegments.

use std::net::IpAddr;

use serde::Serialize;

use crate::trace::facts::Client;
use crate::trace::facts::RequestFacts;
use crate::trace::facts::ResponseFacts;
use crate::trace::facts::Url;

/// The `http` block.
#[derive(Clone, Debug, Serialize)]
pub struct Http {
    /// The request.
    pub request: HttpRequest,
    /// The response, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<HttpResponse>,
}

impl Http {
    /// The block of a request and the response it had, if any.
    #[must_use]
    pub fn new(request: RequestFacts, response: Option<ResponseFacts>) -> Self {
        let (client_ip, x_forwarded_for) = match request.client {
            Some(Client::Peer(ip)) => (Some(ip), false),
            Some(Client::Forwarded(ip)) => (Some(ip), true),
            None => (None, false),
        };
        let request = HttpRequest {
            method: request.method.as_str().into(),
            url: request.url,
            user_agent: request.user_agent,
            client_ip,
            x_forwarded_for,
        };
        let response = response.filter(|response| (100..=599).contains(&response.status)).map(
            |ResponseFacts { status, content_length }| HttpResponse { status, content_length },
        );
        Self { request, response }
    }
}

/// `http.request`.
#[derive(Clone, Debug, Serialize)]
pub struct HttpRequest {
    method: Box<str>,
    url: Url,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    x_forwarded_for: bool,
}

/// `http.response`. A length that was not declared is left out, never written as zero.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HttpResponse {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_length: Option<u64>,
}
