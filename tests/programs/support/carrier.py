"""A Node.js service with the carrier, and requests to it that each have a trace header of their
own. What a call carried is what the origin it called has seen."""

import http.client
import json
import os
import random
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

from support import waiting
from support.programs import HERE
from support.programs import Program

NODE = HERE / "node"
CARRIER = HERE.parent.parent / "src" / "carriers" / "node.cjs"
OPTIONS = {"NODE_OPTIONS": f"--require {CARRIER}"}
NAMES = ("x-amzn-trace-id", "traceparent")


def binaries():
    """The Node.js programs to test: that of PATH, and those that SIDERAY_NODES lists."""
    listed = os.environ.get("SIDERAY_NODES", "").split(":")
    return [one for one in dict.fromkeys([shutil.which("node"), *listed]) if one]


def version(node):
    """Its version, as (major, minor, patch)."""
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    return tuple(map(int, done.stdout.strip().lstrip("v").split(".")))


def label(node):
    """A name for it in the names of tests."""
    return "node-" + ".".join(map(str, version(node)))


def trace(number):
    """The trace headers of a request by its number: one, the other, both, or none."""
    xray = {"X-Amzn-Trace-Id": f"Root=1-67891233-{number:024x};Parent={number:016x};Sampled=1"}
    w3c = {"traceparent": f"00-{number:032x}-{number:016x}-01"}
    return ({**xray, **w3c}, xray, w3c, {}, xray)[number % 5]


def drawn(number):
    """The trace headers of a request by its number, `17x`: which of them, chance says."""
    count = int(number[:-1])
    xray = {NAMES[0]: f"Root=1-{count:08x}-{count:024x};Parent={count:016x};Sampled=1"}
    w3c = {NAMES[1]: f"00-{count + 1:032x}-{count + 1:016x}-01"}
    return random.choice((xray, xray, xray, w3c, {**xray, **w3c}, {}))


def carried(headers):
    """The trace headers among those of a request."""
    return {name: headers[name] for name in NAMES if name in headers}


def lower(headers):
    """The same headers with lower-case names."""
    return {name.lower(): value for name, value in headers.items()}


class Service:
    """One of the services of `node/`, started with its origins."""

    def __init__(self, start, node, name, words=(), env=None):
        argv = [node, NODE / name, *words]
        self.program: Program = start(argv, env={**OPTIONS, **(env or {})})
        self.port = port_of(self.program)

    def ask(self, path, headers, body=b"body"):
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=waiting.DEADLINE)
        try:
            return exchange(connection, path, headers, body)
        finally:
            connection.close()

    def load(self, name, numbers, at_once):
        """A request `/name/NUMBER` for each number, that many at a time, over keep-alive
        connections."""
        mine = threading.local()

        def one(number):
            if not hasattr(mine, "connection"):
                mine.connection = http.client.HTTPConnection(
                    "127.0.0.1", self.port, timeout=waiting.DEADLINE
                )
            return exchange(mine.connection, f"/{name}/{number}", trace(number), b"body")

        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(one, numbers))


def exchange(connection, path, headers, body):
    """A request and its answer; anything but 200 is a failure of the test."""
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == 200, said.decode()
    return said.decode()


def port_of(program):
    """The port that a program of `node/` prints."""

    def port(line):
        return int(line.split()[1]) if line.startswith("port ") else None

    return program.wait_line(port, "its port")


class Http2Origin:
    """An HTTP/2 server in Node.js."""

    def __init__(self, start, node):
        self.program = start([node, NODE / "carrier_origin.cjs"])
        self.url = f"http://127.0.0.1:{port_of(self.program)}"

    def seen(self):
        """(path, trace headers) of each request."""
        lines = [line for line in list(self.program.lines) if line and line.startswith("{")]
        entries = map(json.loads, lines)
        return [(one["path"], carried(one["headers"])) for one in entries]


class Origins:
    """The servers that a service calls: HTTP, HTTPS and HTTP/2."""

    def __init__(self, plain, tls, http2):
        self.plain, self.tls, self.http2 = plain, tls, http2
        self.words = [plain.url, tls.url, http2.url]

    def seen(self):
        """(path, trace headers) of each request that one of them was asked."""
        requests = [*self.plain.requests, *self.tls.requests]
        return [(one.target, carried(one.headers)) for one in requests] + self.http2.seen()

    def under(self, prefix):
        """Those below a path, as {rest of the path: trace headers}."""
        return {
            path[len(prefix) :]: headers for path, headers in self.seen() if path.startswith(prefix)
        }

    def wait(self, prefix, count):
        """`under`, once there are that many."""

        def enough():
            found = self.under(prefix)
            return found if len(found) >= count else None

        return waiting.until(enough, f"{count} calls to {prefix}")
