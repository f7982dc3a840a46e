//! Connections that wait for their next request. One pool per worker and port, so no lock.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::proxy::options;
use crate::proxy::options::Origin;
use crate::proxy::upstream::Counters;
use crate::proxy::upstream::connection::Connection;
use crate::trace::time::Stamp;

/// A request that must not be sent twice only goes over a connection that was in use this long
/// ago, because then the far side has had no reason to close it.
const RECENT: Duration = Duration::from_secs(1);

/// Idle connections by where they go to, and the shared ones.
#[derive(Debug)]
pub(super) struct Pool {
    options: options::Pool,
    origins: RefCell<HashMap<Origin, Entry, RandomState>>,
    /// Idle connections of all origins together.
    idle: Cell<usize>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Entry {
    /// Used by one request at a time. The last one in is the first one out, so that those too many
    /// grow old; so they are in the order of their age, the oldest first.
    idle: Vec<Idle>,
    /// Used by many requests at a time.
    shared: Option<Idle>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Stamp,
}

/// How lately a connection must have been in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Within the idle timeout.
    Any,
    /// Within the last moment.
    Recent,
}

impl Pool {
    pub(super) fn new(options: options::Pool, counters: Arc<Counters>) -> Rc<Self> {
        let (origins, idle) = (RefCell::default(), Cell::default());
        Rc::new(Self { options, origins, idle, counters })
    }

    /// A connection to `origin` that is believed to be alive.
    pub(super) fn take(
        &self,
        origin: &Origin,
        now: Stamp,
        freshness: Freshness,
    ) -> Option<Connection> {
        let limit = match freshness {
            Freshness::Any => self.options.idle_timeout,
            Freshness::Recent => self.options.idle_timeout.min(RECENT),
        };
        let mut origins = self.origins.borrow_mut();
        let entry = origins.get_mut(origin)?;
        if let Some(connection) = entry.another(now) {
            return Some(connection);
        }
        let before = entry.idle.len();
        let connection = loop {
            match entry.idle.pop_if(|idle| now.since(idle.since) <= limit) {
                Some(mut idle) => {
                    if !idle.connection.is_closed() {
                        break Some(idle.connection);
                    }
                }
                None => break None,
            }
        };
        self.count(entry.idle.len(), before);
        connection
    }

    /// Enters a new connection that can carry several requests.
    pub(super) fn share(&self, connection: &Connection, now: Stamp) {
        if let Some(connection) = connection.another() {
            let origin = connection.origin.clone();
            let shared = Some(Idle { connection, since: now });
            self.origins.borrow_mut().entry(origin).or_default().shared = shared;
        }
    }

    /// Lends the shared connection to `origin` to no further request. Those that are on it stay.
    pub(super) fn forget_shared(&self, origin: &Origin) {
        if let Some(entry) = self.origins.borrow_mut().get_mut(origin) {
            entry.shared = None;
        }
    }

    /// Takes a connection back after its response has been read.
    pub(super) fn put(&self, mut connection: Connection, now: Stamp) {
        if connection.is_shared() || connection.is_closed() {
            return;
        }
        if self.idle.get() < self.options.max_idle {
            self.count(1, 0);
            let idle = Idle { connection, since: now };
            let mut origins = self.origins.borrow_mut();
            match origins.get_mut(&idle.connection.origin) {
                Some(entry) => entry.idle.push(idle),
                None => {
                    let origin = idle.connection.origin.clone();
                    origins.insert(origin, Entry { idle: vec![idle], shared: None });
                }
            }
        }
    }

    /// Closes what has been idle for too long, and forgets origins without connections.
    pub(super) fn sweep(&self, now: Stamp) {
        let limit = self.options.idle_timeout;
        let alive =
            |idle: &mut Idle| now.since(idle.since) <= limit && !idle.connection.is_closed();
        self.origins.borrow_mut().retain(|_, entry| {
            let before = entry.idle.len();
            let old: Vec<Idle> = entry.idle.extract_if(.., |idle| !alive(idle)).collect();
            // Counted before they are closed, so that whoever sees one close finds it gone.
            self.count(entry.idle.len(), before);
            drop(old);
            // Requests may still be on a shared connection: they hold handles of their own.
            entry.shared.take_if(|shared| !alive(shared));
            !entry.idle.is_empty() || entry.shared.is_some()
        });
    }

    fn count(&self, after: usize, before: usize) {
        self.idle.set(self.idle.get() + after - before);
        self.counters.idle.store(self.idle.get() as u64, Ordering::Relaxed);
    }
}

impl Entry {
    /// A handle on the shared connection, if there is one and it is alive.
    fn another(&mut self, now: Stamp) -> Option<Connection> {
        self.shared.take_if(|shared| shared.connection.is_closed());
        let shared = self.shared.as_mut()?;
        shared.since = now;
        shared.connection.another()
    }
}
