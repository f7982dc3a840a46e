//! What a request's signature says: for which region and service, and which headers it covers.
//!
//! Nothing is verified here; that takes the key. Sources: AWS reference, "Authenticating requests
//! (AWS Signature Version 4)", "Signature Version 4A", and the S3 guide's "Signing and
//! authenticating REST requests" for version 2.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::aws::percent;

/// The regions a request with an asymmetric signature is good for.
const REGION_SET: &str = "x-amz-region-set";
/// What the signature of a presigned URL covers, as its query says.
const SIGNED_HEADERS: &str = "X-Amz-SignedHeaders";

/// Which way a request is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Version 2 in a header, which only S3 and its likes understand.
    V2,
    /// Version 4, for one region.
    V4,
    /// Version 4A, for a set of regions.
    V4a,
}

/// What the `Authorization` header says the request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Which way it is signed.
    pub scheme: Scheme,
    /// The one region it is for, if it is for one.
    pub region: Option<&'a str>,
    /// The service's signing name: `s3` where it is version 2.
    pub service: &'a str,
}

impl<'a> Scope<'a> {
    /// The scope of a request that carries a signature in its header, if it does.
    #[must_use]
    pub fn of(headers: &'a HeaderMap) -> Option<Self> {
        let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, fields) = value.trim_ascii_start().split_once(' ')?;
        match scheme {
            "AWS" => {
                fields.split_once(':')?;
                Some(Self { scheme: Scheme::V2, region: None, service: "s3" })
            }
            "AWS4-HMAC-SHA256" => {
                // A key that was made up for an emulator may have a slash in it: from the end.
                let mut parts = field(fields, "Credential")?.rsplit('/').skip(1);
                let service = parts.next().filter(|service| !service.is_empty())?;
                let region = parts.next().filter(|region| !region.is_empty());
                Some(Self { scheme: Scheme::V4, region, service })
            }
            "AWS4-ECDSA-P256-SHA256" => {
                let mut parts = field(fields, "Credential")?.rsplit('/').skip(1);
                let service = parts.next().filter(|service| !service.is_empty())?;
                let region = headers.get(REGION_SET).and_then(|set| set.to_str().ok());
                let region = region.map(str::trim_ascii).filter(|set| is_one_region(set));
                Some(Self { scheme: Scheme::V4a, region, service })
            }
            _ => None,
        }
    }
}

/// Whether a set of regions is one region, not several or all of a kind.
fn is_one_region(set: &str) -> bool {
    !set.is_empty() && !set.contains(['*', ','])
}

/// The value of `name` among the fields behind the scheme. They stand between commas, with white
/// space or without.
fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = fields.split(',').filter_map(|field| field.trim_ascii().split_once('='));
    fields.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Whether the header `name` is covered by the request's signature, so that to set, change or
/// remove it would break the request. Names are compared whole and in any case.
///
/// `query` is raw. Version 2 covers what begins with `x-amz-`, and three headers more. Allocates
/// nothing, and looks at each byte of the signature's list once.
#[must_use]
pub fn signs(headers: &HeaderMap, query: &str, name: &str) -> bool {
    let by_header = headers.get_all(AUTHORIZATION).iter().any(|value| {
        let Ok(value) = value.to_str() else { return false };
        let Some((scheme, fields)) = value.trim_ascii_start().split_once(' ') else { return false };
        if scheme == "AWS" {
            return signed_by_v2(name);
        }
        field(fields, "SignedHeaders").is_some_and(|list| lists(list, name))
    });
    by_header
        || parameters(query).any(|(key, value)| {
            (percent::same(key, SIGNED_HEADERS) && lists(value, name))
                || (key == "AWSAccessKeyId" && signed_by_v2(name))
        })
}

fn signed_by_v2(name: &str) -> bool {
    let begins = name.get(..6).is_some_and(|begin| begin.eq_ignore_ascii_case("x-amz-"));
    begins || ["content-md5", "content-type", "date"].iter().any(|n| n.eq_ignore_ascii_case(name))
}

/// Whether `name` is in a list with `;` between its names, which may be percent-encoded.
fn lists(list: &str, name: &str) -> bool {
    let mut bytes = percent::decoded(list);
    loop {
        let mut wanted = name.bytes();
        let mut same = true;
        let ended = loop {
            match bytes.next() {
                None => break true,
                Some(b';') => break false,
                Some(byte) => {
                    same &= wanted.next().is_some_and(|want| want.eq_ignore_ascii_case(&byte));
                }
            }
        };
        if same && wanted.next().is_none() {
            return true;
        }
        if ended {
            return false;
        }
    }
}

/// Whether the URL carries the signature, as one that was handed to somebody does. Such a request
/// is a plain client's, not an SDK's.
#[must_use]
pub fn is_presigned(query: &str) -> bool {
    let (mut key, mut signature, mut expires) = (false, false, false);
    for (name, _) in parameters(query) {
        if ["X-Amz-Signature", "X-Amz-Credential"].iter().any(|known| percent::same(name, known)) {
            return true;
        }
        key |= name == "AWSAccessKeyId";
        signature |= name == "Signature";
        expires |= name == "Expires";
    }
    key && signature && expires
}

/// The parameters of a raw query, raw, each with an empty value if it has none.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

#[cfg(test)]
mod tests;
