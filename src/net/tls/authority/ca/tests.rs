//! A CA on disk: what is taken, what is refused and how, and what clients are given.

use std::error::Error as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

use super::*;
use crate::net::tls::authority::Authority;
use crate::net::tls::authority::AuthorityError;
use crate::net::tls::authority::store;
use crate::net::tls::authority::store::Existing;
use crate::net::tls::options::AuthorityOptions;
use crate::sys::clock::Clock;
use crate::sys::clock::SystemClock;

fn now() -> Micros {
    SystemClock::start().now().wall()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A CA on disk that is valid for `days`.
fn saved(days: u32) -> (TempDir, CaFiles) {
    let dir = TempDir::new().unwrap();
    let files = store::files_in(dir.path());
    store::save(&Ca::create(now(), days).unwrap(), &files, Existing::Keep).unwrap();
    (dir, files)
}

/// Writes a certificate for `params` and its key over those at `files`.
fn overwrite(files: &CaFiles, params: &CertificateParams) {
    let key = KeyPair::generate().unwrap();
    fs::write(&files.cert, params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(&files.key, key.serialize_pem()).unwrap();
}

fn open(dir: &Path, files: &CaFiles) -> Result<Arc<Authority>, AuthorityError> {
    let options = AuthorityOptions { dir: dir.join("public"), files: Some(files.clone()) };
    Authority::open(&options, Arc::new(SystemClock::start()))
}

#[test]
fn the_public_files_hold_certificates_and_no_key() {
    let (dir, files) = saved(10);
    let authority = open(dir.path(), &files).unwrap();
    let public = authority.files();
    let ca = fs::read_to_string(&public.ca).unwrap();
    assert_eq!(ca, fs::read_to_string(&files.cert).unwrap());
    assert_eq!(ca, authority.ca_pem());
    assert!(fs::read_to_string(&public.bundle).unwrap().contains(&ca));

    let key = fs::read(&files.key).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&key).unwrap();
    // The private number itself: after SEQUENCE, version, algorithm and the headers around it.
    let secret = &key.secret_der()[36..68];
    for file in [&public.ca, &public.bundle, &public.truststore] {
        let bytes = fs::read(file).unwrap();
        assert!(!bytes.windows(32).any(|window| window == secret), "{}", file.display());
        assert!(!bytes.windows(7).any(|window| window == b"PRIVATE"), "{}", file.display());
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o644);
    }
    authority.server("a.example", &[]).unwrap();
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{secret:?}");
    let ca = Ca::load(&files, now()).unwrap();
    for shown in [format!("{authority:?}"), format!("{:?}", authority.leaves), format!("{ca:?}")] {
        let shown = shown.to_lowercase();
        assert!(!shown.contains(&hex) && !shown.contains(list.trim_matches(['[', ']'])), "{shown}");
    }

    let dir = public.ca.parent().unwrap().to_owned();
    public.remove();
    assert!(!dir.exists());
}

#[test]
fn what_the_user_trusts_is_added_once_and_what_cannot_be_read_is_left_out() {
    let (dir, files) = saved(10);
    let authority = open(dir.path(), &files).unwrap();
    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    let corporate = Ca::create(now(), 1).unwrap().pem();
    fs::write(other.join("corporate.pem"), &corporate).unwrap();
    let bundle = || fs::read_to_string(&authority.files().bundle).unwrap();
    let certificates = || bundle().matches("BEGIN").count();
    let before = certificates();
    assert!(!bundle().contains(&corporate));
    for extra in [
        vec![other.join("corporate.pem"), dir.path().join("missing.pem")],
        vec![other.clone(), other.join("corporate.pem"), files.cert],
    ] {
        authority.also_trust(&extra).unwrap();
        assert!(bundle().contains(&corporate), "{extra:?}");
        assert_eq!(certificates(), before + 1, "{extra:?}");
    }
}

