"""What a run came to, by service, requests in flight and arm, and the lines of acceptance."""

import collections
import statistics
from typing import NamedTuple

from attribution.arms import LINES
from attribution.scorer import Score


class Cost(NamedTuple):
    """One steady load: quantiles in milliseconds, CPU in milliseconds a request."""

    p50: float
    p99: float
    sidecar: float
    service: float


class Finding(NamedTuple):
    """What became of one line of acceptance for one service at one width."""

    line: str
    service: str
    width: int
    what: str
    value: float
    limit: float
    holds: bool

    def __str__(self):
        sign = "holds" if self.holds else "FAILS"
        told = f"{self.what} {self.value:.3f}, limit {self.limit}"
        return f"{sign}: {self.line}: {self.service} at {self.width}: {told}"


class Results:
    """Scores and costs by (service, width, arm)."""

    def __init__(self, arms):
        self.arms = arms
        self.scores = collections.defaultdict(Score)
        self.sparse = collections.defaultdict(Score)
        self.costs = collections.defaultdict(list)
        self._judged = 0
        self.wrong = []
        self.lost = 0
        self.missing = []
        self.broken = []
        self.methods = set()
        self.absent = {}

    def take(self, samples, scorer, absent):
        """Takes in what came of one instance."""
        for sample, score in zip(samples, scorer.scores, strict=True):
            cell = sample.cell
            key = (cell.service, cell.width, cell.arm)
            if cell.load == "steady":
                self.costs[key].append(cost(sample))
            elif cell.load != "warm":
                (self.sparse if cell.load == "sparse" else self.scores)[key].add(score)
            self._judged += score.calls
            self.broken += [f"{key}: {what}" for what in sample.told["broken"]]
            refused = {k: n for k, n in sample.told["outcomes"].items() if k not in ANSWERED}
            self.broken += [f"{key}: {n} requests ended with {k}" for k, n in refused.items()]
            self._wrong(cell, score)
        self._wrong(samples[0].cell, scorer.strays)
        self.missing += [(samples[0].cell.service, *call) for call in absent]

    def _wrong(self, cell, score):
        where = {"service": cell.service, "noise": cell.noise, "arm": cell.arm}
        self.wrong += [{**where, "in_flight": cell.width, **case} for case in score.wrong]
        self.lost += score.lost

    @property
    def calls(self):
        """How many calls were judged in all."""
        return self._judged

    def added(self, key, field):
        """The median over the rounds of how much a figure is above that of the arm `off`."""
        service, width, _ = key
        pairs = zip(
            self.costs.get(key, ()), self.costs.get((service, width, "off"), ()), strict=False
        )
        gaps = [getattr(one, field) - getattr(off, field) for one, off in pairs]
        return statistics.median(gaps) if gaps else None

    def cpu(self, key):
        """How many times the CPU of the arm `off` sidecar and service need together."""
        service, width, _ = key
        own, off = self.costs.get(key), self.costs.get((service, width, "off"))
        if not own or not off:
            return None
        spent, base = (sum(one.sidecar + one.service for one in some) for some in (own, off))
        return spent / base

    def findings(self, lines=LINES):
        """The lines of acceptance, as far as there is something to ask."""
        found = []
        for line in lines:
            if line.needs is not None and line.needs not in self.methods:
                continue
            for service in line.services:
                for width in line.widths:
                    found += self._asked(line, (service, width, line.arm))
        return found

    def _asked(self, line, key):
        figures = []
        if line.right is not None and key in self.scores:
            share = self.scores[key].share(line.modes)
            figures.append(("right", share, line.right, lambda value, limit: value >= limit))
        for what, value, limit in (
            ("added p50", self.added(key, "p50"), line.p50),
            ("CPU", self.cpu(key), line.cpu),
        ):
            if limit is not None:
                figures.append((what, value, limit, lambda value, limit: value <= limit))
        return [
            Finding(line.text, *key[:2], what, value, limit, holds(value, limit))
            for what, value, limit, holds in figures
            if value is not None
        ]


ANSWERED = ("200", "hangup")


def cost(sample):
    """What a steady load cost."""
    values = sorted(sample.latencies.values())
    count = sample.cell.count
    return Cost(
        p50=statistics.median(values),
        p99=values[min(len(values) - 1, len(values) * 99 // 100)],
        sidecar=sample.sidecar_cpu / count * 1000,
        service=sample.service_cpu / count * 1000,
    )
