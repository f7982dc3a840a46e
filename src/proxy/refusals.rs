//! Clients that do not trust our certificate authority: remembered for a while, so that their
//! traffic passes as if we were not there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::trace::time::Stamp;

/// Refusals in a row after which a host is left alone. One may be a program that was just stopped.
const ENOUGH: u32 = 2;

/// How long a host is left alone before it is tried again: the variable may have been set since.
const LEFT_ALONE: Duration = Duration::from_secs(600);

/// Most (client, host) pairs that are remembered.
const MOST: usize = 1024;

/// Who refused our certificate for which host.
#[derive(Debug, Default)]
pub(super) struct Refusals(HashMap<(IpAddr, Box<str>), Refused, RandomState>);

#[derive(Debug)]
struct Refused {
    times: u32,
    last: Stamp,
}

impl Refusals {
    /// Whether connections of `client` to `host` are to be left alone.
    pub(super) fn leave_alone(&mut self, client: IpAddr, host: &str, now: Stamp) -> bool {
        let Some(refused) = self.0.get(&(client, host.into())) else { return false };
        if now.since(refused.last) > LEFT_ALONE {
            self.0.remove(&(client, host.into()));
            return false;
        }
        refused.times >= ENOUGH
    }

    /// `client` would not speak to us as `host`. Says whether that was once too often.
    pub(super) fn refused(&mut self, client: IpAddr, host: &str, now: Stamp) -> bool {
        if self.0.len() >= MOST {
            self.0.retain(|_, refused| now.since(refused.last) <= LEFT_ALONE);
        }
        if self.0.len() >= MOST {
            return false;
        }
        let refused =
            self.0.entry((client, host.into())).or_insert(Refused { times: 0, last: now });
        refused.times += 1;
        refused.last = now;
        refused.times == ENOUGH
    }

    /// `client` did speak to us as `host`.
    pub(super) fn trusted(&mut self, client: IpAddr, host: &str) {
        if !self.0.is_empty() {
            self.0.remove(&(client, host.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::time::Micros;

    fn at(seconds: u64) -> Stamp {
        Stamp::new(Micros::new(seconds * 1_000_000), Duration::from_secs(seconds))
    }

    #[test]
    fn a_host_is_left_alone_after_two_refusals_and_for_a_while() {
        let (me, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let mut refusals = Refusals::default();
        assert!(!refusals.refused(me, "a", at(0)));
        assert!(!refusals.leave_alone(me, "a", at(0)));
        assert!(refusals.refused(me, "a", at(1)), "this is when to warn");
        assert!(!refusals.refused(me, "a", at(1)), "once");
        assert!(refusals.leave_alone(me, "a", at(2)));
        assert!(!refusals.leave_alone(me, "b", at(2)));
        assert!(!refusals.leave_alone(other, "a", at(2)));
        assert!(refusals.leave_alone(me, "a", at(600)));
        assert!(!refusals.leave_alone(me, "a", at(602)), "tried again");
        assert!(!refusals.refused(me, "a", at(603)), "and counted anew");
        refusals.trusted(me, "a");
        assert!(!refusals.refused(me, "a", at(604)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let me = IpAddr::from([127, 0, 0, 1]);
        let mut refusals = Refusals::default();
        for host in 0..2 * MOST {
            refusals.refused(me, &host.to_string(), at(0));
        }
        assert_eq!(refusals.0.len(), MOST);
        refusals.refused(me, "new", at(1_000));
        assert_eq!(refusals.0.len(), 1, "the old ones go");
    }
}