#[test]
fn a_renewed_ca_is_the_same_issuer() {
    let (_dir, files) = saved(10);
    let old = Ca::load(&files, now()).unwrap();
    let new = Ca::renewed(&files, now(), 20).unwrap();
    store::save_certificate(&new, &files).unwrap();
    let again = Ca::load(&files, now()).unwrap();
    let ids = [&old, &new, &again].map(|ca| {
        let parsed = ca.parsed(&files).unwrap();
        let id =
            parsed.iter_extensions().find(|extension| extension.oid.to_string() == "2.5.29.14");
        (
            parsed.subject().as_raw().to_vec(),
            id.unwrap().value.to_vec(),
            parsed.public_key().raw.to_vec(),
        )
    });
    assert!(ids.iter().all(|id| *id == ids[0]));
    let serial = |ca: &Ca| ca.parsed(&files).unwrap().raw_serial().to_vec();
    assert_ne!(serial(&old), serial(&new), "two certificates of one issuer differ in it");
}

#[test]
fn an_ended_ca_is_refused_and_can_be_renewed() {
    let (dir, files) = saved(10);
    let later = Micros::new(now().get() + 11 * DAY * 1_000_000);
    let error = Ca::load(&files, later).unwrap_err();
    assert!(matches!(error, CaError::Expired { .. }), "{error}");
    assert!(
        error.to_string().ends_with("`sideray ca renew` makes a new certificate for the same key")
    );
    store::save_certificate(&Ca::renewed(&files, later, 10).unwrap(), &files).unwrap();
    Ca::load(&files, later).unwrap();
    drop(dir);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let (dir, files) = saved(10);
    let (_strangers, stranger) = saved(10);
    let mismatched = CaFiles { cert: files.cert.clone(), key: stranger.key };
    let missing = CaFiles { cert: dir.path().join("none.pem"), key: files.key.clone() };
    let no_key = CaFiles { cert: files.cert.clone(), key: dir.path().join("none.key") };
    let swapped = CaFiles { cert: files.key.clone(), key: files.cert.clone() };
    for (files, fault) in [
        (&mismatched, "ca.key is not the key of "),
        (&missing, "none.pem cannot be read"),
        (&no_key, "none.key cannot be read"),
        (&swapped, "ca.key holds no certificate in PEM form"),
    ] {
        let error = open(dir.path(), files).unwrap_err().to_string();
        assert!(error.contains(fault), "{error}, not {fault}");
    }
    set_mode(&files.key, 0o644);
    let error = open(dir.path(), &files).unwrap_err();
    assert!(error.to_string().contains("ca.key can be read or changed by everybody"), "{error}");
    set_mode(&files.key, 0o640);
    open(dir.path(), &files).unwrap();
    let error = open(Path::new("/dev/null/x"), &files).unwrap_err();
    assert!(error.to_string().contains("cannot be made") && error.source().is_some(), "{error}");
}

#[test]
fn certificates_that_cannot_sign_are_refused() {
    let (dir, files) = saved(10);
    let server = CertificateParams::new(["a.example".to_owned()]).unwrap();
    overwrite(&files, &server);
    let error = open(dir.path(), &files).unwrap_err().to_string();
    assert!(error.contains("is not the certificate of a certificate authority"), "{error}");

    let mut other_use = CertificateParams::default();
    other_use.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    other_use.key_usages = vec![KeyUsagePurpose::CrlSign];
    overwrite(&files, &other_use);
    let error = open(dir.path(), &files).unwrap_err().to_string();
    assert!(error.contains("is not the certificate of a certificate authority"), "{error}");

    fs::write(&files.cert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    let error = open(dir.path(), &files).unwrap_err().to_string();
    assert!(error.ends_with("of a kind that is not supported"), "{error}");
}

#[test]
fn somebody_elses_ca_signs_but_is_not_renewed_here() {
    let (dir, files) = saved(10);
    let mut corporate = CertificateParams::default();
    corporate.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    corporate.distinguished_name.push(DnType::OrganizationName, "Example");
    overwrite(&files, &corporate);
    open(dir.path(), &files).unwrap().server("a.example", &[]).unwrap();
    let error = Ca::renewed(&files, now(), 10).unwrap_err();
    assert!(matches!(error, CaError::Foreign { .. }), "{error}");
}
