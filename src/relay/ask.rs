//! One question to the daemon over TCP, on a connection of its own: an SDK's, or ours about sampling.

use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::Response;
use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::Limited;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::net::connect::ConnectError;
use crate::net::connect::connect;

/// How long one question may take, connection and answer included.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Most bytes of an answer: a thousand sampling rules take a tenth of it.
pub const ANSWER: usize = 4 << 20;

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The address is none.
    #[error("{0} is no host and port")]
    Address(Box<str>),
    /// No connection could be made.
    #[error("the daemon cannot be reached: {0}")]
    Connect(#[from] ConnectError),
    /// It does not speak HTTP, or hung up.
    #[error("the daemon did not answer: {0}")]
    Exchange(#[from] hyper::Error),
    /// Its answer broke off, or is too long.
    #[error("the daemon's answer cannot be read: {0}")]
    Body(Box<dyn Error + Send + Sync>),
    /// Time ran out.
    #[error("the daemon did not answer in time")]
    TooLate,
}

impl AskError {
    /// Whether it was the time that ran out.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        match self {
            Self::TooLate => true,
            Self::Connect(error) => error.is_timeout(),
            Self::Address(_) | Self::Exchange(_) | Self::Body(_) => false,
        }
    }
}

/// Puts `question` to `daemon`, a `host:port`, and waits for its whole answer.
///
/// # Errors
///
/// If there is no answer, whatever it says, within [`PATIENCE`] and [`ANSWER`].
pub async fn ask(daemon: &str, question: Request<Bytes>) -> Result<Response<Bytes>, AskError> {
    let answer = timeout(PATIENCE, exchange(daemon, question)).await;
    answer.unwrap_or(Err(AskError::TooLate))
}

async fn exchange(daemon: &str, question: Request<Bytes>) -> Result<Response<Bytes>, AskError> {
    let (host, port) = daemon
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)))
        .ok_or_else(|| AskError::Address(daemon.into()))?;
    let stream = connect(host, port, PATIENCE).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut answer = pin!(async {
        let (head, body) = sender.send_request(question.map(Full::new)).await?.into_parts();
        let body = Limited::new(body, ANSWER).collect().await.map_err(AskError::Body)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    });
    tokio::select! {
        answer = &mut answer => answer,
        // What it has brought before it closed is still to be read.
        _ = connection => answer.await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    /// What is made of a daemon that answers with these bytes and hangs up; without, never.
    async fn asked(answer: Option<String>) -> Result<Response<Bytes>, AskError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let daemon = listener.local_addr().unwrap().to_string();
        let serve = async {
            let (mut io, _) = listener.accept().await.unwrap();
            let Some(answer) = answer else { return std::future::pending().await };
            assert!(io.read(&mut [0; 1_024]).await.unwrap() > 0);
            // It may hang up before it has heard all.
            drop(io.write_all(answer.as_bytes()).await);
            io.shutdown().await.ok();
            std::future::pending::<()>().await;
        };
        let question = Request::post("/GetSamplingRules").body(Bytes::from_static(b"{}")).unwrap();
        tokio::select! {
            answer = ask(&daemon, question) => answer,
            () = serve => unreachable!(),
        }
    }

    fn answer_of(length: usize) -> String {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length))
    }

    #[tokio::test]
    async fn an_answer_is_bounded_and_whole() {
        let most = asked(Some(answer_of(ANSWER))).await.unwrap();
        assert_eq!(most.body().len(), ANSWER);
        let more = asked(Some(answer_of(ANSWER + 1))).await;
        assert!(matches!(more, Err(AskError::Body(_))), "{more:?}");
        let broken = asked(Some(answer_of(9).trim_end_matches('x').to_owned())).await;
        assert!(matches!(broken, Err(AskError::Body(_))), "{broken:?}");
        let nonsense = asked(Some("SSH-2.0-OpenSSH\r\n".to_owned())).await;
        assert!(matches!(nonsense, Err(AskError::Exchange(_))), "{nonsense:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_waited_out_for_so_long_only() {
        let error = asked(None).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
    }

    #[tokio::test]
    async fn an_address_without_a_port_is_none() {
        for address in ["daemon", "daemon:", "daemon:http", ""] {
            let error = ask(address, Request::new(Bytes::new())).await.unwrap_err();
            assert!(matches!(error, AskError::Address(_)), "{address}: {error}");
        }
    }
}
