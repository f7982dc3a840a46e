//! Signing anew: a request in any shape, and a body of chunks in any, down to the bytes.
#![no_main]

use std::cell::RefCell;
use std::sync::Arc;

use arbitrary::Arbitrary;
use bytes::BytesMut;
use http::HeaderName;
use http::HeaderValue;
use http::Request;
use libfuzzer_sys::fuzz_target;
use sideray::net::tls::client::Client;
use sideray::net::tls::options::ClientOptions;
use sideray::resign::Resigner;
use sideray::resign::options::Options;
use sideray::sys::clock::SystemClock;
use tokio::runtime::Builder;
use tokio::runtime::Runtime;

const MAX_BODY: usize = 1_000;

#[derive(Arbitrary, Debug)]
struct Input {
    target: String,
    /// What follows the names of headers that say something about signatures.
    headers: Vec<(Name, Vec<u8>)>,
    scope: Option<String>,
    chunked: Option<bool>,
    body: Vec<Piece>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Name {
    Account,
    Authorization,
    Hash,
    Length,
    Target,
    Token,
    Transfer,
}

#[derive(Arbitrary, Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Head(u16),
    End,
}

impl Name {
    const fn text(self) -> &'static str {
        match self {
            Self::Account => "x-amz-account-id",
            Self::Authorization => "authorization",
            Self::Hash => "x-amz-content-sha256",
            Self::Length => "content-length",
            Self::Target => "x-amz-target",
            Self::Token => "x-amz-security-token",
            Self::Transfer => "transfer-encoding",
        }
    }
}

impl Piece {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Head(size) => format!("{size:x};chunk-signature={}\r\n", "0".repeat(64)).into(),
            Self::End => b"\r\n".to_vec(),
        }
    }
}

impl Input {
    fn request(&self) -> Option<Request<()>> {
        let mut request = Request::post(&*self.target).body(()).ok()?;
        for (name, value) in &self.headers {
            let value = HeaderValue::from_bytes(value).ok()?;
            request.headers_mut().append(HeaderName::from_static(name.text()), value);
        }
        if let Some(scope) = &self.scope {
            let text = format!(
                "AWS4-HMAC-SHA256 Credential=A/20260101/{scope}/aws4_request, SignedHeaders=host, \
                 Signature=0"
            );
            request.headers_mut().insert("authorization", text.parse().ok()?);
        }
        if let Some(trailer) = self.chunked {
            let hash = if trailer { "PAYLOAD-TRAILER" } else { "PAYLOAD" };
            let hash = format!("STREAMING-AWS4-HMAC-SHA256-{hash}").parse().ok()?;
            request.headers_mut().insert("x-amz-content-sha256", hash);
        }
        Some(request)
    }
}

thread_local! {
    static WORLD: (Runtime, Resigner) = {
        let tls = Client::load(&ClientOptions::default()).expect("no roots are needed");
        let options = Options { enabled: true, endpoints: Vec::new(), max_body: MAX_BODY };
        let resigner = Resigner::new(options, tls, Arc::new(SystemClock::start()));
        (Builder::new_current_thread().enable_time().build().expect("a runtime"), resigner)
    };
    static OUT: RefCell<BytesMut> = RefCell::default();
}

fuzz_target!(
    init: {
        // Nobody else is asked for credentials, or for anything.
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "A"),
            ("AWS_SECRET_ACCESS_KEY", "B"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ] {
            // SAFETY: there is one thread.
            unsafe { std::env::set_var(name, value) };
        }
    },
    |input: Input| {
        let Some(mut request) = input.request() else { return };
        WORLD.with(|(runtime, resigner)| {
            let before = request.uri().clone();
            let Ok(mut plan) = resigner.plan(&request) else { return };
            let host = plan.origin.host().expect("it goes to a host");
            assert!(host.contains('.') && !host.contains('/'), "{host}");
            if let Some(kept) = plan.kept() {
                let mut size = 0;
                for piece in &input.body {
                    size += piece.bytes().len();
                    assert_eq!(kept.push(&piece.bytes()).is_ok(), size <= MAX_BODY, "{size}");
                    if size > MAX_BODY {
                        return;
                    }
                }
            }
            let Ok(chunks) = runtime.block_on(resigner.sign(&plan, &mut request)) else { return };
            assert_eq!(*request.uri(), before, "the target stays");
            assert!(request.headers()["authorization"].to_str().unwrap().contains("Credential=A/"));
            let Some(mut chunks) = chunks else { return };
            OUT.with_borrow_mut(|out| {
                out.clear();
                let mut size = 0;
                for piece in &input.body {
                    size += piece.bytes().len();
                    if chunks.push(&piece.bytes(), out).is_err() {
                        return;
                    }
                    assert!(out.len() <= size, "nothing grows");
                }
                assert!(!chunks.is_whole() || out.len() == size, "no length changes");
            });
        });
    }
);
