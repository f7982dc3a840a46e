"""A server in front of another that lets through only what is signed as AWS wants it.

    python sigv4.py --listen 127.0.0.1:0 --upstream 127.0.0.1:5000 [--cert F --key F]
                    [--access-key test] [--secret-key test] [--session-token T]
                    [--allow-unsigned] [--log F]

It prints `ready PORT` when it listens. Each request's SigV4 signature, in the header or in the
query, is worked out anew from what has arrived, and its body is held against what the signature
says of it while it streams on: hash, aws-chunked framing, chunk signatures, trailing checksums.
What does not agree is answered with 403 and `SignatureDoesNotMatch`, its reason in the message, in
`x-sigv4-fault` and on the standard error; the upstream never sees the end of such a body. `--log`
gets a line of JSON for each request. Requests to `/moto-api/` pass unseen. Sources: "Signature
Version 4 for API requests" (IAM user guide) and "Authenticating requests" (S3 API reference).

The standard library only, so that it runs anywhere and shares no code with what it checks."""

import argparse
import hashlib
import http.client
import json
import socket
import ssl
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path
from xml.sax.saxutils import escape

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.aws_body import UNSIGNED
from support.aws_body import AwsChunked
from support.aws_body import Checksum
from support.aws_body import Fault
from support.aws_body import Hashed
from support.aws_signature import RAW_PATHS
from support.aws_signature import Key
from support.aws_signature import Signature

HOP_BY_HOP = {"connection", "expect", "keep-alive", "proxy-connection", "te", "transfer-encoding"}
PIECE = 256 * 1024


def payload(signature, key, stated, headers):
    """What checks a body of which the signature says `stated`."""
    if not stated.startswith("STREAMING-"):
        return Hashed(stated, Checksum.of(headers))
    if stated not in AwsChunked.KINDS:
        raise Fault(f"the body is {stated}")

    def sign(algorithm, *rest):
        return signature.sign(key, algorithm, *rest)

    return AwsChunked(stated, headers, signature.signature, sign)


