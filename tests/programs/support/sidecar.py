"""The program under test, as a black box: its command line, its ports, its log and its metrics."""

import json
import os
import signal
import urllib.request
from pathlib import Path

from support import toml
from support.metrics import Metrics
from support.programs import HERE
from support.programs import Program
from support.toml import Section
from support.waiting import DEADLINE

ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = Path(os.environ.get("SIDERAY_BIN", TARGET / "release" / "sideray"))
PORTS = ("ingress", "egress", "admin")
LOOPBACK = "127.0.0.1:0"


def configuration(upstream, daemon, overrides):
    """The tests' `proxy.toml`: everything is sampled, every port is the kernel's choice. An
    override replaces single keys of a table; a key set to None is left out."""
    tables = {
        "service": {"name": "checkout"},
        "ingress": {"listen": LOOPBACK, "upstream": upstream},
        "egress": {"listen": LOOPBACK},
        # Whatever machine runs the tests is no part of them.
        "origin": {"plugins": []},
        "emit": {"daemon": daemon},
        "sampling": {"default": {"fixed_target": 0, "rate": 1.0}},
        "admin": {"listen": LOOPBACK},
        "log": {"level": "info", "format": "json"},
    }
    for name, table in overrides.items():
        merged = {**tables.get(name, {}), **table}
        tables[name] = Section({k: v for k, v in merged.items() if v is not None})
    return toml.dumps(tables)


class Sidecar:
    """One running sideray. A `launcher` is a command that runs another, as `taskset` does."""

    def __init__(self, config, arguments, env=None, launcher=()):
        self.config = config
        self._ends_with = 0 if arguments[0] == "run" else 128 + signal.SIGTERM
        self.program = Program(
            [*launcher, BINARY, *arguments], env={"RUST_BACKTRACE": "1", **(env or {})}
        )
        self.addresses = {}

    def wait_bound(self):
        """Waits until it has said where each of its ports is."""
        for port in PORTS:
            self.addresses[port] = self.wait_log(
                lambda entry, port=port: entry.get("port") == port and entry.get("address"),
                f"where its {port} port is",
                message="listening",
            )
        return self

    def wait_log(self, choose, what, message=None, timeout=DEADLINE, after=0):
        """Waits for a log line, as a dict, for which `choose(entry)` gives something."""

        def pick(line):
            entry = _log_entry(line)
            if entry is None or (message is not None and entry.get("message") != message):
                return None
            return choose(entry)

        return self.program.wait_line(pick, what, timeout, after)

    def port(self, name):
        """The number of one of its ports."""
        return int(self.addresses[name].rsplit(":", 1)[1])

    @property
    def ingress(self):
        """Base URL of the ingress port."""
        return f"http://{self.addresses['ingress']}"

    @property
    def egress(self):
        """URL of the egress port, as `HTTP_PROXY` takes it."""
        return f"http://{self.addresses['egress']}"

    @property
    def proxies(self):
        """The environment that sends a program's calls through the egress port."""
        env = {"no_proxy": "", "NO_PROXY": "", "NODE_USE_ENV_PROXY": "1"}
        for name in ("http_proxy", "https_proxy"):
            env[name] = env[name.upper()] = self.egress
        return env

    def admin(self, path, method="GET"):
        """What the admin port answers, whatever the status: (status, body)."""
        request = urllib.request.Request(f"http://{self.addresses['admin']}{path}", method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _AnyStatus)
        with opener.open(request, timeout=DEADLINE) as response:
            return response.status, response.read().decode()

    def metrics(self):
        """The metrics at this moment."""
        status, text = self.admin("/metrics")
        assert status == 200, f"/metrics answered {status}"
        return Metrics(text)

    def rewrite(self, text):
        """Replaces the configuration file; nothing happens before `reload`."""
        self.config.write_text(text, encoding="utf-8")

    def reload(self):
        """Asks for the configuration to be read again; returns how many log lines came before."""
        before = len(self.program.lines)
        self.program.signal(signal.SIGHUP)
        return before

    def terminate(self):
        """Asks it to drain."""
        self.program.signal(signal.SIGTERM)

    def drain(self):
        """Asks it to drain, and waits for it to have ended well: with status 0, or with that of
        the command beside it, which gets the signal too."""
        if self.program.process.poll() is None:
            self.terminate()
        code = self.program.wait()
        expected = (0, self._ends_with)
        assert code in expected, f"sideray ended with {code}:\n{self.program.output()[-4000:]}"

    def check_end(self):
        """Neither how it ended nor what it printed tells of a bug."""
        code = self.program.wait()
        assert code >= 0, f"signal {-code} ended sideray:\n{self.program.output()[-4000:]}"
        for line in self.program.output().splitlines():
            assert "panicked at" not in line, f"sideray panicked: {line}"


class _AnyStatus(urllib.request.HTTPErrorProcessor):
    def http_response(self, request, response):
        return response


def _log_entry(line):
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
