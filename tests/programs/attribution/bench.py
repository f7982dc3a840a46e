"""One run of the harness: every service in every arm, arms interleaved, and what came of it."""

import contextlib
import tempfile
from concurrent.futures import ThreadPoolExecutor

from attribution import arms
from attribution import services
from attribution.instance import Instance
from attribution.results import Results
from attribution.scorer import missing

CALLS = 2.5


class Bench:
    """What is run, and the results so far. `say(line)` is told of the progress. With `together` the
    arms get their loads at the same time, which is no good for what they cost. Every document is
    appended to the file `keep`."""

    def __init__(self, folder, chosen, carriers=None, say=print, together=False, keep=None):
        self.folder = folder
        self.together = together
        self.keep = keep
        self.say = say
        self.results = Results(chosen)
        self.carriers = arms.Carriers(f"{folder}/carriers", carriers)
        every = arms.all_arms(folder)
        self.arms = [every[name] for name in chosen]

    def _instances(self, stack, service, noise, chosen):
        """The service in each of these arms, as far as it can run here."""
        started = []
        for arm in chosen:
            carrier = self.carriers.env(service.runtime) if arm.carried else None
            if arm.carried and carrier is None:
                continue
            instance = Instance(service, arm, noise, self.folder, carrier)
            stack.callback(instance.close)
            started.append(instance)
        return started

    def service(self, name, noise, requests, widths, steady=(), rounds=1):
        """The mixed load at each width, `requests` each, and then so many rounds of the steady load
        at the widths of `steady`. In each round the next arm is the first."""
        with contextlib.ExitStack() as stack:
            try:
                running = self._instances(stack, services.ALL[name], noise, self.arms)
            except services.Missing as why:
                self.results.absent[name] = str(why)
                return
            if warm := arms.warm_up(name, running[0].methods() if running else ()):
                self._round(running, warm, 16, "warm")
            for width in widths:
                self._round(running, max(requests, 2 * width), width, "mixed")
            for _ in range(rounds):
                for width in steady:
                    self._round(running, 10 * width, width, "steady")
            self._finish(running)

    def _round(self, running, count, width, kind):
        with ThreadPoolExecutor(len(running) if self.together and running else 1) as pool:
            list(pool.map(lambda one: one.load(count, width, kind), running))
        running[:] = [*running[1:], *running[:1]]

    def sparse(self, names, noise, requests):
        """The sparse load on all services at once, in the arm `plain`."""
        plain = [arm for arm in self.arms if arm.name == "plain"]
        with contextlib.ExitStack() as stack:
            running = []
            for name in names:
                with contextlib.suppress(services.Missing):
                    running += self._instances(stack, services.ALL[name], noise, plain)
            with ThreadPoolExecutor(max(len(running), 1)) as pool:
                list(pool.map(lambda one: one.load(requests, 1, "sparse", 600), running))
            self._finish(running)

    def _finish(self, running):
        for instance in running:
            self.results.methods |= instance.methods()
            scorer = instance.finish()
            if self.keep:
                # Calls after the answer, which belong to the load, outlive their request by nature.
                instance.daemon.save(self.keep, alone=False)
            cells = [sample.cell for sample in instance.samples]
            answered = {sample.cell: sample.latencies for sample in instance.samples}
            absent = missing(cells, scorer.scores, answered.get)
            self.results.take(instance.samples, scorer, absent)
            total = sum(score.calls for score in scorer.scores)
            wrong = sum(len(score.wrong) for score in scorer.scores) + len(scorer.strays.wrong)
            where = f"{instance.service.name}, noise {instance.noise}, arm {instance.arm.name}"
            self.say(f"{where}: {total} calls, {wrong} wrong")


def run(chosen, say):
    """What `benches/attribution/run` does; `chosen` are its arguments."""
    with tempfile.TemporaryDirectory(prefix="sideray-attribution-") as folder:
        bench = Bench(folder, chosen.arms, chosen.carriers, say)
        cells = len(chosen.services) * len(chosen.noise) * len(chosen.concurrency)
        requests = -(-chosen.calls // round(cells * CALLS))
        for noise in chosen.noise:
            for name in chosen.services:
                steady = chosen.steady if noise == chosen.noise[0] else ()
                bench.service(name, noise, requests, chosen.concurrency, steady, chosen.rounds)
            if chosen.sparse:
                bench.sparse(chosen.services, noise, chosen.sparse)
        return bench.results
