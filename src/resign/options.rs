//! Where calls go that are signed anew, and how much of one is kept for that.

use http::Uri;

/// `[egress.aws]` in `proxy.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether anything is signed anew at all.
    pub enabled: bool,
    /// Servers in place of AWS's own, by the service's signing name or by botocore's name of it;
    /// `*` is for all that have no line of their own. Only scheme, host and port are used.
    pub endpoints: Vec<(Box<str>, Uri)>,
    /// Most bytes of a body that is kept until its hash is known; longer ones are refused with
    /// `413`, unless they carry their hash. S3's always do, or that of each chunk: then a chunk may
    /// have so many.
    pub max_body: usize,
}

impl Default for Options {
    /// Off, because whoever reaches the port then has the power of our credentials. AWS's own
    /// servers, and 16 MiB: as much as DynamoDB, Kinesis and SQS take at once, and more
    /// than most. Functions that are uploaded within a call can be larger.
    fn default() -> Self {
        Self { enabled: false, endpoints: Vec::new(), max_body: 16 * 1024 * 1024 }
    }
}
