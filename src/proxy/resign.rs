//! Calls of AWS APIs that were sent and signed to the egress port as if that were AWS: signed anew,
//! they go on to where AWS is, as any other call does.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Request;
use http::Response;
use http::StatusCode;
use http::Uri;
use http::header::EXPECT;
use http::header::UPGRADE;
use http_body_util::BodyExt as _;
use tracing::debug;

use crate::http1::server::Abort;
use crate::proxy::body::Body;
use crate::proxy::body::Upload;
use crate::proxy::body::UploadError;
use crate::proxy::called::Guard;
use crate::proxy::egress::Egress;
use crate::proxy::error::Error;
use crate::proxy::facts::ConnFacts;
use crate::proxy::incoming::Incoming;
use crate::proxy::incoming::Resigned;
use crate::proxy::options::Origin;
use crate::proxy::options::Protocol;
use crate::proxy::reply;
use crate::proxy::target;
use crate::proxy::target::Unroutable;
use crate::resign::Kept;
use crate::resign::ResignError;
use crate::resign::Resigner;

/// What became of requests to the egress port itself while it signs anew, shared by the workers.
#[derive(Debug, Default)]
pub struct Counters {
    /// Signed anew and sent on.
    pub signed: AtomicU64,
    /// Answered with the reason why not.
    pub refused: AtomicU64,
}

/// Why a request is not sent on.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    /// It cannot be signed anew.
    #[error("{0}")]
    Resign(#[from] ResignError),
    /// Its body did not come.
    #[error("{0}")]
    Upload(#[from] UploadError),
    /// Where it would go is no server.
    #[error("{0}")]
    Unroutable(#[from] Unroutable),
}

/// One worker's part in signing anew.
#[derive(Debug)]
pub struct Resign {
    /// Who signs. Shared by all workers.
    pub resigner: Arc<Resigner>,
    /// What is counted.
    pub counters: Arc<Counters>,
}

impl Egress {
    /// Signs a request anew and passes it on to where it goes, or answers why not.
    pub(super) async fn resign(
        &self,
        resign: &Resign,
        conn: &ConnFacts,
        request: Request<Incoming>,
    ) -> Result<Response<Body<Guard>>, Abort> {
        match signed(&resign.resigner, request, self.relay.timeouts.idle).await {
            Ok((origin, request)) => {
                resign.counters.signed.fetch_add(1, Ordering::Relaxed);
                self.proxy(conn, origin, request).await
            }
            Err(refusal) => {
                debug!(%refusal, "call is not signed anew");
                resign.counters.refused.fetch_add(1, Ordering::Relaxed);
                Ok(refused(refusal))
            }
        }
    }
}

/// The request as AWS wants it, and its server. What must be kept of its body is here by then.
async fn signed(
    resigner: &Resigner,
    request: Request<Incoming>,
    idle: Duration,
) -> Result<(Origin, Request<Incoming>), Refusal> {
    let (head, mut body) = request.into_parts();
    let mut head = Request::from_parts(head, ());
    let mut plan = resigner.plan(&head)?;
    if let Some(kept) = plan.kept() {
        let interim = body.interim();
        keep(body, kept, idle).await?;
        body = Incoming::Kept { data: None, interim };
        // The service was told to go on, and has sent everything; nothing else is to follow.
        head.headers_mut().remove(EXPECT);
        head.headers_mut().remove(UPGRADE);
    }
    if let Some(chunks) = resigner.sign(&plan, &mut head).await? {
        body = Incoming::Resigned(Box::new(Resigned::new(body, chunks)));
    }
    let origin = origin(&plan.origin)?;
    if let (Some(kept), Incoming::Kept { data, .. }) = (plan.into_kept(), &mut body) {
        *data = Some(kept.into_bytes()).filter(|bytes| !bytes.is_empty());
    }
    Ok((origin, head.map(|()| body)))
}

/// Takes a whole body in.
async fn keep(body: Incoming, kept: &mut Kept, idle: Duration) -> Result<(), Refusal> {
    let mut upload = Upload::new(body, idle, None);
    while let Some(frame) = upload.frame().await.transpose()? {
        if let Some(data) = frame.data_ref() {
            kept.push(data)?;
        }
    }
    Ok(())
}

/// HTTP/1.1, because that is what the service speaks to us.
fn origin(uri: &Uri) -> Result<Origin, Unroutable> {
    let (protocol, port) = match uri.scheme_str() {
        Some("http") => (Protocol::Http1, 80),
        _ => (Protocol::TlsHttp1, 443),
    };
    let authority = uri.authority().ok_or(Unroutable::NoHost)?;
    Ok(Origin::new(protocol, target::with_port(authority.as_str(), Some(port))?))
}

fn refused(refusal: Refusal) -> Response<Body<Guard>> {
    match refusal {
        Refusal::Resign(error) => reply::text(error.status(), error.advice()),
        Refusal::Upload(error) => reply::gateway(Error::Client(error).status()),
        Refusal::Unroutable(_) => reply::gateway(StatusCode::BAD_GATEWAY),
    }
}
