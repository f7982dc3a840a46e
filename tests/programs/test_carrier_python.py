"""The carrier for Python: services that forward nothing pass on the trace header they were asked
with, and nothing else about them changes.

The tests send the headers themselves, so there is no sidecar here. `SIDERAY_PYTHONS` names further
interpreters, with colons between them; of the servers, whatever an interpreter has is tested."""

import http.client
import os
import queue
import random
import re
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pytest

from support import carrier
from support import waiting
from support.programs import HERE

APPS = HERE / "apps"
CARRIER = HERE.parent.parent / "src" / "carriers"
PYTHONS = [sys.executable, *filter(None, os.environ.get("SIDERAY_PYTHONS", "").split(":"))]
#: How often each way of calling is chosen by a request.
EVERY = ("inline", "pool", "shared", "thread", "queue", "after")


def version(python):
    """A short name for an interpreter."""
    words = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def has_carrier(python):
    """Whether the carrier does anything in that interpreter."""
    return tuple(map(int, version(python).split("."))) >= (3, 8)


MODERN = [python for python in PYTHONS if has_carrier(python)]
OLD = [python for python in PYTHONS if python not in MODERN]

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
    for python in MODERN:
        found = subprocess.run(
            [python, "-c", FINDS, *needs], capture_output=True, text=True, check=True
        ).stdout.split()
        for number, name in enumerate(SERVICES):
            if str(number) in found:
                yield pytest.param(python, name, id=f"{version(python)}-{name}")


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
        self.left = set()
        self._numbers = iter(range(10**6))

    def load(self, requests, width):
        """So many requests over so many kept-alive connections, one way and one kind of header
        after the other in no order."""
        todo = queue.SimpleQueue()
        for _ in range(requests):
            number = f"{next(self._numbers)}x"
            self.asked[number] = carrier.drawn(number)
            way = random.choice(self.ways)
            if way in ("queue", "after"):
                self.left.add(number)
            todo.put((number, way, random.randint(1, 4)))
        faults = []
        lanes = [threading.Thread(target=self._lane, args=(todo, faults)) for _ in range(width)]
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
                yield (rest[0], int(rest[1])), carrier.carried(seen.headers)

    def late(self, number):
        """The trace headers of the calls that a request left behind for ever, oldest first."""
        target = f"/late/{number}"
        return [carrier.carried(one.headers) for one in self.origin.requests if one.target == target]

    def judge(self):
        """Every call carries exactly the header of its own request. One by a worker for all has
        none, as a rule, and one that is made after the answer may come too late for any on a busy
        machine, but never have they another's."""
        expected = {key: sent for key, sent in self.asked.items() if isinstance(key, tuple)}
        waiting.until(lambda: len(dict(self.calls())) >= len(expected), "every call has come")
        seen = dict(self.calls())
        wrong = {key: (seen[key], sent) for key, sent in expected.items() if seen[key] != sent}
        wrong = {key: pair for key, pair in wrong.items() if pair[0] or key[0] not in self.left}
        missing = [key for key, (got, _) in wrong.items() if not got]
        assert not wrong, f"{len(wrong)} of {len(expected)}, missing {len(missing)}: {wrong}"
        for one in self.origin.requests:
            if one.target.startswith("/background"):
                assert carrier.carried(one.headers) == {}, "a call of the background has no parent"
        return len(expected)


