//! Services with a truth that is known: whatever happens in them, the ledger keeps its bounds, and
//! it seldom enough names a parent that is none.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::attribution::verdict::Parent;
use crate::trace::id::TraceId;
use crate::trace::time::Micros;

/// One day, in the milliseconds of these simulations.
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

    /// Requests in turn until `end`, each of a length and after a wait of its own, each calling
    /// `/needed` as it works and `/afterwards` up to three seconds after it was answered.
    fn serve(
        &mut self,
        dice: &mut Dice,
        start: f64,
        end: f64,
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
            now = answer + dice.between(idle.0, idle.1).max(5.0);
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
                Event::Open(id) => ledger.open(opened(id, at), ()).unwrap(),
                Event::Answer(id) => ledger.answered(SegmentId::mint(id), at),
                Event::Close(id) => assert_eq!(ledger.close(SegmentId::mint(id), at), Some(())),
                Event::Call(path, caller) => {
                    tally.take(&ledger.attribute(&call(at, &path)), &path, caller)
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
    Call { at, header: None, method: "GET", host: "db", path }
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
    /// Calls that could have been given to a wrong request, as there was just one.
    tempting: u32,
}

impl Tally {
    fn take(&mut self, said: &Attribution, path: &str, caller: Option<u64>) {
        let kind = self.kinds.entry(path.to_owned()).or_default();
        kind.calls += 1;
        let caller = caller.map(SegmentId::mint);
        match &said.parent {
            Parent::Known { id, .. } if Some(*id) == caller => kind.right += 1,
            Parent::Known { .. } | Parent::Foreign { .. } => kind.wrong += 1,
            Parent::None => {}
        }
        kind.tempting +=
            u32::from(said.candidates.len() == 1 && said.candidates.first() != caller.as_ref());
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
#[test]
fn explore() {
    let tallies: Vec<Tally> = (0..200u64).map(|seed| {
        let mut dice = Dice(seed);
        let mut service = Service::default();
        for day in 0..12u32 {
            let start = f64::from(day) * 3.0 * HOUR;
            let end = start + HOUR / 6.0;
            service.serve(&mut dice, start, end, (3_000.0, 9_000.0), (1_000.0, 1_500.0));
            for n in 0..20 {
                for _ in 0..=(n % 3) {
                    let now = dice.between(start, end);
                    service.at(now, Event::Call(format!("/day/p{n}"), None));
                }
            }
        }
        service.run()
    }).collect();
    for prefix in ["/needed", "/afterwards", "/day"] {
        let wrong_routes: usize = tallies.iter().flat_map(|t| &t.kinds).filter(|(p, k)| p.starts_with(prefix) && k.wrong > 0).count();
        let routes: usize = tallies.iter().flat_map(|t| &t.kinds).filter(|(p, _)| p.starts_with(prefix)).count();
        println!("{prefix} {:?} wrong routes {wrong_routes}/{routes}", Tally::sum(&tallies, prefix));
    }
}
