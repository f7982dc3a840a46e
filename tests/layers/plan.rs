//! The plan as data. `ARCHITECTURE.md` says the same in words: change both in one commit.

/// A room of the house, or a part of one that has rules of its own.
pub struct Room {
    /// Its path below the crate's root; files belong to the room with the longest path that fits.
    pub path: &'static str,
    /// What it may import besides itself: rooms or single modules, with all that is in them.
    pub may: &'static [&'static str],
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Values in, values out: no I/O, no clock, no lock, no async, no log.
    Pure,
    /// Tasks, sockets, locks, wiring.
    Shell,
}

const fn pure(path: &'static str, may: &'static [&'static str]) -> Room {
    Room { path, may, kind: Kind::Pure }
}

const fn shell(path: &'static str, may: &'static [&'static str]) -> Room {
    Room { path, may, kind: Kind::Shell }
}

/// All rooms, bottom first: each imports only from rooms above its own line.
pub const ROOMS: &[Room] = &[
    // The core.
    pure("nearest", &[]),
    pure("trace", &[]),
    pure("trace::time", &[]),
    pure("trace::id", &["trace::time"]),
    pure("trace::header", &["trace::id"]),
    pure("trace::facts", &[]),
    pure("trace::json", &["trace::time"]),
    pure("trace::site", &["trace::json"]),
    pure(
        "trace::segment",
        &["trace::facts", "trace::id", "trace::json", "trace::site", "trace::time"],
    ),
    pure("trace::document", &["trace::site", "trace::segment"]),
    pure("trace::exchange", &["trace::facts", "trace::id", "trace::segment", "trace::time"]),
    pure("sampling", &[]),
    pure("annotate", &["sampling::wildcard", "trace::facts", "trace::segment"]),
    pure("attribution", &["trace"]),
    pure("aws", &[]),
    pure("answer", &["aws::body", "aws::percent", "trace::facts", "trace::segment"]),
    pure("relay::join", &["trace::id"]),
    pure("api", &["nearest", "trace"]),
    pure("http1::framing", &[]),
    pure("http1::lines", &[]),
    pure("http1::head", &["http1::framing", "http1::lines"]),
    pure("http1::chunked", &["http1::head", "http1::lines"]),
    shell("carriers", &[]),
    // Seams.
    shell("sys", &["trace::time"]),
    // The shell.
    shell("emit", &["sys", "trace"]),
    shell(
        "record",
        &["api", "attribution", "emit::queue", "emit::side", "sampling", "sys", "trace"],
    ),
    // Of the core it knows one thing: what ended a tunnel.
    shell("net", &["sys", "trace::facts", "trace::time"]),
    shell("origin", &["net::connect", "net::stream", "net::tls::client", "trace::site"]),
    shell("http1", &["http1::chunked", "http1::framing", "http1::head", "net", "sys"]),
    shell("resign", &["aws", "net::connect", "net::stream", "net::tls::client", "sys::clock"]),
    shell("witness", &["attribution::caller", "sys::clock", "sys::link", "sys::peer", "trace::id"]),
    shell(
        "proxy",
        &[
            "annotate",
            "answer",
            "attribution::fingerprint",
            "aws",
            "http1",
            "net",
            "record",
            "resign",
            "sampling::wildcard",
            "sys",
            "trace",
            "witness",
        ],
    ),
    shell("viewer", &["trace::id"]),
    shell(
        "relay",
        &[
            "emit::queue",
            "net",
            "proxy::rewrite",
            "record",
            "relay::join",
            "sys::drain",
            "trace::document",
        ],
    ),
    // It shows what the others count.
    shell(
        "admin",
        &[
            "api",
            "attribution::verdict",
            "emit",
            "net::listen",
            "proxy::annotator",
            "proxy::intercept",
            "proxy::resign",
            "proxy::upstream",
            "record",
            "relay::counters",
            "sys::drain",
            "trace::header",
            "trace::id",
            "viewer",
            "witness",
        ],
    ),
    // The top. The configuration knows options and what they are made of, nothing that runs.
    shell(
        "config",
        &[
            "annotate",
            "attribution::options",
            "aws::table",
            "emit::options",
            "nearest",
            "net::tls::options",
            "origin::options",
            "proxy::options",
            "record::naming",
            "record::options",
            "relay::options",
            "resign::options",
            "sampling::manifest",
            "sampling::rule",
            "trace::segment",
            "viewer::options",
        ],
    ),
    shell(
        "app",
        &[
            "admin", "annotate", "config", "emit", "net", "origin", "proxy", "record", "relay",
            "resign", "sampling", "sys", "trace", "viewer", "witness",
        ],
    ),
    // Of the rest, TLS and the time are for `ca`, and what is left for `exec`, which watches a
    // child, and `demo`, which sets up its sidecars and prints their trace.
    shell(
        "cli",
        &[
            "app",
            "carriers",
            "config",
            "net::tls",
            "origin::options",
            "proxy::options",
            "sampling::rule",
            "sys",
            "trace::segment",
            "trace::time",
            "viewer",
        ],
    ),
    shell("main", &["cli"]),
];

/// What the handlers of requests call to have them traced: functions that neither wait nor fail,
/// by file or folder. Every public function there is held to it; these must be among them.
pub const REQUEST_PATH: &[(&str, &[&str])] = &[
    (
        "src/record/",
        &[
            "inbound",
            "outbound",
            "untraced",
            "answered",
            "carried",
            "close",
            "close_tunnel",
            "meet",
            "say",
            "tell",
            "end",
        ],
    ),
    ("src/emit/queue.rs", &["offer"]),
];
