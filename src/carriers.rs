//! Carriers: small hooks for a runtime that an environment variable loads, by which an unchanged
//! service sends the trace header of the request it serves on with the calls it makes. They do
//! nothing else.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::path::PathBuf;

/// For Node.js.
const NODE: &str = include_str!("carriers/node.cjs");

/// For Python, which loads it by this name.
const PYTHON: &str = include_str!("carriers/sitecustomize.py");

/// For the JVM; what it is built from, and by what, is beside it.
const JAVA: &[u8] = include_bytes!("carriers/java/sideray-carrier.jar");

/// Options that every JVM puts before those of its command line.
pub const JAVA_OPTIONS: &str = "JAVA_TOOL_OPTIONS";

/// The name that the jar knows itself by.
const JAR: &str = "sideray-carrier.jar";

/// Where the carriers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carriers {
    /// The file that Node.js is to require.
    node: PathBuf,
    /// The directory that is to stand on Python's path.
    python: PathBuf,
    /// The jar that a JVM is to load as an agent.
    java: PathBuf,
}

/// Why they could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the carriers to {}", .dir.display())]
pub struct WriteError {
    dir: PathBuf,
    source: io::Error,
}

impl Carriers {
    /// Writes them into a directory, which is made if need be. What is there by their names is
    /// replaced.
    ///
    /// # Errors
    ///
    /// [`WriteError`] if that does not work.
    pub fn write(dir: &Path) -> Result<Self, WriteError> {
        let all =
            Self { node: dir.join("node.cjs"), python: dir.join("python"), java: dir.join(JAR) };
        let write = || {
            fs::create_dir_all(&all.python)?;
            fs::write(&all.node, NODE)?;
            fs::write(&all.java, JAVA)?;
            fs::write(all.python.join("sitecustomize.py"), PYTHON)
        };
        match write() {
            Ok(()) => Ok(all),
            Err(source) => Err(WriteError { dir: dir.to_owned(), source }),
        }
    }

    /// The variables that switch them on. What `existing` says of one is kept and added to. That for
    /// a JVM is left out if the jar's path cannot be said.
    pub fn environment(
        &self,
        existing: &dyn Fn(&str) -> Option<OsString>,
    ) -> Vec<(&'static str, OsString)> {
        let set = |name| existing(name).filter(|value| !value.is_empty());
        let added = |name, option: OsString| {
            let mut all = set(name).unwrap_or_default();
            if !all.is_empty() {
                all.push(" ");
            }
            all.push(option);
            (name, all)
        };
        let mut require = OsString::from("--require=");
        require.push(node_quoted(&self.node));
        let mut python = self.python.clone().into_os_string();
        if let Some(users) = set("PYTHONPATH") {
            python.push(":");
            python.push(users);
        }
        let mut variables = vec![added("NODE_OPTIONS", require), ("PYTHONPATH", python)];
        // What stands behind it would be the agent's options.
        if !self.java.as_os_str().as_bytes().contains(&b'=') {
            let mut agent = OsString::from("-javaagent:");
            agent.push(&self.java);
            variables.push(added(JAVA_OPTIONS, java_quoted(&agent)));
        }
        variables
    }
}

/// A path as `NODE_OPTIONS` takes it: in double quotes, with a backslash before what is special in
/// them. Source: Node.js, "Command-line API", `NODE_OPTIONS`.
fn node_quoted(path: &Path) -> OsString {
    let text = path.to_string_lossy();
    if !text.contains([' ', '"', '\\']) {
        return path.as_os_str().to_owned();
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    OsStr::new(&format!("\"{escaped}\"")).to_owned()
}

/// An option as [`JAVA_OPTIONS`] takes it: in quotes where white space or a quote is in it. There is
/// no escape character. Source: JDK, "The JDK_JAVA_OPTIONS environment variable", and HotSpot.
#[must_use]
pub fn java_quoted(value: &OsStr) -> OsString {
    let bytes = value.as_bytes();
    let special = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'');
    if !bytes.iter().any(special) {
        return value.to_owned();
    }
    let mut quoted = vec![b'\''];
    for byte in bytes {
        match byte {
            b'\'' => quoted.extend(b"'\"'\"'"),
            byte => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    OsString::from_vec(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_written_and_the_variables_lead_to_them() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("a b").join("c");
        let carriers = Carriers::write(&place).unwrap();
        assert_eq!(Carriers::write(&place).unwrap(), carriers, "again");
        assert_eq!(fs::read_to_string(place.join("node.cjs")).unwrap(), NODE);
        assert_eq!(fs::read_to_string(place.join("python/sitecustomize.py")).unwrap(), PYTHON);
        let error = Carriers::write(&place.join("node.cjs")).unwrap_err();
        assert!(error.to_string().contains("node.cjs"), "{error}");

        assert_eq!(fs::read(place.join(JAR)).unwrap(), JAVA);
        let shown = place.display();
        let variables = carriers.environment(&|_| Some(OsString::new()));
        let wanted = [
            ("NODE_OPTIONS", format!("--require=\"{shown}/node.cjs\"")),
            ("PYTHONPATH", format!("{shown}/python")),
            ("JAVA_TOOL_OPTIONS", format!("'-javaagent:{shown}/{JAR}'")),
        ];
        assert_eq!(variables, wanted.map(|(name, value)| (name, value.into())));
    }

    /// What becomes of a variable that its user has set.
    fn with(name: &'static str, value: &str) -> OsString {
        let carriers = Carriers {
            node: "/c/node.cjs".into(),
            python: "/c/python".into(),
            java: "/c/agent.jar".into(),
        };
        let variables = carriers.environment(&|other| (name == other).then(|| value.into()));
        let names: Vec<_> = variables.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["NODE_OPTIONS", "PYTHONPATH", "JAVA_TOOL_OPTIONS"]);
        variables.into_iter().find(|(other, _)| *other == name).unwrap().1
    }

    #[test]
    fn what_is_set_stays() {
        let node = with("NODE_OPTIONS", "--require a.js");
        assert_eq!(node, "--require a.js --require=/c/node.cjs");
        assert_eq!(with("PYTHONPATH", "/lib:/more"), "/c/python:/lib:/more");
        let java = with("JAVA_TOOL_OPTIONS", "-Xmx1g \"-Da=b c\"");
        assert_eq!(java, "-Xmx1g \"-Da=b c\" -javaagent:/c/agent.jar");
        assert_eq!(node_quoted(Path::new("/a \"b\"\\c")), "\"/a \\\"b\\\"\\\\c\"");
    }

    #[test]
    fn a_jar_whose_path_ends_too_early_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let carriers = Carriers::write(&dir.path().join("a=b")).unwrap();
        let names: Vec<_> =
            carriers.environment(&|_| None).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["NODE_OPTIONS", "PYTHONPATH"]);
    }

    #[test]
    fn values_with_blanks_and_quotes_are_one_option() {
        for (value, quoted) in [
            ("/run/x.p12", "/run/x.p12"),
            ("a|b", "a|b"),
            ("/my files/x", "'/my files/x'"),
            ("/my \"files\"", "'/my \"files\"'"),
            ("/o'neill", "'/o'\"'\"'neill'"),
        ] {
            assert_eq!(java_quoted(value.as_ref()), quoted, "{value}");
        }
    }
}
