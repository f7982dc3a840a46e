"""The arms: how sideray is configured and what the service's environment gets; and what must be
true of each. Everything here is data; a line whose method this sideray does not have is left
out."""

import subprocess
from pathlib import Path
from typing import NamedTuple

from support import toml
from support.programs import run
from support.sidecar import BINARY

from attribution import services

#: Keys of `[attribution]` that switch a method on or off.
SWITCHES = ("sole", "process", "thread", "fingerprint")


class Arm(NamedTuple):
    """`keys` are for `[attribution]`; if `carried`, the service runs with its runtime's carrier."""

    name: str
    keys: dict
    carried: bool = False


class Line(NamedTuple):
    """What must be true of some services in an arm. `needs` is the method without which it is not
    asked, and it takes so many requests to learn (`warm`); `modes` are those whose calls count,
    `widths` how many requests are in flight. `right` is a least share, `p50` the most added
    milliseconds, `cpu` the most times the CPU of the arm `off`."""

    text: str
    arm: str
    services: tuple
    needs: str | None = None
    warm: int = 0
    modes: tuple = ("seq", "par", "helper")
    widths: tuple = (1, 4, 16, 64)
    right: float | None = None
    p50: float | None = None
    cpu: float | None = None


def those(*ways, runtimes=None):
    """The names of the services that serve one of these ways, on one of these runtimes."""
    return tuple(
        one.name
        for one in services.ALL.values()
        if one.serves in ways and (runtimes is None or one.runtime in runtimes)
    )


ONE_BY_ONE = those("process")
THREADS = those("thread")
LOOPS = those("loop", "nio")
CARRIED = those("process", "thread", "loop", "nio", runtimes=("python", "node", "java"))

#: The lines of acceptance. That no call is given to a wrong request goes without saying: it is
#: asked of every cell.
LINES = (
    # A call that a helper thread makes could as well be a timer's: only a carrier knows.
    Line("process", "plain", ONE_BY_ONE, needs="process", warm=600, modes=("seq",), right=0.99),
    Line("carriers", "carriers", CARRIED, right=0.99),
    Line(
        "pinning",
        "plain",
        THREADS,
        needs="thread",
        warm=100,
        modes=("seq",),
        widths=(16, 64),
        right=0.70,
    ),
    Line("process is quick", "plain", ONE_BY_ONE, needs="process", widths=(16,), p50=0.3),
    Line("carriers are quick", "carriers", CARRIED, widths=(16,), p50=0.3, cpu=1.10),
    Line("pinning is quick", "plain", THREADS, needs="thread", widths=(16,), p50=2.0),
    Line("loops are not pinned", "plain", LOOPS, needs="thread", warm=100, widths=(16,), p50=0.3),
)


def warm_up(service, methods):
    """How many requests the methods that a sideray has need, before this service is judged."""
    asked = (line for line in LINES if service in line.services and line.needs in methods)
    return max((line.warm for line in asked), default=0)


def known_keys(folder):
    """Which of the switches this sideray has: it refuses a key that it does not know."""

    def knows(key):
        file = Path(folder) / "switch.toml"
        file.write_text(toml.dumps({"attribution": {key: False}}), encoding="utf-8")
        return run(BINARY, "check", "--config", file).returncode == 0

    return [key for key in SWITCHES if knows(key)]


def all_arms(folder):
    """The arms by name. `off` has nothing but headers."""
    off = dict.fromkeys(known_keys(folder), False)
    arms = (Arm("off", off), Arm("plain", {}), Arm("carriers", {}, carried=True))
    return {arm.name: arm for arm in arms}


class Carriers:
    """The runtime hooks as this sideray writes them out, and the environment that switches one on.
    This is the one place that knows their names."""

    def __init__(self, folder, given=None):
        self.folder = Path(given or folder)
        if given is None:
            words = [BINARY, "carriers", "--out", self.folder]
            done = subprocess.run(words, capture_output=True, check=False)
            self._written = done.returncode == 0
        else:
            self._written = self.folder.is_dir()

    def env(self, runtime):
        """The environment for a runtime, or None if there is no carrier for it."""
        if not self._written:
            return None
        node = next(iter(sorted(self.folder.rglob("*.cjs"))), None)
        python = next(iter(sorted(self.folder.rglob("sitecustomize.py"))), None)
        if runtime == "node" and node:
            return {"NODE_OPTIONS": f"--require {node}"}
        java = next(iter(sorted(self.folder.rglob("sideray-carrier.jar"))), None)
        if runtime == "python" and python:
            return {"PYTHONPATH": str(python.parent)}
        if runtime == "java" and java:
            return {"JAVA_TOOL_OPTIONS": f"-javaagent:{java}"}
        return None
