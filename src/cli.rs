//! The command line: what can be asked for, and what the exit code then says.

pub mod args;
pub mod check;

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
