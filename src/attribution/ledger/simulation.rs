//! Services with a truth that is known: whatever happens in them, the ledger keeps its bounds, and
//! it seldom enough names a parent that is none.

use std::collections::HashMap;
use std::time::Duration;

use super::*;
use crate::attribution::verdict::Parent;
use crate::trace::id::TraceId;
use crate::trace::time::Micros;

/// One hour, in the milliseconds of these simulations.
const HOUR: f64 = 3_600_000.0;

/// Chance that repeats, given its seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Evenly between `low` and `high`.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * f64::from((self.roll() >> 32) as u32) / f64::from(u32::MAX)
    }

    /// A wait of this mean for something that has no memory.
    fn wait(&mut self, mean: f64) -> f64 {
        -self.between(1e-9, 1.0).ln() * mean
    }
}

#[derive(Clone, Debug)]
enum Event {
    Open(u64),
    Answer(u64),
    Close(u64),
    /// A call to this path, and the request it is for.
    Call(String, Option<u64>),
}

/// What happens in a service, in milliseconds.
#[derive(Default)]
struct Service {
    events: Vec<(f64, Event)>,
    requests: u64,
}

impl Service {
    fn at(&mut self, millis: f64, event: Event) {
        self.events.push((millis, event));
    }

    /// Requests in turn from `start` to `end`, each of a length and after a wait of its own, each calling
    /// `/needed` as it works and `/afterwards` up to three seconds after it was answered.
    fn serve(
        &mut self,
        dice: &mut Dice,
        (start, end): (f64, f64),
        length: (f64, f64),
        idle: (f64, f64),
    ) {
        let mut now = start + dice.between(idle.0, idle.1);
        while now < end {
            let id = self.requests + 1;
            self.requests = id;
            let answer = now + dice.between(length.0, length.1);
            self.at(now, Event::Open(id));
            self.at(dice.between(now, answer), Event::Call("/needed".into(), Some(id)));
            self.at(answer, Event::Answer(id));
            self.at(answer + dice.between(0.0, 5.0), Event::Close(id));
            let later = answer + dice.between(0.0, 3_000.0);
            self.at(later, Event::Call("/afterwards".into(), Some(id)));
            now = answer + dice.between(idle.0, idle.1);
        }
    }

    /// Calls of `path` for nobody, each after a `wait`, in bursts of `burst` 2 ms apart.
    fn call(&mut self, path: &str, end: f64, burst: u32, mut wait: impl FnMut() -> f64) {
        let mut now = wait();
        while now < end {
            for _ in 0..burst {
                self.at(now, Event::Call(path.to_owned(), None));
                now += 2.0;
            }
            now += wait();
        }
    }

    fn run(mut self) -> Tally {
        self.events.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let mut ledger = Ledger::new(Options::default());
        let mut tally = Tally::default();
        for (millis, event) in self.events {
            let at = Stamp::new(Micros::new(0), Duration::from_secs_f64(1.0 + millis / 1e3));
            match event {
                Event::Open(id) => ledger.open(opened(id, at), None, ()).unwrap(),
                Event::Answer(id) => ledger.answered(SegmentId::mint(id), at),
                Event::Close(id) => assert_eq!(ledger.close(SegmentId::mint(id), at), Some(())),
                Event::Call(path, caller) => {
                    let alone = ledger.counts().candidates == 1;
                    let said = ledger.attribute(&call(at, &path));
                    tally.take(&said, &path, caller.map(SegmentId::mint), alone);
                }
            }
        }
        assert_eq!(ledger.counts().open, 0);
        tally
    }
}

fn opened(id: u64, at: Stamp) -> Opened {
    let trace = TraceId::mint(Micros::new(1_000_000), id.into());
    Opened { trace, id: SegmentId::mint(id), sampled: true, at }
}

fn call(at: Stamp, path: &str) -> Call<'_> {
    Call { at, header: None, method: "GET", host: "db", path, prints: None, caller: None }
}

/// What became of the calls of each kind.
#[derive(Default, Debug)]
struct Tally {
    kinds: HashMap<String, Kind>,
}

#[derive(Clone, Default, Debug)]
struct Kind {
    calls: u32,
    right: u32,
    wrong: u32,
    /// Calls that met exactly one request.
    tempting: u32,
}

impl Tally {
    fn take(&mut self, said: &Attribution, path: &str, caller: Option<SegmentId>, alone: bool) {
        let kind = self.kinds.entry(path.to_owned()).or_default();
        kind.calls += 1;
        kind.tempting += u32::from(alone);
        match &said.parent {
            Parent::Known { id, .. } if Some(*id) == caller => kind.right += 1,
            Parent::Known { .. } | Parent::Foreign { .. } => kind.wrong += 1,
            Parent::None => {}
        }
    }

