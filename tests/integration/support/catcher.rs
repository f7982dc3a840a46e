//! A UDP sink for many documents: a thread that only receives, and an account of what the kernel
//! dropped before it could.

use std::fs;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use super::daemon;
use super::daemon::Callers;

/// Receives until it is asked for what it has.
#[derive(Debug)]
pub struct Catcher {
    socket: Arc<UdpSocket>,
    done: Arc<AtomicBool>,
    thread: JoinHandle<Vec<String>>,
}

impl Catcher {
    pub fn start() -> Self {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        daemon::enlarge(&socket);
        let done = Arc::<AtomicBool>::default();
        let thread = {
            let (socket, done) = (Arc::clone(&socket), Arc::clone(&done));
            thread::spawn(move || receive(&socket, &done))
        };
        Self { socket, done, thread }
    }

    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// All documents, each as strictly judged as a daemon's, and how many the kernel dropped. To
    /// be asked when the sidecar has nothing more to send.
    pub fn finish(self) -> (Vec<Value>, u64) {
        self.done.store(true, Ordering::SeqCst);
        let datagrams = self.thread.join().unwrap();
        let documents = datagrams.iter().map(|datagram| daemon::judge(datagram.as_bytes()));
        let documents: Vec<&str> = documents.collect();
        let port = self.socket.local_addr().unwrap().port();
        daemon::keep(&documents, Callers::Known, port);
        let values = documents.iter().map(|document| serde_json::from_str(document).unwrap());
        (values.collect(), kernel_drops(&self.socket))
    }
}

fn receive(socket: &UdpSocket, done: &AtomicBool) -> Vec<String> {
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut datagrams = Vec::new();
    let mut buffer = vec![0; 65_536];
    loop {
        // What was sent over loopback before `done` is set is in the socket's buffer by then.
        let last = done.load(Ordering::SeqCst);
        match socket.recv(&mut buffer) {
            Ok(length) => {
                let text = std::str::from_utf8(&buffer[..length]).expect("a datagram is text");
                datagrams.push(text.to_owned());
            }
            Err(_) if last => return datagrams,
            Err(_) => {}
        }
    }
}

/// How many datagrams the kernel has dropped at a socket because its buffer was full.
pub fn kernel_drops(socket: &UdpSocket) -> u64 {
    let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
    let link = link.to_str().unwrap();
    let inode = link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')).unwrap();
    drops_of(|row| row[9] == inode)
}

/// The same of whoever listens at `address`, an IPv4 one.
pub fn kernel_drops_at(address: SocketAddr) -> u64 {
    let port = format!(":{:04X}", address.port());
    drops_of(|row| row[1].ends_with(&port))
}

fn drops_of(wanted: impl Fn(&[&str]) -> bool) -> u64 {
    loop {
        let table = fs::read_to_string("/proc/net/udp").unwrap();
        let mut rows = table.lines().skip(1).map(|row| row.split_ascii_whitespace().collect());
        // While other sockets come and go, a row can be left out of one reading.
        if let Some(row) = rows.find(|row: &Vec<_>| wanted(row)) {
            return row[12].parse().unwrap();
        }
    }
}
