//! The program itself, as a child process.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitStatus;
use std::process::Stdio;

use rustix::process::Pid;
use rustix::process::Signal;
use serde_json::Value;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::BufReader;
use tokio::io::Lines;
use tokio::process::Child;
use tokio::process::ChildStderr;
use tokio::process::Command;

use super::DEADLINE;

/// `sideray` with these arguments, nothing of the test's environment that it heeds, and all
/// streams piped. It does not outlive the test.
pub fn sideray(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sideray"));
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let variables = std::env::vars_os().map(|(name, _)| name);
    for name in variables.filter(|name| {
        let name = name.to_string_lossy().to_ascii_uppercase();
        name.starts_with("AWS_XRAY") || name.starts_with("ECS_") || name.ends_with("_PROXY")
    }) {
        command.env_remove(name);
    }
    // Whatever machine runs the tests is no part of them.
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// What a program that has ended said.
#[derive(Debug)]
pub struct Output {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs a program to its end.
pub async fn run(command: &mut Command) -> Output {
    let output = tokio::time::timeout(2 * DEADLINE, command.output());
    let output = output.await.expect("the program ends").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A configuration file in `folder`: any ports, JSON logs, and what else is given.
pub fn config(folder: &Path, more: &str) -> String {
    let file = folder.join("proxy.toml");
    let any = "listen = \"127.0.0.1:0\"";
    let text = format!(
        "[egress]\n{any}\n[admin]\n{any}\n[log]\nformat = \"json\"\n[runtime]\nworkers = 1\n\
         [ingress]\n{any}\n{more}"
    );
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

/// A sidecar that runs as a program of its own and logs JSON.
#[derive(Debug)]
pub struct Program {
    pub child: Child,
    pub ingress: SocketAddr,
    pub egress: SocketAddr,
    log: Lines<BufReader<ChildStderr>>,
}

impl Program {
    /// Starts it and waits until it listens.
    pub async fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut ports = Vec::new();
        for port in ["ingress", "egress", "admin"] {
            let line = next(&mut log, "listening").await;
            assert_eq!(line["port"], port);
            ports.push(line["address"].as_str().unwrap().parse().unwrap());
        }
        let [ingress, egress, _admin] = ports.try_into().unwrap();
        Self { child, ingress, egress, log }
    }

    /// The next line of the log with this message; those before it are skipped.
    pub async fn logs(&mut self, message: &str) -> Value {
        next(&mut self.log, message).await
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        rustix::process::kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(DEADLINE, self.child.wait());
        ended.await.expect("the program ends").unwrap()
    }

    /// Waits for its end; its exit code and all it wrote to standard output.
    pub async fn output(&mut self) -> (Option<i32>, String) {
        let code = self.ended().await.code();
        let mut text = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut text).await.unwrap();
        (code, text)
    }
}

async fn next(log: &mut Lines<BufReader<ChildStderr>>, message: &str) -> Value {
    let mut before = Vec::new();
    loop {
        let line = tokio::time::timeout(DEADLINE, log.next_line());
        let line = line.await.unwrap_or_else(|_| panic!("no {message:?} after {before:?}"));
        let line = line.unwrap().unwrap_or_else(|| panic!("ended; no {message:?}: {before:?}"));
        let line: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{error} in a line that is not JSON: {line}"));
        if line["message"] == message {
            return line;
        }
        before.push(line);
    }
}
