//! The new signature, by SigV4.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::PayloadChecksumKind;
use aws_sigv4::http_request::PercentEncodingMode;
use aws_sigv4::http_request::SignableBody;
use aws_sigv4::http_request::SignableRequest;
use aws_sigv4::http_request::SigningSettings;
use aws_sigv4::http_request::UriPathNormalizationMode;
use aws_sigv4::http_request::sign as instructions;
use aws_sigv4::sign::v4;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Request;
use http::header::AUTHORIZATION;
use http::header::CONNECTION;
use http::header::EXPECT;
use http::header::HOST;
use http::header::TE;
use http::header::TRAILER;
use http::header::TRANSFER_ENCODING;
use http::header::UPGRADE;
use zeroize::Zeroizing;

use crate::aws::percent;
use crate::aws::scope;
use crate::resign::error::ResignError;
use crate::resign::payload::X_AMZ_CONTENT_SHA256;

const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// What the signer writes itself.
const OURS: [HeaderName; 4] = [AUTHORIZATION, HOST, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN];

/// What belongs to one connection, and does not reach the server as it is.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    EXPECT,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Services whose paths are signed as they are sent. All others normalise a path and encode it once
/// more, for the signature alone. Source: IAM user guide, "Create a canonical request"; those with
/// S3's signature in botocore.
const RAW_PATHS: [&str; 3] = ["s3", "s3-object-lambda", "s3-outposts"];

/// What is signed, and by whom.
#[derive(Debug)]
pub(super) struct Signing<'a> {
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    /// `https` or `http`.
    pub(super) scheme: &'a str,
    /// The server; without port where that is the scheme's own.
    pub(super) host: &'a str,
    pub(super) credentials: &'a Credentials,
    pub(super) at: SystemTime,
}

impl Signing<'_> {
    /// The chain of signatures that begins with that of `request`, which is `seed`.
    pub(super) fn chain(&self, request: &Request<()>, seed: &str) -> Chain {
        let secret = self.credentials.secret_access_key();
        let key = v4::generate_signing_key(secret, self.at, self.region, self.service);
        let date = request.headers().get(X_AMZ_DATE).and_then(|date| date.to_str().ok());
        let date = date.unwrap_or_default();
        let (day, region, service) = (date.get(..8).unwrap_or_default(), self.region, self.service);
        Chain {
            key: Zeroizing::new(key.as_ref().to_vec()),
            scope: format!("{date}\n{day}/{region}/{service}/aws4_request"),
            before: seed.into(),
        }
    }

    /// Signs `request` in place and gives the signature: `Host`, `X-Amz-Date`, `X-Amz-Security-Token` and
    /// `Authorization` are new. Of the rest nothing changes, and what was signed is signed again as it stands,
    /// whatever a hop may do to it; but for what no hop passes on.
    pub(super) fn sign(
        &self,
        request: &mut Request<()>,
        body: SignableBody<'_>,
    ) -> Result<String, ResignError> {
        let query = request.uri().query().unwrap_or_default();
        // The signer would sign another text than the one that is sent.
        if std::str::from_utf8(&percent::decoded(query).collect::<Vec<_>>()).is_err() {
            return Err(ResignError::Malformed);
        }
        let host = HeaderValue::from_str(self.host).map_err(|_| ResignError::Malformed)?;
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let uri = format!("{}://{}{target}", self.scheme, self.host);
        let headers = signed(request.headers(), query)?;
        let signable = SignableRequest::new(
            request.method().as_str(),
            uri,
            headers.iter().copied().chain([(HOST.as_str(), self.host)]),
            body,
        );
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.at)
            .settings(self.settings(request.headers()));
        #[expect(clippy::expect_used, reason = "everything it wants is set above")]
        let params = params.build().expect("the parameters are whole").into();
        let new = signable.and_then(|signable| instructions(signable, &params));
        let (new, signature) = new.map_err(|source| ResignError::Sign { source })?.into_parts();
        let (new, _) = new.into_parts();

        let headers = request.headers_mut();
        headers.remove(X_AMZ_SECURITY_TOKEN);
        headers.insert(HOST, host);
        for header in new {
            let mut value =
                HeaderValue::from_str(header.value()).map_err(|_| ResignError::Malformed)?;
            value.set_sensitive(header.sensitive());
            headers.insert(header.name(), value);
        }
        Ok(signature)
    }

    fn settings(&self, headers: &HeaderMap) -> SigningSettings {
        let mut settings = SigningSettings::default();
        // What is given is signed, all of it.
        settings.excluded_headers = None;
        if RAW_PATHS.contains(&self.service) {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            // S3 wants to be told what is signed of the body.
            if !headers.contains_key(X_AMZ_CONTENT_SHA256) {
                settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            }
        }
        settings
    }
}

/// Signatures of which each covers the one before it. Source: as for `chunks`.
pub(super) struct Chain {
    key: Zeroizing<Vec<u8>>,
    /// The second and third line of what is signed.
    scope: String,
    before: String,
}

impl Chain {
    /// The signature of a chunk with that hash, and of its headers, of which there are none.
    pub(super) fn chunk(&mut self, headers: &str, hash: &str) -> &str {
        self.next("AWS4-HMAC-SHA256-PAYLOAD", &format!("{headers}\n{hash}"))
    }

    /// The signature of trailers with that hash.
    pub(super) fn trailers(&mut self, hash: &str) -> &str {
        self.next("AWS4-HMAC-SHA256-TRAILER", hash)
    }

    fn next(&mut self, algorithm: &str, hashes: &str) -> &str {
        let text = format!("{algorithm}\n{}\n{}\n{hashes}", self.scope, self.before);
        self.before = v4::calculate_signature(&*self.key, text.as_bytes());
        &self.before
    }
}

/// Names and values of the headers that were signed and can be signed again.
fn signed<'a>(headers: &'a HeaderMap, query: &str) -> Result<Vec<(&'a str, &'a str)>, ResignError> {
    let signed = headers.keys().filter(|name| {
        !OURS.contains(name)
            && !HOP_BY_HOP.contains(name)
            && scope::signs(headers, query, name.as_str())
    });
    let fields = signed.flat_map(|name| headers.get_all(name).iter().map(move |v| (name, v)));
    let text = |(name, value): (&'a HeaderName, &'a HeaderValue)| {
        value.to_str().map(|value| (name.as_str(), value)).map_err(|_| ResignError::Malformed)
    };
    fields.map(text).collect()
}
