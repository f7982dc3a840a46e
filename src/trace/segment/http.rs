//! The `http` block of segments and subsegments.

use std::net::IpAddr;

use crate::trace::facts::Client;
use crate::trace::facts::RequestFacts;
use crate::trace::facts::ResponseFacts;
use crate::trace::facts::Url;
use crate::trace::json::Json;

/// The `http` block.
#[derive(Clone, Debug)]
pub struct Http {
    /// The request.
    pub request: HttpRequest,
    /// The response, if there was one.
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
            traced: false,
        };
        let response = response.filter(|response| (100..=599).contains(&response.status)).map(
            |ResponseFacts { status, content_length }| HttpResponse { status, content_length },
        );
        Self { request, response }
    }

    /// The block, behind a comma.
    pub(super) fn write(&self, json: &mut Json<'_>) {
        let HttpRequest { method, url, user_agent, client_ip, x_forwarded_for, traced } =
            &self.request;
        json.raw(",\"http\":{\"request\":{\"method\":");
        json.string(method);
        json.raw(",\"url\":");
        json.string(url.as_str());
        if let Some(user_agent) = user_agent {
            json.raw(",\"user_agent\":");
            json.string(user_agent);
        }
        if let Some(client_ip) = client_ip {
            json.raw(",\"client_ip\":");
            json.value(client_ip);
        }
        for (set, flag) in
            [(x_forwarded_for, ",\"x_forwarded_for\":true"), (traced, ",\"traced\":true")]
        {
            if *set {
                json.raw(flag);
            }
        }
        json.raw("}");
        if let Some(HttpResponse { status, content_length }) = self.response {
            json.raw(",\"response\":{\"status\":");
            json.number(status.into());
            if let Some(content_length) = content_length {
                json.raw(",\"content_length\":");
                json.number(content_length);
            }
            json.raw("}");
        }
        json.raw("}");
    }
}

/// `http.request`.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    method: Box<str>,
    url: Url,
    user_agent: Option<Box<str>>,
    client_ip: Option<IpAddr>,
    x_forwarded_for: bool,
    /// The callee reports to X-Ray itself, so that the trace has a gap until it has.
    pub traced: bool,
}

/// `http.response`. A length that was not declared is left out, never written as zero.
#[derive(Clone, Copy, Debug)]
pub struct HttpResponse {
    status: u16,
    content_length: Option<u64>,
}
