"""Python programs through the egress port by HTTP_PROXY, and AWS's own SDK in front of us."""

import ssl

import httpx
import pytest

from conftest import DOCUMENTS
from support import documents
from support import nginx
from support import waiting
from support.catcher import Catcher
from support.documents import header
from support.programs import HERE
from support.programs import PYTHON
from support.programs import run
from support.programs import tool

CLIENTS = HERE / "clients"


@pytest.fixture
def secure(start, tmp_path, certificate):
    """nginx as a TLS server that speaks HTTP/2."""
    port = waiting.free_port()
    start(nginx.config(tmp_path, nginx.secure(port, certificate))).wait_port(port)
    return f"https://localhost:{port}"


def client(name, sidecar, *words):
    """Runs one of the programs with its calls routed through the sidecar."""
    done = run(PYTHON, CLIENTS / name, *words, env=sidecar.proxies)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def tunnels(known):
    """Every tunnel among the documents."""
    return [call for call in documents.calls(known) if "tunnel" in documents.notes(call.entity)]


def test_requests(sideray, origin, secure, daemon, certificate):
    sidecar = sideray(origin.url)
    words = client("with_requests.py", sidecar, origin.url, secure, certificate.authority)
    assert words == ["hello", "7", "404", "ok", ""]
    for path, method, status in [
        ("/python/get", "GET", 200),
        ("/echo/python", "POST", 200),
        ("/status/404/python", "GET", 404),
    ]:
        call = daemon.call(path)
        assert documents.request(call.entity) == {"method": method, "url": f"{origin.url}{path}"}
        assert documents.status(call.entity) == status
        sent = header(origin.request(path).headers["x-amzn-trace-id"])
        assert (sent["Root"], sent["Parent"]) == (call.trace_id, call.entity["id"])
    (tunnel,) = daemon.wait(tunnels, "tunnel")
    assert tunnel.entity["name"] == "localhost"


def test_httpx_with_http2_inside_a_tunnel(sideray, origin, secure, daemon, certificate):
    sidecar = sideray(origin.url)
    words = client("with_httpx.py", sidecar, origin.url, secure, certificate.authority)
    assert words == ["[200, 200, 200, 200, 200]", "200 HTTP/2"]
    traces = set()
    for n in range(5):
        call = daemon.call(f"/httpx/{n}")
        sent = header(origin.request(f"/httpx/{n}").headers["x-amzn-trace-id"])
        assert (sent["Root"], sent["Parent"]) == (call.trace_id, call.entity["id"])
        traces.add(call.trace_id)
    assert len(traces) == 5, "calls of nobody share no trace"
    daemon.wait(tunnels, "tunnel")


def test_httpx_speaks_http2_to_a_tls_ingress(sideray, origin, daemon, certificate):
    tls = {"cert": certificate.cert, "key": certificate.key}
    sidecar = sideray(origin.url, ingress={"tls": tls})
    trust = ssl.create_default_context(cafile=certificate.authority)
    with httpx.Client(http2=True, verify=trust, trust_env=False) as session:
        base = f"https://localhost:{sidecar.port('ingress')}"
        answers = [session.post(f"{base}/echo/h2/{n}", content=b"x" * n) for n in (0, 10, 70_000)]
    assert [(a.http_version, len(a.content)) for a in answers] == [
        ("HTTP/2", 0),
        ("HTTP/2", 10),
        ("HTTP/2", 70_000),
    ]
    for n in (0, 10, 70_000):
        daemon.segment(f"/echo/h2/{n}")


def test_boto3_against_moto(sideray, origin, start, daemon):
    port = waiting.free_port()
    start([tool("moto_server"), "-H", "127.0.0.1", "-p", port]).wait_port(port)
    sidecar = sideray(origin.url)
    words = client("with_boto3.py", sidecar, f"http://127.0.0.1:{port}")
    assert words == ["5000000", "NoSuchKey", "42", "parcel 7"]

    (put,) = daemon.wait(puts, "PUT of the object")
    assert documents.status(put.entity) == 200
    missing = daemon.call("/receipts/missing")
    assert documents.status(missing.entity) == 404
    assert documents.flags(missing.entity) == {"error"}
    for call in documents.calls(daemon.documents()):
        assert call.entity["name"] in ("s3", "dynamodb", "sqs"), "by the signature, whatever the host"
        assert call.entity["namespace"] == "aws"
        assert "?" not in documents.request(call.entity)["url"]
        assert documents.status(call.entity) in (200, 404)


def puts(known):
    """Uploads of the large object."""
    return [
        call
        for call in documents.calls(known)
        if documents.at(call.entity, "/receipts/large")
        and documents.request(call.entity)["method"] == "PUT"
    ]


def test_a_caller_with_awss_own_sdk_is_our_parent(sideray, origin, daemon):
    sidecar = sideray(origin.url)
    sdk = Catcher(compact=False)
    try:
        url = f"{sidecar.ingress}/from/sdk"
        done = run(PYTHON, CLIENTS / "with_xray_sdk.py", url, sdk.address)
        assert done.returncode == 0, done.stderr
        call = sdk.wait(lambda known: list(documents.calls(known)), "subsegment of the SDK")[0]
        segment = daemon.segment("/from/sdk")
        assert segment["trace_id"] == call.trace_id
        assert segment["parent_id"] == call.entity["id"]
        assert done.stdout.strip() == f"Root={call.trace_id}"
    finally:
        sdk.close()
        sdk.save(DOCUMENTS)
    assert not sdk.faults