class Front(ThreadingHTTPServer):
    """Listens, plain or with TLS."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, listen, upstream, key, *, tls=None, allow_unsigned=False, log=None):
        super().__init__(listen, _Handler)
        self.upstream = upstream
        self.key = key
        self.allow_unsigned = allow_unsigned
        self.port = self.server_address[1]
        self._log = log
        self._lock = threading.Lock()
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            context.set_alpn_protocols(["http/1.1"])
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def saw(self, **facts):
        """Logs one request."""
        with self._lock:
            if facts["fault"]:
                print(f"sigv4: {facts['method']} {facts['target']}: {facts['fault']}",
                      file=sys.stderr, flush=True)  # fmt: skip
            if self._log:
                print(json.dumps(facts), file=self._log, flush=True)

    def handle_error(self, request, client_address):
        """Clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        """Says nothing."""

    def handle_expect_100(self):
        """The head is checked before the client is told to go on."""
        return True

    def _any(self):
        # Not `self.path`, in which slashes at the front are made one.
        self._target = self.requestline.split(" ")[1]
        self._said = {}
        for name, value in self.headers.items():
            before = self._said.get(name.lower())
            self._said[name.lower()] = value if before is None else f"{before},{value}"
        # The SDK for JavaScript signs HTTP/2's own name of it, which is right over HTTP/2 alone.
        if self._said.get("x-front-protocol") == "h2":
            self._said[":authority"] = self._said.get("host", "")
        self._left = self._pieces()
        self._facts = {"method": self.command, "target": self._target}
        try:
            pieces = self._checked()
            answer = self._forward(pieces)
        except (Fault, ValueError) as fault:
            self._refuse(str(fault))
        else:
            self.server.saw(**self._facts, fault=None)
            self._answer(*answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _any

    def _checked(self):
        """The body in pieces, the last of which comes only if all is as it was signed."""
        path, _, query = self._target.partition("?")
        key, headers = self.server.key, self._said
        signature = Signature.of(query, headers)
        if signature is None:
            if not self.server.allow_unsigned and not path.startswith("/moto-api/"):
                raise Fault("there is no signature")
            return self._left
        self._facts |= {"service": signature.service, "region": signature.region}
        signature.check_scope(key, query, headers)
        stated = headers.get("x-amz-content-sha256", UNSIGNED if signature.in_query else None)
        spool = None
        if stated is None:
            stated, spool = self._spooled()
        self._facts["payload"] = stated
        signature.check(key, self.command, path, query, headers, stated)
        if spool:
            return iter(lambda: spool.read(PIECE), b"")
        return self._held_back(payload(signature, key, stated, headers))

    def _spooled(self):
        """The hash of the whole body, which the signature covers without saying it."""
        digest, spool = hashlib.sha256(), tempfile.SpooledTemporaryFile(max_size=16 << 20)
        for piece in self._left:
            digest.update(piece)
            spool.write(piece)
        spool.seek(0)
        return digest.hexdigest(), spool

    def _held_back(self, checker):
        held = b""
        for piece in self._left:
            checker.feed(piece)
            if held:
                yield held
            held = piece
        checker.end()
        if held:
            yield held

    def _pieces(self):
        """The body as it comes, without the framing of HTTP."""
        chunked = self._said.get("transfer-encoding", "").lower() == "chunked"
        left = int(self._said.get("content-length", 0))
        if self._said.get("expect", "").lower() == "100-continue" and (chunked or left):
            self.send_response_only(100)
            self.end_headers()
        while chunked or left:
            if chunked and not left:
                left = int(self.rfile.readline().split(b";")[0], 16)
                if not left:
                    while self.rfile.readline().strip():
                        pass
                    return
            piece = self.rfile.read(min(left, PIECE))
            if not piece:
                raise ConnectionError("the client went away")
            left -= len(piece)
            if chunked and not left:
                self.rfile.readline()
            yield piece

    def _forward(self, pieces):
        """Sends the request on, and returns the connection and its response."""
        chunked = "transfer-encoding" in self._said
        upstream = socket.create_connection(self.server.upstream)
        try:
            head = [f"{self.command} {self._target} HTTP/1.1"]
            head += [f"{n}: {v}" for n, v in self.headers.items() if n.lower() not in HOP_BY_HOP]
            head += ["Transfer-Encoding: chunked"] * chunked + ["Connection: close", "", ""]
            upstream.sendall("\r\n".join(head).encode("latin-1"))
            try:
                for piece in pieces:
                    upstream.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                upstream.sendall(b"0\r\n\r\n" if chunked else b"")
            except BrokenPipeError:
                pass  # It has answered already.
            response = http.client.HTTPResponse(upstream, method=self.command)
            response.begin()
        except BaseException:
            upstream.close()
            raise
        return upstream, response

    def _answer(self, upstream, response):
        with upstream, response:
            self.send_response_only(response.status, response.reason)
            for name, value in response.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            bare = self.command == "HEAD" or response.status in (204, 304)
            chunked = not bare and "content-length" not in response.headers
            if chunked:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while not bare and (piece := response.read1(PIECE)):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            self.wfile.write(b"0\r\n\r\n" if chunked else b"")

    def _refuse(self, fault):
        self.server.saw(**self._facts, fault=fault)
        self.close_connection = True
        code = "SignatureDoesNotMatch"
        if "json" in self._said.get("content-type", ""):
            body, kind = json.dumps({"__type": code, "message": fault}), "application/json"
        else:
            body = f"<Error><Code>{code}</Code><Message>{escape(fault)}</Message></Error>"
            kind = "application/xml"
            if self._facts.get("service") not in RAW_PATHS:
                body = f"<ErrorResponse>{body}</ErrorResponse>"
        body = body.encode()
        # A client that waits for 100 sends nothing; others are listened to, so as not to reset.
        if "expect" not in self._said:
            for _ in self._left:
                pass
        self.send_response_only(403)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.send_header("x-sigv4-fault", json.dumps(fault)[:1000])
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)


def main():
    """The command."""
    def address(text):
        host, _, port = text.rpartition(":")
        return host, int(port)

    parser = argparse.ArgumentParser(description="lets through only what AWS would")
    parser.add_argument("--listen", type=address, required=True)
    parser.add_argument("--upstream", type=address, required=True)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--access-key", default="test")
    parser.add_argument("--secret-key", default="test")
    parser.add_argument("--session-token")
    parser.add_argument("--allow-unsigned", action="store_true")
    parser.add_argument("--log", type=argparse.FileType("a"))
    given = parser.parse_args()
    key = Key(given.access_key, given.secret_key, given.session_token)
    tls = (given.cert, given.key) if given.cert else None
    front = Front(
        given.listen, given.upstream, key,
        tls=tls, allow_unsigned=given.allow_unsigned, log=given.log,
    )  # fmt: skip
    print(f"ready {front.port}", flush=True)
    front.serve_forever()


if __name__ == "__main__":
    main()
