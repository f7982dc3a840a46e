"""Reload, drain, and what the admin port says meanwhile."""

import http.client
import signal
import threading

from support import documents
from support import waiting
from support.documents import header
from support.sidecar import configuration

SILENT = {"sampling": {"default": {"fixed_target": 0, "rate": 0.0}}}


def sampled(curl, sidecar, origin, path):
    """Whether a request to `path` is sampled, as the service is told."""
    assert curl(f"{sidecar.ingress}{path}").status == 200
    return header(origin.request(path).headers["x-amzn-trace-id"])["Sampled"] == "1"


def test_sighup_swaps_the_rules_without_dropping_a_request(sideray, origin, curl, daemon):
    sidecar = sideray(origin.url)
    assert sampled(curl, sidecar, origin, "/before")
    held = Held(sidecar, "/gate/held")
    origin.request("/gate/held")
    sidecar.rewrite(configuration(origin.url, daemon.address, SILENT))
    sidecar.reload()
    numbers = iter(range(10_000))
    waiting.until(
        lambda: not sampled(curl, sidecar, origin, f"/after/{next(numbers)}"), "the new rules hold"
    )
    origin.gate.set()
    assert held.answer() == (200, b"the gate is open")
    daemon.segment("/gate/held")


def test_a_faulty_file_is_refused_and_the_old_rules_stay(sideray, origin, curl, daemon):
    sidecar = sideray(origin.url)
    sidecar.rewrite("[sampling]\ndefault = { fixed_target = 0, rate = 9.0 }\n")
    before = sidecar.reload()
    sidecar.wait_log(
        lambda entry: entry.get("level") in ("ERROR", "WARN") and "rate" in str(entry),
        "what is wrong with the new file",
        after=before,
    )
    assert sampled(curl, sidecar, origin, "/still")
    daemon.segment("/still")


class Held:
    """A request on a thread of its own."""

    def __init__(self, sidecar, path):
        self._answer = None
        self._connection = http.client.HTTPConnection("127.0.0.1", sidecar.port("ingress"))
        self._thread = threading.Thread(target=self._ask, args=(path,))
        self._thread.start()

    def _ask(self, path):
        try:
            self._connection.request("GET", path)
            response = self._connection.getresponse()
            self._answer = (response.status, response.read())
        except (OSError, http.client.HTTPException) as error:
            self._answer = error

    def answer(self):
        """(status, body), or what broke it."""
        self._thread.join(waiting.DEADLINE)
        assert not self._thread.is_alive(), "the request was never answered"
        self._connection.close()
        return self._answer


def test_sigterm_lets_a_slow_request_finish_and_ends_with_0(sideray, origin, daemon):
    sidecar = sideray(origin.url)
    held = Held(sidecar, "/gate/slow")
    origin.request("/gate/slow")
    sidecar.terminate()
    waiting.until(
        lambda: not waiting.accepts(sidecar.port("ingress")), "no new connection is taken"
    )
    assert sidecar.program.process.poll() is None, "it waits for the request"
    origin.gate.set()
    assert held.answer() == (200, b"the gate is open")
    assert sidecar.program.wait() == 0
    segment = daemon.segment("/gate/slow")
    assert (documents.status(segment), documents.flags(segment)) == (200, set())


def test_what_outlasts_the_deadline_is_broken_off_and_recorded(sideray, origin, daemon):
    sidecar = sideray(origin.url, shutdown={"timeout": "200ms"})
    held = Held(sidecar, "/gate/endless")
    origin.request("/gate/endless")
    sidecar.terminate()
    assert sidecar.program.wait() == 0
    assert not isinstance(held.answer(), tuple), "nobody answered it"
    segment = daemon.segment("/gate/endless")
    assert documents.flags(segment), "a request that was broken off is flagged"
    assert documents.exception(segment)["message"]


def test_a_second_signal_ends_it_at_once(sideray, origin, daemon):
    sidecar = sideray(origin.url, shutdown={"timeout": "1h"})
    held = Held(sidecar, "/gate/again")
    origin.request("/gate/again")
    sidecar.terminate()
    waiting.until(lambda: not waiting.accepts(sidecar.port("ingress")), "the drain has begun")
    sidecar.program.signal(signal.SIGINT)
    sidecar.program.wait(5)
    assert not isinstance(held.answer(), tuple)
    del daemon


def test_health_readiness_and_drain(sideray, origin):
    sidecar = sideray(origin.url)
    assert sidecar.admin("/healthz")[0] == 200
    assert sidecar.admin("/readyz")[0] == 200
    assert sidecar.admin("/drain")[0] == 405, "a GET must not end a sidecar"
    held = Held(sidecar, "/gate/drain")
    origin.request("/gate/drain")
    assert sidecar.admin("/drain", "POST")[0] in (200, 202)
    waiting.until(lambda: sidecar.admin("/readyz")[0] == 503, "it says that it is not ready")
    assert sidecar.admin("/healthz")[0] == 200, "draining is not sick"
    origin.gate.set()
    assert held.answer()[0] == 200
    assert sidecar.program.wait() == 0


def test_a_client_that_goes_away_is_recorded_as_such(sideray, origin, daemon):
    sidecar = sideray(origin.url)
    connection = http.client.HTTPConnection("127.0.0.1", sidecar.port("ingress"))
    connection.request("GET", "/gate/left")
    origin.request("/gate/left")
    connection.close()
    segment = daemon.segment("/gate/left")
    assert documents.flags(segment) == {"error"}
    assert documents.exception(segment)["type"] == "ClientDisconnected"


def test_a_long_request_is_announced_once(sideray, origin, daemon):
    sidecar = sideray(origin.url, emit={"in_progress_after": "100ms"})
    held = Held(sidecar, "/gate/long")

    def open_segments(known):
        return [one for one in known if one.get("in_progress") and documents.at(one, "/gate/long")]

    (announced,) = daemon.wait(open_segments, "document in progress")
    origin.gate.set()
    assert held.answer()[0] == 200
    segment = daemon.segment("/gate/long")
    assert segment["id"] == announced["id"]
    assert segment["start_time"] == announced["start_time"]
    assert len(open_segments(daemon.documents())) == 1
