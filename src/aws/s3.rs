//! The hosts of S3: where the bucket stands, and what stands in its place.
//!
//! Sources: S3 guide, "Virtual hosting of buckets", "Making requests to a Multi-Region Access
//! Point", "Directory buckets", "Request endpoints for access points"; Outposts guide.

use std::borrow::Cow;

use crate::aws::endpoint::Endpoint;
use crate::aws::endpoint::is_account;
use crate::aws::endpoint::is_region;

/// A host of S3 or of what is addressed like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host<'a> {
    /// The service, if the host alone says which of those that sign as `s3` it is.
    pub service: Option<&'static str>,
    /// The label that names the service, without FIPS: `s3`, `s3express-control`.
    pub label: Cow<'a, str>,
    /// The region, where it is in the label in the old form: `s3-us-west-2`.
    pub region: Option<&'a str>,
    /// The bucket that the host names, or the ARN of the access point.
    pub bucket: Option<Cow<'a, str>>,
    /// The account, where the host names it for certain.
    pub account: Option<&'a str>,
}

impl<'a> Host<'a> {
    /// Reads what `endpoint` has before its region; `None` if that is no API of S3, as the hosts of
    /// websites are none.
    pub(super) fn of(endpoint: &Endpoint<'a>) -> Option<Self> {
        let labels = endpoint.labels.strip_suffix(".dualstack").unwrap_or(endpoint.labels);
        let (before, raw) = match labels.rsplit_once('.') {
            Some((before, last)) => (before, last),
            None => ("", labels),
        };
        if endpoint.is_behind || !raw.starts_with("s3") {
            return None;
        }
        if endpoint.before.is_empty() {
            Self::by_label(endpoint, before, plain(raw))
        } else {
            Self::in_vpc(endpoint, raw)
        }
    }

    fn by_label(endpoint: &Endpoint<'a>, before: &'a str, label: Cow<'a, str>) -> Option<Self> {
        let mut host =
            Self { service: Some("s3"), label, region: None, bucket: None, account: None };
        let bucket = (!before.is_empty()).then_some(Cow::Borrowed(before));
        match &*host.label {
            "s3" | "s3-accelerate" | "s3-external-1" => host.bucket = bucket,
            "s3-control" => {
                host.service = Some("s3control");
                host.account = Some(before).filter(|account| is_account(account));
            }
            "s3-accesspoint" => host.access_point(endpoint, before, "s3", "accesspoint"),
            "s3-object-lambda" => {
                host.access_point(endpoint, before, "s3-object-lambda", "accesspoint");
            }
            "s3-outposts" => host.outposts(endpoint, before),
            // Of all regions: the alias has a label of its own that says so.
            "s3-global" => host.bucket = before.strip_suffix(".accesspoint").map(Cow::Borrowed),
            "s3express-control" => host.service = None,
            label if label.starts_with("s3express-") => host.bucket = bucket,
            label if label.starts_with("s3-website") => return None,
            label if label.strip_prefix("s3-").is_some_and(is_region) => {
                // The label is borrowed: the old form has no FIPS.
                host.region = endpoint.labels.rsplit('.').next()?.strip_prefix("s3-");
                host.bucket = bucket;
            }
            _ => return None,
        }
        Some(host)
    }

    /// `NAME.bucket.vpce-…`, `NAME-ACCOUNT.accesspoint.vpce-…`, `ACCOUNT.control.vpce-…`.
    fn in_vpc(endpoint: &Endpoint<'a>, raw: &'a str) -> Option<Self> {
        let (before, kind) = match endpoint.before.rsplit_once('.') {
            Some((before, kind)) => (before, kind),
            None => ("", endpoint.before),
        };
        let label = match kind {
            "accesspoint" => "s3-accesspoint",
            "control" => "s3-control",
            _ => return Self::by_label(endpoint, before, plain(raw)),
        };
        Self::by_label(endpoint, before, Cow::Borrowed(label))
    }

    /// Sets the bucket to the ARN of the access point that `NAME-ACCOUNT` stands for, which is what
    /// the program named; where it stands for none, the host names no bucket.
    fn access_point(&mut self, endpoint: &Endpoint<'a>, label: &'a str, service: &str, kind: &str) {
        let Some((name, account)) = label.rsplit_once('-') else { return };
        if !is_account(account) || name.contains('.') {
            return;
        }
        let (partition, region) = (endpoint.partition.name(), endpoint.region.unwrap_or_default());
        let arn = format!("arn:{partition}:{service}:{region}:{account}:{kind}/{name}");
        self.bucket = Some(Cow::Owned(arn));
        self.account = Some(account);
    }

    /// `NAME-ACCOUNT.OUTPOST.s3-outposts`, or an alias in place of the first; with neither it is
    /// the API that manages them.
    fn outposts(&mut self, endpoint: &Endpoint<'a>, before: &'a str) {
        let Some((name, outpost)) = before.split_once('.') else {
            self.service = None;
            return;
        };
        let kind = format!("outpost/{outpost}/accesspoint");
        self.access_point(endpoint, name, "s3-outposts", &kind);
        if self.bucket.is_none() {
            self.bucket = Some(Cow::Borrowed(name));
        }
    }
}

/// The label without what says FIPS.
fn plain(label: &str) -> Cow<'_, str> {
    if let Some(zone) = label.strip_prefix("s3express-fips-") {
        return Cow::Owned(format!("s3express-{zone}"));
    }
    Cow::Borrowed(label.strip_suffix("-fips").unwrap_or(label))
}

/// The bucket that a host which is none of AWS's names: what stands before a label `s3`, or before
/// `localhost`. Of any other host nobody can tell whether its first label is a bucket.
pub(super) fn bucket_of_other(host: &str) -> Option<&str> {
    if let Some(bucket) = host.strip_suffix(".localhost") {
        return Some(bucket.strip_suffix(".s3").unwrap_or(bucket)).filter(|b| *b != "s3");
    }
    host.find(".s3.").and_then(|at| host.get(..at))
}

#[cfg(test)]
mod tests;
