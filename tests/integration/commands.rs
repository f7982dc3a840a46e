//! The program: its commands, what it writes where, its signals and its exit codes.

use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;

use crate::support::DEADLINE;
use crate::support::client;
use crate::support::daemon::Daemon;
use crate::support::hold::Hold;
use crate::support::origin;
use crate::support::origin::Origin;
use crate::support::program;
use crate::support::program::Program;
use crate::support::program::sideray;
use crate::support::traces::field;

#[tokio::test]
async fn run_serves_until_it_is_told_to_stop() {
    let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
    let folder = tempfile::tempdir().unwrap();
    let more = format!("upstream = \"http://{}\"", origin.address());
    let file = program::config(folder.path(), &more);
    let (daemon_at, name) = (daemon.address().to_string(), "shop");
    let arguments = ["run", "--config", &file, "--daemon", &daemon_at, "--name", name];
    let mut program = Program::start(&mut sideray(&arguments)).await;

    // The first request of a second is sampled by default.
    let response = client::send(program.ingress, client::get("/")).await;
    program.signal(Signal::TERM);

    assert_eq!(response.body(), "hello");
    assert_eq!(daemon.segment()["name"], name);
    let summary = program.logs("done").await;
    assert_eq!((&summary["recorded"], &summary["sent"]), (&1.into(), &1.into()), "{summary}");
    assert_eq!(program.output().await, (Some(0), String::new()), "standard output is not its own");
}

/// A sidecar in front of `origin`, with a variable of the SDKs set.
async fn told(origin: &Origin, daemon: &Daemon, variable: (&str, &str)) -> Program {
    let folder = tempfile::tempdir().unwrap();
    let all = "[sampling]\ndefault = { fixed_target = 0, rate = 1.0 }";
    let more = format!("upstream = \"http://{}\"\n{all}", origin.address());
    let file = program::config(folder.path(), &more);
    let daemon_at = daemon.address().to_string();
    let mut command = sideray(&["run", "--config", &file, "--daemon", &daemon_at]);
    Program::start(command.env(variable.0, variable.1)).await
}

#[tokio::test]
async fn the_sdks_variables_switch_tracing_off_and_leave_a_plain_proxy() {
    for variable in [("AWS_XRAY_SDK_ENABLED", "false"), ("AWS_XRAY_SDK_DISABLED", "true")] {
        let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
        let mut program = told(&origin, &daemon, variable).await;
        let ours = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let request = client::get("/").header("x-amzn-trace-id", ours);
        let response = client::send(program.ingress, request).await;
        assert!(!response.headers().contains_key("x-amzn-trace-id"));
        let call = http::Request::get(format!("http://{}/", origin.address()));
        client::send(program.egress, call).await;
        program.signal(Signal::TERM);
        assert_eq!(program.logs("done").await["recorded"], 0, "{variable:?}");
        assert!(daemon.drain().is_empty());
        let seen = origin.seen();
        assert_eq!(origin::header(&seen[0], "x-amzn-trace-id"), ours, "it passes as it came");
        assert!(!seen[1].headers.contains_key("x-amzn-trace-id"), "none is made up");
    }
}

#[tokio::test]
async fn the_sdks_strategies_for_a_missing_context_hold_for_unknown_calls() {
    const WARNING: &str = "the parent of an outbound call is unknown; it is not traced";
    for (strategy, warns) in [("RUNTIME_ERROR", true), ("LOG_ERROR", true), ("IGNORE_ERROR", false)]
    {
        let (origin, mut daemon) = (Origin::hello().await, Daemon::start());
        let mut program = told(&origin, &daemon, ("AWS_XRAY_CONTEXT_MISSING", strategy)).await;
        let call = http::Request::get(format!("http://{}/", origin.address()));
        let response = client::send(program.egress, call).await;
        assert_eq!(response.status(), 200, "no strategy fails a call");
        if warns {
            program.logs(WARNING).await;
        }
        program.signal(Signal::TERM);
        assert_eq!(program.logs("done").await["recorded"], 0, "{strategy}");
        assert!(daemon.drain().is_empty());
    }
}

