"""The carrier for Python: services that forward nothing pass on the trace header they were asked
with, and nothing else about them changes.

The tests send the headers themselves, so there is no sidecar here. `SIDERAY_PYTHONS` names further
interpreters, with colons between them; of the servers, whatever an interpreter has is tested."""

import http.client
import os
import queue
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support import waiting
from support.programs import HERE

APPS = HERE / "apps"
CARRIER = HERE.parent.parent / "src" / "carriers"
PYTHONS = [sys.executable, *filter(None, os.environ.get("SIDERAY_PYTHONS", "").split(":"))]
#: How often each way of calling is chosen by a request.
EVERY = ("inline", "pool", "shared", "thread", "after")

GUNICORN = ("-m", "gunicorn", "--backlog", "512", "-b", "127.0.0.1:{port}")
UVICORN = ("-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "carrier_fastapi:app")
#: Service: what it needs, how it is started, the ways of calling that it knows.
SERVICES = {
    "flask": (
        "flask requests",
        ("-m", "flask", "--app", "carrier_flask", "run", "--with-threads", "-p", "{port}"),
        EVERY,
    ),
    "gunicorn sync": (
        "gunicorn flask requests",
        (*GUNICORN, "-k", "sync", "-w", "4", "carrier_flask:app"),
        EVERY,
    ),
    "gunicorn gthread": (
        "gunicorn flask requests",
        (*GUNICORN, "-k", "gthread", "--threads", "32", "carrier_flask:app"),
        EVERY,
    ),
    "gunicorn gevent": (
        "gunicorn gevent flask requests",
        (*GUNICORN, "-k", "gevent", "carrier_flask:app"),
        ("inline", "thread"),
    ),
    "gunicorn asgi": (
        "gunicorn.asgi fastapi httpx",
        (*GUNICORN, "-k", "asgi", "carrier_fastapi:app"),
        EVERY,
    ),
    "waitress": (
        "waitress flask requests",
        ("-m", "waitress", "--listen=127.0.0.1:{port}", "--threads=16", "carrier_flask:app"),
        EVERY,
    ),
    "cheroot": (
        "cheroot flask requests",
        ("-m", "cheroot", "--bind", "127.0.0.1:{port}", "--threads", "16", "carrier_flask:app"),
        EVERY,
    ),
    "uvicorn h11": (
        "uvicorn fastapi httpx",
        (*UVICORN, "--http", "h11", "--loop", "asyncio"),
        EVERY,
    ),
    "uvicorn httptools": (
        "uvicorn httptools uvloop fastapi httpx",
        (*UVICORN, "--http", "httptools", "--loop", "uvloop"),
        EVERY,
    ),
    "hypercorn": (
        "hypercorn fastapi httpx",
        ("-m", "hypercorn", "-b", "127.0.0.1:{port}", "carrier_fastapi:app"),
        EVERY,
    ),
    "daphne": (
        "daphne fastapi httpx",
        ("-m", "daphne", "-v", "0", "-p", "{port}", "carrier_fastapi:app"),
        EVERY,
    ),
    "aiohttp": ("aiohttp", ("carrier_aiohttp.py", "{port}"), ("inline", "pool", "after")),
    "tornado": ("tornado", ("carrier_tornado.py", "{port}"), ("inline", "pool")),
    "http.server": ("http", ("carrier_plain.py", "http", "{port}"), ("inline", "pool")),
    "wsgiref": ("wsgiref", ("carrier_plain.py", "wsgi", "{port}"), ("inline", "pool")),
    "asyncio streams": ("asyncio", ("carrier_plain.py", "streams", "{port}"), ("inline", "pool")),
    "asyncio wait_for": ("asyncio", ("carrier_plain.py", "waits", "{port}"), ("inline", "pool")),
    "asyncio protocol": ("asyncio", ("carrier_plain.py", "protocol", "{port}"), ("inline", "pool")),
}
FINDS = """
import importlib.util, sys
def there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False
print(*(number for number, names in enumerate(sys.argv[1:]) if all(map(there, names.split()))))
"""


def cells():
    """Each interpreter with each service that it has what it needs for."""
    needs = [need for need, _, _ in SERVICES.values()]
    for python in PYTHONS:
        found = subprocess.run(
            [python, "-c", FINDS, *needs], capture_output=True, text=True, check=True
        ).stdout.split()
        for number, name in enumerate(SERVICES):
            if str(number) in found:
                yield pytest.param(python, name, id=f"{version(python)}-{name}")


def version(python):
    """A short name for an interpreter."""
    words = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def environment(**more):
    """The environment with the carrier switched on."""
    inherited = os.environ.get("PYTHONPATH")
    path = f"{CARRIER}:{inherited}" if inherited else str(CARRIER)
    return {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "NO_PROXY": "*", **more}


class Service:
    """A service with the carrier in it, the origin that it calls, and what was asked of it."""

    def __init__(self, start, origin, python, name, **env):
        _, words, self.ways = SERVICES[name]
        self.port = waiting.free_port()
        argv = [python, *(word.format(port=self.port) for word in words)]
        env = environment(ORIGIN=origin.url, **env)
        self.program = start(argv, env=env, cwd=APPS).wait_port(self.port)
        self.origin = origin
        self.asked = {}
        self._numbers = iter(range(10**6))

    def load(self, requests, width):
        """So many requests over so many kept-alive connections, one way and one kind of header
        after the other in no order."""
        todo = queue.SimpleQueue()
        for _ in range(requests):
            number = f"{next(self._numbers)}x"
            self.asked[number] = header_for(number)
            todo.put((number, random.choice(self.ways), random.randint(1, 4)))
        faults = []
        lanes = [
            threading.Thread(target=self._lane, args=(todo, faults)) for _ in range(width)
        ]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        assert not faults, f"{faults[:3]}\n{self.program.output()[-2000:]}"

    def _lane(self, todo, faults):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            while True:
                number, way, calls = todo.get_nowait()
                self.ask(connection, f"/{way}/{number}/{calls}", self.asked[number])
                for call in range(calls):
                    self.asked[number, call] = self.asked[number]
        except queue.Empty:
            connection.close()
        except Exception as error:
            faults.append(repr(error))

    def ask(self, connection, path, headers):
        """One request and its answer."""
        for last in (False, True):
            try:
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                break
            except (http.client.RemoteDisconnected, ConnectionError):
                # A server may close a connection that it has just kept; it took nothing up then.
                connection.close()
                if last:
                    raise
        answer.read()
        assert answer.status == 200, (path, answer.status)

    def calls(self):
        """What the origin saw of the requests' calls: (number, call) and the trace headers."""
        for seen in list(self.origin.requests):
            _, verb, *rest = urlsplit(seen.target).path.split("/")
            if verb == "call":
                yield (rest[0], int(rest[1])), trace_of(seen.headers)

    def judge(self):
        """Every call carries exactly the header of its own request."""
        expected = {key: sent for key, sent in self.asked.items() if isinstance(key, tuple)}
        waiting.until(lambda: len(dict(self.calls())) >= len(expected), "every call has come")
        seen = dict(self.calls())
        wrong = {key: (seen[key], sent) for key, sent in expected.items() if seen[key] != sent}
        missing = [key for key, (got, _) in wrong.items() if not got]
        assert not wrong, f"{len(wrong)} of {len(expected)}, missing {len(missing)}: {wrong}"
        for one in self.origin.requests:
            if one.target.startswith("/background"):
                assert trace_of(one.headers) == {}, "a call of the background has no parent"
        return len(expected)


def header_for(number):
    """The headers of a request: X-Ray's, W3C's, both or none."""
    count = int(number[:-1])
    trace = {"x-amzn-trace-id": f"Root=1-{count:08x}-{count:024x};Parent={count:016x};Sampled=1"}
    parent = {"traceparent": f"00-{count + 1:032x}-{count + 1:016x}-01"}
    return random.choice((trace, trace, trace, parent, {**trace, **parent}, {}))


def trace_of(headers):
    """The trace headers among others."""
    names = ("x-amzn-trace-id", "traceparent")
    return {name: headers[name] for name in names if name in headers}


@pytest.mark.parametrize(("python", "name"), list(cells()))
def test_every_call_carries_the_header_of_its_own_request(start, origin, python, name):
    service = Service(start, origin, python, name)
    slow = name == "wsgiref"
    service.load(40 if slow else 64, 16)
    service.load(40 if slow else 128, 64)
    print(f"{name}: {service.judge()} calls")
