//! Whose signature it will be: AWS's default chain of providers, asked when a request first needs
//! it, and kept for as long as its answer lasts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_types::error::display::DisplayErrorContext;
use tokio::sync::Mutex;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tracing::warn;

use crate::net::tls::client::Client;
use crate::resign::error::ResignError;
use crate::resign::fetch::Fetch;

/// How long before their end credentials are renewed. The metadata services have new ones five
/// minutes ahead, at least. Source: EC2 user guide, "Retrieve security credentials from instance
/// metadata".
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// How long credentials are kept that do not say until when they last: a file may have new ones.
const ENDLESS: Duration = Duration::from_secs(15 * 60);

/// How long all providers together may take. Requests wait for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a failure stands before the providers are asked again.
const REST: Duration = Duration::from_secs(1);

/// Credentials as they are needed. Shared by all workers.
pub(super) struct Keeper {
    source: Source,
    /// The last that were given.
    held: ArcSwapOption<Held>,
    /// Held by whoever asks the providers, across their answer, so that they are asked once; in it,
    /// their last failure.
    asking: Mutex<Option<Failure>>,
}

/// Where credentials come from.
enum Source {
    /// The default chain: environment, profile, web identity, container, instance. To make it may
    /// take a request to the instance, for its region.
    Chain { tls: Client, chain: OnceCell<SharedCredentialsProvider> },
    /// Another, for tests.
    #[cfg(test)]
    Given(SharedCredentialsProvider),
}

struct Held {
    credentials: Credentials,
    /// From when on they are to be renewed, and until when they are good.
    renew: SystemTime,
    end: SystemTime,
}

struct Failure {
    at: SystemTime,
    error: Arc<CredentialsError>,
}

impl Keeper {
    /// Asks nobody yet. What is asked over TLS is asked by `tls`.
    pub(super) fn new(tls: Client) -> Self {
        Self::with(Source::Chain { tls, chain: OnceCell::new() })
    }

    #[cfg(test)]
    pub(super) fn given(provider: impl ProvideCredentials + 'static) -> Self {
        Self::with(Source::Given(SharedCredentialsProvider::new(provider)))
    }

    fn with(source: Source) -> Self {
        Self { source, held: ArcSwapOption::empty(), asking: Mutex::new(None) }
    }

    /// Credentials that are good at `now`. Waits, for ten seconds at most after whoever else waits,
    /// if none are held; those that are about to end are renewed by one request, and the others go
    /// on with them.
    pub(super) async fn credentials(&self, now: SystemTime) -> Result<Credentials, ResignError> {
        let held = self.held.load_full().filter(|held| now < held.end);
        let mut failed = match held {
            Some(held) if now < held.renew => return Ok(held.credentials.clone()),
            Some(held) => match self.asking.try_lock() {
                Ok(failed) => failed,
                Err(_) => return Ok(held.credentials.clone()),
            },
            None => self.asking.lock().await,
        };
        // Somebody may have asked while we waited.
        let held = self.held.load_full().filter(|held| now < held.end);
        if let Some(held) = held.as_ref().filter(|held| now < held.renew) {
            return Ok(held.credentials.clone());
        }
        let recent = |failure: &&Failure| {
            now.duration_since(failure.at).is_ok_and(|ago| ago < REST) || now < failure.at
        };
        let error = match failed.as_ref().filter(recent) {
            Some(failure) => Arc::clone(&failure.error),
            None => match self.ask().await {
                Ok(credentials) => {
                    *failed = None;
                    self.held.store(Some(Arc::new(Held::new(credentials.clone(), now))));
                    return Ok(credentials);
                }
                Err(error) => {
                    warn!(error = %DisplayErrorContext(&error), "no AWS credentials to sign with");
                    let error = Arc::new(error);
                    *failed = Some(Failure { at: now, error: Arc::clone(&error) });
                    error
                }
            },
        };
        match held {
            Some(held) => Ok(held.credentials.clone()),
            None => Err(ResignError::NoCredentials { source: error }),
        }
    }

    async fn ask(&self) -> Result<Credentials, CredentialsError> {
        let asked = async {
            match &self.source {
                Source::Chain { tls, chain } => {
                    let chain = chain.get_or_init(|| make(tls.clone())).await;
                    chain.provide_credentials().await
                }
                #[cfg(test)]
                Source::Given(provider) => provider.provide_credentials().await,
            }
        };
        let timed_out = |_| Err(CredentialsError::provider_timed_out(PATIENCE));
        timeout(PATIENCE, asked).await.unwrap_or_else(timed_out)
    }
}

/// The chain. It reads environment and files itself, and keeps nothing that it was given.
async fn make(tls: Client) -> SharedCredentialsProvider {
    let config = ProviderConfig::without_region().with_http_client(Fetch::new(tls));
    let chain = DefaultCredentialsChain::builder().configure(config).build().await;
    SharedCredentialsProvider::new(chain)
}

impl Held {
    fn new(credentials: Credentials, now: SystemTime) -> Self {
        let (renew, end) = match credentials.expiry() {
            Some(end) => (end.checked_sub(AHEAD).unwrap_or(now), end),
            // Where no others can be had, they may still be good.
            None => (now + ENDLESS, now + ENDLESS * 1000),
        };
        Self { credentials, renew, end }
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
