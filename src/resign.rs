//! The second way in for AWS calls, without interception of TLS: a program that was told to find
//! AWS at our address signs its requests for us, and here they are signed anew for AWS.
//!
//! The scope of the old signature tells service and region, `endpoint` where that is, and
//! `credentials` whose signature it will be: ours, from the default chain of AWS's SDKs. Nobody
//! verifies the old signature, which would take its secret: whoever reaches the port can do what
//! our credentials can, so it must be as private as they are.
//!
//! [`Resigner::plan`] decides by the head alone whether the body is to be kept for that; most of what S3 takes
//! passes unseen.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use aws_sigv4::http_request::SignableBody;
use http::HeaderMap;
use http::Request;
use http::Uri;
use http::uri::Authority;
use http::uri::PathAndQuery;
use http::uri::Scheme;

use crate::aws;
use crate::aws::scope;
use crate::aws::scope::Scope;
use crate::net::tls::client::Client;
pub use crate::resign::chunks::Chunks;
pub use crate::resign::chunks::ChunksError;
use crate::resign::credentials::Keeper;
use crate::resign::endpoint::Signed;
pub use crate::resign::error::ResignError;
use crate::resign::options::Options;
pub use crate::resign::payload::Kept;
use crate::resign::payload::Payload;
use crate::resign::sign::Signing;
use crate::sys::clock::Clock;

mod chunks;
mod credentials;
mod endpoint;
mod error;
mod fetch;
pub mod options;
mod payload;
mod sign;

/// The hash of nothing.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Signs requests anew. One for all workers; it asks for credentials when it first needs them.
#[derive(Debug)]
pub struct Resigner {
    options: Options,
    clock: Arc<dyn Clock>,
    keeper: Keeper,
}

/// What becomes of one request.
#[derive(Debug)]
pub struct Plan {
    /// Where it goes: scheme and authority. The request's own target stays as it came.
    pub origin: Uri,
    service: Box<str>,
    region: Box<str>,
    payload: Payload,
}

impl Resigner {
    /// Asks nobody for anything yet. Where credentials are to be had over TLS, `tls` says who is
    /// trusted.
    #[must_use]
    pub fn new(options: Options, tls: Client, clock: Arc<dyn Clock>) -> Self {
        Self { options, clock, keeper: Keeper::new(tls) }
    }

    /// Decides, by the head alone, where `request` goes and whether its body is needed for that.
    ///
    /// Looks at each header once for each that is signed; takes neither lock nor time.
    ///
    /// # Errors
    ///
    /// If it is not signed, not so that it can be signed anew, or for nobody knows where.
    pub fn plan(&self, request: &Request<()>) -> Result<Plan, ResignError> {
        let headers = request.headers();
        if headers.contains_key(fetch::OWN) {
            return Err(ResignError::Loop);
        }
        let signed = signed(headers, request.uri().query().unwrap_or_default())?;
        let payload = Payload::of(headers, self.options.max_body)?;
        let call = call(request);
        let names = [call.as_ref().map_or(signed.service, aws::Call::service), signed.service, "*"];
        let own = names.iter().find_map(|name| {
            self.options.endpoints.iter().find(|(of, _)| **of == **name).map(|(_, uri)| uri)
        });
        let endpoint = endpoint::of(signed, call.as_ref(), headers);
        let region = endpoint.as_ref().map_or(signed.region, |endpoint| &*endpoint.region).into();
        let origin = match (own, endpoint) {
            (Some(uri), _) => uri.clone(),
            (None, Some(endpoint)) => origin(&endpoint.host)?,
            (None, None) => return Err(ResignError::UnknownService),
        };
        Ok(Plan { origin, service: signed.service.into(), region, payload })
    }

