"""What a request asks of the Python services: `/work/N?mode=seq&think=4,0,7` makes two calls, one
after a think time of 4 ms, one after 0, and answers 7 ms after the last.

Modes: `seq` one call after the other, `par` all at once, `helper` on threads of the request's own,
`late` after the answer, `shared` by workers for all requests, which the first of them began."""

import itertools
import os
import threading
import time
from typing import NamedTuple

UPSTREAM = os.environ["UPSTREAM"]
AFTER = os.environ["AFTER"]
TIMER = os.environ["TIMER"]
EVERY = int(os.environ["EVERY"]) / 1000
TRIES = 3


class Job(NamedTuple):
    """One request's work: what to call after which pause, and the pause before the answer."""

    number: int
    mode: str
    calls: list
    rest: float

    @classmethod
    def of(cls, number, query):
        """The job of a request, from its number and its query as a mapping."""
        *thinks, rest = (int(word) / 1000 for word in query["think"].split(","))
        base = AFTER if query["mode"] == "late" else "/call"
        urls = (f"{UPSTREAM}{base}/{number}/{index}" for index in range(len(thinks)))
        return cls(number, query["mode"], list(zip(thinks, urls, strict=True)), rest)


def ticks():
    """The URLs of the background timer's calls."""
    return (f"{UPSTREAM}{TIMER}/{count}" for count in itertools.count(1))


def every(call):
    """Calls `call(url)` every so often, on a thread of its own, as a poller in a service does."""

    def loop():
        for url in ticks():
            time.sleep(EVERY)
            call(url)

    threading.Thread(target=loop, daemon=True).start()
