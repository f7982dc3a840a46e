//! Whether a command's JVM can load an agent. One made by `jlink` without the module for agents ends at
//! once when it is told to load one, and one that makes or uses a class archive of the service's own
//! ends too, or cannot use it and says so on its standard output.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::carriers::JAVA_OPTIONS;

/// The module that loads agents.
const MODULE: &str = "java.instrument";

/// What says, among a JVM's options, that it makes or uses an archive. Source: JDK, "The java command".
const ARCHIVES: [&str; 5] =
    ["-XX:SharedArchiveFile", "-XX:ArchiveClassesAtExit", "-XX:AOT", "-Xshare:on", "-Xshare:dump"];

/// Whether the command, or a variable that its JVM heeds, tells of a class archive.
pub(super) fn archives(command: &[OsString], variable: &dyn Fn(&str) -> Option<OsString>) -> bool {
    let variables = ["JDK_JAVA_OPTIONS", JAVA_OPTIONS].into_iter().filter_map(variable);
    command.iter().cloned().chain(variables).any(|words| {
        let words = words.to_string_lossy();
        ARCHIVES.iter().any(|option| words.contains(option))
    })
}

/// The first runtime image without that module among those that the command may run on: the one it
/// is part of, that of `JAVA_HOME`, and that of the `java` on `PATH`.
pub(super) fn without_agents(
    command: &[OsString],
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    let on_path = |name: &Path| {
        let path = variable("PATH").unwrap_or_default();
        std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
    };
    let program = command.first().map(Path::new);
    let program = program.and_then(|name| {
        if name.components().count() > 1 { Some(name.to_owned()) } else { on_path(name) }
    });
    let home = variable("JAVA_HOME").map(|home| Path::new(&home).join("bin").join("java"));
    let programs = [program, home, on_path("java".as_ref())].into_iter().flatten();
    programs.filter_map(|program| image(&program)).find(|image| lacks_module(image))
}

/// The runtime image whose `bin` a program is in.
fn image(program: &Path) -> Option<PathBuf> {
    Some(fs::canonicalize(program).ok()?.parent()?.parent()?.to_owned())
}

/// Source: JEP 220, the file `release` and its key `MODULES`. Runtimes before Java 9 have all, and
/// none of that.
fn lacks_module(image: &Path) -> bool {
    let Ok(release) = fs::read_to_string(image.join("release")) else {
        return false;
    };
    let modules = release.lines().find_map(|line| line.trim().strip_prefix("MODULES="));
    modules.is_some_and(|list| list.trim_matches('"').split_whitespace().all(|one| one != MODULE))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A runtime image with such modules.
    fn made(dir: &Path, release: &str) -> PathBuf {
        fs::create_dir_all(dir.join("bin")).unwrap();
        fs::write(dir.join("bin/java"), "").unwrap();
        fs::write(dir.join("bin/app"), "").unwrap();
        fs::write(dir.join("release"), release).unwrap();
        fs::canonicalize(dir).unwrap()
    }

    #[test]
    fn archives_are_seen_wherever_they_are_named() {
        let none = |_: &str| None;
        let set = |name: &str| (name == JAVA_OPTIONS).then(|| "-Xmx1g -Xshare:on".into());
        assert!(archives(&["java".into(), "-XX:SharedArchiveFile=a.jsa".into()], &none));
        assert!(archives(&["sh".into()], &set));
        assert!(!archives(&["java".into(), "-Xshare:auto".into()], &none));
    }

    #[test]
    fn an_image_without_the_module_is_found_wherever_the_command_may_find_it() {
        let dir = tempfile::tempdir().unwrap();
        let small = made(&dir.path().join("small"), "X=1\nMODULES=\"java.base java.logging\"\n");
        let whole = made(&dir.path().join("whole"), "MODULES=\"java.base java.instrument\"\n");
        let old = made(&dir.path().join("old"), "JAVA_VERSION=\"1.8.0\"\n");
        let ask = |command: &Path, variables: &[(&str, PathBuf)]| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(other, _)| *other == name);
                found.map(|(_, value)| value.clone().into_os_string())
            };
            without_agents(&[command.into()], &variable)
        };
        assert_eq!(ask(&small.join("bin/app"), &[]), Some(small.clone()));
        assert_eq!(ask("app".as_ref(), &[("PATH", small.join("bin"))]), Some(small.clone()));
        assert_eq!(ask("sh".as_ref(), &[("JAVA_HOME", small.clone())]), Some(small.clone()));
        assert_eq!(ask("sh".as_ref(), &[("PATH", small.join("bin"))]), Some(small));
        for fit in [whole, old] {
            let variables = [("JAVA_HOME", fit.clone()), ("PATH", fit.join("bin"))];
            assert_eq!(ask("java".as_ref(), &variables), None);
        }
        assert_eq!(ask("nothing".as_ref(), &[]), None);
        assert_eq!(without_agents(&[], &|_| None), None);
    }
}
