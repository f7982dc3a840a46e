//! The embedded collector: a bounded store of traces and the JSON that shows them.
//!
//! Documents come in any order into the [`store`]; [`api`] answers with them as JSON and [`tree`]
//! draws one trace for a terminal. [`entity`] reads the fields, leniently: documents may come from
//! any X-Ray SDK.

pub mod api;
pub mod entity;
pub mod options;
pub mod store;
pub mod summary;
pub mod tree;
