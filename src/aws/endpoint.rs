//! Hosts of AWS: which partition, region and service a name stands for, and what stands before it.
//!
//! Only the name is read. Sources: AWS reference, "Service endpoints and quotas"; the partitions,
//! dual-stack and FIPS forms as botocore's endpoint rules have them; the PrivateLink guide for the
//! endpoints of a VPC.

use std::borrow::Cow;

/// A part of AWS with accounts, regions and names of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition {
    /// The commercial regions.
    Aws,
    /// China.
    Cn,
    /// The European sovereign cloud.
    Eusc,
    /// US isolated, top secret.
    Iso,
    /// US isolated, secret.
    IsoB,
    /// Isolated, United Kingdom and Europe.
    IsoE,
    /// US isolated, a further one.
    IsoF,
    /// GovCloud.
    UsGov,
}

impl Partition {
    /// Its name, as in ARNs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Cn => "aws-cn",
            Self::Eusc => "aws-eusc",
            Self::Iso => "aws-iso",
            Self::IsoB => "aws-iso-b",
            Self::IsoE => "aws-iso-e",
            Self::IsoF => "aws-iso-f",
            Self::UsGov => "aws-us-gov",
        }
    }

    /// What SDKs call the region of a service that has one endpoint for all of the partition.
    #[must_use]
    pub const fn global_region(self) -> &'static str {
        match self {
            Self::Aws => "aws-global",
            Self::Cn => "aws-cn-global",
            Self::Eusc => "aws-eusc-global",
            Self::Iso => "aws-iso-global",
            Self::IsoB => "aws-iso-b-global",
            Self::IsoE => "aws-iso-e-global",
            Self::IsoF => "aws-iso-f-global",
            Self::UsGov => "aws-us-gov-global",
        }
    }

    fn of_region(self, region: &str) -> Self {
        if region.starts_with("us-gov") { Self::UsGov } else { self }
    }
}

/// The suffixes, each before those it ends with.
const SUFFIXES: &[(&str, Partition)] = &[
    (".amazonaws.com", Partition::Aws),
    (".amazonaws.com.cn", Partition::Cn),
    (".api.amazonwebservices.com.cn", Partition::Cn),
    (".on.amazonwebservices.com.cn", Partition::Cn),
    (".api.aws", Partition::Aws),
    (".on.aws", Partition::Aws),
    (".aws.amazon.com", Partition::Aws),
    (".amazonaws.eu", Partition::Eusc),
    (".api.amazonwebservices.eu", Partition::Eusc),
    (".on.amazonwebservices.eu", Partition::Eusc),
    (".c2s.ic.gov", Partition::Iso),
    (".api.aws.ic.gov", Partition::Iso),
    (".sc2s.sgov.gov", Partition::IsoB),
    (".api.aws.scloud", Partition::IsoB),
    (".cloud.adc-e.uk", Partition::IsoE),
    (".api.cloud-aws.adc-e.uk", Partition::IsoE),
    (".csp.hci.ic.gov", Partition::IsoF),
    (".api.aws.hci.ic.gov", Partition::IsoF),
    // Where one signs in.
    (".signin.aws", Partition::Aws),
    (".amazonaws.cn", Partition::Cn),
    (".amazonaws-eusc.eu", Partition::Eusc),
    (".c2shome.ic.gov", Partition::Iso),
    (".sc2shome.sgov.gov", Partition::IsoB),
    (".csphome.adc-e.uk", Partition::IsoE),
    (".csphome.hci.ic.gov", Partition::IsoF),
    (".amazonaws-us-gov.com", Partition::UsGov),
];

/// A host of AWS, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// The part of AWS it is in.
    pub partition: Partition,
    /// The region it names, if it names one.
    pub region: Option<&'a str>,
    /// The labels that name the service, as they stand: `s3`, `api.ecr`, `bucket.s3-fips`,
    /// `123456789012.ddb`. What is no name of a service may stand before it.
    pub labels: &'a str,
    /// What stands before a region in the old form that has the service behind it
    /// (`search-x.us-west-2.es`), or before the endpoint of a VPC (`name.bucket.vpce-…`).
    pub before: &'a str,
    /// Whether the service stands behind the region and something else before it. Such are the
    /// hosts of somebody's own domains, load balancers and clusters.
    pub is_behind: bool,
}

