//! From the command line to a configuration, the same way for every command.

use crate::cli::args::Settings;
use crate::config;
use crate::config::Config;
use crate::config::env::Env;
use crate::config::fault::Faults;
use crate::config::source::File;
use crate::config::source::Sources;

/// What was read, in words, and what it comes to.
///
/// # Errors
///
/// Every fault of the file, the environment and the flags.
pub(super) fn resolve(settings: &Settings, env: Env) -> Result<(String, Config), Faults> {
    let file = File::find(settings.config.as_deref())?;
    let source = match &file {
        Some(file) => format!("{}, the environment and the flags", file.path.display()),
        None => "no file, the environment and the flags".to_owned(),
    };
    let config = config::load(&Sources { file, env, flags: settings.flags() })?;
    Ok((source, config))
}
