//! The input of the targets that read calls of AWS's.

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use sideray::aws::Protocol;

/// A call.
pub struct Call<'a> {
    pub service: &'a str,
    pub operation: &'a str,
    pub protocol: Protocol,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: &'a [u8],
}

impl<'a> Call<'a> {
    /// A line of service, operation, protocol and status; lines of headers; an empty line; the body.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.windows(2).position(|two| two == b"\n\n")?;
        let mut lines = std::str::from_utf8(&bytes[..end]).ok()?.lines();
        let mut words = lines.next()?.split(' ');
        let (service, operation) = (words.next()?, words.next()?);
        let protocol = match words.next()? {
            "json" => Protocol::Json,
            "query" => Protocol::Query,
            "ec2" => Protocol::Ec2,
            "rest-json" => Protocol::RestJson,
            "rest-xml" => Protocol::RestXml,
            _ => Protocol::Cbor,
        };
        let status = words.next()?.parse().ok()?;
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).ok()?,
                HeaderValue::from_bytes(value.as_bytes()).ok()?,
            );
        }
        Some(Self { service, operation, protocol, status, headers, body: &bytes[end + 2..] })
    }
}
