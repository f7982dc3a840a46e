//! A certificate authority: its certificate, and the key that signs leaves.

use std::time::Duration;
use std::time::SystemTime;

use rcgen::BasicConstraints;
use rcgen::Certificate;
use rcgen::CertificateParams;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::PublicKeyData;
use rcgen::SerialNumber;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::net::tls::TlsFileError;
use crate::net::tls::authority::key;
use crate::net::tls::authority::key::KeyFileError;
use crate::net::tls::certificates;
use crate::net::tls::options::CaFiles;
use crate::net::tls::read;
use crate::sys::entropy::Entropy;
use crate::sys::entropy::SystemEntropy;
use crate::trace::time::Micros;

/// An hour in seconds.
pub(super) const HOUR: u64 = 3_600;

/// A day in seconds.
pub(super) const DAY: u64 = 24 * HOUR;

/// How long an ephemeral CA is valid, in days. It goes with the process, which may run for years.
const EPHEMERAL_DAYS: u32 = 3_650;

/// With less than this left, its users hear of it, in seconds.
const SOON: u64 = 30 * DAY;

/// A certificate authority. Its `Debug` does not show the key.
#[derive(Debug)]
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, then those above it.
    chain: Vec<CertificateDer<'static>>,
}

/// A CA that cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// Its certificate has ended.
    #[error(
        "{} has expired; `sideray ca renew` makes a new certificate for the same key",
        files.cert.display()
    )]
    Expired {
        /// The files of the CA.
        files: CaFiles,
    },
    /// A file that cannot be read or used.
    #[error(transparent)]
    File(#[from] TlsFileError),
    /// Somebody else's CA, which only they can renew.
    #[error("{} was not made by `sideray ca create`; renew it where it was made", files.cert.display())]
    Foreign {
        /// The files of the CA.
        files: CaFiles,
    },
    /// The key file cannot be read or used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The system's chance or cryptography failed.
    #[error("a certificate authority cannot be made")]
    Make(#[from] rcgen::Error),
    /// Its certificate may not sign others.
    #[error(
        "{} is not the certificate of a certificate authority; make one with `sideray ca create`",
        files.cert.display()
    )]
    NotCa {
        /// The files of the CA.
        files: CaFiles,
    },
    /// Its certificate cannot be parsed, or has a subject that cannot be repeated in leaves.
    #[error("{} is a certificate of a kind that is not supported", files.cert.display())]
    Unsupported {
        /// The files of the CA.
        files: CaFiles,
    },
}

impl Ca {
    /// A new one that is to live in memory.
    ///
    /// # Errors
    ///
    /// If the system's chance or cryptography fails.
    pub fn ephemeral(now: Micros) -> Result<Self, CaError> {
        Self::create(now, EPHEMERAL_DAYS)
    }

