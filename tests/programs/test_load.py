"""Many requests at once through both ports: every one answered, every document accounted for, no
wrong parent. nginx is the service: it calls out once for each request and passes headers on."""

import json
import os

import pytest

from support import documents
from support import nginx
from support import waiting
from support.programs import PYTHON
from support.programs import Program

REQUESTS = int(os.environ.get("SIDERAY_LOAD_REQUESTS", "50000"))
CONNECTIONS = 64


class Loaded:
    """nginx as a service with a sidecar, and the service it calls."""

    def __init__(self, sideray, start, folder):
        front, back = waiting.free_port(), waiting.free_port()
        self.sidecar = sideray(f"http://127.0.0.1:{front}")
        servers = [nginx.static(back), nginx.calling(front, self.sidecar.port("egress"), back)]
        start(nginx.config(folder, *servers)).wait_port(front).wait_port(back)

    def load(self, requests, path="/load"):
        """Begins to ask; the result is told by `told`."""
        words = [PYTHON, "-m", "support.loader", f"{self.sidecar.ingress}{path}"]
        return Program([*words, requests, CONNECTIONS])


def told(loader):
    """What a loader says of its requests, once it has ended."""
    assert loader.wait(300) == 0, loader.output()
    loader.stop()
    result = json.loads(loader.output())
    assert result["broken"] == [], f"{len(result['broken'])} broke: {result['broken'][:5]}"
    return result["statuses"]


@pytest.fixture
def loaded(sideray, start, tmp_path):
    """The two nginx servers and the sidecar."""
    return Loaded(sideray, start, tmp_path)


def accounted(sidecar, daemon):
    """After a drain: what came, what the kernel threw away, as (received, lost)."""
    sidecar.drain()
    daemon.settle()
    return daemon.received, daemon.kernel_drops()


@pytest.mark.timeout(600)
def test_every_request_is_answered_and_every_document_accounted_for(loaded, daemon):
    sidecar = loaded.sidecar
    assert told(loaded.load(REQUESTS)) == {"200": REQUESTS}

    def closed():
        metrics = sidecar.metrics()
        return metrics.sum("sideray_documents_offered_total") >= REQUESTS and metrics

    waiting.until(closed, "every segment is offered")

    def quiet():
        metrics = sidecar.metrics()
        sent = metrics.sum("sideray_documents_sent_total")
        dropped = metrics.sum("sideray_documents_dropped_total")
        return sent + dropped == metrics.sum("sideray_documents_offered_total") and metrics

    metrics = waiting.until(quiet, "offered = sent + dropped")
    sent = metrics.sum("sideray_documents_sent_total")
    dropped = metrics.sum("sideray_documents_dropped_total")
    for direction in ("inbound", "outbound"):
        count = metrics.sum("sideray_requests_total", direction=direction, status_class="2xx")
        assert count == REQUESTS, f"{direction} requests that are counted"
    assert metrics.sum("sideray_request_duration_seconds_count") == 2 * REQUESTS
    assert metrics.sum("sideray_attribution_total", method="header") == REQUESTS

    received, lost = accounted(sidecar, daemon)
    assert received + lost == sent, "every document that was sent has come or is counted"
    if dropped + lost == 0:
        assert received >= REQUESTS
    parents = check_parents(daemon)
    assert parents + dropped + lost >= REQUESTS


def number(entity):
    """Which request it is of."""
    return documents.request(entity)["url"].rsplit("/", 1)[1]


def check_parents(daemon):
    """Every call hangs below the request with its own number; returns how many did."""
    known = daemon.documents()
    segments = {one["id"]: one for one in known if documents.is_segment(one)}
    right, ids = 0, set()
    for call in documents.calls(known):
        assert documents.method(call.entity) == "header"
        assert call.entity["id"] not in ids, "an id is used twice"
        ids.add(call.entity["id"])
        parent = segments.get(call.parent_id)
        if parent is not None:
            inbound, outbound = number(parent), number(call.entity)
            assert inbound == outbound, "a wrong parent"
            assert parent["trace_id"] == call.trace_id
            right += 1
    return right


@pytest.mark.timeout(300)
def test_a_daemon_that_dies_under_load_costs_documents_and_no_request(loaded, daemon):
    sidecar, requests = loaded.sidecar, 10_000
    loader = loaded.load(requests, "/dying")
    daemon.wait_received(1_000)
    daemon.close()
    assert told(loader) == {"200": requests}

    def quiet():
        metrics = sidecar.metrics()
        offered = metrics.sum("sideray_documents_offered_total")
        sent = metrics.sum("sideray_documents_sent_total")
        dropped = metrics.sum("sideray_documents_dropped_total")
        return offered >= requests and sent + dropped == offered and metrics

    metrics = waiting.until(quiet, "offered = sent + dropped")
    assert metrics.sum("sideray_documents_dropped_total") > 0, "the losses are counted"
    answered = {"direction": "inbound", "status_class": "2xx"}
    assert metrics.sum("sideray_requests_total", **answered) == requests