def run(python, *words, carrier=True, **env):
    """Runs an interpreter to its end; (exit code, stdout, stderr)."""
    path = ":".join(filter(None, [str(CARRIER) if carrier else "", env.get("PYTHONPATH")]))
    merged = {**os.environ, **environment(**env), "PYTHONPATH": path, "PYTHONHASHSEED": "1"}
    done = subprocess.run(
        [python, *map(str, words)],
        env=merged, cwd=APPS, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


CELLS = list(cells())
each_python = pytest.mark.parametrize("python", MODERN, ids=version)


@pytest.mark.parametrize(("python", "name"), CELLS)
def test_every_call_carries_the_header_of_its_own_request(start, origin, python, name):
    service = Service(start, origin, python, name)
    few = name == "wsgiref"
    service.load(24 if few else 48, 16)
    service.load(24 if few else 96, 64)
    assert service.judge() > (48 if few else 144)


LATE = ("flask", "gunicorn gthread", "uvicorn h11", "aiohttp", "asyncio streams")


@pytest.mark.parametrize(("python", "name"), [one for one in CELLS if one.values[1] in LATE])
def test_what_a_request_leaves_behind_for_ever_soon_has_none(start, origin, python, name):
    service = Service(start, origin, python, name)
    connection = http.client.HTTPConnection("127.0.0.1", service.port)
    sent = {"x-amzn-trace-id": "Root=1-0000000a-00000000000000000000000a"}
    service.ask(connection, "/late/1", sent)
    waiting.until(lambda: {} in service.late(1), "calls without a header")
    first = service.late(1)
    assert sent in first, "soon after the answer it still is that request's"
    other = {"x-amzn-trace-id": "Root=1-0000000b-00000000000000000000000b"}
    service.ask(connection, "/inline/2/1", other)
    count = len(service.late(1))
    waiting.until(lambda: len(service.late(1)) > count + 2, "more calls")
    assert all(one in (sent, {}) for one in service.late(1))
    assert all(one == {} for one in service.late(1)[first.index({}) :])
    assert dict(service.calls())["2", 0] == other
    connection.close()


@each_python
def test_the_carrier_can_be_switched_off(start, origin, python):
    service = Service(start, origin, python, "http.server", SIDERAY_CARRIER="off")
    service.load(4, 2)
    expected = [key for key in service.asked if isinstance(key, tuple)]
    waiting.until(lambda: len(dict(service.calls())) == len(expected), "every call has come")
    assert all(trace == {} for trace in dict(service.calls()).values())


@each_python
def test_the_checks_from_the_inside_hold(certificate, python):
    words = "-W", "ignore", "carrier_checks.py", certificate.cert, certificate.key
    assert run(python, *words) == (0, "", "")


#: Programs that must not notice the carrier, not even in the tracebacks of what fails in its hooks.
PROGRAMS = {
    "prints": "print('hello'); import sys; print(sys.argv, sys.flags, sys.path[-1])",
    "exits": "import sys; sys.exit(3)",
    "fails": "raise ValueError('wrong')",
    "fails in a thread": """
import threading
def work(): raise ValueError('wrong')
thread = threading.Thread(target=work, name='one'); thread.start(); thread.join()""",
    "fails in a pool": """
from concurrent.futures import ThreadPoolExecutor
def work(): raise ValueError('wrong')
ThreadPoolExecutor(1).submit(work).result()""",
    "cannot connect": """
import urllib.request
urllib.request.urlopen('http://127.0.0.1:1/')""",
    "cannot resolve a socket": "import socket; socket.socket(-5)",
    "times out": """
import socket
with socket.socket() as one:
    one.bind(('127.0.0.1', 0)); one.listen(); one.settimeout(0.01)
    one.accept()""",
    "reads an end": """
import asyncio
async def main():
    server = await asyncio.start_server(lambda r, w: w.close(), '127.0.0.1', 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await reader.readexactly(5)
asyncio.run(main())""",
    "misuses http.client": """
import http.client
http.client.HTTPConnection('here').endheaders()""",
    "misses a module": "import http.client, socket; from socket import nothing_like_that",
    "starts processes": """
import multiprocessing
if __name__ == '__main__':
    with multiprocessing.get_context('fork').Pool(2) as pool:
        print(pool.map(abs, [-1, -2]))""",
    "serves itself": """
import http.client, http.server, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(self.path.encode())
    def log_message(self, *words): print(*words[1:])
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
thread = threading.Thread(target=server.handle_request); thread.start()
client = http.client.HTTPConnection(*server.server_address)
client.request('GET', '/path', headers={'X-Amzn-Trace-Id': 'own'})
print(client.getresponse().read()); thread.join(); server.server_close()""",
    "looks up modules": """
import importlib.util, inspect, socket, threading, http.client
print(importlib.util.find_spec('http.client').origin == http.client.__file__)
print(socket.__loader__.__class__, socket.__spec__.loader.__class__, socket.__file__)
print(inspect.signature(threading.Thread.start), inspect.getsourcefile(http.client))
print(inspect.getsource(socket.socket.accept)[:40], socket.socket.recv)""",
}


#: What differs from one run to the next: ports and addresses in memory.
CHANCE = re.compile(r"\b(\d{4,5}|0x[0-9a-f]+)\b")


@pytest.mark.parametrize("python", [*MODERN, *OLD], ids=version)
def test_programs_do_not_notice_it(python):
    programs = PROGRAMS if python in MODERN else {"prints": "print('hello')", "exits": "exit(3)"}
    for name, program in programs.items():
        for options in ((), ("-X", "dev", "-W", "error")) if python in MODERN else ((),):
            with_it = run(python, *options, "-c", program)
            without = run(python, *options, "-c", program, carrier=False)
            with_it, without = (CHANCE.sub("", str(one)) for one in (with_it, without))
            assert with_it == without, (name, options)


@each_python
def test_what_switches_sitecustomize_off_switches_it_off(python):
    program = "import sys; print(any(hasattr(one, 'sideray_carrier') for one in sys.meta_path))"
    assert run(python, "-c", program) == (0, "True\n", "")
    for option in ("-S", "-I", "-E"):
        assert run(python, option, "-c", program) == (0, "False\n", "")
    assert run(python, "-c", program, SIDERAY_CARRIER="off") == (0, "False\n", "")


SITES = {
    "speaks": "print(__name__, __file__, __spec__.name); answer = 42",
    "fails": "raise RuntimeError('broken')",
    "misses": "import nothing_like_that",
    "leaves": "raise SystemExit(5)",
}


@pytest.mark.parametrize("python", [*MODERN, *OLD], ids=version)
@pytest.mark.parametrize("off", ["", "off"])
def test_another_sitecustomize_runs_as_it_would_have(python, off, tmp_path):
    program = "import sys; print(getattr(sys.modules.get('sitecustomize'), 'answer', None))"
    for name, text in SITES.items():
        folder = tmp_path / name
        folder.mkdir()
        if python in OLD:
            text = text.replace(", __spec__.name", "")
        (folder / "sitecustomize.py").write_text(text, encoding="utf-8")
        with_it = run(python, "-c", program, PYTHONPATH=str(folder), SIDERAY_CARRIER=off)
        without = run(python, "-c", program, PYTHONPATH=str(folder), carrier=False)
        if name == "leaves":
            # Python ends by a traceback of its own machinery, of which ours is a part here.
            with_it, without = (one[2].splitlines()[-1:] for one in (with_it, without))
        assert with_it == without, name


@each_python
def test_the_carrier_runs_behind_another_sitecustomize_that_looks_for_the_next(python, tmp_path):
    """As tools do that take the first place: they take themselves out and import the next."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "sys.path.remove(os.path.dirname(os.path.abspath(__file__)))\n"
        "del sys.modules['sitecustomize']\n"
        "import sitecustomize\n",
        encoding="utf-8",
    )
    program = "import sys; print(sum(hasattr(one, 'sideray_carrier') for one in sys.meta_path))"
    path = f"{tmp_path}:{CARRIER}:{CARRIER}"
    assert run(python, "-c", program, carrier=False, PYTHONPATH=path) == (0, "1\n", "")


def test_signed_calls_and_http2_carry_it_too(certificate):
    """botocore, and httpx over HTTP/2, with the interpreter of the tests."""
    assert run(sys.executable, "-W", "ignore", "carrier_clients.py") == (0, "", "")