    /// A new one, ECDSA P-256, valid for `days` from `now`. Its subject is `CN=sideray CA` and
    /// eight hexadecimal digits that its key determines.
    ///
    /// # Errors
    ///
    /// If the system's chance or cryptography fails.
    pub fn create(now: Micros, days: u32) -> Result<Self, CaError> {
        let key = KeyPair::generate()?;
        let id = CertificateParams::default().key_identifier(&key);
        let id: String = id.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self::self_signed(&format!("sideray CA {id}"), key, now, days)?)
    }

    /// A CA on disk. Blocks on its files. Warns when its key is readable by a group, and when it
    /// is about to expire.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or used, the two do not belong together, the key is readable by
    /// everybody, the certificate has ended, or it is not that of a CA.
    pub fn load(files: &CaFiles, now: Micros) -> Result<Self, CaError> {
        let ca = Self::open(files)?;
        let left = ca.parsed(files)?.validity().not_after.timestamp();
        let left = u64::try_from(left).unwrap_or(0).saturating_sub(now.whole_seconds());
        if left == 0 {
            return Err(CaError::Expired { files: files.clone() });
        }
        if left < SOON {
            let (cert, days) = (files.cert.display(), left / DAY);
            tracing::warn!(%cert, days, "the CA expires soon, run `sideray ca renew`");
        }
        Ok(ca)
    }

    /// The same key and subject with a new certificate, valid for `days` from `now`: leaves are
    /// valid in the eyes of whoever trusts the old one or the new one. Blocks on `files`, which are
    /// read only.
    ///
    /// # Errors
    ///
    /// As [`Ca::load`], except that it may have ended; and if `sideray` has not made it.
    pub fn renewed(files: &CaFiles, now: Micros, days: u32) -> Result<Self, CaError> {
        let old = Self::open(files)?;
        let foreign = || CaError::Foreign { files: files.clone() };
        let parsed = old.parsed(files)?;
        let name = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        let name = name.ok_or_else(foreign)?.to_owned();
        let subject = parsed.subject().as_raw().to_vec();
        let der = old.issuer.key().serialized_der();
        let key = KeyPair::try_from(der)?;
        let new = Self::self_signed(&name, key, now, days)?;
        let same = new.parsed(files)?.subject().as_raw() == subject;
        if same { Ok(new) } else { Err(foreign()) }
    }

    /// Its certificates in PEM form, its own first.
    #[must_use]
    pub fn pem(&self) -> String {
        self.chain.iter().map(|certificate| pem(certificate)).collect()
    }

    /// Its private key in PEM form, for the file alone.
    #[must_use]
    pub fn key_pem(&self) -> zeroize::Zeroizing<String> {
        zeroize::Zeroizing::new(self.issuer.key().serialize_pem())
    }

    /// Its own certificate, then those above it.
    pub(super) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Signs a certificate for the public half of `key`.
    pub(super) fn sign(
        &self,
        params: &CertificateParams,
        key: &KeyPair,
    ) -> Result<Certificate, rcgen::Error> {
        params.signed_by(key, &self.issuer)
    }

    fn self_signed(name: &str, key: KeyPair, now: Micros, days: u32) -> Result<Self, rcgen::Error> {
        let now = now.whole_seconds();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // The clocks of hosts and containers differ.
        valid(&mut params, now.saturating_sub(DAY), now + u64::from(days) * DAY);
        let certificate = params.self_signed(&key)?;
        Ok(Self { issuer: Issuer::new(params, key), chain: vec![certificate.der().clone()] })
    }

    /// Reads a CA, whether it has ended or not.
    fn open(files: &CaFiles) -> Result<Self, CaError> {
        let chain = certificates(&files.cert, &read(&files.cert)?)?;
        let key = key::load(&files.key)?;
        let unsupported = || CaError::Unsupported { files: files.clone() };
        let first = chain.first().ok_or_else(unsupported)?;
        check(&parse(first).ok_or_else(unsupported)?, &key, files)?;
        let issuer = Issuer::from_ca_cert_der(first, key).map_err(|_| unsupported())?;
        let ca = Self { issuer, chain };
        if ca.repeats_its_subject() { Ok(ca) } else { Err(unsupported()) }
    }

    /// Whether what it signs names it exactly as it names itself, byte for byte. Where it does not
    /// (rcgen keeps one part of each kind, and a subject may have several), nobody would find the
    /// way from a leaf to it.
    fn repeats_its_subject(&self) -> bool {
        let leaf = self.sign(&CertificateParams::default(), self.issuer.key());
        let Some((leaf, own)) = leaf.ok().zip(self.chain.first()) else { return false };
        let (leaf, own) = (parse(leaf.der()), parse(own));
        leaf.zip(own).is_some_and(|(leaf, own)| leaf.issuer().as_raw() == own.subject().as_raw())
    }

    fn parsed(&self, files: &CaFiles) -> Result<X509Certificate<'_>, CaError> {
        let parsed = self.chain.first().and_then(|certificate| parse(certificate));
        parsed.ok_or_else(|| CaError::Unsupported { files: files.clone() })
    }
}

/// Gives a certificate its validity, in seconds since the epoch, and a serial number of 126 random
/// bits. Source: RFC 5280 section 4.1.2.2, CA/Browser Forum baseline requirements 7.1.
pub(super) fn valid(params: &mut CertificateParams, from: u64, until: u64) {
    let moment = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    params.not_before = moment(from).into();
    params.not_after = moment(until).into();
    let mut entropy = SystemEntropy::default();
    // Neither negative nor with leading zeros, both of which some parsers refuse.
    let high = entropy.bits() & 0x3fff_ffff_ffff_ffff | 0x4000_0000_0000_0000;
    let serial = [high.to_be_bytes(), entropy.bits().to_be_bytes()].concat();
    params.serial_number = Some(SerialNumber::from_slice(&serial));
}

/// A certificate in PEM form.
pub(super) fn pem(certificate: &CertificateDer<'_>) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new("CERTIFICATE", certificate.as_ref()), config)
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    X509Certificate::from_der(certificate).ok().map(|(_, parsed)| parsed)
}

/// Whether the certificate may sign others, and the key is its own.
fn check(parsed: &X509Certificate<'_>, key: &KeyPair, files: &CaFiles) -> Result<(), CaError> {
    let is_ca = parsed.basic_constraints().ok().flatten().is_some_and(|found| found.value.ca);
    let usage = parsed.key_usage().ok().flatten();
    if !is_ca || usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
        return Err(CaError::NotCa { files: files.clone() });
    }
    if parsed.public_key().raw != key.subject_public_key_info() {
        let CaFiles { cert, key } = files.clone();
        return Err(TlsFileError::Mismatch { cert, key }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
