//! What the commands say, and what they leave on disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

const NOW: Micros = Micros::new(1_700_000_000_000_000);

/// The exit code, and what was written to each stream, with `HOME` in `dir`.
fn run(dir: &Path, command: CaCommand) -> (u8, String, String) {
    let variable = |name: &str| (name == "HOME").then(|| dir.into());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = ca(&Args { command }, &variable, NOW, &mut out, &mut err).unwrap();
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn create(dir: &Path) -> CaCommand {
    CaCommand::Create(CaCreate { dir: Some(dir.into()), days: 10, force: false })
}

fn forced(dir: &Path) -> CaCommand {
    CaCommand::Create(CaCreate { dir: Some(dir.into()), days: 10, force: true })
}

fn renew(dir: &Path, new_key: bool) -> CaCommand {
    CaCommand::Renew(CaRenew { dir: Some(dir.into()), days: 20, new_key })
}

fn show(dir: &Path, json: bool) -> CaCommand {
    CaCommand::Show { dir: Some(dir.into()), json }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn makes_two_files_and_says_how_to_use_them() {
    let home = tempfile::tempdir().unwrap();
    let (code, out, err) =
        run(home.path(), CaCommand::Create(CaCreate { dir: None, days: 10, force: false }));
    assert_eq!((code, &*err), (exit::OK, ""));
    let dir = home.path().join(".local/share/sideray/ca");
    let (cert, key) = (dir.join("ca.pem"), dir.join("ca.key"));
    assert_eq!((mode(&dir), mode(&key), mode(&cert)), (0o700, 0o600, 0o644));
    for line in [
        "subject      CN=sideray CA ".to_owned(),
        "valid until  2023-11-24T22:13:20Z, 10 days left\n".to_owned(),
        format!("certificate  {}\n", cert.display()),
        format!("key          {}, mode 600\n", key.display()),
        format!(
            "[egress.intercept]\nca_cert = \"{}\"\nca_key = \"{}\"\n",
            cert.display(),
            key.display()
        ),
    ] {
        assert!(out.contains(&line), "{line} in {out}");
    }
    assert!(!out.contains("PRIVATE"));
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 2, "nothing is left beside them");
}

#[test]
fn overwrites_only_when_it_is_forced() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (cert, key) = (dir.join("ca.pem"), dir.join("ca.key"));
    let read = || (fs::read(&cert).ok(), fs::read(&key).ok());
    run(dir, create(dir));
    let first = read();
    for removed in [None, Some(&key), Some(&cert)] {
        if let Some(removed) = removed {
            fs::remove_file(removed).unwrap();
        }
        let before = read();
        let (code, out, err) = run(dir, create(dir));
        assert_eq!((code, &*out), (exit::FAILED, ""), "{err}");
        assert!(err.ends_with(" is there already; --force overwrites it\n"), "{err}");
        assert_eq!(read(), before, "what is there stays, and nothing comes");
        fs::write(&key, first.1.as_ref().unwrap()).unwrap();
    }
    set_mode(&key, 0o644);
    let (code, _, err) = run(dir, forced(dir));
    assert_eq!((code, &*err), (exit::OK, ""));
    assert_ne!(read(), first);
    assert_eq!(mode(&key), 0o600, "whatever the old one had");
}

#[test]
fn a_link_in_the_place_of_the_key_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let victim = dir.join("victim");
    fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, dir.join("ca.key")).unwrap();
    assert_eq!(run(dir, create(dir)).0, exit::FAILED);
    assert_eq!(run(dir, forced(dir)).0, exit::OK);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(fs::symlink_metadata(dir.join("ca.key")).unwrap().is_file());
}

#[test]
fn renewing_keeps_the_key_and_the_name() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    run(dir, create(dir));
    let subject = |out: &str| out.lines().next().unwrap().to_owned();
    let before = (run(dir, show(dir, false)).1, fs::read(dir.join("ca.key")).unwrap());
    let (code, out, err) = run(dir, renew(dir, false));
    assert_eq!((code, &*err), (exit::OK, ""));
    assert!(out.contains("2023-12-04T22:13:20Z, 20 days left\n"), "{out}");
    assert_eq!(subject(&out), subject(&before.0));
    assert_eq!(fs::read(dir.join("ca.key")).unwrap(), before.1);

    let (code, out, _) = run(dir, renew(dir, true));
    assert_eq!(code, exit::OK);
    assert_ne!(subject(&out), subject(&before.0));
    assert_ne!(fs::read(dir.join("ca.key")).unwrap(), before.1);
    assert_eq!(mode(&dir.join("ca.key")), 0o600);
}

#[test]
fn a_key_that_everybody_can_read_is_refused_and_mended() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    run(dir, create(dir));
    let key = dir.join("ca.key");
    for exposed in [0o644, 0o604, 0o602, 0o666] {
        set_mode(&key, exposed);
        for command in [show(dir, false), show(dir, true), renew(dir, false)] {
            let (code, _, err) = run(dir, command);
            assert_eq!(code, exit::FAILED);
            assert!(err.contains(&format!("(mode {exposed:03o}): run `chmod 600 ")), "{err}");
            assert!(err.contains("`sideray ca renew --new-key`"), "{err}");
            assert_eq!(err.lines().count(), 1, "{err}");
        }
    }
    let (code, _, err) = run(dir, renew(dir, true));
    assert_eq!((code, mode(&key)), (exit::OK, 0o600), "{err}");
}

#[test]
fn shows_as_json_too() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    run(dir, create(dir));
    let (code, out, err) = run(dir, show(dir, true));
    assert_eq!((code, &*err), (exit::OK, ""));
    let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["days_left"], 10);
    assert_eq!(shown["not_after"], "2023-11-24T22:13:20Z");
    assert_eq!(shown["key"], dir.join("ca.key").display().to_string());

    // A directory that clients read has no key.
    fs::remove_file(dir.join("ca.key")).unwrap();
    let (code, out, _) = run(dir, show(dir, true));
    let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &shown["key"]), (exit::OK, &serde_json::Value::Null));
    let (code, out, _) = run(dir, show(dir, false));
    assert_eq!(code, exit::OK);
    assert!(out.ends_with("key          none here\n"), "{out}");
}

#[test]
fn faults_say_what_and_where() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let none = dir.join("none");
    for command in [show(&none, false), renew(&none, false), renew(&none, true)] {
        let (code, _, err) = run(dir, command);
        assert_eq!(code, exit::FAILED);
        let cert = none.join("ca.pem");
        assert!(
            err.starts_with(&format!("{} cannot be read: No such file", cert.display())),
            "{err}"
        );
    }
    run(dir, create(dir));
    fs::write(dir.join("ca.key"), "nothing").unwrap();
    set_mode(&dir.join("ca.key"), 0o600);
    let (_, _, err) = run(dir, renew(dir, false));
    assert!(
        err.contains("ca.key holds no unencrypted private key in PEM form as PKCS #8"),
        "{err}"
    );

    let command = CaCommand::Show { dir: None, json: false };
    let mut err = Vec::new();
    let code = ca(&Args { command }, &|_| None, NOW, &mut Vec::new(), &mut err).unwrap();
    assert_eq!(code, exit::USAGE);
    assert!(String::from_utf8(err).unwrap().ends_with("say where with --dir\n"));
}
