//! A Java truststore: certificates in a PKCS #12 file that every JVM since 8 reads.
//!
//! It is neither encrypted nor sealed with a password. What is in it is public, its directory
//! guards it as it guards the PEM files, and older JVMs do not know the ciphers that newer tools
//! use. The JVM takes any password for it; the JDK's own `cacerts` is such a file since version 18.
//!
//! Source: RFC 7292; the attribute that makes a JVM trust an entry is that of JDK bug 7048621.

use rustls::pki_types::CertificateDer;

/// What is put in one another: DER's tags. Source: ITU-T X.690 section 8.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const BMP_STRING: u8 = 0x1e;
const EXPLICIT: u8 = 0xa0;

/// pkcs7-data, 1.2.840.113549.1.7.1
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// pkcs-12-certBag, 1.2.840.113549.1.12.10.1.3
const CERT_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03];
/// x509Certificate, 1.2.840.113549.1.9.22.1
const X509: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
/// friendlyName, 1.2.840.113549.1.9.20
const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];
/// Oracle's trustedKeyUsage, 2.16.840.1.113894.746875.1.1
const TRUSTED: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf9, 0x66, 0xad, 0xca, 0x7b, 0x01, 0x01];
/// anyExtendedKeyUsage, 2.5.29.37.0
const ANY: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

/// A truststore of `certificates`, each with a name of its own, lower-case as JVMs have it.
pub(super) fn truststore(certificates: &[(String, CertificateDer<'_>)]) -> Vec<u8> {
    let bags: Vec<Vec<u8>> =
        certificates.iter().map(|(name, certificate)| bag(name, certificate)).collect();
    let bags: Vec<&[u8]> = bags.iter().map(Vec::as_slice).collect();
    let contents = data(&der(SEQUENCE, &bags));
    let safe = data(&der(SEQUENCE, &[&contents]));
    der(SEQUENCE, &[&der(INTEGER, &[&[3]]), &safe])
}

/// A `ContentInfo` of type data.
fn data(content: &[u8]) -> Vec<u8> {
    let content = der(EXPLICIT, &[&der(OCTETS, &[content])]);
    der(SEQUENCE, &[&der(OID, &[DATA]), &content])
}

/// A `SafeBag` with a certificate that is trusted for everything.
fn bag(name: &str, certificate: &[u8]) -> Vec<u8> {
    let certificate = der(EXPLICIT, &[&der(OCTETS, &[certificate])]);
    let certificate = der(SEQUENCE, &[&der(OID, &[X509]), &certificate]);
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let attributes = [
        attribute(FRIENDLY_NAME, &der(BMP_STRING, &[&name])),
        attribute(TRUSTED, &der(OID, &[ANY])),
    ];
    let attributes = attributes.each_ref().map(Vec::as_slice);
    let parts = [der(OID, &[CERT_BAG]), der(EXPLICIT, &[&certificate]), der(SET, &attributes)];
    der(SEQUENCE, &parts.each_ref().map(Vec::as_slice))
}

fn attribute(kind: &[u8], value: &[u8]) -> Vec<u8> {
    der(SEQUENCE, &[&der(OID, &[kind]), &der(SET, &[value])])
}

/// One value: tag, length, and `parts` one after the other. Source: ITU-T X.690 section 8.1.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let bytes = length.to_be_bytes();
    let mut value = Vec::with_capacity(length + 2 + bytes.len());
    value.push(tag);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => value.push(short),
        _ => {
            let significant = bytes.iter().skip_while(|byte| **byte == 0);
            value.push(significant.clone().fold(0x80, |form, _| form + 1));
            value.extend(significant);
        }
    }
    for part in parts {
        value.extend_from_slice(part);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_short_as_can_be() {
        for (length, head) in [
            (0, &[4, 0][..]),
            (127, &[4, 127]),
            (128, &[4, 0x81, 128]),
            (256, &[4, 0x82, 1, 0]),
            (65_536, &[4, 0x83, 1, 0, 0]),
        ] {
            let value = der(OCTETS, &[&vec![7; length]]);
            assert!(value.starts_with(head), "{length}");
            assert_eq!(value.len(), head.len() + length);
        }
    }
}
