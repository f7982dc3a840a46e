//! Credentials as requests need them, over time.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use aws_credential_types::provider::future;
use tokio::sync::Semaphore;

use super::*;

/// Gives what it is told, once it is let.
#[derive(Clone, Debug)]
struct Provider(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    asked: AtomicUsize,
    /// How long each answer lasts; `None` is a failure.
    lasts: parking_lot::Mutex<Option<Duration>>,
    gate: Semaphore,
}

impl Provider {
    fn new(lasts: Option<Duration>) -> Self {
        let gate = Semaphore::new(1);
        let (asked, lasts) = (AtomicUsize::new(0), parking_lot::Mutex::new(lasts));
        Self(Arc::new(Inner { asked, lasts, gate }))
    }

    fn asked(&self) -> usize {
        self.0.asked.load(Ordering::Relaxed)
    }

    fn now(&self, lasts: Option<Duration>) {
        *self.0.lasts.lock() = lasts;
    }
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            drop(self.0.gate.acquire().await);
            let number = self.0.asked.fetch_add(1, Ordering::Relaxed) + 1;
            let lasts = *self.0.lasts.lock();
            let lasts = lasts.ok_or_else(|| CredentialsError::not_loaded("none here"))?;
            let end = (lasts < FOR_EVER).then(|| at(0) + lasts);
            Ok(Credentials::new(format!("KEY{number}"), "secret", None, end, "tests"))
        })
    }
}

const FOR_EVER: Duration = Duration::from_secs(1_000_000);
const HOUR: Duration = Duration::from_secs(3600);

fn at(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160 + second)
}

/// The key at this second; `-` if there is none.
async fn key(keeper: &Keeper, second: u64) -> String {
    match keeper.credentials(at(second)).await {
        Ok(credentials) => credentials.access_key_id().to_owned(),
        Err(ResignError::NoCredentials { .. }) => "-".into(),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn are_asked_for_once_and_kept_until_shortly_before_their_end() {
    let provider = Provider::new(Some(HOUR));
    let keeper = Keeper::given(provider.clone());
    assert_eq!(provider.asked(), 0, "nobody is asked before there is a request");
    for (second, expected) in [(0, "KEY1"), (100, "KEY1"), (3299, "KEY1"), (3300, "KEY2")] {
        assert_eq!(key(&keeper, second).await, expected, "second {second}");
    }
}

#[tokio::test]
async fn those_without_end_are_asked_for_now_and_then() {
    let provider = Provider::new(Some(FOR_EVER));
    let keeper = Keeper::given(provider.clone());
    for (second, expected) in [(0, "KEY1"), (899, "KEY1"), (900, "KEY2")] {
        assert_eq!(key(&keeper, second).await, expected, "second {second}");
    }
    provider.now(None);
    assert_eq!(key(&keeper, 1800).await, "KEY2", "the old ones are better than none");
}

#[tokio::test]
async fn many_requests_ask_once() {
    let provider = Provider::new(Some(HOUR));
    let closed = provider.0.gate.acquire().await.unwrap();
    let keeper = Arc::new(Keeper::given(provider.clone()));
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let keeper = Arc::clone(&keeper);
        requests.spawn(async move { key(&keeper, 0).await });
    }
    tokio::task::yield_now().await;
    drop(closed);
    assert!(requests.join_all().await.iter().all(|key| key == "KEY1"));
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn what_still_lasts_is_used_while_one_renews_it() {
    let provider = Provider::new(Some(HOUR));
    let keeper = Arc::new(Keeper::given(provider.clone()));
    assert_eq!(key(&keeper, 0).await, "KEY1");
    let asking = keeper.asking.lock().await;
    assert_eq!(key(&keeper, 3400).await, "KEY1", "it does not wait");
    drop(asking);
    assert_eq!(key(&keeper, 3400).await, "KEY2");
}

#[tokio::test]
async fn a_failure_stands_for_a_second_and_costs_nothing_that_still_lasts() {
    let provider = Provider::new(None);
    let keeper = Keeper::given(provider.clone());
    assert_eq!(key(&keeper, 0).await, "-");
    assert_eq!(key(&keeper, 0).await, "-");
    assert_eq!(provider.asked(), 1, "nobody asks again at once");
    assert_eq!(key(&keeper, 1).await, "-");
    assert_eq!(provider.asked(), 2);
    provider.now(Some(HOUR));
    assert_eq!(key(&keeper, 2).await, "KEY3");
    provider.now(None);
    assert_eq!(key(&keeper, 3400).await, "KEY3", "it lasts");
    assert_eq!(key(&keeper, 3600).await, "-", "it has ended");
}

#[tokio::test(start_paused = true)]
async fn providers_that_do_not_answer_are_given_up() {
    let provider = Provider::new(Some(HOUR));
    let closed = provider.0.gate.acquire().await.unwrap();
    let keeper = Keeper::given(provider.clone());
    let error = keeper.credentials(at(0)).await.unwrap_err();
    assert!(matches!(
        error,
        ResignError::NoCredentials { source } if matches!(*source, CredentialsError::ProviderTimedOut(_))
    ));
    drop(closed);
}
