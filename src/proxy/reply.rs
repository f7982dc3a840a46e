//! Responses of our own making: short, plain, and silent about our insides.

use http::HeaderValue;
use http::Response;
use http::StatusCode;
use http::header;

use crate::proxy::body::Body;
use crate::proxy::body::Close;

/// A response that says why there is none from the service.
pub(super) fn text<G: Close>(status: StatusCode, text: &'static str) -> Response<Body<G>> {
    let mut response = Response::new(Body::text(text));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// What a client is told of a failed exchange, by status alone.
pub(super) fn gateway<G: Close>(status: StatusCode) -> Response<Body<G>> {
    let body = match status {
        StatusCode::SERVICE_UNAVAILABLE => "503 the service does not accept connections\n",
        StatusCode::GATEWAY_TIMEOUT => "504 the service did not answer in time\n",
        StatusCode::REQUEST_TIMEOUT => "408 the rest of the request did not come in time\n",
        StatusCode::BAD_REQUEST => "400 the request was not complete\n",
        _ => "502 the service could not be reached, or broke off\n",
    };
    text(status, body)
}
