//! The two handlers, [`ingress`] and [`egress`], and what they are made of.
//!
//! A connection is served by [`serve`], which hands each request to a handler. Both handlers read
//! the same way: look at the request ([`facts`]), open its exchange with the recorder, pass it on
//! ([`relay`], [`rewrite`], [`upstream`]), and let the response's body ([`body`]) close the exchange
//! when it ends, however it ends.

pub mod annotator;
pub mod body;
pub mod called;
pub mod egress;
pub mod error;
pub mod facts;
mod first;
pub mod incoming;
pub mod ingress;
pub mod intercept;
pub mod look;
pub mod options;
mod refusals;
pub mod relay;
pub mod reply;
pub mod resign;
pub mod rewrite;
pub mod serve;
pub mod target;
pub mod upgrade;
pub mod upstream;
pub mod watcher;
