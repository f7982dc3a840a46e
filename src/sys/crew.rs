//! All who serve connections on one worker, told of the shutdown at once, so that none has to ask
//! for it at each of its turns.

use std::cell::Cell;
use std::cell::RefCell;
use std::rc::Rc;
use std::task::Context;
use std::task::Waker;

use slab::Slab;

use crate::sys::drain::Observer;
use crate::sys::drain::Phase;
use crate::sys::drain::Watch;

/// Who serves connections, and how far the shutdown has come.
#[derive(Debug)]
pub struct Crew {
    phase: Cell<Phase>,
    members: RefCell<Slab<Waker>>,
}

/// One of them. It holds the shutdown up until it is dropped.
#[derive(Debug)]
pub struct Member {
    crew: Rc<Crew>,
    key: usize,
    _watch: Watch,
}

impl Default for Crew {
    fn default() -> Self {
        Self { phase: Cell::new(Phase::Running), members: RefCell::default() }
    }
}

impl Crew {
    /// Tells all members of each phase of the shutdown, until traffic has to end.
    pub async fn follow(self: Rc<Self>, mut observer: Observer) {
        for phase in [Phase::Draining, Phase::Aborting] {
            observer.reached(phase).await;
            self.phase.set(phase);
            for (_, waker) in self.members.borrow().iter() {
                waker.wake_by_ref();
            }
        }
    }

    /// A new member, which has not been told anything yet.
    #[must_use]
    pub fn join(self: &Rc<Self>, watch: Watch) -> Member {
        let key = self.members.borrow_mut().insert(Waker::noop().clone());
        Member { crew: Rc::clone(self), key, _watch: watch }
    }
}

impl Member {
    /// How far the shutdown has come. Whoever asks is woken when it goes on.
    #[must_use]
    pub fn phase(&self, cx: &Context<'_>) -> Phase {
        if let Some(waker) = self.crew.members.borrow_mut().get_mut(self.key)
            && !waker.will_wake(cx.waker())
        {
            waker.clone_from(cx.waker());
        }
        self.crew.phase.get()
    }

    /// Whether the shutdown has begun.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.crew.phase.get() >= Phase::Draining
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.crew.members.borrow_mut().try_remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;
    use crate::sys::drain;

    #[tokio::test]
    async fn members_are_woken_in_each_phase_and_hold_the_shutdown_up() {
        let (mut drain, observer) = drain::channel();
        let crew = Rc::new(Crew::default());
        let member = crew.join(observer.watch());
        let until = |phase| {
            let member = &member;
            poll_fn(move |cx| match member.phase(cx) {
                now if now >= phase => Poll::Ready(()),
                _ => Poll::Pending,
            })
        };
        let telling = Rc::clone(&crew).follow(observer);
        let walk = async {
            drain.advance(Phase::Draining);
            until(Phase::Draining).await;
            drain.advance(Phase::Aborting);
            until(Phase::Aborting).await;
        };
        tokio::join!(telling, walk);
        drop(member);
        drain.done().await;
        assert!(crew.members.borrow().is_empty(), "who has left is not kept");
    }
}
