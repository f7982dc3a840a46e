//! What a certificate says of itself, for people.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use crate::net::tls::TlsFileError;
use crate::net::tls::authority::ca::DAY;
use crate::net::tls::certificates;
use crate::net::tls::read;
use crate::trace::time::Micros;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whose it is, as `CN=sideray CA 1a2b3c4d`.
    pub subject: String,
    /// SHA-256 of the whole certificate, as pairs of hexadecimal digits with colons between, as
    /// OpenSSL and keytool show it.
    pub sha256: String,
    /// From when it is valid, as `2026-11-24T05:06:43Z`.
    pub not_before: String,
    /// Until when it is valid.
    pub not_after: String,
    /// Whole days that are left; zero once it has ended.
    pub days_left: u64,
}

impl Facts {
    /// Of the first certificate in a PEM file, as of `now`; none if it is not an X.509 certificate.
    /// Blocks on the file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not PEM.
    pub fn read(path: &Path, now: Micros) -> Result<Option<Self>, TlsFileError> {
        let all = certificates(path, &read(path)?)?;
        Ok(all.first().and_then(|first| Self::of(first, now)))
    }

    fn of(certificate: &CertificateDer<'_>, now: Micros) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
        let sha256: Vec<String> =
            digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        let end = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
        Some(Self {
            subject: parsed.subject().to_string(),
            sha256: sha256.join(":"),
            not_before: moment(parsed.validity().not_before),
            not_after: moment(parsed.validity().not_after),
            days_left: end.saturating_sub(now.whole_seconds()) / DAY,
        })
    }
}

/// A moment as RFC 3339 has it.
fn moment(time: ASN1Time) -> String {
    let time = time.to_datetime();
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tls::authority::ca::Ca;

    #[test]
    fn a_certificate_is_described() {
        let now = Micros::new(1_700_000_000_000_000);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        std::fs::write(&path, Ca::create(now, 10).unwrap().pem()).unwrap();
        let facts = Facts::read(&path, now).unwrap().unwrap();
        assert!(facts.subject.starts_with("CN=sideray CA "), "{}", facts.subject);
        assert_eq!(facts.subject.len(), "CN=sideray CA 1a2b3c4d".len());
        assert_eq!(facts.sha256.split(':').count(), 32);
        assert_eq!(facts.not_before, "2023-11-13T22:13:20Z");
        assert_eq!((&*facts.not_after, facts.days_left), ("2023-11-24T22:13:20Z", 10));
        let later = Facts::read(&path, Micros::new(1_800_000_000_000_000)).unwrap().unwrap();
        assert_eq!(later, Facts { days_left: 0, ..facts });
    }
}
