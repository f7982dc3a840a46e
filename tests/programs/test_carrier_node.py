"""The Node.js carrier alone: services that nobody changed, started with it by NODE_OPTIONS, forward
the trace header of the request they serve, to the calls of that request and to no others.

SIDERAY_NODES lists further Node.js programs to test with, separated by colons."""

import json
import shutil
import socket

import pytest

from support import carrier
from support import waiting
from support.carrier import Http2Origin
from support.carrier import Origins
from support.carrier import Service

CLIENTS = ("agent", "https", "fetch", "undici", "http2")
APPS = ("carrier_app.cjs", "carrier_app.mjs")
TOOL = carrier.NODE / "carrier_tool.cjs"

#: The trace headers that `carrier_cases.cjs` sends to its servers, and calls must carry.
TRACE = {
    "x-amzn-trace-id": [
        "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"
    ]
}
OWN_XRAY = {"x-amzn-trace-id": ["own"]}
OWN_W3C = {"traceparent": ["own"]}
NONE = {}

#: What the calls of `carrier_cases.cjs` carry.
CASES = {
    **dict.fromkeys(
        ("url", "url_object", "three", "options", "get", "headers", "flat", "pairs", "bare"), TRACE
    ),
    **dict.fromkeys(("expect", "no_agent", "own_connection", "flush", "shared"), TRACE),
    **dict.fromkeys(("ended_elsewhere", "after_error", "after_timeout"), TRACE),
    **dict.fromkeys(("own_xray", "own_flat"), OWN_XRAY),
    **dict.fromkeys(("own_traceparent", "own_pairs", "own_later"), OWN_W3C),
    **dict.fromkeys(("made_elsewhere", "signed_with", "signed_url", "tunnel"), NONE),
    "signed_without": TRACE,
    "fetch": TRACE,
    "fetch_object": TRACE,
    "fetch_own": OWN_W3C,
    "fetch_signed_with": NONE,
    **dict.fromkeys(("http2", "http2_nothing", "http2_array", "http2_sensitive"), TRACE),
    "http2_own": OWN_XRAY,
}
SERVERS = ("https", "http2", "http2_tls", "http2_stream", "http2_session")

pytestmark = pytest.mark.skipif(not carrier.binaries(), reason="Node.js is not installed")


@pytest.fixture(params=carrier.binaries(), ids=carrier.label, scope="module")
def node(request):
    """A Node.js program."""
    return request.param


@pytest.fixture
def origins(start, node, origin, tls_origin):
    """What the services call."""
    return Origins(origin, tls_origin, Http2Origin(start, node))


@pytest.fixture
def service(start, node, origins, certificate):
    """Starts a service that calls the origins, `service(name, *words, env=…)`."""

    def begin(name, *words, env=None):
        trust = {"TEST_CA": str(certificate.authority)}
        return Service(start, node, name, [*words, *origins.words], {**trust, **(env or {})})

    return begin


@pytest.fixture
def cases(start, node, certificate):
    """Asks `carrier_cases.cjs` for what arrived of the calls of a request with a trace header, and
    of one without: `cases(server, case, expected)`."""
    env = {
        "TEST_CERT": str(certificate.cert),
        "TEST_KEY": str(certificate.key),
        "TEST_CA": str(certificate.authority),
    }
    started = Service(start, node, "carrier_cases.cjs", env=env)

    def ask(server, case):
        return json.loads(started.ask(f"/{server}/{case}", {}))

    ask.port = started.port
    return ask


def able(node, client):
    """Whether that client, or a case of it, exists there."""
    known = carrier.version(node)
    if client == "http2_array":
        return known >= (22, 19)
    if client in {"flat", "own_flat"}:
        return known >= (14,)
    if client.startswith("fetch"):
        return known >= (18,)
    return client != "undici" or (known >= (20, 18, 1) and (carrier.NODE / "node_modules").exists())


def faults(seen):
    """The calls of numbered requests, {NUMBER/CALL: headers}, that carried anything else than the
    headers of their request, or anything if they followed a call made after its answer."""

    def expected(path):
        number, call = map(int, path.split("/"))
        return {} if call == 5 else carrier.lower(carrier.trace(number))

    return {path: headers for path, headers in seen.items() if headers != expected(path)}


@pytest.mark.parametrize("app", APPS)
def test_every_call_carries_the_header_of_its_own_request(node, service, origins, app):
    """16 and 64 requests in flight over each client; some have no trace header."""
    started = service(app)
    for client in CLIENTS:
        if not able(node, client):
            continue
        started.load(client, range(1, 33), at_once=16)
        started.load(client, range(33, 97), at_once=64)
        seen = origins.wait(f"/headers/{client}/", 5 * 96)
        assert len(seen) == 5 * 96
        assert not faults(seen), client
    background = origins.under("/headers/background/")
    assert background, "the timer was to call"
    assert not any(background.values())


