//! Asking again, for a while.

use std::fmt::Display;

use tracing::debug;

use crate::origin::Looker;

/// Why an attempt came to nothing.
#[derive(Debug)]
pub(super) enum Failure<E> {
    /// It would come to nothing again.
    Final(E),
    /// It may well go better later.
    Passing(E),
}

/// The first that an attempt brings. None after the last, or once it is clear that none will; that
/// is said once.
pub(super) async fn insist<T, E: Display>(
    looker: &Looker<'_>,
    attempt: impl AsyncFn() -> Result<T, Failure<E>>,
) -> Option<T> {
    let plugin = looker.plugin.as_str();
    for wait in &looker.places.patience.before {
        match attempt().await {
            Ok(found) => return Some(found),
            Err(Failure::Final(why)) => {
                looker.in_vain(&why);
                return None;
            }
            Err(Failure::Passing(why)) => debug!(plugin, %why, ?wait, "asked in vain"),
        }
        tokio::time::sleep(*wait).await;
    }
    match attempt().await {
        Ok(found) => Some(found),
        Err(Failure::Final(why) | Failure::Passing(why)) => {
            looker.in_vain(&why);
            None
        }
    }
}
