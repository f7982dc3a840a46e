//! Which requests are recorded.
