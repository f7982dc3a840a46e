//! Which open inbound request caused this outbound call, or an honest "unknown".

pub mod options;
