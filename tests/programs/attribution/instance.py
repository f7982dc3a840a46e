"""One service with its sidecar, its upstream and its daemon, as one arm has it; and the loads it
gets."""

import json
import os
import urllib.request
from pathlib import Path

from attribution import plan
from attribution.scorer import Cell
from attribution.scorer import Scorer
from support import waiting
from support.catcher import Catcher
from support.programs import PYTHON
from support.programs import Program
from support.sidecar import Sidecar
from support.sidecar import configuration

TICK = os.sysconf("SC_CLK_TCK")
UPSTREAM = "upstream.test"
#: What a timer calls every so many milliseconds, and below what the calls after an answer go: on
#: routes of their own, or on that of the requests' calls. With `none` there is hardly a timer.
NOISES = {
    "own": {"TIMER": "/tick", "AFTER": "/after", "EVERY": "60"},
    "same": {"TIMER": f"/call/{plan.BACKGROUND}", "AFTER": "/call", "EVERY": "60"},
    "none": {"TIMER": "/tick", "AFTER": "/after", "EVERY": "3600000"},
}


class Sample:
    """One load's cell, what the driver told of it, and the CPU seconds that it cost."""

    def __init__(self, cell, told, cpu):
        self.cell = cell
        self.told = told
        self.sidecar_cpu, self.service_cpu = cpu
        self.latencies = {int(number): ms for number, ms in told["latencies"].items()}


class Instance:
    """Everything that runs for one service in one arm."""

    def __init__(self, service, arm, noise, folder, carrier=None):
        self.service, self.arm, self.noise = service, arm, noise
        self.samples = []
        self._next = dict(plan.LOADS)
        self.daemon = Catcher()
        self.programs = []
        try:
            self._start(Path(folder), carrier or {})
        except BaseException:
            self.close()
            raise

    def _start(self, folder, carrier):
        self._upstream, port = waiting.free_port(), waiting.free_port()
        argv = [PYTHON, "-m", "attribution.upstream", self._upstream]
        self._begin(argv).wait_port(self._upstream)
        route = [{"host": UPSTREAM, "connect_to": f"http://127.0.0.1:{self._upstream}"}]
        tables = {"egress": {"route": route}, "attribution": self.arm.keys}
        text = configuration(f"http://127.0.0.1:{port}", self.daemon.address, tables)
        config = folder / f"{self.service.name}-{self.noise}-{self.arm.name}.toml"
        config.write_text(text, encoding="utf-8")
        self.sidecar = Sidecar(config, ["run", "--config", config])
        self.programs.append(self.sidecar.program)
        self.sidecar.wait_bound()
        env = {
            **self.sidecar.proxies,
            **NOISES[self.noise],
            "UPSTREAM": f"http://{UPSTREAM}",
            "EGRESS": self.sidecar.egress,
            **carrier,
        }
        argv = self.service.command(port, self.sidecar.egress)
        self.program = self._begin(argv, env).wait_port(port)

    def _begin(self, argv, env=None):
        self.programs.append(Program(argv, env))
        return self.programs[-1]

    def load(self, count, width, kind="mixed", timeout=300):
        """Runs so many requests, so many at a time."""
        first = self._next[kind]
        self._next[kind] += count
        before = self._cpu()
        words = ["-m", "attribution.driver", self.sidecar.ingress, first, count, width]
        driver = Program([PYTHON, *words])
        try:
            assert driver.wait(timeout) == 0, driver.output()
        finally:
            driver.stop()
        told = json.loads(driver.output())
        cpu = [after - had for after, had in zip(self._cpu(), before, strict=True)]
        times = told["began"], told["ended"]
        names = self.service.name, self.noise, self.arm.name
        self.samples.append(Sample(Cell(*names, width, first, count, *times), told, cpu))
        return self.samples[-1]

    def _cpu(self):
        return threads_cpu(self.sidecar.program.process.pid), session_cpu(self.program.process.pid)

    def methods(self):
        """The methods that this sideray has."""
        samples = self.sidecar.metrics().samples
        return {has["method"] for name, has, _ in samples if name == "sideray_attribution_total"}

    def finish(self):
        """Lets what is under way end, ends the service and the sidecar, and judges; the scorer."""
        self._wait_calls()
        self.program.stop()
        self.sidecar.drain()
        self.sidecar.check_end()
        self.daemon.settle()
        lossless = self.daemon.kernel_drops() == 0
        known = self.daemon.documents()
        assert not self.daemon.faults, "\n".join(self.daemon.faults)
        scorer = Scorer(known, [sample.cell for sample in self.samples], lossless)
        scorer.judge()
        return scorer

    def _wait_calls(self):
        """Waits until every call has reached the upstream that an answered request must make:
        those after the answer may still be on their way."""
        answered = (number for one in self.samples for number in one.latencies)
        due = {call for number in answered for call in plan.request(number).calls}
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

        def all_seen():
            url = f"http://127.0.0.1:{self._upstream}/seen"
            with opener.open(url, timeout=waiting.DEADLINE) as answer:
                return due <= set(map(tuple, json.loads(answer.read())))

        waiting.until(all_seen, "every call of an answered request reaches the upstream")

    def close(self):
        """Ends everything."""
        for program in reversed(self.programs):
            program.stop()
        self.daemon.close()


def threads_cpu(pid):
    """CPU seconds of a process's living threads, to the nanosecond; `stat` has them in ticks."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9


def session_cpu(leader):
    """CPU seconds of every process in the session of `leader`, ended threads included."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == leader:
            total += int(fields[11]) + int(fields[12])
    return total / TICK