#[tokio::test]
async fn a_second_signal_ends_a_run_at_once() {
    let (origin, hold) = Hold::origin().await;
    let folder = tempfile::tempdir().unwrap();
    let more = format!("upstream = \"http://{}\"", origin.address());
    let file = program::config(folder.path(), &more);
    let mut program = Program::start(&mut sideray(&["run", "-c", &file])).await;
    let open = tokio::spawn(client::send(program.ingress, client::get("/")));
    hold.arrived().await;

    program.signal(Signal::TERM);
    program.logs("draining").await;
    program.signal(Signal::INT);

    assert_eq!(program.ended().await.code(), Some(1), "what was open has not been finished");
    assert!(open.await.is_err(), "the client's connection is closed");
}

#[tokio::test]
async fn a_hangup_swaps_the_rules_and_refuses_a_faulty_file() {
    let (origin, folder) = (Origin::hello().await, tempfile::tempdir().unwrap());
    let write = |default: &str| {
        let more =
            format!("upstream = \"http://{}\"\n[sampling]\ndefault = {default}", origin.address());
        program::config(folder.path(), &more)
    };
    let told = async |program: &Program| {
        client::send(program.ingress, client::get("/")).await;
        let seen = origin.seen().pop().unwrap();
        field(origin::header(&seen, "x-amzn-trace-id"), "Sampled").to_owned()
    };
    let file = write("{ fixed_target = 0, rate = 0.0 }");
    let mut program = Program::start(&mut sideray(&["run", "-c", &file])).await;
    assert_eq!(told(&program).await, "0");

    write("{ fixed_target = 0, rate = 1.0 }");
    program.signal(Signal::HUP);
    program.logs("sampling rules read again; other keys are read at the start only").await;
    let end = Instant::now() + DEADLINE;
    while told(&program).await != "1" {
        assert!(Instant::now() < end, "the new rules come into force");
    }

    write("{ fixed_target = -1, rate = 7.0 }");
    program.signal(Signal::HUP);
    let message = "configuration refused; the old rules stay in force";
    let faults = [program.logs(message).await, program.logs(message).await];
    for fault in &faults {
        assert!(fault["fault"].as_str().unwrap().contains("sampling.default"), "{fault}");
    }
    assert_eq!(told(&program).await, "1", "the old rules stay");

    program.signal(Signal::INT);
    assert_eq!(program.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_taken_port_is_told_and_ends_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = program::config(folder.path(), "");

    let mut command = sideray(&["run", "-c", &file, "--ingress-listen", &address]);
    let output = program::run(&mut command).await;

    assert_eq!(output.code, Some(1), "{output:?}");
    let last: serde_json::Value = serde_json::from_str(output.err.lines().last().unwrap()).unwrap();
    assert_eq!(last["message"], "cannot start");
    let said = last.to_string();
    assert!(said.contains("ingress") && said.contains(&address), "which port: {said}");
    assert!(said.contains("in use"), "and why: {said}");
}

#[tokio::test]
async fn exec_passes_codes_signals_and_streams_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = program::config(folder.path(), "");
    let exec = |command: &[&str]| sideray(&[&["exec", "-c", &file, "--"], command].concat());

    for (command, code) in [
        (["sh", "-c", "exit 0"], 0),
        (["sh", "-c", "exit 42"], 42),
        (["sh", "-c", "kill -9 $$"], 137),
        (["/no/such/program", "", ""], 127),
        (["no-such-program-anywhere", "", ""], 127),
        (["/", "", ""], 126),
        ([&file, "", ""], 126),
    ] {
        let output = program::run(&mut exec(&command)).await;
        assert_eq!(output.code, Some(code), "{command:?}: {output:?}");
    }

    let mut command = exec(&["sh", "-c", "read line; echo \"got $line\"; echo oops >&2"]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"some text\n").await.unwrap();
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "got some text\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("\noops\n"), "beside the log");

    for (signal, number) in
        [(Signal::TERM, 3), (Signal::HUP, 4), (Signal::USR1, 5), (Signal::INT, 6)]
    {
        let trap = "trap 'exit 3' TERM; trap 'exit 4' HUP; trap 'exit 5' USR1; trap 'exit 6' INT; \
                    echo ready; while :; do sleep 0.05; done";
        let mut program = Program::start(&mut exec(&["sh", "-c", trap])).await;
        let mut out = BufReader::new(program.child.stdout.take().unwrap()).lines();
        assert_eq!(out.next_line().await.unwrap().unwrap(), "ready");
        program.signal(signal);
        assert_eq!(program.ended().await.code(), Some(number), "{signal:?} is passed on");
    }
}

