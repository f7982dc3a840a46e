"""An AWS on loopback: moto, a front that fails where a test wants it, and before both what checks
signatures and ends TLS.

    program ── proxy ──TLS──▶ sigv4.py ──▶ Front ──▶ moto

What comes keeps its own Host, so that moto knows the service. The front is told by a test which
requests to answer itself (`arm`), and remembers every request (`requests`)."""

import contextlib
import http.client
import json
import re
import socket
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from typing import NamedTuple

from support import waiting
from support.programs import HERE
from support.programs import PYTHON
from support.programs import Program
from support.programs import tool

#: The only key that anything here is signed with. The account is moto's.
ACCESS_KEY, SECRET_KEY = "test", "test"
REGION = "us-east-1"

SUBDOMAINS = ["s3", "s3-control", "ecr", "sagemaker", "dynamodb", "ddb", "iot", "eventsv2"]
#: Names for the certificate of everything: a wildcard stands for one label only.
NAMES = [
    "*.amazonaws.com",
    "*.api.aws",
    f"*.{REGION}.api.aws",
    *(f"*.{region}.amazonaws.com" for region in (REGION, "us-west-2")),
    *(f"*.{service}.{REGION}.amazonaws.com" for service in SUBDOMAINS),
    "*.s3.amazonaws.com",
    "*.s3.us-west-2.amazonaws.com",
]

#: The hosts that a sidecar is to find here.
ROUTED = ["*.amazonaws.com", "*.api.aws"]

#: What an AWS program is told besides; no file of the machine's owner shall play a part.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_PAGER": "",
}

#: Amazon S3 tells these two with every response, moto not with all of them.
S3_HEADERS = [("x-amz-request-id", "4C1A0000F417B00C"), ("x-amz-id-2", "aG9zdCBvZiB0aGUgdGVzdHM=")]
S3_HOST = re.compile(r"(.+\.)?s3[.-]")

#: The hosts in the URLs of queues, the second for those who ask as they did long ago.
QUEUES = [b"sqs.us-east-1.amazonaws.com/", b"queue.amazonaws.com/"]

HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "expect", "proxy-connection")


class Moto:
    """A running `moto_server`."""

    def __init__(self):
        self.port = waiting.free_port()
        self.program = Program([tool("moto_server"), "-H", "127.0.0.1", "-p", self.port])
        self.program.wait_port(self.port)

    def reset(self):
        """Forgets everything, and makes up the same identifiers again as after the last reset."""
        self._post("/moto-api/reset")
        self._post("/moto-api/config", {"lambda": {"use_docker": False}})
        self._post("/moto-api/seed?a=42")

    def _post(self, path, body=None):
        url = f"http://127.0.0.1:{self.port}{path}"
        data = json.dumps(body).encode() if body else b""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(url, data, method="POST"), timeout=60) as answer:
            assert answer.status in (200, 201), f"{path} answered {answer.status}"

    def stop(self):
        """Ends it."""
        self.program.stop()


class Fault(NamedTuple):
    """An answer in AWS's place for the first `times` requests that have `operation` in their
    target header, path or body, and `word` in their method, host and path, or body. `status` 0
    closes the connection without an answer."""

    operation: str
    word: str
    times: int
    status: int
    headers: dict
    body: bytes


class Seen(NamedTuple):
    """A request as the front saw it; header names are lower-case."""

    method: str
    host: str
    target: str
    headers: dict
    size: int


