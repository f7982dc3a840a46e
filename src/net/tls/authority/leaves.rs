//! The leaf certificates in use: for each host one, minted when it is first asked for and again
//! before it ends; of many hosts those that were asked for last.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use rcgen::CertificateParams;
use rcgen::DistinguishedName;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::SanType;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::DnsName;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::ProducesTickets;
use rustls::server::ServerSessionMemoryCache;

use crate::net::tls::authority::ca::Ca;
use crate::net::tls::authority::ca::HOUR;
use crate::net::tls::authority::ca::valid;

/// How long before its making a leaf is already valid, because clocks differ.
const HEAD_START: u64 = HOUR;

/// How long after its making a leaf is renewed.
const RENEWAL: u64 = 24 * HOUR;

/// How long after its making a leaf ends: late enough for connections that were made just before
/// its renewal to resume.
const LIFE: u64 = 36 * HOUR;

/// Sessions that can be resumed by clients that know no tickets, of all hosts together.
const SESSIONS: usize = 1_024;

/// Most sets of protocols that are kept for a host. There are two in use: with HTTP/2 and without.
const MOST_ALPN: usize = 4;

/// No certificate can be made for a host.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// It is neither a host name nor an IP address.
    #[error("{host:?} is neither a host name nor an IP address")]
    Name {
        /// What was asked for.
        host: Box<str>,
    },
    /// The system's chance or cryptography failed.
    #[error("no certificate can be made for {host}")]
    Sign {
        /// What was asked for.
        host: Box<str>,
        /// What rcgen said.
        source: rcgen::Error,
    },
    /// rustls does not take the certificate.
    #[error("the certificate for {host} cannot be used")]
    Unusable {
        /// What was asked for.
        host: Box<str>,
        /// What rustls said.
        source: rustls::Error,
    },
}

/// The leaves of a CA.
#[derive(Debug)]
pub(super) struct Leaves {
    ca: Ca,
    shared: Shared,
    most: usize,
    /// A lock, because all workers mint; held to find or make a slot, never while one is filled.
    slots: Mutex<Slots>,
    minted: AtomicU64,
}

/// What the TLS of all hosts has in common.
#[derive(Debug)]
struct Shared {
    provider: Arc<CryptoProvider>,
    sessions: Arc<ServerSessionMemoryCache>,
    tickets: Arc<dyn ProducesTickets>,
}

#[derive(Debug, Default)]
struct Slots {
    by_host: HashMap<Box<str>, Used>,
    /// Counts up with each use, to tell which came last.
    uses: u64,
}

#[derive(Debug)]
struct Used {
    slot: Slot,
    last: u64,
}

/// A host's leaf, empty until somebody has minted it. Its lock is held meanwhile, a tenth of a
/// millisecond: whoever else wants the same host would have to wait for the same certificate.
type Slot = Arc<Mutex<Option<Leaf>>>;

/// A certificate in use. Moments are in seconds since the epoch.
#[derive(Debug)]
struct Leaf {
    /// Without protocols.
    config: Arc<ServerConfig>,
    /// With those that somebody has asked for, the last one last.
    by_alpn: Vec<Arc<ServerConfig>>,
    from: u64,
    renewal: u64,
}

