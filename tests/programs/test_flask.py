"""An unmodified Flask service under gunicorn, which calls another: two sidecars, one trace."""

import http.client
import json
import threading

import pytest

from support import documents
from support import waiting
from support.programs import HERE
from support.programs import tool

CERTAIN = ("certain", "high")


def gunicorn(app, port, *words):
    """The command that serves `app`."""
    return [
        tool("gunicorn"), "--chdir", HERE / "apps", "-b", f"127.0.0.1:{port}", *words, f"{app}:app"
    ]  # fmt: skip


class Shop:
    """The front service with its sidecar beside it, started by `sideray exec`, and behind its
    egress port the other service with a sidecar of its own."""

    def __init__(self, sideray, start):
        back, front = waiting.free_port(), waiting.free_port()
        start(gunicorn("back", back, "-w", "1")).wait_port(back)
        self.back = sideray(f"http://127.0.0.1:{back}", service={"name": "stock"})
        self.front = sideray(
            f"http://127.0.0.1:{front}",
            command=gunicorn("front", front, "-w", "2"),
            env={"BACK": self.back.ingress},
            service={"name": "front"},
        )
        waiting.until(lambda: waiting.accepts(front), "gunicorn listening")
        self._client = http.client.HTTPConnection("127.0.0.1", self.front.port("ingress"))

    def get(self, path):
        """One request from outside: (status, document)."""
        self._client.request("GET", path)
        response = self._client.getresponse()
        body = response.read()
        return response.status, json.loads(body) if response.status == 200 else body


@pytest.fixture
def shop(sideray, start):
    """Both services and both sidecars."""
    return Shop(sideray, start)


def joined(daemon, path, number):
    """The front's segment, its call and the callee's segment, of the request `path`."""
    segment = daemon.segment(path)
    call = daemon.call(f"/stock/{number}")
    callees = daemon.segments(f"/stock/{number}", 1)
    callee = next(one for one in callees if one["name"] == "stock")
    assert callee["parent_id"] == call.entity["id"]
    assert callee["trace_id"] == call.trace_id
    return segment, call, callee


def test_a_service_that_passes_headers_on_has_whole_traces(shop, daemon):
    for number in range(101, 121):
        assert shop.get(f"/passing/{number}") == (200, {"stock": number * 2})
    for number in range(101, 121):
        segment, call, callee = joined(daemon, f"/passing/{number}", number)
        assert (segment["name"], callee["name"]) == ("front", "stock")
        assert call.parent_id == segment["id"]
        assert call.trace_id == segment["trace_id"]
        assert call.holder is segment, "a call that ended first travels inside its segment"
        attribution = documents.notes(call.entity)["attribution"]
        assert (attribution["method"], attribution["confidence"]) == ("header", "certain")


def test_a_service_that_passes_nothing_on_is_given_no_wrong_parent(shop, daemon):
    numbers = range(100, 200)
    for number in numbers:
        assert shop.get(f"/plain/{number}") == (200, {"stock": number * 2})
    attributed(daemon, numbers)


def test_a_service_that_passes_nothing_on_earns_trust_in_quiet_moments(shop, daemon):
    """Between two requests there must be time in which the service could have called, and did not;
    uneven, because an even pace could be a timer's. The pauses are what is tested: nothing is
    waited for."""
    numbers = range(201, 208)
    pause = threading.Event()
    for number, seconds in zip(numbers, (1.7, 2.3, 1.3, 1.1, 1.9, 2.6, 1.2), strict=True):
        pause.wait(seconds)
        assert shop.get(f"/plain/{number}") == (200, {"stock": number * 2})
    assert attributed(daemon, numbers) > 0


def attributed(daemon, numbers):
    """How many of the calls were given to a request; fails if one was given to a wrong one."""
    right = 0
    for number in numbers:
        segment, call, _ = joined(daemon, f"/plain/{number}", number)
        assert "?" not in documents.request(call.entity)["url"]
        attribution = documents.notes(call.entity)["attribution"]
        if attribution["confidence"] in CERTAIN:
            assert call.parent_id == segment["id"], f"{number} hangs below another request"
            right += 1
        else:
            assert call.trace_id != segment["trace_id"], "an unknown call has a trace of its own"
            assert call.holder["name"] == "front"
    return right


def test_a_fault_shows_on_both_sides(shop, daemon):
    assert shop.get("/passing/13")[0] == 502
    segment, call, callee = joined(daemon, "/passing/13", 13)
    assert documents.flags(callee) == {"fault"}
    assert documents.flags(call.entity) == {"fault"}
    assert documents.status(call.entity) == 500
    assert (documents.status(segment), documents.flags(segment)) == (502, {"fault"})


def test_an_exception_in_the_service_is_its_fault(shop, daemon):
    assert shop.get("/broken")[0] == 500
    segment = daemon.segment("/broken")
    assert (documents.status(segment), documents.flags(segment)) == (500, {"fault"})
    assert "subsegments" not in segment