#[tokio::test]
async fn exec_leads_the_commands_calls_through_the_egress_port() {
    let folder = tempfile::tempdir().unwrap();
    let file = program::config(folder.path(), "");
    let mut command = sideray(&["exec", "-c", &file, "--", "env"]);
    command.env("NO_PROXY", "internal.example");
    let mut program = Program::start(&mut command).await;
    let (code, variables) = program.output().await;

    assert_eq!(code, Some(0));
    let of = |name: &str| {
        let mut all = variables.lines().filter_map(|line| line.split_once('='));
        all.find_map(|(other, value)| (other == name).then_some(value)).unwrap_or_default()
    };
    let proxy = format!("http://{}", program.egress);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
        assert_eq!(of(name), proxy, "{name}");
    }
    for name in ["NO_PROXY", "no_proxy"] {
        let spared: Vec<_> = of(name).split(',').collect();
        assert_eq!(spared.first(), Some(&"internal.example"), "{name}");
        assert!(spared.contains(&"169.254.169.254"), "{name}: {spared:?}");
    }
    assert_eq!(of("NODE_USE_ENV_PROXY"), "1");
}

#[tokio::test]
async fn check_says_ok_or_every_fault() {
    let folder = tempfile::tempdir().unwrap();
    let file = program::config(folder.path(), "upstream = \"http://127.0.0.1:3000\"");
    let output = program::run(&mut sideray(&["check", "--config", &file])).await;
    assert_eq!((output.code, output.err.as_str()), (Some(0), ""), "{output:?}");
    assert!(output.out.starts_with("# ok: "), "{}", output.out);
    assert!(output.out.contains("upstream = \"http://127.0.0.1:3000\""), "{}", output.out);

    let file = program::config(folder.path(), "upstream = \"ftp://x\"\nnonsense = 1");
    let output = program::run(&mut sideray(&["check", "--config", &file])).await;
    assert_eq!((output.code, output.out.as_str()), (Some(2), ""), "{output:?}");
    assert_eq!(output.err.lines().count(), 2, "a line for each fault: {}", output.err);

    let mut command = sideray(&["check"]);
    command.current_dir(folder.path()).env("AWS_XRAY_DAEMON_ADDRESS", "nonsense");
    let output = program::run(&mut command).await;
    assert_eq!(output.code, Some(2));
    assert_eq!(output.err.lines().count(), 3, "./proxy.toml and the environment: {}", output.err);
}

#[tokio::test]
async fn what_it_does_not_understand_ends_with_2() {
    for arguments in [
        &["run", "--nonsense"] as &[&str],
        &["nonsense"],
        &["exec"],
        &["run", "--workers", "many"],
        &["run", "--config", "/no/such/file"],
        &[],
    ] {
        let output = program::run(&mut sideray(arguments)).await;
        assert_eq!((output.code, output.out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(!output.err.is_empty(), "{arguments:?} is explained");
    }
    let output = program::run(&mut sideray(&["--help"])).await;
    assert_eq!(output.code, Some(0));
    assert!(output.out.contains("Exit codes:"), "{}", output.out);
}

#[tokio::test]
async fn the_demo_prints_one_whole_trace() {
    let output = program::run(&mut sideray(&["demo", "--once"])).await;

    assert_eq!(output.code, Some(0), "{output:?}");
    for service in ["front", "stock", "payment"] {
        assert!(output.out.contains(service), "{service} is in\n{}", output.out);
    }
    assert!(output.out.contains("3 segments"), "{}", output.out);
    assert!(output.out.contains("FAULT"), "{}", output.out);
}

#[tokio::test]
async fn the_demo_serves_until_it_is_interrupted() {
    let mut child = sideray(&["demo"]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let shop = loop {
        let line = tokio::time::timeout(2 * DEADLINE, out.next_line()).await;
        let line = line.expect("the demo speaks").unwrap().expect("and does not end");
        if let Some(url) = line.trim().strip_prefix("curl http://")
            && let Some(address) = url.strip_suffix("/checkout")
        {
            break address.parse().unwrap();
        }
    };

    let response = client::send(shop, client::get("/checkout")).await;
    let id = i32::try_from(child.id().unwrap()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), Signal::INT)
        .unwrap();

    assert!(matches!(response.status().as_u16(), 200 | 502), "{response:?}");
    let ended = tokio::time::timeout(Duration::from_secs(10), child.wait());
    assert_eq!(ended.await.expect("it ends").unwrap().code(), Some(0));
    let mut rest = String::new();
    out.get_mut().read_to_string(&mut rest).await.unwrap();
}