    /// Adds up what `others` say of paths that start with `prefix`.
    fn sum(tallies: &[Self], prefix: &str) -> Kind {
        let kinds = tallies.iter().flat_map(|tally| &tally.kinds);
        kinds.filter(|(path, _)| path.starts_with(prefix)).fold(
            Kind::default(),
            |sum, (_, kind)| Kind {
                calls: sum.calls + kind.calls,
                right: sum.right + kind.right,
                wrong: sum.wrong + kind.wrong,
                tempting: sum.tempting + kind.tempting,
            },
        )
    }
}
/// Calls for nobody: at random, in bursts, and by timers, some of them as slow as requests are.
fn add_background(service: &mut Service, dice: &mut Dice, end: f64) {
    for number in 0..10 {
        let mean = dice.between(1_000.0, 30_000.0);
        service.call(&format!("/random/r{number}"), end, 1, || dice.wait(mean));
        let mean = dice.between(2_000.0, 60_000.0);
        service.call(&format!("/burst/r{number}"), end, 5, || dice.wait(mean));
        let period = dice.between(500.0, 20_000.0);
        let mut tick = || dice.between(0.98 * period, 1.02 * period);
        service.call(&format!("/timer/r{number}"), end, 1, &mut tick);
    }
    service.call("/timer/fast", end, 1, || dice.between(59.0, 61.0));
}

/// That at most 0.2 % of these calls went to a wrong parent, out of enough that were tempting.
fn assert_seldom_wrong(tallies: &[Tally], kind: &str, traffic: &str) {
    let Kind { calls, right, wrong, tempting } = Tally::sum(tallies, kind);
    assert!(tempting > 100, "{kind}, {traffic}: {tempting} calls met one request, a weak test");
    assert!(wrong * 500 <= calls, "{kind}, {traffic}: {wrong} of {calls} to a wrong parent");
    assert_eq!(right, 0, "{kind}, {traffic}: no candidate can have made such a call");
}

#[test]
fn background_calls_get_no_parent_and_needed_ones_get_theirs() {
    for (traffic, length, idle, trusted) in [
        ("30 % busy, seconds apart", (200.0, 1_800.0), (1_100.0, 3_600.0), 90),
        ("30 % busy, milliseconds apart", (5.0, 55.0), (20.0, 120.0), 0),
        ("2 % busy", (20.0, 200.0), (2_000.0, 10_000.0), 80),
        ("60 % busy, long requests", (2_000.0, 6_000.0), (1_000.0, 4_000.0), 40),
    ] {
        let simulate = |seed| {
            let (mut service, mut dice) = (Service::default(), Dice(seed));
            service.serve(&mut dice, (0.0, HOUR / 12.0), length, idle);
            add_background(&mut service, &mut dice, HOUR / 12.0);
            service.run()
        };
        let tallies: Vec<Tally> = (0..20).map(simulate).collect();
        for kind in ["/random", "/burst", "/timer"] {
            assert_seldom_wrong(&tallies, kind, traffic);
        }
        let Kind { calls, right, wrong, .. } = Tally::sum(&tallies, "/needed");
        assert_eq!(wrong, 0, "{traffic}: a request's own call went to another");
        assert!(right * 100 >= calls * trusted, "{traffic}: only {right} of {calls} were trusted");
        let afterwards = Tally::sum(&tallies, "/afterwards");
        assert_eq!(afterwards.wrong, 0, "{traffic}: of {} calls", afterwards.calls);
    }
}

/// Jobs that run only while there is traffic look as if they needed a request, if the quiet of the
/// night is taken for the chance of meeting none. This traffic comes for ten minutes in three
/// hours, and keeps the service busy for 83 % of them.
#[test]
fn jobs_of_the_day_are_not_taken_for_calls_of_requests() {
    let simulate = |seed| {
        let (mut service, mut dice) = (Service::default(), Dice(seed));
        for day in 0..10 {
            let start = f64::from(day) * 3.0 * HOUR;
            let end = start + HOUR / 6.0;
            service.serve(&mut dice, (start, end), (3_000.0, 9_000.0), (1_000.0, 1_500.0));
            for job in 0..20 {
                for _ in 0..=job % 3 {
                    let now = dice.between(start, end);
                    service.at(now, Event::Call(format!("/job/r{job}"), None));
                }
            }
        }
        service.run()
    };
    let tallies: Vec<Tally> = (0..50).map(simulate).collect();
    assert_seldom_wrong(&tallies, "/job", "by day");
}
