//! The `sideray` program: reads the command line, runs the command, exits with its code.

use std::process::ExitCode;

use clap::Parser;

use sideray::cli;
use sideray::cli::args::Cli;

/// Requests are many small allocations on few threads, which is what mimalloc is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main(Cli::parse())
}
