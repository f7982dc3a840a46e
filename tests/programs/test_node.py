"""Node.js programs through the egress port. Skipped where there is no Node.js, or no package that
`tests/setup` would have installed for an older one."""

import shutil

import pytest

from support import documents
from support.documents import header
from support.programs import HERE
from support.programs import run

NODE = HERE / "node"
UNDICI = (NODE / "node_modules" / "undici").exists()


def major():
    """The major version of Node.js, 0 if there is none."""
    if not shutil.which("node"):
        return 0
    return int(run("node", "-p", "process.versions.node.split('.')[0]").stdout)


MAJOR = major()
pytestmark = pytest.mark.skipif(MAJOR == 0, reason="Node.js is not installed")


def program(name, sidecar, *words, env=None):
    """Runs one of the programs with its calls routed through the sidecar."""
    done = run("node", NODE / name, *words, env={**sidecar.proxies, **(env or {})})
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def traced(daemon, origin, path, method):
    """The subsegment of a call, whose id the origin must have been sent."""
    call = daemon.call(path)
    assert (call.entity["name"], call.entity["namespace"]) == ("127.0.0.1", "remote")
    assert documents.request(call.entity) == {"method": method, "url": f"{origin.url}{path}"}
    sent = header(origin.request(path).headers["x-amzn-trace-id"])
    assert (sent["Root"], sent["Parent"]) == (call.trace_id, call.entity["id"])
    return call


def fetch(way, sidecar, origin, tls_origin, authority):
    """Three calls by fetch, two of them plain."""
    trust = {"NODE_EXTRA_CA_CERTS": str(authority.cert)}
    lines = program("fetch.mjs", sidecar, way, origin.url, tls_origin.url, env=trust)
    assert lines == ["200 hello", "200 7", "200 hello"]


def tunnels(known):
    """The tunnels among the documents, once there is one to the TLS server."""
    found = [call for call in documents.calls(known) if "tunnel" in documents.notes(call.entity)]
    return found if any(call.entity["name"] == "localhost" for call in found) else None


@pytest.mark.skipif(not UNDICI, reason="the undici package is not installed: run tests/setup")
def test_fetch_in_absolute_form(sideray, origin, tls_origin, daemon, authority):
    sidecar = sideray(origin.url)
    fetch("absolute", sidecar, origin, tls_origin, authority)
    traced(daemon, origin, "/node/fetch", "GET")
    traced(daemon, origin, "/echo/node", "POST")
    (tunnel,) = daemon.wait(tunnels, "tunnel")
    assert documents.flags(tunnel.entity) == set()


@pytest.mark.parametrize(
    "way",
    [
        pytest.param("tunnel", marks=pytest.mark.skipif(not UNDICI, reason="no undici package")),
        pytest.param("native", marks=pytest.mark.skipif(MAJOR < 24, reason="Node.js before 24")),
    ],
)
def test_fetch_as_node_24_has_it(sideray, origin, tls_origin, daemon, authority, way):
    """It tunnels plain HTTP too; what a tunnel hides is at least recorded as a tunnel."""
    sidecar = sideray(origin.url)
    fetch(way, sidecar, origin, tls_origin, authority)

    def recorded(known):
        names = {call.entity["name"] for call in documents.calls(known)}
        return names >= {"127.0.0.1", "localhost"}

    daemon.wait(recorded, "calls to both servers")


def test_http_request_over_one_connection(sideray, origin, daemon):
    sidecar = sideray(origin.url)
    lines = program("request.mjs", sidecar, origin.url)
    assert lines == ["200 hello", "200 hello", "500 status 500"]
    first = traced(daemon, origin, "/node/request/1", "GET")
    second = traced(daemon, origin, "/node/request/2", "GET")
    assert first.trace_id != second.trace_id, "a connection is no parent"
    failed = traced(daemon, origin, "/status/500/node", "GET")
    assert documents.flags(failed.entity) == {"fault"}