@pytest.mark.parametrize("way", ["thread", "cluster", "child"])
def test_threads_and_processes_that_a_service_starts_have_it_too(node, service, origins, way):
    del node
    service("carrier_many.cjs", way).load("agent", range(1, 17), at_once=16)
    assert not faults(origins.wait("/headers/agent/", 5 * 16))


def test_a_timer_that_a_request_started_forgets_it(service, origins):
    """At first it carries the header of that request, then none; never that of another."""
    started = service("carrier_app.cjs")
    started.ask("/lazy/1", carrier.trace(1))

    def forgotten():
        started.load("agent", range(2, 10), at_once=8)
        calls = list(origins.under("/headers/background/lazy/").values())
        return calls if calls and not any(calls[-20:]) and len(calls) > 20 else None

    calls = waiting.until(forgotten, "calls by the timer without a header")
    mine = carrier.lower(carrier.trace(1))
    assert {json.dumps(headers) for headers in calls} <= {json.dumps(mine), "{}"}


def test_calls_of_every_form(node, cases):
    """An own header wins whenever it was set, a signature is left whole; and a request without a
    header on the same connection finds nothing."""
    for case, expected in CASES.items():
        if able(node, case):
            without = NONE if expected is TRACE else expected
            assert cases("http", case) == [expected, without], case


def test_servers_of_every_kind(cases):
    for server in SERVERS:
        for case in ("url", "http2"):
            assert cases(server, case) == [TRACE, NONE], (server, case)


@pytest.mark.parametrize("early", [b"", b"early\n"])
def test_what_is_said_after_an_upgrade_is_no_longer_the_request(cases, early):
    """The handshake's own call carries the header; messages and timers carry none, even a message
    that came with the request."""
    head = "GET /lines HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: lines\r\n"
    head += f"x-amzn-trace-id: {TRACE['x-amzn-trace-id'][0]}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", cases.port), waiting.DEADLINE) as client:
        client.sendall(head.encode() + early)
        lines = client.makefile("r", encoding="utf-8", newline="\n")
        assert lines.readline().startswith("HTTP/1.1 101")
        while lines.readline().strip():
            pass
        assert json.loads(lines.readline()) == TRACE
        if not early:
            client.sendall(b"late\n")
        said = dict(lines.readline().split(" ", 1) for _ in range(2))
    assert {name: json.loads(text) for name, text in said.items()} == {"timer": {}, "message": {}}


@pytest.mark.parametrize("order", ["before", "after", "twice"])
def test_beside_another_tool(node, service, origins, tmp_path, order):
    """That wraps the same functions; or loaded a second time from elsewhere."""
    if order == "before" and carrier.version(node) < (14,):
        pytest.skip("Node.js 12 does not tell of requests but by `emit`, which the tool has taken")
    second = tmp_path / "node.cjs"
    shutil.copy(carrier.CARRIER, second)
    files = {
        "before": (TOOL, carrier.CARRIER),
        "after": (carrier.CARRIER, TOOL),
        "twice": (carrier.CARRIER, second),
    }[order]
    options = " ".join(f"--require {file}" for file in files)
    started = service("carrier_app.cjs", env={"NODE_OPTIONS": options})
    for client in ("agent", "https"):
        started.load(client, range(1, 17), at_once=16)
        assert not faults(origins.wait(f"/headers/{client}/", 5 * 16))


@pytest.mark.parametrize("order", [1, -1])
def test_another_tools_header_wins(node, service, origins, order):
    files = (TOOL, carrier.CARRIER)[::order]
    own = {"traceparent": "00-own-own-01"}
    env = {
        "NODE_OPTIONS": " ".join(f"--require {file}" for file in files),
        "TOOL_HEADER": own["traceparent"],
    }
    started = service("carrier_app.cjs", env=env)
    for client in ("agent", "https", "fetch"):
        if able(node, client):
            started.load(client, range(1, 17), at_once=16)
            seen = origins.wait(f"/headers/{client}/", 5 * 16)
            assert all(headers == own for headers in seen.values()), client


def test_switched_off(service, origins):
    started = service("carrier_app.cjs", env={"SIDERAY_CARRIER": "off"})
    started.load("agent", range(1, 17), at_once=16)
    assert not any(origins.wait("/headers/agent/", 5 * 16).values())
