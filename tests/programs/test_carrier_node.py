"""The Node.js carrier alone: services that nobody changed, started with it by NODE_OPTIONS, forward
the trace header of the request they serve, to the calls of that request and to no others.

SIDERAY_NODES lists further Node.js programs to test with, separated by colons."""

import pytest

from support import carrier
from support.carrier import Http2Origin
from support.carrier import Origins
from support.carrier import Service

CLIENTS = ("agent", "https", "fetch", "undici", "http2")
APPS = ("carrier_app.cjs", "carrier_app.mjs")

pytestmark = pytest.mark.skipif(not carrier.binaries(), reason="Node.js is not installed")


@pytest.fixture(params=carrier.binaries(), ids=carrier.label, scope="module")
def node(request):
    """A Node.js program."""
    return request.param


@pytest.fixture
def origins(start, node, origin, tls_origin):
    """What the services call."""
    return Origins(origin, tls_origin, Http2Origin(start, node))


def able(node, client):
    """Whether the client exists there."""
    known = carrier.version(node)
    if client == "fetch":
        return known >= (18,)
    return client != "undici" or (known >= (20, 18, 1) and (carrier.NODE / "node_modules").exists())


def expected(number):
    """What the calls of a request must carry."""
    return carrier.lower(carrier.trace(number))


def faults(seen):
    """The calls that carried anything else than they had to; {CLIENT/NUMBER/CALL: headers}."""
    return {
        path: headers for path, headers in seen.items() if headers != expected(int(path.split("/")[-2]))
    }


@pytest.mark.parametrize("app", APPS)
def test_every_call_carries_the_header_of_its_own_request(start, node, origins, certificate, app):
    """16 and 64 requests in flight, and every fourth kind of request has no trace header."""
    service = Service(start, node, app, origins.words, {"TEST_CA": str(certificate.authority)})
    for client in CLIENTS:
        if not able(node, client):
            continue
        service.load(client, range(1, 33), at_once=16)
        service.load(client, range(33, 161), at_once=64)
        seen = origins.wait(f"/headers/{client}/", 4 * 160)
        assert len(seen) == 4 * 160
        assert not faults(seen), client
    background = origins.under("/headers/background/")
    assert background, "the timer was to call"
    assert not any(background.values())
