"""The programs that are compared, and how each is started on the core that is theirs."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import configs
from support import waiting
from support.programs import Program
from support.programs import run
from support.sidecar import BINARY
from support.sidecar import Sidecar
from support.sidecar import configuration

NAMES = ("direct", "nginx", "haproxy", "envoy", "envoy+xray", "sideray")
# Arms that only run when they are asked for: sideray that records nothing, without and with a look
# at how each request ends.
NOTHING = {"default": {"fixed_target": 0, "rate": 0.0}}
ROOT = Path(__file__).resolve().parents[2]


class Missing(Exception):
    """An arm that cannot run here; its text says why."""


class Cores(NamedTuple):
    """Which cores are whose, as `taskset -c` takes them."""

    proxy: str
    origin: str
    load: str
    sink: str

    @classmethod
    def share(cls):
        """One core for the proxies; the others for the rest, one each where they suffice."""
        cores = [str(core) for core in sorted(os.sched_getaffinity(0))]
        if len(cores) < 2:
            raise Missing("two cores are needed: one for the proxy, one for everything else")
        if len(cores) < 4:
            rest = ",".join(cores[1:])
            return cls(cores[0], rest, rest, rest)
        return cls(*cores[:4])


def pinned(core, argv):
    """The command that runs `argv` on that core."""
    return ["taskset", "-c", core, *(str(word) for word in argv)]


class Arm(NamedTuple):
    """A program to be measured: its port, its processes, its version, whether it traces."""

    name: str
    port: int
    program: Program | None
    version: str
    traces: bool


class Field:
    """Everything that runs while the comparison runs."""

    def __init__(self, cores, sink_port):
        self.cores = cores
        self.sink_port = sink_port
        self.folder = Path(tempfile.mkdtemp(prefix="sideray-compare-"))
        self.programs = []
        self.origin = waiting.free_port()
        text = configs.nginx_origin(self.folder, self.origin)
        argv = ["nginx", "-p", self.folder, "-c", self._write("origin.conf", text)]
        self._begin(cores.origin, argv, self.origin)

    def _write(self, name, text):
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        return file

    def _begin(self, core, argv, port):
        program = Program(pinned(core, argv))
        self.programs.append(program)
        return program.wait_port(port)

    def start(self, name):
        """Starts the arm of that name, or says why it cannot."""
        return getattr(self, "_" + name.replace("+", "_"))()

    def _direct(self):
        return Arm("direct", self.origin, None, "no proxy", traces=False)

    def _nginx(self):
        port = waiting.free_port()
        file = self._write("nginx.conf", configs.nginx(self.folder, port, self.origin))
        program = self._begin(self.cores.proxy, ["nginx", "-p", self.folder, "-c", file], port)
        return Arm("nginx", port, program, version("nginx", "-v"), traces=False)

    def _haproxy(self):
        if not shutil.which("haproxy"):
            raise Missing("haproxy is not installed")
        port = waiting.free_port()
        file = self._write("haproxy.cfg", configs.haproxy(port, self.origin))
        program = self._begin(self.cores.proxy, ["haproxy", "-db", "-f", file], port)
        return Arm("haproxy", port, program, version("haproxy", "-v"), traces=False)

    def _envoy(self):
        return self._any_envoy("envoy", None)

    def _envoy_xray(self):
        return self._any_envoy("envoy+xray", self.sink_port)

    def _any_envoy(self, name, sink):
        binary = envoy_binary()
        port = waiting.free_port()
        file = self._write(f"{name}.yaml", configs.envoy(port, self.origin, sink))
        argv = [binary, "-c", file, "--concurrency", 1, "--disable-hot-restart", "-l", "error"]
        program = self._begin(self.cores.proxy, argv, port)
        return Arm(name, port, program, version(binary, "--version"), traces=sink is not None)

    def _sideray(self):
        return self._any_sideray("sideray", {})

    def _sideray_passed(self):
        return self._any_sideray("sideray+passed", {"sampling": NOTHING})

    def _sideray_keep(self):
        return self._any_sideray("sideray+keep", {"sampling": {**NOTHING, "keep": ["fault"]}})

    def _any_sideray(self, name, overrides):
        if not BINARY.exists():
            raise Missing(f"there is no {BINARY}")
        daemon = f"127.0.0.1:{self.sink_port}"
        overrides = {"runtime": {"workers": 1}, **overrides}
        text = configuration(f"http://127.0.0.1:{self.origin}", daemon, overrides)
        file = self._write(f"{name}.toml", text)
        sidecar = Sidecar(file, ["run", "--config", file], launcher=pinned(self.cores.proxy, []))
        self.programs.append(sidecar.program)
        try:
            sidecar.wait_bound()
        except AssertionError as error:
            raise Missing(f"sideray does not start: {error}") from None
        said = version(BINARY, "--version")
        traces = "sampling" not in overrides
        return Arm(name, sidecar.port("ingress"), sidecar.program, said, traces)

    def close(self):
        """Ends everything."""
        for program in reversed(self.programs):
            program.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def envoy_binary():
    """Envoy from the wheel, or from the path."""
    pattern = "tests/.tools/venv/lib/python*/site-packages/envoy/_bin/envoy"
    found = next(iter(ROOT.glob(pattern)), None) or shutil.which("envoy")
    if not found:
        raise Missing("envoy is not installed: run tests/setup bench")
    return found


def version(*argv):
    """The first line of what a program says of its version."""
    done = run(*argv)
    line = next(line for line in (done.stdout + done.stderr).splitlines() if line.strip())
    return line.strip().removeprefix(str(argv[0])).strip()
