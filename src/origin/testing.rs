//! A fake of whoever is asked, on loopback, and of the files of a machine.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::net::tls::server::Server;
use crate::origin;
use crate::origin::options::Options;
use crate::origin::options::Patience;
use crate::origin::options::Plugin;
use crate::origin::options::Plugins;
use crate::trace::site::Site;

/// Somebody who answers each request, over a connection of its own, as a list says; a request beyond
/// the list, or one whose answer is blank, hangs.
pub(super) struct Fake {
    listener: TcpListener,
    answers: Vec<String>,
    tls: Option<Arc<Server>>,
}

impl Fake {
    pub(super) async fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let answers = answers.iter().map(|answer| (*answer).to_owned()).collect();
        Self { listener, answers, tls: None }
    }

    pub(super) fn over(self, tls: Arc<Server>) -> Self {
        Self { tls: Some(tls), ..self }
    }

    pub(super) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// Serves while `asking` asks; what comes of that, and the heads of the requests there were.
    pub(super) async fn during<T>(self, asking: impl Future<Output = T>) -> (T, Vec<String>) {
        let heads = RefCell::new(Vec::new());
        let serve = async {
            let mut hanging: Vec<Box<dyn AsyncWrite + Unpin>> = Vec::new();
            let mut answers = self.answers.iter();
            loop {
                let (tcp, _) = self.listener.accept().await.unwrap();
                let mut io: Box<dyn Io> = match &self.tls {
                    None => Box::new(tcp),
                    Some(tls) => match tls.acceptor().accept(tcp).await {
                        Ok(io) => Box::new(io),
                        Err(_) => continue,
                    },
                };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(io.read_u8().await.unwrap());
                }
                heads.borrow_mut().push(String::from_utf8(head).unwrap());
                match answers.next().filter(|answer| !answer.is_empty()) {
                    Some(answer) => {
                        // Whoever has seen enough may have gone.
                        io.write_all(answer.as_bytes()).await.ok();
                        io.shutdown().await.ok();
                    }
                    None => hanging.push(io),
                }
            }
        };
        let came = tokio::select! {
            came = asking => came,
            () = serve => unreachable!("it serves for ever"),
        };
        (came, heads.into_inner())
    }
}

trait Io: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

/// An answer with a body.
pub(super) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// An answer without one.
pub(super) fn status(status: u16) -> String {
    format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n")
}

/// The files of a machine, by path and text.
pub(super) fn machine(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    root
}

/// A search on that machine, for what is evident, with two attempts.
pub(super) fn options(root: &Path) -> Options {
    let mut options = Options::default();
    options.places.root = root.to_owned();
    options.places.kubernetes = "https://127.0.0.1:1".into();
    let (request, wait) = (Duration::from_millis(300), Duration::from_millis(1));
    options.places.patience = Patience { request, before: vec![wait] };
    options
}

/// The same for one kind, evident or not.
pub(super) fn named(root: &Path, plugin: Plugin) -> Options {
    Options { plugins: Plugins::Named(vec![plugin]), ..options(root) }
}

/// All that a search finds, as segments would say it: the origin, and the `aws` block.
pub(super) async fn found(options: &Options) -> (Option<&'static str>, Value) {
    let site = RefCell::new(Site::default());
    origin::given(options, &mut site.borrow_mut());
    origin::search(options, |found| found.add_to(&mut site.borrow_mut())).await;
    let site = site.into_inner();
    (site.origin.map(|origin| origin.as_str()), site.aws.into())
}
