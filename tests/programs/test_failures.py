"""What others do wrong may cost a document, never a request."""

import http.client
import json
import signal

import pytest

from support import documents
from support import waiting
from support.programs import HERE
from support.programs import PYTHON
from support.programs import Program
from support.programs import tool

#: Stands for a valid trace id; each request is given one of its own.
ROOT = "1-5759e988-bd862e3fe1be46a994272793"
GARBAGE = [
    b"",
    b";",
    b"=",
    b";;;===;;;",
    b"Root",
    b"Root=",
    b"Root=1-",
    b"Root=nonsense;Parent=nonsense;Sampled=7",
    b"Root=1-zzzzzzzz-bd862e3fe1be46a994272793",
    b"Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=1",
    b"Root=" + ROOT.encode() + b";Parent=;Sampled=",
    b"Root=" + ROOT.encode() + b"0",
    b"Root=" + ROOT.upper().encode(),
    b"\xff\xfe\x80 \t;\xc3\x28",
    b"Root=" + ROOT.encode() + b"; Sampled=1;" + b"x=" + b"y" * 4000,
    b"k=v;" * 1500,
    b"Sampled=?",
    b"Sampled=1",
    "Root=ünïcode;Parent=☃".encode(),
]


def garbage(first):
    """Every value with a number, counted from `first`, and with that number in its trace id."""
    for number, value in enumerate(GARBAGE, first):
        own = f"{ROOT[:-4]}{number:04x}"
        yield number, value.replace(ROOT.encode(), own.encode())


def test_garbage_in_the_trace_header_fails_no_request(sideray, origin, daemon):
    sidecar = sideray(origin.url)
    for number, value in garbage(0x1000):
        for name in ("X-Amzn-Trace-Id", "traceparent"):
            connection = http.client.HTTPConnection("127.0.0.1", sidecar.port("ingress"))
            path = f"/garbage/{name}/{number}"
            connection.putrequest("GET", path)
            connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, b"hello"), value
            connection.close()
            segment = daemon.segment(path)
            sent = documents.header(origin.request(path).headers["x-amzn-trace-id"])
            assert (sent["Root"], sent["Parent"]) == (segment["trace_id"], segment["id"]), value


def test_garbage_from_the_service_fails_no_call(sideray, origin, daemon):
    sidecar = sideray(origin.url)
    for number, value in garbage(0x2000):
        connection = http.client.HTTPConnection("127.0.0.1", sidecar.port("egress"))
        path = f"/service/garbage/{number}"
        connection.putrequest("GET", f"{origin.url}{path}", skip_host=True)
        connection.putheader("Host", origin.authority)
        connection.putheader("X-Amzn-Trace-Id", value)
        connection.endheaders()
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b"hello"), value
        connection.close()
        origin.request(path)
    sidecar.drain()
    daemon.settle()


def test_a_daemon_that_was_never_there_costs_no_request(sideray, origin, curl, daemon):
    daemon.close()
    sidecar = sideray(origin.url)
    for number in range(50):
        assert curl(f"{sidecar.ingress}/nodaemon/{number}").status == 200

    def counted():
        metrics = sidecar.metrics()
        return metrics.sum("sideray_documents_dropped_total") > 0

    waiting.until(counted, "documents that nobody takes are counted")


@pytest.mark.parametrize("worker", ["sync", "gthread"])
def test_a_restart_of_the_upstream_under_load_loses_no_get(sideray, start, daemon, worker):
    """gthread keeps connections alive, so that its old workers close idle ones in our pool."""
    port = waiting.free_port()
    argv = [
        tool("gunicorn"), "--chdir", HERE / "apps", "-b", f"127.0.0.1:{port}", "-w", "2",
        "-k", worker, "--keep-alive", "5", "back:app",
    ]  # fmt: skip
    gunicorn = start(argv).wait_port(port)
    sidecar = sideray(f"http://127.0.0.1:{port}")
    requests = 6_000
    words = [PYTHON, "-m", "support.loader", f"{sidecar.ingress}/stock", requests, 8]
    loader = Program(words)
    booted = 0
    for count in (200, 1_500, 3_000):
        daemon.wait_received(count, 60)
        gunicorn.signal(signal.SIGHUP)
        booted += 2
        waiting.until(
            lambda booted=booted: gunicorn.output().count("Booting worker") >= 2 + booted,
            "gunicorn has new workers",
        )
    assert loader.wait(120) == 0
    loader.stop()
    result = json.loads(loader.output())
    assert result["broken"] == []
    lost = {status: n for status, n in result["statuses"].items() if status not in ("200", "500")}
    assert lost == {}, f"{lost} of {result['statuses']}"
    assert result["statuses"]["500"] == 1, "article 13 is the service's own fault"


def test_every_metric_of_the_contract_is_there(sideray, origin, curl, daemon):
    sidecar = sideray(origin.url)
    assert curl(f"{sidecar.ingress}/counted").status == 200
    assert curl("-x", sidecar.egress, f"{origin.url}/status/503").status == 503
    daemon.segment("/counted")
    daemon.call("/status/503")
    metrics = sidecar.metrics()
    for direction, status_class in (("inbound", "2xx"), ("outbound", "5xx")):
        labels = {"direction": direction, "status_class": status_class}
        assert metrics.sum("sideray_requests_total", **labels) == 1, metrics.text
    assert metrics.sum("sideray_request_duration_seconds_count") == 2
    assert metrics.sum("sideray_request_duration_seconds_bucket", le="+Inf") == 2
    assert metrics.sum("sideray_documents_offered_total") == 2
    assert metrics.sum("sideray_documents_sent_total") == 2
    assert metrics.sum("sideray_sampling_decisions_total") >= 1
    assert metrics.sum("sideray_attribution_total") == 1
    assert any(name.startswith("sideray_connections") for name in metrics.names())
    assert "# TYPE sideray_request_duration_seconds histogram" in metrics.text
