//! Services for the tests: processes of their own, written in Python, that are told what to do and
//! say what they did, line by line.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;

use super::Pid;

/// What all of them begin with. `wait` returns when it is told to go on.
const PRELUDE: &str = r"
import os, select, socket, sys, threading
def say(*words):
    print(*words, flush=True)
def wait():
    return sys.stdin.readline().strip()
def serve(family=socket.AF_INET, host='127.0.0.1'):
    listener = socket.create_server((host, 0), family=family, backlog=256,
        dualstack_ipv6=family == socket.AF_INET6 and host == '::')
    say(listener.getsockname()[1])
    return listener
";

/// A running service. It ends with the value.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    tell: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
}

impl Service {
    /// Starts one that does what `script` says.
    pub(crate) fn start(script: &str) -> Self {
        let mut child = Command::new("python3")
            .args(["-S", "-E", "-c", &format!("{PRELUDE}{script}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let tell = child.stdin.take();
        Self { child, tell, said }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid(self.child.id())
    }

    /// The numbers of the next line that it says.
    pub(crate) fn heard<const N: usize>(&mut self) -> [u32; N] {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        let numbers: Vec<u32> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
        numbers.try_into().unwrap_or_else(|_| panic!("it said {line:?}"))
    }

    pub(crate) fn port(&mut self) -> u16 {
        let [port] = self.heard();
        port.try_into().unwrap()
    }

    /// Lets it go on from where it waits.
    pub(crate) fn go_on(&mut self) {
        self.tell.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Ends it, and waits until it has ended.
    pub(crate) fn end(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
