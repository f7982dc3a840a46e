//! Fetches central sampling rules, and reports what came of them, through the daemon's TCP port.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::StatusCode;
use http::header;
use tracing::debug;
use tracing::warn;

use crate::record::central::Central;
use crate::relay::ask::AskError;
use crate::relay::ask::ask;
use crate::sampling::central::quota::Counts;
use crate::sampling::central::schedule::Ask;
use crate::sampling::central::schedule::Schedule;
use crate::sampling::central::wire;
use crate::sampling::central::wire::Nonsense;
use crate::sys::clock::Clock;
use crate::sys::entropy::Entropy;

/// Most pages of rules.
const PAGES: usize = 32;

/// Asks, for as long as it is polled.
#[derive(Debug)]
pub(super) struct Poller {
    pub(super) central: Arc<Central>,
    /// Host and port of the daemon.
    pub(super) daemon: Box<str>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Box<dyn Entropy>,
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
enum PollError {
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("the daemon answered with {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Nonsense(#[from] Nonsense),
    #[error("the question cannot be put: {0}")]
    Question(#[from] http::Error),
}

impl Poller {
    /// Waits for the first request that has to be decided, and asks from then on.
    pub(super) async fn run(mut self) {
        self.central.wanted().notified().await;
        let client = self.client();
        let mut schedule = Schedule::start(self.monotonic(), self.entropy.bits());
        let mut quiet = false;
        loop {
            let (at, ask) = schedule.next();
            tokio::time::sleep(at.saturating_sub(self.monotonic())).await;
            let asked = self.ask(ask, &client).await;
            if let Some(asked) = &asked {
                self.central.polled(ask, asked.is_ok());
                if let Err(error) = asked {
                    complain(error, ask, quiet);
                }
                quiet = asked.is_err();
            }
            let (now, random) = (self.monotonic(), self.entropy.bits());
            match ask {
                Ask::Rules => schedule.asked_for_rules(matches!(asked, Some(Ok(_))), now, random),
                Ask::Targets => {
                    schedule.asked_for_targets(matches!(asked, Some(Ok(true))), now, random);
                }
            }
        }
    }

    /// Asks, and learns whether the rules have changed since they were fetched. None if there was
    /// nothing to tell.
    async fn ask(&self, ask: Ask, client: &str) -> Option<Result<bool, PollError>> {
        match ask {
            Ask::Rules => Some(self.rules().await.map(|()| false)),
            Ask::Targets => {
                let counts = self.central.report();
                if counts.is_empty() {
                    return None;
                }
                Some(self.targets(client, &counts).await)
            }
        }
    }

    fn monotonic(&self) -> Duration {
        self.clock.now().monotonic()
    }

    /// Who reports, to X-Ray: 24 hexadecimal digits.
    fn client(&mut self) -> String {
        let (high, low) = (self.entropy.bits(), self.entropy.bits());
        format!("{high:016x}{:08x}", low >> 32)
    }

    async fn rules(&self) -> Result<(), PollError> {
        let second = self.clock.now().wall().whole_seconds();
        let (mut rules, mut skipped, mut next) = (Vec::new(), 0, None);
        for _ in 0..PAGES {
            let question = wire::ask_rules(next.as_deref());
            let page = wire::read_rules(&self.post(wire::RULES, question).await?)?;
            rules.extend(page.rules);
            skipped += page.skipped;
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        debug!(rules = rules.len(), skipped, "central sampling rules have come");
        self.central.put(rules, second);
        Ok(())
    }

    /// Whether the rules have changed.
    async fn targets(
        &self,
        client: &str,
        counts: &[(Box<str>, Counts)],
    ) -> Result<bool, PollError> {
        let second = self.clock.now().wall().whole_seconds();
        let report = wire::report(client, second, counts);
        let answer = self.post(wire::TARGETS, report).await?;
        Ok(self.central.heed(&wire::read_targets(&answer)?))
    }

    async fn post(&self, path: &str, body: String) -> Result<Bytes, PollError> {
        let question = Request::post(path)
            .header(header::HOST, &*self.daemon)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body))?;
        let answer = ask(&self.daemon, question).await?;
        match answer.status() {
            StatusCode::OK => Ok(answer.into_body()),
            other => Err(PollError::Status(other)),
        }
    }
}

/// Says that a question was not answered: loudly the first time.
fn complain(error: &PollError, ask: Ask, quiet: bool) {
    if quiet {
        debug!(%error, ?ask, "asked about central sampling in vain");
    } else {
        warn!(
            %error,
            ?ask,
            "asked about central sampling in vain: what rules there are hold for an hour, then the \
             local ones count"
        );
    }
}
