//! An X-Ray daemon as strict as the real one, that keeps what it receives.

use std::collections::VecDeque;
use std::fs;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;
use socket2::SockRef;

use super::DEADLINE;

/// Where documents are kept for a judge to look at, if the variable is set: a file a daemon, named
/// for the test. Those of tests whose callers are traced elsewhere end in `.open.jsonl`, because
/// their parents are missing on purpose.
const KEEP: &str = "SIDERAY_TEST_DOCUMENTS_DIR";

/// Which callers a test has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Every parent is among the documents.
    Known,
    /// Some callers are traced elsewhere, or documents are lost on purpose.
    Elsewhere,
}

#[derive(Debug)]
pub struct Daemon {
    socket: UdpSocket,
    callers: Callers,
    waiting: VecDeque<Value>,
    /// Every document, as it came.
    received: Vec<String>,
}

impl Daemon {
    pub fn start() -> Self {
        Self::with(Callers::Known)
    }

    pub fn with(callers: Callers) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        // More than the default, so that a burst is not lost here. Root may ask for more still.
        SockRef::from(&socket).set_recv_buffer_size(64 << 20).unwrap();
        Self { socket, callers, waiting: VecDeque::new(), received: Vec::new() }
    }

    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// The next document of any kind.
    pub fn next(&mut self) -> Value {
        self.next_where("document", |_| true)
    }

    /// The next complete segment.
    pub fn segment(&mut self) -> Value {
        self.next_where("complete segment", |document| {
            document.get("type").is_none() && document.get("in_progress").is_none()
        })
    }

    /// The next subsegment that came on its own.
    pub fn subsegment(&mut self) -> Value {
        self.next_where("separate subsegment", |document| document["type"] == "subsegment")
    }

    /// The next document that is as wanted; others stay for later.
    pub fn next_where(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + DEADLINE;
        let mut looked_at = 0;
        loop {
            while let Some(document) = self.waiting.get(looked_at) {
                if wanted(document) {
                    return self.waiting.remove(looked_at).unwrap();
                }
                looked_at += 1;
            }
            let left = end.checked_duration_since(Instant::now());
            let left = left.unwrap_or_else(|| panic!("no {what} came; others: {:?}", self.waiting));
            self.receive(left);
        }
    }

    /// Everything that has been received and not been asked for yet.
    pub fn drain(&mut self) -> Vec<Value> {
        self.socket.set_nonblocking(true).unwrap();
        while self.receive_now() {}
        self.socket.set_nonblocking(false).unwrap();
        self.waiting.drain(..).collect()
    }

    fn receive(&mut self, left: std::time::Duration) {
        self.socket.set_read_timeout(Some(left)).unwrap();
        self.receive_now();
    }

    fn receive_now(&mut self) -> bool {
        let mut buffer = vec![0; 65_536];
        let Ok(length) = self.socket.recv(&mut buffer) else { return false };
        let document = judge(&buffer[..length]);
        self.received.push(document.to_owned());
        self.waiting.push_back(serde_json::from_str(document).unwrap());
        true
    }
}

/// What the real daemon demands of a datagram, and what X-Ray demands of a document.
fn judge(datagram: &[u8]) -> &str {
    assert!(datagram.len() <= 65_507, "a datagram of {} bytes", datagram.len());
    let text = std::str::from_utf8(datagram).expect("a datagram is text");
    let (header, document) = text.split_once('\n').expect("a header line");
    assert_eq!(header, r#"{"format":"json","version":1}"#);
    let value: Value = serde_json::from_str(document).expect("a document is JSON");
    assert!(!document.contains('\n'), "a document is one line");
    let object = value.as_object().expect("a document is an object");
    let first = object.keys().next().map(String::as_str);
    assert_eq!(first, Some("id"), "the daemon takes the first id for the document's own");
    for field in ["id", "trace_id", "name", "start_time"] {
        assert!(object.contains_key(field), "no {field} in {document}");
    }
    let ended = object.contains_key("end_time");
    let open = value["in_progress"] == true;
    assert!(ended != open, "exactly one of end_time and in_progress: {document}");
    document
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let Some(folder) = std::env::var_os(KEEP).map(PathBuf::from) else { return };
        self.drain();
        if self.received.is_empty() {
            return;
        }
        let name = std::thread::current().name().unwrap_or("test").replace("::", "-");
        let kind = match self.callers {
            Callers::Known => "jsonl",
            Callers::Elsewhere => "open.jsonl",
        };
        let file = folder.join(format!("{name}-{}.{kind}", self.address().port()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(file, self.received.join("\n")).unwrap();
    }
}
