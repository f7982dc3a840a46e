//! Where a service really is: the host that a call goes to, and the region it is signed for.
//!
//! Nearly every service is at its endpoint prefix, the region, and the suffix of the partition.
//! `hosts.txt`, which `generate.py` writes from botocore's rules, has those that are not.

use http::HeaderMap;

use crate::aws::Call;
use crate::aws::endpoint;
use crate::aws::endpoint::Partition;
use crate::aws::table;
use crate::aws::table::Kind;

const HOSTS: &str = include_str!("hosts.txt");

/// Longest label of a host name. Source: RFC 1035 §2.3.4.
const MAX_LABEL: usize = 63;

/// What is signed for at hosts that only their owner knows, unless it is a call of AWS's own API,
/// which is one with an operation.
const OWNERS: &[&str] =
    &["aoss", "appsync", "es", "execute-api", "kafka-cluster", "neptune-db", "vpc-lattice-svcs"];

/// Services at such hosts, by botocore's name, whatever the operation.
const OWNED: &[&str] =
    &["apigatewaymanagementapi", "cloudsearchdomain", "mediastore-data", "neptunedata"];

/// A server of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) host: String,
    /// The region it wants requests signed for: services that have one host for all regions want
    /// that host's.
    pub(super) region: Box<str>,
}

/// What a call is signed for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    pub(super) service: &'a str,
    pub(super) region: &'a str,
}

impl Signed<'_> {
    /// Whether both names can stand in the name of a host: they come from outside, and what is
    /// signed with our key must go to AWS.
    pub(super) fn is_sound(self) -> bool {
        [self.service, self.region].into_iter().all(|name| {
            let is_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            (1..=MAX_LABEL).contains(&name.len()) && name.bytes().all(is_label)
        })
    }
}

/// The server that a call is for; `None` if its host cannot be told. `call` is what was recognised
/// in the request, which tells the services apart that sign with one name.
pub(super) fn of(signed: Signed<'_>, call: Option<&Call>, headers: &HeaderMap) -> Option<Endpoint> {
    let region = real(signed.region);
    let partition = partition(region);
    let operation = call.and_then(Call::operation);
    let first = || table::named(Kind::Signing, signed.service)?.split(' ').next();
    let service = call.and_then(|call| table::service(call.service()));
    let service = service.or_else(|| table::service(first()?));
    let is_owners = OWNERS.contains(&signed.service) && operation.is_none()
        || service.is_some_and(|service| OWNED.contains(&service.name));
    // S3 through an outpost, a directory bucket or a function.
    let is_elsewhere = service.is_some_and(|one| one.name == "s3") && signed.service != "s3";
    if is_owners || is_elsewhere {
        return None;
    }
    let Some(service) = service else { return Some(usual(signed.service, region, partition)) };
    let mut endpoint = match line(service.name, region, partition, operation.unwrap_or_default()) {
        Some(line) => line.endpoint(region, partition)?,
        None => usual(service.prefix, region, partition),
    };
    if service.name == "s3control"
        && let Some(account) = account(headers)
    {
        endpoint.host = format!("{account}.{}", endpoint.host);
    }
    Some(endpoint)
}

fn usual(label: &str, region: &str, partition: Partition) -> Endpoint {
    let (suffix, _) = suffixes(partition);
    let host = format!("{label}.{region}.{suffix}");
    Endpoint { host, region: region.into() }
}

/// A line of the list.
#[derive(Clone, Copy, Debug)]
struct Line {
    place: &'static str,
    host: &'static str,
    region: &'static str,
    operations: &'static str,
}

impl Line {
    /// The line as `generate.py` writes it, without the service.
    fn read(text: &'static str) -> Option<Self> {
        let mut fields = text.split(' ');
        let (place, host) = (fields.next()?, fields.next()?);
        Some(Self { place, host, region: fields.next()?, operations: fields.next()? })
    }

    /// What it stands for; `None` if only the body names the host.
    fn endpoint(self, region: &str, partition: Partition) -> Option<Endpoint> {
        if self.host == "-" {
            return None;
        }
        let (suffix, dual) = suffixes(partition);
        let host = self.host.replace("{region}", region).replace("{suffix}", suffix);
        let host = host.replace("{dual}", dual);
        Some(Endpoint { host, region: self.region.replace("{region}", region).into() })
    }
}

/// What the list has for an operation of a service. The region comes before the partition, and the
/// partition before all of them.
fn line(service: &str, region: &str, partition: Partition, operation: &str) -> Option<Line> {
    let lines = || {
        HOSTS.lines().filter_map(|line| Line::read(line.strip_prefix(service)?.strip_prefix(' ')?))
    };
    let names = |line: &Line| line.operations.split(',').any(|one| one == operation);
    [region, partition.name(), "*"].iter().find_map(|place| {
        let lines = || lines().filter(|line| line.place == *place);
        lines().find(names).or_else(|| lines().find(|line| line.operations == "*"))
    })
}

/// The account whose S3 is managed.
fn account(headers: &HeaderMap) -> Option<&str> {
    let account = headers.get("x-amz-account-id")?.to_str().ok()?;
    Some(account).filter(|account| endpoint::is_account(account))
}

/// The region behind what SDKs sign for where none is set. Source: the implicit global regions of
/// the partitions in botocore's endpoint rules.
fn real(region: &str) -> &str {
    match region {
        "aws-cn-global" => "cn-northwest-1",
        "aws-eusc-global" => "eusc-de-east-1",
        "aws-global" => "us-east-1",
        "aws-iso-b-global" => "us-isob-east-1",
        "aws-iso-e-global" => "eu-isoe-west-1",
        "aws-iso-f-global" => "us-isof-south-1",
        "aws-iso-global" => "us-iso-east-1",
        "aws-us-gov-global" => "us-gov-west-1",
        region => region,
    }
}

/// The partition of a region, by its name. Source: as above.
fn partition(region: &str) -> Partition {
    const BEGINNINGS: &[(&str, Partition)] = &[
        ("cn-", Partition::Cn),
        ("eu-isoe-", Partition::IsoE),
        ("eusc-", Partition::Eusc),
        ("us-gov-", Partition::UsGov),
        ("us-iso-", Partition::Iso),
        ("us-isob-", Partition::IsoB),
        ("us-isof-", Partition::IsoF),
    ];
    let found = BEGINNINGS.iter().find(|(beginning, _)| region.starts_with(beginning));
    found.map_or(Partition::Aws, |(_, partition)| *partition)
}

/// What the names of a partition's hosts end with, and of those with both families of addresses.
/// Source: as above.
const fn suffixes(partition: Partition) -> (&'static str, &'static str) {
    match partition {
        Partition::Aws | Partition::UsGov => ("amazonaws.com", "api.aws"),
        Partition::Cn => ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
        Partition::Eusc => ("amazonaws.eu", "api.amazonwebservices.eu"),
        Partition::Iso => ("c2s.ic.gov", "api.aws.ic.gov"),
        Partition::IsoB => ("sc2s.sgov.gov", "api.aws.scloud"),
        Partition::IsoE => ("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
        Partition::IsoF => ("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    }
}

#[cfg(test)]
mod tests;
