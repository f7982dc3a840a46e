//! `sideray carriers`: writes the carriers for a service that `exec` does not start.

use std::io::Write as _;

use crate::carriers;
use crate::cli::args::Carriers;
use crate::cli::exit;
use crate::cli::log;
use crate::config::env;

/// Writes them, and prints the variables to set.
#[must_use]
pub fn carriers(args: &Carriers) -> u8 {
    let out = std::path::absolute(&args.out).unwrap_or_else(|_| args.out.clone());
    let written = match carriers::Carriers::write(&out) {
        Ok(written) => written,
        Err(error) => {
            log::report(&error, "nothing was written");
            return exit::FAILED;
        }
    };
    let mut text = String::new();
    for (name, value) in written.environment(&env::variable) {
        text += &format!("{name}={}\n", value.to_string_lossy());
    }
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => exit::OK,
        Err(_) => exit::FAILED,
    }
}
