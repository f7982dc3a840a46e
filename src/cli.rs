//! The command line: what can be asked for, and what the exit code then says.

pub mod args;
pub mod ca;
pub mod carriers;
pub mod check;
pub mod demo;
pub mod exec;
mod log;
mod resolve;
pub mod run;

use std::io;
use std::process::ExitCode;

use self::args::Cli;
use self::args::Command;
use crate::config::env;
use crate::config::env::Env;
use crate::config::process::Log;
use crate::sys::clock::Clock;
use crate::sys::clock::SystemClock;

/// Does what the command line asks for.
#[must_use]
pub fn main(cli: Cli) -> ExitCode {
    let code = match cli.command {
        Command::Run(settings) => run::run(&settings),
        Command::Exec(args) => exec::exec(&args),
        Command::Demo(args) => demo::demo(args),
        Command::DemoService(service) => demo::service::serve(service),
        Command::Ca(args) => {
            log::start(&Log::default());
            let now = SystemClock::start().now().wall();
            let (mut out, mut err) = (io::stdout(), io::stderr());
            ca::ca(&args, &env::variable, now, &mut out, &mut err).unwrap_or(exit::FAILED)
        }
        Command::Carriers(args) => {
            log::start(&Log::default());
            carriers::carriers(&args)
        }
        Command::Check(settings) => {
            let (mut out, mut err) = (io::stdout(), io::stderr());
            check::check(&settings, Env::process(), &mut out, &mut err).unwrap_or(exit::FAILED)
        }
    };
    ExitCode::from(code)
}

/// The exit codes of every command; `exec` otherwise passes on that of its COMMAND. They stand in
/// the long help of the program.
pub mod exit {
    /// It was done.
    pub const OK: u8 = 0;
    /// It could not start, or failed on the way.
    pub const FAILED: u8 = 1;
    /// The command line or the configuration is at fault.
    pub const USAGE: u8 = 2;
    /// `exec`: COMMAND was found but cannot be run. As in a shell.
    pub const NOT_EXECUTABLE: u8 = 126;
    /// `exec`: COMMAND was not found. As in a shell.
    pub const NOT_FOUND: u8 = 127;
    /// `exec`: added to the number of the signal that ended COMMAND. As in a shell.
    pub const BY_SIGNAL: u8 = 128;
}
