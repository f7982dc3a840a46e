//! What botocore's service models say, as text that a look-up searches in place.
//!
//! `table/generate.py` writes the files and says what is in them. Their lines are sorted, so each
//! look-up is a binary search; nothing is parsed ahead, and nothing is kept.

use crate::aws::call::Protocol;

const SERVICES: &str = include_str!("table/services.txt");
const NAMES: &str = include_str!("table/names.txt");
const OPERATIONS: &str = include_str!("table/operations.txt");

/// A service as botocore knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// The name of its folder of models, by which it is known here.
    pub name: &'static str,
    /// The first labels of its hosts, and the name of the subsegment.
    pub prefix: &'static str,
    /// The version of its API.
    pub version: &'static str,
    protocols: &'static str,
    global: &'static str,
}

impl Service {
    /// The protocols it speaks.
    pub fn protocols(&self) -> impl Iterator<Item = Protocol> + use<> {
        self.protocols.split(',').filter_map(|name| match name {
            "cbor" => Some(Protocol::Cbor),
            "ec2" => Some(Protocol::Ec2),
            "json" => Some(Protocol::Json),
            "query" => Some(Protocol::Query),
            "rest-json" => Some(Protocol::RestJson),
            "rest-xml" => Some(Protocol::RestXml),
            _ => None,
        })
    }

    /// Whether one endpoint serves all regions of this partition.
    #[must_use]
    pub fn is_global(&self, partition: &str) -> bool {
        self.global.split(',').any(|one| one == partition)
    }
}

/// In place of a [signing name](Kind::Signing): services that can be called without a signature.
pub const UNSIGNED: &str = "-";

/// What a name is a name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The labels of a host.
    Host,
    /// The service of a credential scope; [`UNSIGNED`] for those that have calls without one.
    Signing,
    /// The front part of `X-Amz-Target`, or all of it.
    Target,
    /// The version of an API that is spoken to by query.
    Version,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Host => "host ",
            Self::Signing => "signing ",
            Self::Target => "target ",
            Self::Version => "version ",
        }
    }
}

/// The service of this name.
#[must_use]
pub fn service(name: &str) -> Option<Service> {
    let mut fields = find(SERVICES, &[name, " "].concat())?.split(' ');
    Some(Service {
        name: fields.next()?,
        prefix: fields.next()?,
        protocols: fields.next()?,
        version: fields.next()?,
        global: fields.next().unwrap_or_default(),
    })
}

/// The services that answer to a name, the most common first, with a space between them.
#[must_use]
pub fn named(kind: Kind, name: &str) -> Option<&'static str> {
    let line = find(NAMES, &[kind.word(), name, " "].concat())?;
    line.splitn(3, ' ').nth(2)
}

/// The operations of a service with this method: the URI, the name, and what else a request must
/// have, with a space between them. For the protocols that are told by method and URI.
pub(super) fn operations(service: &str, method: &str) -> impl Iterator<Item = &'static str> {
    let key = [service, " ", method, " "].concat();
    let mut rest = from(OPERATIONS, &key);
    std::iter::from_fn(move || {
        let own = rest.strip_prefix(&*key)?;
        let (line, behind) = own.split_at_checked(memchr::memchr(b'\n', own.as_bytes())?)?;
        rest = behind.strip_prefix('\n')?;
        Some(line)
    })
}

/// The first line that begins with `key`.
fn find(text: &'static str, key: &str) -> Option<&'static str> {
    let line = from(text, key).lines().next()?;
    (line.starts_with(key) && !line.starts_with('#')).then_some(line)
}

/// The text from the first line on that does not sort before `key`. A key from outside that has a
/// line end in it begins no line.
fn from(text: &'static str, key: &str) -> &'static str {
    let (mut low, mut high) = (0, text.len());
    while low < high {
        let middle = low.midpoint(high);
        let (before, _) = text.as_bytes().split_at_checked(middle).unwrap_or_default();
        let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        if line < key {
            low = start + line.len() + 1;
        } else {
            high = start;
        }
    }
    text.get(low..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
