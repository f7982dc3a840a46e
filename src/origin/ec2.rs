//! EC2: what the firmware says, and the instance metadata service.

use std::path::Path;

use bytes::Bytes;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::StatusCode;
use serde::Deserialize;

use crate::origin::Found;
use crate::origin::Looker;
use crate::origin::fetch::FetchError;
use crate::origin::fetch::fetch;
use crate::origin::files;
use crate::origin::found::is_account;
use crate::origin::insist::Failure;
use crate::origin::insist::insist;
use crate::origin::options::Plugin;

/// AWS's own address, the same for all instances.
const ENDPOINT: &str = "http://169.254.169.254";
const TOKEN: &str = "/latest/api/token";
const DOCUMENT: &str = "/latest/dynamic/instance-identity/document";

pub(super) async fn search(looker: Looker<'_>) {
    let root = looker.places.root.clone();
    let firmware = files::beside(move || Firmware::read(&root)).await.unwrap_or_default();
    let place = &looker.places.ec2;
    if !looker.named && !firmware.is_ec2() && place.endpoint.is_none() {
        return looker.in_vain(&"the firmware is not EC2's");
    }
    if firmware.is_ec2() {
        looker.found(&Found::new(Plugin::Ec2).with("instance_id", firmware.instance()));
    }
    if place.disabled {
        return looker.in_vain(&"AWS_EC2_METADATA_DISABLED is set");
    }
    if let Some(found) = insist(&looker, async || asked(&looker).await).await {
        looker.found(&found);
    }
}

/// Asks with a token, or without one.
///
/// Without, if the token is refused as something that does not exist or is not allowed, as by what
/// only knows version 1, or if no answer comes over a connection that was made: from within a
/// container the answer to the request for a token may have too few hops to live, and that to any
/// other has enough.
async fn asked(looker: &Looker<'_>) -> Result<Found, Failure<FetchError>> {
    let token = match get(looker, Method::PUT, TOKEN, None).await {
        Ok(token) => Some(HeaderValue::from_bytes(&token).map_err(|_| FetchError::Nonsense)),
        Err(error) if looker.places.ec2.v1_disabled => return Err(error.failure()),
        Err(FetchError::TooLate) => None,
        Err(FetchError::Status(
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED,
        )) => None,
        Err(error) => return Err(error.failure()),
    };
    let token = token.transpose().map_err(FetchError::failure)?;
    let document = get(looker, Method::GET, DOCUMENT, token).await;
    let document = document.map_err(FetchError::failure)?;
    read(&document).ok_or(Failure::Passing(FetchError::Nonsense))
}

async fn get(
    looker: &Looker<'_>,
    method: Method,
    path: &str,
    token: Option<HeaderValue>,
) -> Result<Bytes, FetchError> {
    let mut request = Request::builder();
    if method == Method::PUT {
        request = request.header("x-aws-ec2-metadata-token-ttl-seconds", "60");
    }
    if let Some(mut token) = token {
        token.set_sensitive(true);
        request = request.header("x-aws-ec2-metadata-token", token);
    }
    let request = request.method(method);
    let place = looker.places.ec2.endpoint.as_deref().unwrap_or(ENDPOINT);
    fetch(place, path, request, None, looker.places.patience.request).await
}

/// What the identity document says.
///
/// The size of the instance has two names: `instance_size` in X-Ray's documentation and in what most
/// SDKs send, `instance_type` in what the SDK for Python sends. It stands under both, so that a
/// filter written for either finds it.
fn read(document: &[u8]) -> Option<Found> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document {
        instance_id: String,
        availability_zone: Option<String>,
        instance_type: Option<String>,
        image_id: Option<String>,
        account_id: Option<String>,
    }
    let document: Document = serde_json::from_slice(document).ok()?;
    let found = Found::new(Plugin::Ec2)
        .with("instance_id", Some(&document.instance_id))
        .with("availability_zone", document.availability_zone.as_deref())
        .with("instance_size", document.instance_type.as_deref())
        .with("instance_type", document.instance_type.as_deref())
        .with("ami_id", document.image_id.as_deref());
    let account = document.account_id.filter(|account| is_account(account)).map(Into::into);
    found.block.contains_key("instance_id").then_some(Found { account, ..found })
}

/// What the firmware says of the machine. Source: EC2 user guide, "Detect whether a host is an EC2
/// instance"; the first two are Nitro's, the others Xen's.
#[derive(Debug, Default)]
struct Firmware {
    vendor: Option<String>,
    asset_tag: Option<String>,
    bios_version: Option<String>,
    hypervisor: Option<String>,
    product: Option<String>,
}

impl Firmware {
    fn read(root: &Path) -> Self {
        let word = |path| files::word(root, path);
        Self {
            vendor: word("sys/class/dmi/id/sys_vendor"),
            asset_tag: word("sys/class/dmi/id/board_asset_tag"),
            bios_version: word("sys/class/dmi/id/bios_version"),
            hypervisor: word("sys/hypervisor/uuid"),
            product: word("sys/class/dmi/id/product_uuid"),
        }
    }

    fn is_ec2(&self) -> bool {
        let begins = |word: &Option<String>| {
            let beginning = word.as_deref().and_then(|word| word.get(..3));
            beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case("ec2"))
        };
        let of_amazon = self.bios_version.as_deref().is_some_and(|it| it.ends_with(".amazon"));
        self.vendor.as_deref() == Some("Amazon EC2")
            || of_amazon
            || begins(&self.hypervisor)
            || begins(&self.product)
    }

    /// The instance, which Nitro writes on the board.
    fn instance(&self) -> Option<&str> {
        self.asset_tag.as_deref().filter(|tag| tag.starts_with("i-"))
    }
}

#[cfg(test)]
mod tests;