    /// Signs `request` in place by `plan`, which was made for it: `Host`, `X-Amz-Date`,
    /// `X-Amz-Security-Token` and `Authorization` are new, and everything else stays as it is. What
    /// the old signature covered the new one covers, with the values of now, but for headers that
    /// no hop passes on. The body that the plan keeps must be there, if it keeps one.
    ///
    /// Waits, bounded, if credentials must be had first. Returns how the body is to be signed as it
    /// passes, where each of its chunks is.
    ///
    /// # Errors
    ///
    /// If there are no credentials, or what is signed has other than visible ASCII in it.
    pub async fn sign(
        &self,
        plan: &Plan,
        request: &mut Request<()>,
    ) -> Result<Option<Chunks>, ResignError> {
        let body = SignableBody::Precomputed(match &plan.payload {
            Payload::Empty => EMPTY.into(),
            Payload::Stated(stated) | Payload::Chunks(stated) => (**stated).into(),
            Payload::Whole(kept) => kept.hash(),
        });
        let credentials = self.keeper.credentials(self.now()).await?;
        let scheme = plan.origin.scheme_str().unwrap_or("https");
        let signing = Signing {
            service: &plan.service,
            region: &plan.region,
            scheme,
            host: host(&plan.origin, scheme),
            credentials: &credentials,
            at: self.now(),
        };
        let seed = signing.sign(request, body)?;
        let chunked = matches!(plan.payload, Payload::Chunks(_));
        let chain = chunked.then(|| signing.chain(request, &seed));
        Ok(chain.map(|chain| Chunks::new(chain, self.options.max_body)))
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_micros(self.clock.now().wall().get())
    }
}

impl Plan {
    /// Where the whole body is to be put before [`Resigner::sign`], if its hash is signed and not
    /// said. Else the body need not be there yet.
    pub const fn kept(&mut self) -> Option<&mut Kept> {
        match &mut self.payload {
            Payload::Empty | Payload::Stated(_) | Payload::Chunks(_) => None,
            Payload::Whole(kept) => Some(kept),
        }
    }

    /// The body that was put there.
    #[must_use]
    pub fn into_kept(self) -> Option<Kept> {
        match self.payload {
            Payload::Empty | Payload::Stated(_) | Payload::Chunks(_) => None,
            Payload::Whole(kept) => Some(kept),
        }
    }
}

/// What a request is signed for, by version 4 in a header.
fn signed<'a>(headers: &'a HeaderMap, query: &str) -> Result<Signed<'a>, ResignError> {
    let Some(scope) = Scope::of(headers) else {
        let presigned = scope::is_presigned(query);
        return Err(if presigned { ResignError::Presigned } else { ResignError::NotSigned });
    };
    match (scope.scheme, scope.region) {
        (scope::Scheme::V4, Some(region)) => {
            let signed = Signed { service: scope.service, region };
            if signed.is_sound() { Ok(signed) } else { Err(ResignError::Malformed) }
        }
        (scope::Scheme::V4, None) => Err(ResignError::Malformed),
        (scope::Scheme::V2 | scope::Scheme::V4a, _) => Err(ResignError::Scheme),
    }
}

/// The call that a request makes. Its host is ours, which says nothing.
fn call(request: &Request<()>) -> Option<aws::Call> {
    aws::recognise(&aws::Wire {
        method: request.method(),
        host: "",
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
    })
}

/// Bytes as signatures have them.
fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn origin(host: &str) -> Result<Uri, ResignError> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTPS);
    parts.authority = Some(Authority::try_from(host).map_err(|_| ResignError::Malformed)?);
    parts.path_and_query = Some(PathAndQuery::from_static("/"));
    Uri::from_parts(parts).map_err(|_| ResignError::Malformed)
}

/// The host as `Host` has it: without the port that its scheme has anyway.
fn host<'a>(origin: &'a Uri, scheme: &str) -> &'a str {
    let authority = origin.authority().map_or("", Authority::as_str);
    let usual = if scheme == "https" { ":443" } else { ":80" };
    authority.strip_suffix(usual).unwrap_or(authority)
}

#[cfg(test)]
mod tests;
