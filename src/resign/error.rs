//! Why a request is not signed anew, and what whoever sent it can do.

use std::sync::Arc;

use aws_credential_types::provider::error::CredentialsError;
use aws_sigv4::http_request::SigningError;
use http::StatusCode;

/// A request that cannot be signed anew. Each has words for its sender, who set the address of the
/// egress port as an endpoint of AWS.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.advice())]
pub enum ResignError {
    /// Each event of the body is signed, in a chain that begins with the signature to be replaced.
    EventSignatures,
    /// The request was sent by us, to get the credentials that it would be signed with.
    Loop,
    /// What is signed has other than visible ASCII in it, or what says so is malformed.
    Malformed,
    /// There are no credentials to sign with.
    NoCredentials {
        /// What the providers said. Shared by all requests that waited for it.
        source: Arc<CredentialsError>,
    },
    /// There is no signature, so nothing tells where the request is to go.
    NotSigned,
    /// The signature is in the URL, and its owner may not be who sends it.
    Presigned,
    /// A signature that is not by version 4.
    Scheme,
    /// The new signature cannot be made.
    Sign {
        /// What the signer said.
        source: SigningError,
    },
    /// The body is larger than may be kept.
    TooLarge,
    /// The service is not known, or is at a host that only its owner knows.
    UnknownService,
}

impl ResignError {
    /// The status a client is told. Source: RFC 9110 §15.5 and §15.6, RFC 5842 §7.2.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotSigned | Self::Presigned | Self::UnknownService => {
                StatusCode::MISDIRECTED_REQUEST
            }
            Self::Sign { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::EventSignatures | Self::Scheme => StatusCode::NOT_IMPLEMENTED,
            Self::NoCredentials { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Loop => StatusCode::LOOP_DETECTED,
        }
    }

    /// What is wrong and what to do, in words that can be shown to a client: they quote nothing
    /// that was sent.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::EventSignatures => {
                "the events of this stream are signed one by one, which cannot be done anew: set \
                 HTTPS_PROXY in place of AWS_ENDPOINT_URL"
            }
            Self::Loop => {
                "this is our own request for credentials: take AWS_ENDPOINT_URL and endpoint_url \
                 out of the environment and the profile of the proxy itself"
            }
            Self::Malformed => "the signature is malformed, or covers other than visible ASCII",
            Self::NoCredentials { .. } => {
                "there are no AWS credentials to sign with: give the proxy the environment, the \
                 profile or the role that the service has"
            }
            Self::NotSigned => {
                "the request is not signed, so nothing tells which service of AWS it is for: set \
                 HTTPS_PROXY in place of AWS_ENDPOINT_URL, or give that service its own address, as \
                 AWS_ENDPOINT_URL_STS=https://sts.REGION.amazonaws.com"
            }
            Self::Presigned => {
                "presigned URLs are for the host they were signed for: make them without \
                 AWS_ENDPOINT_URL"
            }
            Self::Scheme => {
                "only signatures of version 4 can be made anew: set HTTPS_PROXY in place of \
                 AWS_ENDPOINT_URL"
            }
            Self::Sign { .. } => "the request cannot be signed",
            Self::TooLarge => {
                "the body is too large to be kept until its hash is known: raise [egress.aws] \
                 max_body, or set HTTPS_PROXY in place of AWS_ENDPOINT_URL"
            }
            Self::UnknownService => {
                "nothing tells which host of AWS this is for: give it in [egress.aws] endpoints, \
                 or set HTTPS_PROXY in place of AWS_ENDPOINT_URL"
            }
        }
    }
}
