"""A WebSocket through the ingress port, both ends real."""

import contextlib
import threading

import pytest
from websockets.sync.client import connect
from websockets.sync.server import serve

from support import documents


@pytest.fixture
def echo():
    """A WebSocket server that sends back what it is sent; gives its port and what it was asked."""
    asked = []

    def handler(socket):
        asked.append(socket.request)
        for message in socket:
            socket.send(message)

    server = serve(handler, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.socket.getsockname()[1], asked
    server.shutdown()
    thread.join(10)


def test_messages_pass_both_ways_and_the_upgrade_is_the_segment(sideray, echo, daemon):
    port, asked = echo
    sidecar = sideray(f"http://127.0.0.1:{port}")
    url = f"ws://{sidecar.addresses['ingress']}/live?token=secret"
    with connect(url, proxy=None) as socket:
        segment = daemon.segment("/live")
        for message in ("hello", b"\x00" * 100_000, "good-bye"):
            socket.send(message)
            assert socket.recv(timeout=10) == message
    assert documents.status(segment) == 101
    assert documents.request(segment)["url"] == f"{sidecar.ingress}/live"
    assert documents.flags(segment) == set()
    sent = documents.header(asked[0].headers["x-amzn-trace-id"])
    assert (sent["Root"], sent["Parent"]) == (segment["trace_id"], segment["id"])


def test_many_sockets_at_once(sideray, echo, daemon):
    port, _ = echo
    sidecar = sideray(f"http://127.0.0.1:{port}")
    base = f"ws://{sidecar.addresses['ingress']}/many"
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(connect(f"{base}/{n}", proxy=None)) for n in range(20)]
        for n, socket in enumerate(sockets):
            socket.send(f"to {n}")
        for n, socket in enumerate(sockets):
            assert socket.recv(timeout=10) == f"to {n}"
    for n in range(20):
        daemon.segment(f"/many/{n}")


def test_a_refused_upgrade_is_an_ordinary_answer(sideray, origin, daemon):
    """The origin speaks no WebSocket: its plain answer must reach the client as it is."""
    sidecar = sideray(origin.url)
    with pytest.raises(Exception, match="HTTP 200"):
        connect(f"ws://{sidecar.addresses['ingress']}/refused", proxy=None)
    assert documents.status(daemon.segment("/refused")) == 200
