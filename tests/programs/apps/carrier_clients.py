"""Checks of the carrier with clients that sign what they send or speak HTTP/2, against servers that
are held here. Prints nothing if all is well."""

import socket
import threading

import boto3
import h2.config
import h2.connection
import h2.events
import httpx
from botocore.config import Config
from carrier_checks import PARENT
from carrier_checks import TRACE
from carrier_checks import A
from carrier_checks import Pair
from carrier_checks import head

LISTING = b"<ListAllMyBucketsResult><Owner><ID>1</ID></Owner><Buckets/></ListAllMyBucketsResult>"


class Server:
    """Serves one connection by `serve(sock)` in a thread that no request has started."""

    def __init__(self, serve):
        self.heads = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, args=(serve,), daemon=True)
        self._thread.start()

    def _run(self, serve):
        sock, _ = self._listener.accept()
        with sock:
            serve(self, sock)


def serve_s3(server, sock):
    """Answers one request for the list of buckets."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(65536)
    server.heads.append([line.split(": ", 1) for line in data.decode().split("\r\n")[1:-2]])
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LISTING) + LISTING)


def serve_http2(server, sock):
    """Answers requests with an empty 200."""
    config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    sock.sendall(connection.data_to_send())
    while data := sock.recv(65536):
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                server.heads.append(list(event.headers))
                connection.send_headers(event.stream_id, [(":status", "200")], end_stream=True)
        sock.sendall(connection.data_to_send())


def traces(headers):
    """The trace headers among pairs."""
    low = [(name.lower(), value) for name, value in headers]
    return [pair for pair in low if pair[0] in (TRACE.lower(), "traceparent")]


def main():
    """Calls from within a request, and after it."""
    s3, http2 = Server(serve_s3), Server(serve_http2)
    bare = boto3.session.Session("key", "secret", region_name="eu-west-1")
    config = Config(retries={"max_attempts": 0}, request_checksum_calculation="when_required")
    buckets = bare.client("s3", endpoint_url=s3.url, config=config)
    client = httpx.Client(http1=False, http2=True)
    with Pair() as pair:
        pair.get(head(A))
        buckets.list_buckets()
        client.get(http2.url)
        pair.answer()
        pair.get(head(None, f"traceparent: {PARENT}"))
        client.get(http2.url)
        client.get(http2.url, headers={"TraceParent": "own"})
        pair.answer()
    client.get(http2.url)
    assert traces(s3.heads[0]) == [(TRACE.lower(), A)], s3.heads
    authorization = dict(s3.heads[0])["Authorization"]
    assert "SignedHeaders=" in authorization and "trace" not in authorization
    seen = [traces(headers) for headers in http2.heads]
    expected = [[(TRACE.lower(), A)], [("traceparent", PARENT)], [("traceparent", "own")], []]
    assert seen == expected, seen


if __name__ == "__main__":
    main()
