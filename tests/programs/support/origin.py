"""An HTTP/1.1 server that answers as the path says and remembers what it was asked.

`/status/404` answers with that status, `/bytes/N` with N bytes, `/echo` with what it was sent,
`/gate` only once the test opens the gate, `/trailers` in chunks with a trailer, `/headers` with the
request's headers as JSON, `/reset` with a reset; anything else with `hello`. Every behaviour may
be followed by further path segments, which make a request's path its own."""

import hashlib
import json
import socket
import ssl
import struct
import threading
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

from support.waiting import DEADLINE


class Request(NamedTuple):
    """A request as the origin saw it; header names are lower-case."""

    method: str
    target: str
    version: str
    headers: dict
    size: int
    digest: str
    trailers: dict


class Origin:
    """A server on a port of the kernel's choice, plain or with a certificate."""

    def __init__(self, certificate=None):
        self.requests = []
        self.gate = threading.Event()
        self._news = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.origin = self
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.cert, certificate.key)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        scheme, host = ("https", "localhost") if certificate else ("http", "127.0.0.1")
        self.authority = f"{host}:{self.port}"
        self.url = f"{scheme}://{self.authority}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def saw(self, request):
        """Called by the handlers with each request whose body has been read."""
        with self._news:
            self.requests.append(request)
            self._news.notify_all()

    def request(self, path, timeout=DEADLINE):
        """The one request to `path`, waiting for it if it has not come."""

        def found():
            return [one for one in self.requests if urlsplit(one.target).path == path]

        with self._news:
            self._news.wait_for(found, timeout)
            got = found()
        assert len(got) == 1, f"the origin saw {len(got)} requests to {path}, not one"
        return got[0]

    def close(self):
        """Stops; whoever waits at the gate is let through."""
        self.gate.set()
        self._server.shutdown()
        self._thread.join(DEADLINE)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request, client_address):
        """Clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        """Says nothing."""

    def _any(self):
        body, trailers = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        digest = hashlib.sha256(body).hexdigest()
        seen = Request(
            self.command, self.path, self.request_version, headers, len(body), digest, trailers
        )
        self.server.origin.saw(seen)
        _, verb, *rest = urlsplit(self.path).path.split("/")
        answer = getattr(self, f"_on_{verb}", None)
        if answer:
            answer(rest, body)
        else:
            self._answer(200, b"hello")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _any

    def _body(self):
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        return self.rfile.read(int(self.headers.get("content-length", 0))), {}

    def _chunks(self):
        body, trailers = bytearray(), {}
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while line := self.rfile.readline().strip():
            name, value = line.decode("latin-1").split(":", 1)
            trailers[name.lower()] = value.strip()
        return bytes(body), trailers

    def _answer(self, status, body, content_type="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    def _on_status(self, rest, _body):
        self._answer(int(rest[0]), f"status {rest[0]}".encode())

    def _on_bytes(self, rest, _body):
        self._answer(200, b"x" * int(rest[0]), "application/octet-stream")

    def _on_echo(self, _rest, body):
        self._answer(200, body, self.headers.get("content-type", "application/octet-stream"))

    def _on_headers(self, _rest, _body):
        pairs = [[name.lower(), value] for name, value in self.headers.items()]
        self._answer(200, json.dumps(pairs).encode(), "application/json")

    def _on_gate(self, _rest, _body):
        self.server.origin.gate.wait(DEADLINE)
        self._answer(200, b"the gate is open")

    def _on_trailers(self, _rest, _body):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Trailer", "x-checksum")
        self.end_headers()
        self.wfile.write(b"5\r\nhello\r\n0\r\nx-checksum: abc123\r\n\r\n")

    def _on_reset(self, _rest, _body):
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True
