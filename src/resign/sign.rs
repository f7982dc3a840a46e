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
    /// Signs `request` in place: `Host`, `X-Amz-Date`, `X-Amz-Security-Token` and `Authorization`
    /// are new. Of the rest nothing changes, and what was signed is signed again as it stands,
    /// whatever a hop may do to it; but for what no hop passes on.
    pub(super) fn sign(
        &self,
        request: &mut Request<()>,
        body: SignableBody<'_>,
    ) -> Result<(), ResignError> {
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
        let (new, _) = new.map_err(|source| ResignError::Sign { source })?.into_parts();
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
        Ok(())
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
