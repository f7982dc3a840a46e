//! Tests of what is found on this machine, and of what is said.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::process::Stdio;

use super::*;
use crate::sys::peer::elsewhere;
use crate::sys::peer::service::Service;

#[test]
fn all_is_found_with_a_service_of_our_own() {
    let mut service = Service::start("listener = serve(); wait()");
    let port = service.port();
    let all = Capabilities { diag: Ok(()), processes: Ok(()), threads: Ok(()) };
    assert_eq!(Capabilities::probe(None), all);
    assert_eq!(Capabilities::probe(Some(port)), all);
    service.end();
    let none = Err(Why::NotYet { port });
    let expected = Capabilities { diag: Ok(()), processes: none, threads: none };
    assert_eq!(Capabilities::probe(Some(port)), expected);
}

#[test]
fn each_reason_says_how_to_get_it() {
    for (why, word) in [
        (Why::Netlink(Errno::NOENT), "tcp_diag"),
        (Why::Proc(Errno::NOENT), "mount"),
        (Why::NotYet { port: 8080 }, "8080"),
        (Why::Namespace, "shareProcessNamespace"),
        (Why::User { service: 1_000, ours: 65_532 }, "user 1000"),
        (Why::Yama { scope: 1 }, "CAP_SYS_PTRACE"),
        (Why::Yama { scope: 3 }, "reboot"),
        (Why::Denied(Errno::ACCESS), "CAP_SYS_PTRACE"),
    ] {
        assert!(why.to_string().contains(word), "{why}");
    }
}

#[test]
fn elsewhere_nothing_works() {
    use std::io::ErrorKind::Unsupported;
    assert_eq!(elsewhere::Diag::open().unwrap_err().kind(), Unsupported);
    assert_eq!(elsewhere::Processes::open().unwrap_err().kind(), Unsupported);
    let threads = elsewhere::Threads::open(crate::sys::peer::Pid(1), 1);
    assert_eq!(threads.unwrap_err().kind(), Unsupported);
}

/// Not a test of its own: says what is found with the service on the port that it reads.
#[test]
#[ignore = "run by others, in another place"]
fn says_what_is_found() {
    let mut port = String::new();
    std::io::stdin().read_line(&mut port).unwrap();
    let found = Capabilities::probe(Some(port.trim().parse().unwrap()));
    println!("found {found:?}");
}

/// What is found with a service of ours by a process that `how` puts in another place. None where
/// we may not.
fn found_by(how: &mut Command) -> Option<String> {
    let mut service = Service::start("listener = serve(); wait()");
    let mut child = how
        .args(["--exact", "sys::peer::capabilities::tests::says_what_is_found"])
        .args(["--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let told = writeln!(child.stdin.take().unwrap(), "{}", service.port());
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    told.ok()?;
    Some(said.split_once("found ")?.1.lines().next()?.to_owned())
}

#[test]
fn the_service_of_another_user_is_said_to_be_one() {
    let ours = rustix::process::geteuid().as_raw();
    let mut nobody = Command::new(std::env::current_exe().unwrap());
    if let Some(found) = found_by(nobody.uid(65_534)) {
        let user = Err(Why::User { service: ours, ours: 65_534 });
        let expected = Capabilities { diag: Ok(()), processes: user, threads: user };
        assert_eq!(found, format!("{expected:?}"));
    }
}

#[test]
fn a_service_in_another_pid_namespace_is_said_to_be_there() {
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork", "--mount-proc"]).arg(std::env::current_exe().unwrap());
    if let Some(found) = found_by(&mut unshare) {
        let there = Err(Why::Namespace);
        let expected = Capabilities { diag: Ok(()), processes: there, threads: there };
        assert_eq!(found, format!("{expected:?}"));
    }
}
