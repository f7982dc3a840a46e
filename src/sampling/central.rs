//! Central sampling: the rules that X-Ray keeps for an account, and for each of them what this
//! sidecar may take of its reservoir. Source: X-Ray API reference, `GetSamplingRules` and
//! `GetSamplingTargets`; where that is silent, the X-Ray SDKs.
//!
//! [`rule`] finds the rule of a request, [`quota`] decides by it and counts, [`wire`] says what is
//! asked and understands what is answered, [`schedule`] tells when to ask.

pub mod quota;
pub mod rule;
pub mod schedule;
pub mod wire;

/// How long rules hold after they were last fetched, in seconds. Then the local rules count.
pub const HOLDS: u64 = 3_600;