class Front:
    """A server on a port of the kernel's choice before `upstream`, a port."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.requests = []
        self._faults = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.front = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def arm(self, faults):
        """Forgets what it has seen and answers these from now on."""
        with self._lock:
            self.requests.clear()
            self._faults = [[fault, fault.times] for fault in faults]

    def fault(self, seen, body):
        """The answer to give in moto's place, if there is one; called by the handlers."""
        text = body[:65536]
        where = f"{seen.method} {seen.host}{seen.target}"
        operation = f"{seen.headers.get('x-amz-target')} {seen.target}"
        with self._lock:
            self.requests.append(seen)
            for entry in self._faults:
                fault, left = entry
                named = fault.operation in operation or fault.operation.encode() in text
                worded = fault.word in where or fault.word.encode() in text
                if left and named and worded:
                    entry[1] -= 1
                    return fault
        return None

    def close(self):
        """Stops."""
        self._server.shutdown()
        self._thread.join(waiting.DEADLINE)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request, client_address):
        """Clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream = None

    def log_message(self, *_):
        """Says nothing."""

    def _any(self):
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        # Not `self.path`, in which slashes at the front are made one.
        target = self.requestline.split(" ")[1]
        seen = Seen(self.command, headers.get("host", ""), target, headers, len(body))
        fault = self.server.front.fault(seen, body)
        if fault is None:
            self._answer(*self._forward(target, body))
        elif fault.status:
            self._answer(fault.status, "", list(fault.headers.items()), fault.body)
        else:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _any

    def _body(self):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return bytes(body)

    def _forward(self, target, body):
        """Asks moto and returns what it answers, with a length in place of any chunks."""
        if self.upstream is None:
            self.upstream = http.client.HTTPConnection("127.0.0.1", self.server.front.upstream)
        self.upstream.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in (*HOP_BY_HOP, "content-length"):
                self.upstream.putheader(name, value)
        if body or "content-length" in self.headers:
            self.upstream.putheader("Content-Length", str(len(body)))
        self.upstream.endheaders(body)
        response = self.upstream.getresponse()
        told = response.read()
        # The URLs of queues are AWS's, whichever way moto was asked.
        for host in QUEUES:
            told = told.replace(b"http://" + host, b"https://" + host)
        return response.status, response.reason, response.getheaders(), told

    def _answer(self, status, reason, headers, body):
        self.send_response_only(status, reason or None)
        if S3_HOST.match(self.headers.get("host", "")):
            told = {name.lower() for name, value in headers if value}
            headers = [*headers, *(one for one in S3_HEADERS if one[0] not in told)]
        bodiless = self.command == "HEAD" or status in (204, 304)
        for name, value in headers:
            length = name.lower() == "content-length"
            if name.lower() not in HOP_BY_HOP and (bodiless or not length):
                self.send_header(name, value)
        if not bodiless:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not bodiless:
            self.wfile.write(body)

    def finish(self):
        """Closes the connection to moto with the client's."""
        super().finish()
        if self.upstream is not None:
            self.upstream.close()


class Cloud:
    """The whole of it, from what checks signatures to moto, for one test."""

    def __init__(self, moto, certificate, folder):
        moto.reset()
        self.certificate = certificate
        self.front = Front(moto.port)
        self._log = folder / "signatures.jsonl"
        self._checkers = []
        self.port = self._checker("--cert", certificate.cert, "--key", certificate.key)
        self._moto = moto

    def _checker(self, *arguments):
        command = [
            PYTHON, HERE / "support" / "sigv4.py", "--listen", "127.0.0.1:0",
            "--upstream", f"127.0.0.1:{self.front.port}", "--log", self._log,
            "--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY, *arguments,
        ]  # fmt: skip
        self._checkers.append(Program(command))
        ready = self._checkers[-1].wait_line(
            lambda line: line if line.startswith("ready ") else None, "where it listens"
        )
        return int(ready.split()[1])

    @property
    def url(self):
        """What the hosts of AWS are to be connected to."""
        return f"https://127.0.0.1:{self.port}"

    def plain(self, *arguments):
        """The same without TLS; another checker, with its own arguments."""
        return f"http://127.0.0.1:{self._checker(*arguments)}"

    def reset(self, faults=()):
        """A clean account, and those faults from now on."""
        self._moto.reset()
        self.front.arm(faults)

    def egress(self, **tables):
        """The `[egress]` of a sidecar that finds all of AWS here."""
        routes = [{"host": host, "connect_to": self.url} for host in ROUTED]
        return {"tls": {"roots": self.certificate.authority}, "route": routes, **tables}

    def requests(self):
        """What was said of each request whose signature was checked."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def refused(self):
        """The requests that were not what had been signed."""
        return [one for one in self.requests() if one["fault"]]

    def forget(self):
        """Takes the refusals so far as meant."""
        self._log.write_text("")

    def close(self):
        """Stops all but moto."""
        for checker in self._checkers:
            checker.stop()
        self.front.close()


class Connector:
    """The plainest proxy there is: every CONNECT leads to one port. Through it a program meets the
    same AWS with nothing between that could record or change anything."""

    def __init__(self, port):
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            assert re.match(rb"CONNECT [^ ]+:443 HTTP/1.[01]\r\n", head), head
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join()

    def close(self):
        """Stops taking connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _pump(source, sink):
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
