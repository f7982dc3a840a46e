"""What each request asks for, drawn from its number alone, so that every arm gets the same load and
driver, upstream and scorer agree without a word between them.

The truth is in the paths, `/work/N` and `/call/N/I`, as plain numbers of at most six digits: a
route template takes them away, and they are too short to be a fingerprint."""

import os
import random
from typing import NamedTuple

#: How the calls of a request are made, by weight. `shared`, on workers that all requests share and
#: the first of them began, is asked for by the environment: a runtime loses the context there.
SHARED = float(os.environ.get("SIDERAY_ATTRIBUTION_SHARED", "0"))
MODES = {"seq": 0.5, "par": 0.2, "helper": 0.2, "late": 0.1, "shared": SHARED}
#: Share of requests whose client goes away, and of calls that fail at first.
HANGUPS = 0.05
FAULTS = 0.03
#: Share of requests that end their connection, and of those before which the client pauses.
FRESH = 0.2
PAUSED = 0.3
#: The number of no request: that of the timer's calls.
BACKGROUND = 0
#: The first number of each load: `mixed` has everything, `warm` too, but only its wrong parents
#: count, `sparse` is `mixed` with seconds between the requests, `steady` is for latencies: one call
#: each, of STEADY_DELAY ms, and nothing else.
LOADS = {"mixed": 1, "warm": 600_000, "sparse": 700_000, "steady": 800_000}
STEADY_DELAY = 100


class Request(NamedTuple):
    """One inbound request. Times in milliseconds: `thinks` before each call, `rest` before the
    answer, `pause` of the client before it is sent, `hangup` after which the client goes away."""

    number: int
    mode: str
    thinks: tuple
    rest: int
    fresh: bool = False
    pause: int = 0
    hangup: int | None = None

    @property
    def path(self):
        """The request target."""
        think = ",".join(map(str, [*self.thinks, self.rest]))
        return f"/work/{self.number}?mode={self.mode}&think={think}"

    @property
    def calls(self):
        """The calls it makes if it is left in peace, as (number, index)."""
        return {(self.number, index) for index in range(len(self.thinks))}


class Answer(NamedTuple):
    """What the upstream does with a call: after `delay` ms, `ok`, or `reset` or `503` at first."""

    delay: int
    fault: str = "ok"


def load(number):
    """The load that a number belongs to."""
    return max((first, name) for name, first in LOADS.items() if first <= number)[1]


def pause(number, dice):
    """How long the client waits before it sends a request."""
    if load(number) == "sparse":
        return dice.randint(1_000, 2_500)
    return dice.randint(1, 40) if dice.random() < PAUSED else 0


def request(number):
    """The request of that number."""
    if load(number) == "steady":
        return Request(number, "seq", (0,), 0)
    dice = random.Random(number)
    (mode,) = dice.choices(list(MODES), list(MODES.values()))
    hangup = dice.random() < HANGUPS
    return Request(
        number=number,
        mode=mode,
        thinks=tuple(dice.choice((0, 0, dice.randint(1, 15))) for _ in range(dice.randint(1, 4))),
        rest=dice.randint(0, 10),
        fresh=dice.random() < FRESH,
        pause=pause(number, dice),
        hangup=dice.randint(1, 30) if hangup else None,
    )


def answer(number, index):
    """What the upstream does with that call."""
    if number == BACKGROUND:
        return Answer(5)
    if load(number) == "steady":
        return Answer(STEADY_DELAY)
    dice = random.Random(number * 8 + index + 1_000_003)
    faulty = dice.random() < FAULTS
    return Answer(dice.randint(1, 15), dice.choice(("reset", "503")) if faulty else "ok")
