//! An X-Ray daemon as strict as the real one, that keeps what it receives.

use std::collections::HashSet;
use std::collections::VecDeque;
use std::fs;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;
use socket2::SockRef;

use super::DEADLINE;
use super::catcher::kernel_drops;

/// Where documents are kept for a judge to look at, if the variable is set: a file a daemon, named
/// for the test. Those of tests whose callers are traced elsewhere end in `.open.jsonl`; the callers
/// in them are made up.
const KEEP: &str = "SIDERAY_TEST_DOCUMENTS_DIR";

/// Which callers a test has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Every parent is among the documents.
    Known,
    /// Some callers are traced elsewhere, or documents are lost on purpose.
    Elsewhere,
    /// The documents are right and yet what a judge would warn of: strings longer than X-Ray says
    /// it takes, calls that end after their request, many requests in one trace that the test made
    /// up. They are not kept.
    Unusual,
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
        Self::on(UdpSocket::bind("127.0.0.1:0").unwrap(), callers)
    }

    /// A daemon that listens on `socket`.
    pub fn on(socket: UdpSocket, callers: Callers) -> Self {
        enlarge(&socket);
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

    /// The daemon dies: its port is closed from now on. What it has received is still to be had.
    pub fn die(&self) {
        self.socket.connect(self.address()).unwrap();
    }

    /// How many documents came that the kernel had no room for.
    pub fn missed(&self) -> u64 {
        kernel_drops(&self.socket)
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

/// Gives a socket more room than the default, so that a burst is not lost here: as much as the
/// system allows, or, for root, as much as is asked for.
pub fn enlarge(socket: &UdpSocket) {
    const ROOM: usize = 64 << 20;
    if rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, ROOM).is_err() {
        SockRef::from(socket).set_recv_buffer_size(ROOM).unwrap();
    }
}

/// What the real daemon demands of a datagram, and what X-Ray demands of a document.
pub fn judge(datagram: &[u8]) -> &str {
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
        if std::env::var_os(KEEP).is_none() {
            return;
        }
        self.drain();
        let documents: Vec<&str> = self.received.iter().map(String::as_str).collect();
        keep(&documents, self.callers, self.address().port());
    }
}

/// Keeps documents for a judge, if one is to look at them.
pub fn keep(documents: &[&str], callers: Callers, port: u16) {
    let Some(folder) = std::env::var_os(KEEP).map(PathBuf::from) else { return };
    let name = std::thread::current().name().unwrap_or("test").replace("::", "-");
    let mut documents: Vec<String> = documents.iter().map(|text| (*text).to_owned()).collect();
    let kind = match callers {
        Callers::Known => "jsonl",
        Callers::Elsewhere => "open.jsonl",
        Callers::Unusual => return,
    };
    if documents.is_empty() {
        return;
    }
    if callers == Callers::Elsewhere {
        documents.extend(callers_of(&documents));
    }
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}-{port}.{kind}")), documents.join("\n")).unwrap();
}

/// The segments of the callers that are traced elsewhere, as they would stand in the traces.
fn callers_of(documents: &[String]) -> Vec<String> {
    let documents: Vec<Value> =
        documents.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let mut known: HashSet<_> = documents.iter().map(|document| document["id"].clone()).collect();
    let mut callers = Vec::new();
    for document in &documents {
        if document["parent_id"].is_string() && known.insert(document["parent_id"].clone()) {
            let id = document["parent_id"].as_str().unwrap();
            let (start, end) = (&document["start_time"], &document["end_time"]);
            let call = serde_json::json!({
                "id": id,
                "name": "call",
                "namespace": "remote",
                "start_time": start,
                "end_time": end,
            });
            let caller = serde_json::json!({
                "id": id.chars().rev().collect::<String>(),
                "trace_id": document["trace_id"],
                "name": "caller",
                "start_time": start,
                "end_time": end,
                "subsegments": [call],
            });
            callers.push(caller.to_string());
        }
    }
    callers
}
