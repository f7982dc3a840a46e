//! Carriers: small hooks for a runtime that an environment variable loads, by which an unchanged
//! service sends the trace header of the request it serves on with the calls it makes. They do
//! nothing else.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

/// For Node.js.
const NODE: &str = include_str!("carriers/node.cjs");

/// For Python, which loads it by this name.
const PYTHON: &str = include_str!("carriers/sitecustomize.py");

/// Where the carriers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carriers {
    /// The file that Node.js is to require.
    node: PathBuf,
    /// The directory that is to stand on Python's path.
    python: PathBuf,
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
        let all = Self { node: dir.join("node.cjs"), python: dir.join("python") };
        let write = || {
            fs::create_dir_all(&all.python)?;
            fs::write(&all.node, NODE)?;
            fs::write(all.python.join("sitecustomize.py"), PYTHON)
        };
        match write() {
            Ok(()) => Ok(all),
            Err(source) => Err(WriteError { dir: dir.to_owned(), source }),
        }
    }

    /// The variables that switch them on. What `existing` says of one is kept and added to.
    pub fn environment(
        &self,
        existing: &dyn Fn(&str) -> Option<OsString>,
    ) -> [(&'static str, OsString); 2] {
        let set = |name| existing(name).filter(|value| !value.is_empty());
        let mut node = set("NODE_OPTIONS").unwrap_or_default();
        if !node.is_empty() {
            node.push(" ");
        }
        node.push("--require=");
        node.push(node_quoted(&self.node));
        let mut python = self.python.clone().into_os_string();
        if let Some(users) = set("PYTHONPATH") {
            python.push(":");
            python.push(users);
        }
        [("NODE_OPTIONS", node), ("PYTHONPATH", python)]
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

        let [(_, node), (_, python)] = carriers.environment(&|_| Some(OsString::new()));
        let shown = place.display();
        assert_eq!(node.to_str().unwrap(), format!("--require=\"{shown}/node.cjs\""));
        assert_eq!(python.to_str().unwrap(), format!("{shown}/python"));
    }

    #[test]
    fn what_is_set_stays() {
        let carriers = Carriers { node: "/c/node.cjs".into(), python: "/c/python".into() };
        let users = |name: &str| (name == "NODE_OPTIONS").then(|| "--require a.js".into());
        let [(_, node), (_, python)] = carriers.environment(&users);
        assert_eq!(node, "--require a.js --require=/c/node.cjs");
        assert_eq!(python, "/c/python");
        let users = |name: &str| (name == "PYTHONPATH").then(|| "/lib:/more".into());
        let [(_, node), (_, python)] = carriers.environment(&users);
        assert_eq!((node, python), ("--require=/c/node.cjs".into(), "/c/python:/lib:/more".into()));
        assert_eq!(node_quoted(Path::new("/a \"b\"\\c")), "\"/a \\\"b\\\"\\\\c\"");
    }
}