impl<'a> Endpoint<'a> {
    /// Reads `host`: lower-case, without port. `None` if it is none of AWS, or AWS's own domain.
    #[must_use]
    pub fn parse(host: &'a str) -> Option<Self> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let (labels, partition) = SUFFIXES
            .iter()
            .find_map(|(suffix, partition)| Some((host.strip_suffix(suffix)?, *partition)))
            .filter(|(labels, _)| !labels.is_empty())?;
        let (labels, pseudo) = without_last(labels, |label| matches!(label, "us-gov" | "global"));
        let partition = partition.of_region(pseudo.unwrap_or_default());
        let (labels, region) = without_last(labels, is_region);
        if region.is_some() || pseudo.is_some() {
            return Some(Self::with(partition, region, labels, ""));
        }
        // The region stands one label before the end, if it stands anywhere.
        let Some((front, last)) = labels.rsplit_once('.') else {
            return Some(Self::with(partition, None, labels, ""));
        };
        let (before, region) = match front.rsplit_once('.') {
            Some((before, region)) => (before, region),
            None => ("", front),
        };
        // A bucket may have the name of a region.
        if !is_region(region) || last.starts_with("s3") {
            return Some(Self::with(partition, None, labels, ""));
        }
        if last == "vpce" {
            return Self::vpc(partition, region, before);
        }
        let endpoint = Self::with(partition, Some(region), last, before);
        Some(Self { is_behind: !before.is_empty(), ..endpoint })
    }

    /// `vpce-….SERVICE`, and what stands before: a bucket with `bucket.`, an access point.
    fn vpc(partition: Partition, region: &'a str, labels: &'a str) -> Option<Self> {
        let mut at = 0;
        for label in labels.split('.') {
            let end = at + label.len();
            if label.starts_with("vpce-") {
                let service = labels.get(end + 1..)?;
                let before = labels.get(..at.saturating_sub(1))?;
                return Some(Self::with(partition, Some(region), service, before));
            }
            at = end + 1;
        }
        None
    }

    fn with(
        partition: Partition,
        region: Option<&'a str>,
        labels: &'a str,
        before: &'a str,
    ) -> Self {
        let partition = partition.of_region(region.unwrap_or_default());
        Self { partition, region, labels, before, is_behind: false }
    }

    /// The labels without what says FIPS or dual stack. Not for a host of S3, whose buckets may
    /// have such names.
    #[must_use]
    pub fn service(&self) -> Cow<'a, str> {
        plain(self.labels)
    }

    /// The account in the host: twelve digits before the service. Not for a host of S3.
    #[must_use]
    pub fn account(&self) -> Option<&'a str> {
        let (before, _) = self.labels.rsplit_once('.')?;
        before.split('.').find(|label| is_account(label))
    }
}

/// Twelve digits.
#[must_use]
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Takes the last label off if it is `wanted`.
fn without_last(labels: &str, wanted: impl Fn(&str) -> bool) -> (&str, Option<&str>) {
    match labels.rsplit_once('.') {
        Some((front, last)) if wanted(last) => (front, Some(last)),
        Some(_) | None => (labels, None),
    }
}

/// Whether a label reads like a region: `us-east-1`, `eusc-de-east-1`, `us-isob-east-1`.
#[must_use]
pub fn is_region(label: &str) -> bool {
    let mut parts = label.split('-').rev();
    let number = parts.next().unwrap_or_default();
    let is_number = matches!(number.as_bytes(), [b'0'..=b'9'] | [b'1'..=b'9', b'0'..=b'9']);
    let mut words = 0;
    is_number
        && parts.all(|part| {
            words += 1;
            (2..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase())
        })
        && (2..=3).contains(&words)
}

/// The labels without what says FIPS, dual stack or which cell: `fips.batch` and `fips-batch` are
/// `batch`, `api-fips.sagemaker` is `api.sagemaker`, `ingest-cell2.timestream` is
/// `ingest.timestream`.
fn plain(labels: &str) -> Cow<'_, str> {
    if !["fips", "dualstack", "-cell"].iter().any(|word| labels.contains(word)) {
        return Cow::Borrowed(labels);
    }
    let mut plain = String::with_capacity(labels.len());
    for label in labels.split('.').filter(|label| !matches!(*label, "fips" | "dualstack")) {
        let label = label.strip_suffix("-fips").unwrap_or(label);
        let label = label.strip_prefix("fips-").unwrap_or(label);
        if !plain.is_empty() {
            plain.push('.');
        }
        plain.push_str(without_cell(label));
    }
    Cow::Owned(plain)
}

/// A label without the number of the cell that an account was sent to (Timestream guide, "The
/// endpoint discovery pattern").
fn without_cell(label: &str) -> &str {
    match label.rsplit_once("-cell") {
        Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => label,
    }
}

#[cfg(test)]
mod tests;
