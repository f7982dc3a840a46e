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

    @property
    def cpu(self):
        """Both together."""
        return self.sidecar + self.service


class Figure(NamedTuple):
    """A median over the rounds, and how far off it may be: about 95 % sure, from the rounds' own
    spread."""

    value: float
    error: float = 0.0

    @classmethod
    def of(cls, values):
        """That of some values; None without any."""
        if not values:
            return None
        middle = statistics.median(values)
        spread = 1.4826 * statistics.median(abs(value - middle) for value in values)
        return cls(middle, 2 * 1.2533 * spread / len(values) ** 0.5)


class Finding(NamedTuple):
    """What became of one line of acceptance for one service at one width: `fails` only if that
    cannot be the noise of the machine, and else `unclear`."""

    line: str
    service: str
    width: int
    what: str
    figure: Figure
    limit: float
    verdict: str

    def __str__(self):
        error = f" ± {self.figure.error:.3f}" if self.figure.error else ""
        told = f"{self.what} {self.figure.value:.3f}{error}, limit {self.limit}"
        return f"{self.verdict}: {self.line}: {self.service} at {self.width}: {told}"


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

    def _pairs(self, key):
        """The costs of an arm and of `off`, round by round."""
        service, width, _ = key
        off = self.costs.get((service, width, "off"), ())
        return list(zip(self.costs.get(key, ()), off, strict=False))

    def added(self, key, field):
        """By how much a figure is above that of the arm `off`."""
        gaps = [getattr(own, field) - getattr(off, field) for own, off in self._pairs(key)]
        return Figure.of(gaps)

    def cpu(self, key):
        """How many times the CPU of the arm `off` sidecar and service need together."""
        return Figure.of([own.cpu / off.cpu for own, off in self._pairs(key) if off.cpu])

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
        found = []
        if line.right is not None and key in self.scores:
            share = self.scores[key].share(line.modes)
            if share is not None:
                figure = Figure(share, chance(line.right, self.scores[key].asked(line.modes)))
                found.append(("right", figure, line.right, at_least(figure, line.right)))
        for what, figure, limit in (
            ("added p50", self.added(key, "p50"), line.p50),
            ("CPU", self.cpu(key), line.cpu),
        ):
            if limit is not None and figure is not None:
                found.append((what, figure, limit, at_most(figure, limit)))
        return [Finding(line.text, *key[:2], *one) for one in found]


def at_most(figure, limit):
    """Whether a figure keeps a limit, as far as can be told."""
    if figure.value <= limit:
        return "holds"
    return "unclear" if figure.value - figure.error <= limit else "fails"


def at_least(figure, limit):
    """The same the other way round."""
    return at_most(Figure(-figure.value, figure.error), -limit)


def chance(share, calls):
    """By how much so many calls may miss a share that they have in truth: three standard errors."""
    return 3 * (share * (1 - share) / calls) ** 0.5


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
