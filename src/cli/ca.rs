//! `sideray ca`: makes, shows and renews the certificate authority that calls over TLS are looked
//! into with. The key goes to its file and nowhere else.

use std::ffi::OsString;
use std::fmt::Display;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;

use crate::cli::args::Ca as Args;
use crate::cli::args::CaCommand;
use crate::cli::args::CaCreate;
use crate::cli::args::CaRenew;
use crate::cli::exit;
use crate::cli::log;
use crate::net::tls::TlsFileError;
use crate::net::tls::authority::ca::Ca;
use crate::net::tls::authority::ca::CaError;
use crate::net::tls::authority::facts::Facts;
use crate::net::tls::authority::files::WriteError;
use crate::net::tls::authority::key;
use crate::net::tls::authority::key::KeyFileError;
use crate::net::tls::authority::store;
use crate::net::tls::authority::store::Existing;
use crate::net::tls::options::CaFiles;
use crate::trace::time::Micros;

/// A fault of `sideray ca`.
#[derive(Debug, thiserror::Error)]
enum CaCommandError {
    #[error(transparent)]
    Ca(#[from] CaError),
    #[error(transparent)]
    Certificate(#[from] TlsFileError),
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error("there is neither XDG_DATA_HOME nor HOME; say where with --dir")]
    NoHome,
    #[error("{} is not an X.509 certificate", path.display())]
    NotX509 { path: PathBuf },
    #[error("cannot be printed")]
    Print(#[from] io::Error),
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What `sideray ca show --json` prints.
#[derive(Serialize)]
struct Shown<'a> {
    subject: &'a str,
    sha256: &'a str,
    not_before: &'a str,
    not_after: &'a str,
    days_left: u64,
    certificate: &'a Path,
    key: Option<&'a Path>,
}

/// Does what `args` asks for and returns the exit code. `variable` is the environment, `now` the
/// time. Writes what was done to `out`, and what is wrong to `err`.
///
/// # Errors
///
/// When `err` cannot be written to.
pub fn ca(
    args: &Args,
    variable: &dyn Fn(&str) -> Option<OsString>,
    now: Micros,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let done = match &args.command {
        CaCommand::Create(create_args) => create(create_args, variable, now, out),
        CaCommand::Show { dir, json } => files(dir.as_deref(), variable).and_then(|files| {
            if *json { show_json(&files, now, out) } else { show(&files, now, out) }
        }),
        CaCommand::Renew(renew_args) => renew(renew_args, variable, now, out),
    };
    let Err(error) = done else { return Ok(exit::OK) };
    writeln!(err, "{}", log::with_causes(&error))?;
    Ok(if matches!(error, CaCommandError::NoHome) { exit::USAGE } else { exit::FAILED })
}

fn create(
    args: &CaCreate,
    variable: &dyn Fn(&str) -> Option<OsString>,
    now: Micros,
    out: &mut dyn Write,
) -> Result<(), CaCommandError> {
    let files = files(args.dir.as_deref(), variable)?;
    let existing = if args.force { Existing::Overwrite } else { Existing::Keep };
    store::save(&Ca::create(now, args.days)?, &files, existing)?;
    show(&files, now, out)?;
    let (cert, key) = (quoted(&files.cert), quoted(&files.key));
    writeln!(out, "\nFor proxy.toml:\n\n[egress.intercept]\nca_cert = {cert}\nca_key = {key}")?;
    Ok(())
}

fn renew(
    args: &CaRenew,
    variable: &dyn Fn(&str) -> Option<OsString>,
    now: Micros,
    out: &mut dyn Write,
) -> Result<(), CaCommandError> {
    let files = files(args.dir.as_deref(), variable)?;
    let advice = if args.new_key {
        // The certificate alone: the key is what may be broken, lost or known to others.
        facts(&files.cert, now)?;
        store::save(&Ca::create(now, args.days)?, &files, Existing::Overwrite)?;
        "Restart sideray, then whatever calls through it: the old certificate is of no use now."
    } else {
        store::save_certificate(&Ca::renewed(&files, now, args.days)?, &files)?;
        "Restart sideray. The key is the same, so clients may trust this one or the old one."
    };
    show(&files, now, out)?;
    writeln!(out, "\n{advice}")?;
    Ok(())
}

fn show(files: &CaFiles, now: Micros, out: &mut dyn Write) -> Result<(), CaCommandError> {
    let facts = facts(&files.cert, now)?;
    let left = match facts.days_left {
        0 => "it has expired, or does today: run `sideray ca renew`".to_owned(),
        1 => "1 day left".to_owned(),
        days => format!("{days} days left"),
    };
    line(out, "subject", &facts.subject)?;
    line(out, "sha-256", &facts.sha256)?;
    line(out, "valid from", &facts.not_before)?;
    line(out, "valid until", &format_args!("{}, {left}", facts.not_after))?;
    line(out, "certificate", &files.cert.display())?;
    match key::mode(&files.key)? {
        Some(mode) => line(out, "key", &format_args!("{}, mode {mode:03o}", files.key.display()))?,
        None => line(out, "key", &"none here")?,
    }
    Ok(())
}

fn line(out: &mut dyn Write, name: &str, value: &dyn Display) -> io::Result<()> {
    writeln!(out, "{name:<13}{value}")
}

fn show_json(files: &CaFiles, now: Micros, out: &mut dyn Write) -> Result<(), CaCommandError> {
    let facts = facts(&files.cert, now)?;
    let has_key = key::mode(&files.key)?.is_some();
    let shown = Shown {
        subject: &facts.subject,
        sha256: &facts.sha256,
        not_before: &facts.not_before,
        not_after: &facts.not_after,
        days_left: facts.days_left,
        certificate: &files.cert,
        key: has_key.then_some(files.key.as_path()),
    };
    serde_json::to_writer_pretty(&mut *out, &shown).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

fn facts(path: &Path, now: Micros) -> Result<Facts, CaCommandError> {
    Facts::read(path, now)?.ok_or_else(|| CaCommandError::NotX509 { path: path.into() })
}

/// The files of the CA: in `dir`, or in this user's data directory. Source: XDG Base Directory
/// Specification 0.8.
fn files(
    dir: Option<&Path>,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<CaFiles, CaCommandError> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data =
        || absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
    let dir = match dir {
        Some(dir) => std::path::absolute(dir)?,
        None => data().ok_or(CaCommandError::NoHome)?.join("sideray/ca"),
    };
    Ok(store::files_in(&dir))
}

/// A path as a TOML string.
fn quoted(path: &Path) -> toml::Value {
    toml::Value::String(path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;
