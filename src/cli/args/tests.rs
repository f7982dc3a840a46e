//! What the command line takes, and that its help keeps its promises.

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;
use crate::cli::exit;
use crate::config;
use crate::config::env::Env;
use crate::config::source::Sources;

fn parse(line: &[&str]) -> Result<Command, clap::Error> {
    Cli::try_parse_from(std::iter::once(&"sideray").chain(line)).map(|cli| cli.command)
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn run_takes_a_file_and_the_few_flags() {
    let line = ["run", "-c", "a.toml", "-u", "http://h", "--name", "shop", "-w", "2"];
    let Ok(Command::Run(settings)) = parse(&line) else { panic!("not run") };
    assert_eq!(settings.config, Some("a.toml".into()));
    let flags = settings.flags();
    assert_eq!(flags.upstream.as_deref(), Some("http://h"));
    assert_eq!((flags.name.as_deref(), flags.workers.as_deref()), (Some("shop"), Some("2")));
    assert_eq!((flags.daemon, flags.admin_listen), (None, None));
}

#[test]
fn what_follows_the_dashes_is_the_command() {
    let line = ["exec", "--daemon", "h:1", "--", "curl", "--config", "x"];
    let Ok(Command::Exec(exec)) = parse(&line) else { panic!("not exec") };
    assert_eq!(exec.command, ["curl", "--config", "x"]);
    assert_eq!((exec.settings.config, exec.settings.daemon.as_deref()), (None, Some("h:1")));
    let Ok(Command::Demo(demo)) = parse(&["demo", "--once"]) else { panic!("not demo") };
    assert!(demo.once);
}

#[test]
fn bad_usage_exits_with_2() {
    for line in [&["exec"][..], &["exec", "--"], &["exec", "ls"], &["run", "--prot", "1"], &["x"]] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), i32::from(exit::USAGE), "{line:?}");
    }
    assert_eq!(parse(&["--help"]).unwrap_err().kind(), ErrorKind::DisplayHelp);
}

#[test]
fn the_long_help_tells_every_exit_code() {
    let help = Cli::command().render_long_help().to_string();
    for code in [exit::OK, exit::FAILED, exit::USAGE] {
        assert!(help.contains(&format!("\n  {code}      ")), "{code} in {help}");
    }
    for code in [exit::NOT_EXECUTABLE, exit::NOT_FOUND, exit::BY_SIGNAL] {
        assert!(help.contains(&format!("{code} ")), "{code} in {help}");
    }
}

#[test]
fn the_help_tells_the_defaults() {
    let config = config::load(&Sources::default()).unwrap();
    let help = Cli::command().find_subcommand_mut("run").unwrap().render_help().to_string();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for default in [
        config.ingress.listen.to_string(),
        format!("http://{}", config.ingress.upstream.authority),
        config.egress.listen.to_string(),
        config.admin.listen.to_string(),
        config.record.name.as_str().to_owned(),
    ] {
        assert!(help.contains(&format!("[default: {default}]")), "{default} in {help}");
    }
}

#[test]
fn a_fault_of_a_flag_is_told_by_its_name() {
    let flags = Cli::command();
    let run = flags.find_subcommand("run").unwrap();
    let long: Vec<String> = run
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .filter(|name| *name != "config")
        .map(|name| format!("--{name}"))
        .collect();
    let line: Vec<String> =
        long.iter().flat_map(|flag| [flag.clone(), "\u{1}".to_owned()]).collect();
    let line: Vec<&str> = std::iter::once("run").chain(line.iter().map(String::as_str)).collect();
    let Ok(Command::Run(settings)) = parse(&line) else { panic!("not run") };
    let sources = Sources { file: None, env: Env::default(), flags: settings.flags() };
    let faults = config::load(&sources).unwrap_err().to_string();
    assert_eq!(long.len(), 7);
    for flag in long {
        assert!(faults.contains(&format!("{flag}: \"")), "{flag} in {faults}");
    }
}
