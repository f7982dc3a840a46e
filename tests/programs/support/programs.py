"""Starting programs and stopping exactly those: each in a process group of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from support import waiting

HERE = Path(__file__).resolve().parent.parent
PYTHON = sys.executable


def tool(name):
    """A program that pip put beside this Python."""
    return str(Path(sys.executable).parent / name)


class Program:
    """A child process whose output is kept line by line."""

    def __init__(self, argv, env=None, cwd=None):
        self.argv = [str(word) for word in argv]
        self.lines = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            self.argv,
            env={**os.environ, **(env or {})},
            cwd=cwd or HERE,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self.lines.append(None)
            self._news.notify_all()

    def output(self):
        """Everything it has printed."""
        return "\n".join(line for line in list(self.lines) if line is not None)

    def wait_line(self, choose, what, timeout=waiting.DEADLINE, after=0):
        """Waits for a line, past the first `after`, for which `choose(line)` gives something."""

        def found():
            chosen = (choose(line) for line in self.lines[after:] if line is not None)
            return next((one for one in chosen if one), None)

        def over():
            return found() or (self.lines and self.lines[-1] is None)

        with self._news:
            self._news.wait_for(over, timeout)
            chosen = found()
        if not chosen:
            raise AssertionError(f"{self.argv[0]} never said {what}:\n{self.output()[-4000:]}")
        return chosen

    def wait_port(self, port):
        """Waits until it listens on `port`."""

        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.argv} ended:\n{self.output()[-4000:]}")
            return waiting.accepts(port)

        waiting.until(ready, f"{self.argv[0]} listening on {port}")
        return self

    def signal(self, number):
        """Sends a signal to the program alone, not to its children."""
        self.process.send_signal(number)

    def wait(self, timeout=waiting.DEADLINE):
        """Its exit code; negative for the signal that ended it."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.argv} has not ended:\n{self.output()[-4000:]}") from None
        return code

    def stop(self):
        """Ends it and what it started."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._thread.join(10)
        self.process.stdout.close()


def run(*argv, env=None, timeout=60, stdin=None):
    """Runs a program to its end; the result has `returncode`, `stdout` and `stderr` as text."""
    return subprocess.run(
        [str(word) for word in argv],
        env={**os.environ, **(env or {})},
        cwd=HERE,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
