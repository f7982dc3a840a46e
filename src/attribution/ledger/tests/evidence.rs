//! What is said of calls of which more is known than the head.

use crate::attribution::ledger::tests::teller::Teller;
use crate::attribution::ledger::tests::teller::options;
use crate::attribution::ledger::tests::teller::tell_all;
use crate::attribution::ledger::tests::teller::trace;
use crate::attribution::options::Options;
use crate::trace::header::TraceHeader;

#[test]
fn a_thread_makes_the_calls_of_the_request_it_handles() {
    tell_all(&[
        // Nothing is held back before a call needs it.
        "open a; holds no; open b; call /x = unknown b a; holds yes",
        "open a; open b; call /x = unknown b a; hold a 7.1; hold b 7.2;
         call /x from 7.1 = thread a; call /y from 7.2 = thread b;
         call /x from 7.3 = unknown b a; call /x = unknown b a",
        // A pin lives until the answer.
        "open a; open b; call /x = unknown b a; hold a 7.1; answer a; call /x from 7.1 = unknown b",
        "open a; open b; call /x = unknown b a; hold a 7.1; close a; call /x from 7.1 = unknown b",
        "open a; open b; call /x = unknown b a; answer a; hold a 7.1; call /x from 7.1 = unknown b",
        // Whoever reads the next request has done with the one before,
        "open a; open b; call /x = unknown b a; hold a 7.1; hold b 7.1; call /x from 7.1 = thread b;
         5; answer a; call /x from 7.1 = thread b; holds yes",
        // or hands them to others.
        "open a; open b; open c; open d; call /x = unknown d c b a; hold a 7.1; hold b 7.1; hold c 7.1;
         hold d 7.1; 200; answer a; answer b; answer c; holds no; call /x from 7.1 = unknown d",
        // The header is surer.
        "open a; open b; call /x = unknown b a; hold a 7.1; call /x from 7.1 with B:b = header b",
    ]);
}

#[test]
fn requests_are_not_held_back_for_services_that_do_not_gain_by_it() {
    let mut teller = Teller::new(Options { max_requests: 100, ..options() });
    teller.tell("open a; open b; call /x = unknown b a; holds yes");
    for n in 0..20 {
        teller.tell(&format!("holds yes; open c{n}; hold c{n}"));
    }
    teller.tell("holds no");
    let mut off = Teller::new(Options { thread: false, ..options() });
    off.tell("open a; open b; call /x = unknown b a; holds no");
}

/// A hundred calls of a process with one request accepted and others queued.
fn learn_workers(teller: &mut Teller) {
    teller.tell("open a; open b; open c");
    for _ in 0..99 {
        teller.tell("call /w from 7 a +2 ! = unknown c b a");
    }
    assert_eq!(teller.call("/w from 7 a +2 !"), "process a");
    teller.tell("done a; done b; done c; 1500");
}

#[test]
fn a_process_that_handles_one_request_makes_its_calls() {
    for (story, last) in [
        ("open d; open e", "/x from 7 d +1 ! = process d"),
        ("open d; open e", "/x from 7.7 d +1 = process d"),
        ("open d; open e", "/x from 7.8 d +1 = unknown e d"),
        ("open d; open e", "/x from 7 d +1 = unknown e d"),
        ("open d; open e", "/x from 7 d e ! = unknown e d"),
        ("open d; open e", "/x from 7 ! = unknown e d"),
        ("open d; open e; hold d 7.7", "/x from 7.7 d +1 = thread d"),
        ("open d; open e; hold e 7.7", "/x from 7.7 d +1 = unknown e d"),
        // The contradiction before makes rule 4 rest.
        (
            "open d; open e; hold e 7.7; call /x from 7.7 d +1 = unknown e d",
            "/x from 7 d ! = unknown e d",
        ),
        (
            "open d; open e; hold e 7.7; call /x from 7.7 d +1 = unknown e d",
            "/x from 7.7 e = thread e",
        ),
    ] {
        let mut teller = Teller::new(options());
        learn_workers(&mut teller);
        teller.tell(&format!("{story}; call {last}"));
        assert_eq!(teller.ledger.counts().contradictions > 0, story.contains("hold e"), "{story}");
    }
}

#[test]
fn the_only_request_is_not_the_one_if_another_process_has_it() {
    tell_all(&[
        "earn /x; open a; call /x from 7 a = sole a",
        "earn /x; open a; call /x from 7 = unknown a",
    ]);
}

#[test]
fn a_value_that_comes_out_again_names_the_request() {
    let mut teller = Teller::new(Options { max_requests: 1_000, ..options() });
    teller.tell("open a; open b; call /x = unknown b a; done a; done b");
    for n in 0..200 {
        teller.tell(&format!("open r{n}; done r{n}"));
    }
    teller.tell(
        "open c order-7f3a9c21de; open d order-11aa22bb33;
         call /stock/order-7f3a9c21de = fingerprint c; call /stock/order-11aa22bb33 = fingerprint d;
         call /both/order-7f3a9c21de/order-11aa22bb33 = unknown d c;
         call /x/order-7f3a9c21de with D:d = header d; done c;
         call /stock/order-7f3a9c21de = unknown d",
    );
    let mut off = Teller::new(Options { fingerprint: false, ..options() });
    off.tell("open a; open b; call /x = unknown b a");
    assert!(!off.ledger.wants_prints());
}

#[test]
fn nothing_is_asked_that_would_not_help() {
    let mut teller = Teller::new(options());
    let asks = |teller: &Teller| teller.ledger.ask(None).map(<[_]>::len);
    assert_eq!(asks(&teller), None);
    teller.tell("open a");
    assert_eq!(asks(&teller), None, "there is but one");
    teller.tell("open b");
    assert_eq!(asks(&teller), Some(2));
    let header = TraceHeader { root: Some(trace("A")), ..TraceHeader::default() };
    assert!(teller.ledger.ask(Some(&header)).is_none());
    for _ in 0..100 {
        teller.tell("call /x from 7.8 a b = unknown b a");
    }
    assert_eq!(asks(&teller), None, "its processes handle several at a time");
    teller.tell("hold a 7.8");
    assert_eq!(asks(&teller), Some(2), "a request is pinned");
}
