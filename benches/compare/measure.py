"""One measurement: a load on one arm, and what it cost."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from support import waiting
from support.programs import run

from arms import pinned

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3}


class Sample(NamedTuple):
    """What one load on one arm came to. CPU in seconds per 100,000 requests, latencies in
    milliseconds, memory in MiB."""

    arm: str
    connections: int
    requests: int
    cpu: float | None
    rate: float
    p50: float
    p99: float
    errors: int
    memory: float | None
    documents: int | None
    lost: int | None


def cpu_seconds(program):
    """User and system time of a process, all its threads, since it began."""
    text = Path(f"/proc/{program.process.pid}/stat").read_text(encoding="ascii")
    fields = text.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(program):
    """Resident memory of a process in MiB."""
    text = Path(f"/proc/{program.process.pid}/statm").read_text(encoding="ascii")
    return int(text.split()[1]) * PAGE / 2**20


class Sink:
    """The process that counts documents."""

    def __init__(self, core):
        self._process = subprocess.Popen(
            pinned(core, [sys.executable, Path(__file__).with_name("sink.py")]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._process.stdout.readline())

    def counts(self):
        """(received, dropped by the kernel), since it began."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        received, dropped = self._process.stdout.readline().split()
        return int(received), int(dropped)

    def settled(self):
        """The counts once nothing has come for a moment: Envoy and sideray send on their own."""
        before = [(-1, -1)] * 20

        def still():
            before.append(self.counts())
            return before[-20:].count(before[-1]) == 20

        waiting.until(still, "the sink comes to rest")
        return before[-1]

    def close(self):
        """Ends it."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def measure(arm, sink, core, connections, seconds):
    """Runs wrk against an arm for so many seconds."""
    documents = sink.settled() if arm.traces else None
    before = cpu_seconds(arm.program) if arm.program else None
    url = f"http://127.0.0.1:{arm.port}/compare?x=1"
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url]
    done = run(*pinned(core, words), timeout=seconds + 60)
    if done.returncode != 0:
        raise RuntimeError(f"wrk: {done.stdout}{done.stderr}")
    requests, rate = told(done.stdout)
    lost = None
    if documents is not None:
        after = sink.settled()
        received, lost = after[0] - documents[0], after[1] - documents[1]
    # After the documents have left, so that they count as part of the cost.
    spent = cpu_seconds(arm.program) - before if arm.program else None
    return Sample(
        arm=arm.name,
        connections=connections,
        requests=requests,
        cpu=None if spent is None else spent / requests * 100_000,
        rate=rate,
        p50=percentile(done.stdout, 50),
        p99=percentile(done.stdout, 99),
        errors=errors(done.stdout),
        memory=memory(arm.program) if arm.program else None,
        documents=received if documents is not None else None,
        lost=lost,
    )


def told(output):
    """How many requests wrk says it made, and how many a second."""
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    return requests, float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))


def percentile(output, percent):
    """A latency of wrk's distribution in milliseconds."""
    value, unit = re.search(rf"^\s+{percent}%\s+([\d.]+)(\w+)", output, re.MULTILINE).groups()
    return float(value) * UNITS[unit]


def errors(output):
    """Requests that broke or were answered with something else than 2xx or 3xx."""
    broken = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output
    )
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    return sum(map(int, broken.groups() if broken else ())) + (
        int(refused.group(1)) if refused else 0
    )