impl Leaves {
    /// No leaves yet, and never more than `most`.
    ///
    /// # Errors
    ///
    /// If the system has no chance to give.
    pub(super) fn new(
        ca: Ca,
        most: usize,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, rustls::Error> {
        let shared = Shared {
            provider,
            sessions: ServerSessionMemoryCache::new(SESSIONS),
            tickets: rustls::crypto::ring::Ticketer::new()?,
        };
        let (slots, minted) = (Mutex::default(), AtomicU64::new(0));
        Ok(Self { ca, shared, most, slots, minted })
    }

    pub(super) const fn ca(&self) -> &Ca {
        &self.ca
    }

    /// How many have been minted.
    pub(super) fn minted(&self) -> u64 {
        self.minted.load(Ordering::Relaxed)
    }

    /// The server side of TLS for `host`, offering `alpn`, `now` being in seconds since the epoch.
    pub(super) fn server(
        &self,
        host: &str,
        alpn: &[&[u8]],
        now: u64,
    ) -> Result<Arc<ServerConfig>, MintError> {
        let (name, san) = subject(host).ok_or_else(|| MintError::Name { host: host.into() })?;
        let slot = self.slot(&name);
        let mut filled = slot.lock();
        match &mut *filled {
            Some(leaf) if leaf.is_good(now) => Ok(leaf.offering(alpn)),
            empty => Ok(empty.insert(self.mint(&name, san, now)?).offering(alpn)),
        }
    }

    fn slot(&self, host: &str) -> Slot {
        let mut slots = self.slots.lock();
        slots.uses += 1;
        let last = slots.uses;
        if let Some(used) = slots.by_host.get_mut(host) {
            used.last = last;
            return Arc::clone(&used.slot);
        }
        if slots.by_host.len() >= self.most {
            slots.forget_one();
        }
        let slot = Slot::default();
        slots.by_host.insert(host.into(), Used { slot: Arc::clone(&slot), last });
        slot
    }

    fn mint(&self, host: &str, san: SanType, now: u64) -> Result<Leaf, MintError> {
        let sign = |source| MintError::Sign { host: host.into(), source };
        let key = KeyPair::generate().map_err(sign)?;
        let certificate = self.ca.sign(&params(san, now), &key).map_err(sign)?;
        let chain = std::iter::once(certificate.der()).chain(self.ca.chain()).cloned().collect();
        let der = PrivatePkcs8KeyDer::from(key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.shared.provider))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(chain, der.into()))
            .map_err(|source| MintError::Unusable { host: host.into(), source })?;
        config.session_storage = Arc::clone(&self.shared.sessions) as _;
        config.ticketer = Arc::clone(&self.shared.tickets);
        self.minted.fetch_add(1, Ordering::Relaxed);
        let from = now.saturating_sub(HEAD_START);
        Ok(Leaf { config: Arc::new(config), by_alpn: Vec::new(), from, renewal: now + RENEWAL })
    }
}

impl Slots {
    /// Forgets the host that nobody has asked for longest. Looks at all of them, which takes some
    /// microseconds and happens only where a certificate is then minted.
    fn forget_one(&mut self) {
        let oldest = self.by_host.iter().min_by_key(|(_, used)| used.last);
        if let Some(host) = oldest.map(|(host, _)| host.clone()) {
            self.by_host.remove(&host);
        }
    }
}

impl Leaf {
    /// Whether it may be shown. It may not when the clock was set back to before it was valid.
    const fn is_good(&self, now: u64) -> bool {
        self.from <= now && now < self.renewal
    }

    fn offering(&mut self, alpn: &[&[u8]]) -> Arc<ServerConfig> {
        let same = |config: &&Arc<ServerConfig>| {
            config.alpn_protocols.iter().map(Vec::as_slice).eq(alpn.iter().copied())
        };
        if let Some(config) = self.by_alpn.iter().find(same) {
            return Arc::clone(config);
        }
        let mut config = ServerConfig::clone(&self.config);
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let config = Arc::new(config);
        if self.by_alpn.len() >= MOST_ALPN {
            self.by_alpn.remove(0);
        }
        self.by_alpn.push(Arc::clone(&config));
        config
    }
}

/// The one name by which a host is known here, and as a certificate has it: names in lower case and
/// without the final dot, addresses without brackets and in their short form.
fn subject(host: &str) -> Option<(String, SanType)> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some((address.to_string(), SanType::IpAddress(address)));
    }
    let name = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
    DnsName::try_from(name.as_str()).ok()?;
    let san = SanType::DnsName(name.as_str().try_into().ok()?);
    Some((name, san))
}

/// What a leaf says. Its subject is empty, so that `rcgen` makes its alternative name critical.
/// Source: RFC 5280 sections 4.1.2.6 and 4.2.1.6, RFC 9525 section 2.
fn params(san: SanType, now: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![san];
    // Says so explicitly, which also gives it a key identifier.
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    valid(&mut params, now.saturating_sub(HEAD_START), now + LIFE);
    params
}
