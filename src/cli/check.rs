//! `sideray check`: is the configuration right, and what does it come to?

use std::io;
use std::io::Write;

use crate::cli::args::Settings;
use crate::cli::exit;
use crate::cli::resolve::resolve;
use crate::config::Config;
use crate::config::env::Env;
use crate::sys::peer::capabilities::Capabilities;

/// Checks the configuration that `settings` and `env` make, and returns the exit code.
///
/// Writes "ok", where it was read from, what to beware of and the configuration in force to `out`,
/// as TOML that can be used as it stands; or every fault to `err`, a line each.
///
/// # Errors
///
/// When `out` or `err` cannot be written to.
pub fn check(
    settings: &Settings,
    env: Env,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    match resolve(settings, env) {
        Ok((source, config)) => {
            writeln!(out, "# ok: {source}")?;
            for warning in config.warnings() {
                writeln!(out, "# warning: {warning}")?;
            }
            for line in attribution(&config) {
                writeln!(out, "# attribution: {line}")?;
            }
            write!(out, "\n{config}")?;
            Ok(exit::OK)
        }
        Err(faults) => {
            writeln!(err, "{faults}")?;
            Ok(exit::USAGE)
        }
    }
}

/// What can be seen of the service here and now, to tell whose its calls are.
fn attribution(config: &Config) -> Vec<String> {
    let Capabilities { diag, processes, threads } =
        Capabilities::probe(config.ingress.upstream.authority.port_u16());
    let mut lines: Vec<String> = Vec::new();
    for (wanted, by, found) in [
        (config.attribution.process, "by process", diag.and(processes)),
        (config.attribution.thread, "by thread", diag.and(threads)),
    ] {
        lines.push(match (wanted, found) {
            (false, _) => format!("{by}: switched off"),
            (true, Ok(())) => format!("{by}: yes"),
            (true, Err(why)) => format!("{by}: no, {why}"),
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exit code, and what was written to each stream.
    fn checked(settings: &Settings) -> (u8, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = check(settings, Env::default(), &mut out, &mut err).unwrap();
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn says_ok_and_what_is_in_force_as_a_file_that_can_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, "[egress]\nlisten = \"0.0.0.0:9\"").unwrap();
        let settings = Settings {
            config: Some(path.clone()),
            upstream: Some("http://h".to_owned()),
            ..Settings::default()
        };
        let (code, out, err) = checked(&settings);
        assert_eq!((code, &*err), (exit::OK, ""));
        assert!(out.starts_with(&format!("# ok: {}, ", path.display())), "{out}");
        assert!(out.contains("\n# warning: egress.listen = 0.0.0.0:9: "), "{out}");
        assert!(out.contains("\nupstream = \"http://h:80\"\n"), "{out}");

        std::fs::write(&path, &out).unwrap();
        let again = checked(&Settings { config: Some(path), ..Settings::default() });
        assert_eq!(again, (exit::OK, out, String::new()));
    }

    #[test]
    fn says_every_fault_and_exits_with_2() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, "[log]\nlevel = 1\ncolour = true").unwrap();
        let config = Some(path.clone());
        let (code, out, err) = checked(&Settings { config, ..Settings::default() });
        assert_eq!((code, &*out), (exit::USAGE, ""));
        let lines: Vec<&str> = err.lines().collect();
        assert_eq!(lines.len(), 2, "{err}");
        for (line, start) in lines.iter().zip(["2:1: log.level = 1: ", "3:1: log.colour: "]) {
            assert!(line.starts_with(&format!("{}:{start}", path.display())), "{line}");
        }

        let config = Some(folder.path().join("missing.toml"));
        let (code, _, err) = checked(&Settings { config, ..Settings::default() });
        assert_eq!(code, exit::USAGE);
        assert!(err.starts_with("--config: "), "{err}");
    }
}
