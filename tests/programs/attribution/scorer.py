"""The score: each call's parent in the documents against the truth in its path.

A call is *right* if its parent is the segment of its own request, *unknown* if it starts a trace of
its own, and *wrong* if it hangs anywhere else. A timer's call has no right parent. A call that
began after its request had ended is *late*: its own request is right, none is as good, and it
counts neither way."""

import collections
import json
from typing import NamedTuple
from urllib.parse import urlsplit

from attribution import plan
from support import documents


class Cell(NamedTuple):
    """One load on one arm of one service: which requests it had, and when."""

    service: str
    noise: str
    arm: str
    width: int
    first: int
    count: int
    began: float
    ended: float

    @property
    def load(self):
        """Which load it was."""
        return plan.load(self.first)

    def has(self, number):
        """Whether a request was one of its own."""
        return self.first <= number < self.first + self.count


class Score:
    """What came of the calls of a cell."""

    def __init__(self):
        self.right = collections.Counter()
        self.unknown = collections.Counter()
        self.late = collections.Counter()
        self.timer = 0
        self.methods = collections.Counter()
        self.wrong = []
        self.lost = 0
        self.seen = set()

    @property
    def calls(self):
        """How many calls were judged, those of the timer and the late ones among them."""
        counted = sum((self.right + self.unknown + self.late).values())
        return counted + self.timer + len(self.wrong)

    def share(self, modes=tuple(plan.MODES)):
        """The share of right ones among the calls of these modes; None without calls."""
        every = self.asked(modes)
        return sum(self.right[mode] for mode in modes) / every if every else None

    def asked(self, modes):
        """How many calls there were of these modes, right or unknown."""
        return sum(self.right[mode] + self.unknown[mode] for mode in modes)

    def add(self, other):
        """Takes in what came of another cell."""
        for name in ("right", "unknown", "late", "methods"):
            getattr(self, name).update(getattr(other, name))
        self.timer += other.timer
        self.wrong += other.wrong
        self.lost += other.lost
        self.seen |= other.seen
        return self


def numbers(entity):
    """The words of its path: what kind it is, and its numbers; None if it has none."""
    url = documents.request(entity).get("url")
    kind, *words = urlsplit(url).path.strip("/").split("/") if url else [""]
    return (kind, *map(int, words)) if kind in ("work", "call", "after", "tick") else None


class Scorer:
    """Judges the documents of one instance against the cells that ran on it."""

    def __init__(self, known, cells, lossless):
        self.cells = cells
        self.lossless = lossless
        self.known = known
        self.scores = [Score() for _ in cells]
        self.strays = Score()
        self.parents = {}
        self.requests = {}
        for one in known:
            if one.get("type") == "subsegment":
                continue
            told = numbers(one)
            inbound = told if told and told[0] == "work" else None
            self.parents[one["id"]] = (inbound[1] if inbound else None, one)
            if inbound and "end_time" in one:
                self.requests[inbound[1]] = one

    def judge(self):
        """The score of each cell; what belongs to none is in `strays`."""
        seen = set()
        for call in documents.calls(self.known):
            told = numbers(call.entity)
            # A request in progress is reported more than once, with the same calls.
            if told is None or call.entity["id"] in seen or call.entity.get("in_progress"):
                continue
            seen.add(call.entity["id"])
            self._call(call, told)
        return self.scores

    def _call(self, call, told):
        kind, number, *rest = told
        timer = kind == "tick" or number == plan.BACKGROUND
        score = self._timed(call.entity) if timer else self._numbered(number)
        attribution = documents.notes(call.entity).get("attribution", {})
        score.methods[attribution.get("method", "none")] += 1
        if not timer:
            score.seen.add((number, *rest))
        verdict = self._verdict(call, None if timer else number)
        if verdict == "lost":
            score.lost += 1
        elif verdict == "wrong":
            score.wrong.append(self._case(call, told))
        elif timer:
            score.timer += 1
        else:
            mode = plan.request(number).mode
            if self._late(call, number):
                score.late[verdict] += 1
            else:
                (score.right if verdict == "right" else score.unknown)[mode] += 1

    def _numbered(self, number):
        at = (place for place, cell in enumerate(self.cells) if cell.has(number))
        place = next(at, None)
        return self.strays if place is None else self.scores[place]

    def _timed(self, entity):
        start = entity["start_time"]
        for place, cell in enumerate(self.cells):
            if cell.began <= start <= cell.ended:
                return self.scores[place]
        return self.strays

    def _verdict(self, call, number):
        if call.parent_id not in self.parents:
            return "wrong" if self.lossless else "lost"
        inbound, segment = self.parents[call.parent_id]
        if segment["trace_id"] != call.trace_id:
            return "wrong"
        method = documents.method(call.entity)
        if inbound is None:
            return "unknown" if method in ("unknown", "background") else "wrong"
        if method in ("unknown", "background"):
            return "wrong"
        return "right" if inbound == number else "wrong"

    def _late(self, call, number):
        request = self.requests.get(number)
        return request is not None and call.entity["start_time"] >= request["end_time"]

    def _case(self, call, told):
        """All that one has to know of a wrong parent."""
        inbound, segment = self.parents.get(call.parent_id, (None, {}))
        return {
            "call": "/".join(map(str, told)),
            "given_to": inbound,
            "attribution": documents.notes(call.entity).get("attribution"),
            "call_times": (call.entity["start_time"], call.entity.get("end_time")),
            "parent_times": (segment.get("start_time"), segment.get("end_time")),
            "own_times": self._times(told),
            "trace_matches": segment.get("trace_id") == call.trace_id,
        }

    def _times(self, told):
        own = self.requests.get(told[1]) if told[0] != "tick" else None
        return own and (own["start_time"], own["end_time"])


def missing(cells, scores, finished):
    """The calls that answered requests must have made and no document tells of. `finished(cell)`
    are the numbers of its requests that were answered."""
    return [
        call
        for cell, score in zip(cells, scores, strict=True)
        for number in finished(cell)
        for call in sorted(plan.request(number).calls - score.seen)
    ]


def told(cases):
    """Wrong parents as text, the first of them."""
    return "\n".join(json.dumps(case) for case in cases[:10])
