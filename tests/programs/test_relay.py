"""A service with X-Ray's own SDK behind the relay: one trace, with what only the SDK could see."""

import http.server
import json
import threading

import pytest

from support import documents
from support import waiting
from support.programs import HERE
from support.programs import PYTHON
from support.programs import tool

RELAY = {"listen": "127.0.0.1:0"}
#: No region, no credentials, no proxy of the machine's owner shall play a part.
ENVIRONMENT = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}

RULE = {
    "RuleName": "everything", "RuleARN": "arn:aws:xray:eu-west-1:123456789012:sampling-rule/e",
    "ResourceARN": "*", "Priority": 1, "FixedRate": 1.0, "ReservoirSize": 0, "ServiceName": "*",
    "ServiceType": "*", "Host": "*", "HTTPMethod": "*", "URLPath": "*", "Version": 1,
    "Attributes": {},
}  # fmt: skip


class Backend:
    """The TCP port of a daemon, and what it was asked."""

    def __init__(self):
        self.asked = []
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Answers with the one rule there is."""

            def do_POST(self):
                """Any question."""
                headers = {name.lower(): value for name, value in self.headers.items()}
                backend.asked.append((self.path, headers))
                self.rfile.read(int(self.headers["content-length"]))
                record = {"SamplingRule": RULE, "CreatedAt": 0.0, "ModifiedAt": 0.0}
                body = json.dumps({"SamplingRuleRecords": [record]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Says nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        """Stops it."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def backend():
    """One that runs."""
    one = Backend()
    yield one
    one.close()


def flask(sideray, **overrides):
    """The Flask shop with a sidecar beside it, which tells it of the relay by its environment."""
    port = waiting.free_port()
    command = [
        tool("gunicorn"), "--chdir", HERE / "apps", "-b", f"127.0.0.1:{port}", "sdk_flask:app"
    ]  # fmt: skip
    sidecar = sideray(
        f"http://127.0.0.1:{port}", command=command, env=ENVIRONMENT, relay=RELAY, **overrides
    )
    waiting.until(lambda: waiting.accepts(port), "gunicorn listening")
    return sidecar


def by_hand(sideray):
    """The other service, likewise."""
    port = waiting.free_port()
    command = [PYTHON, HERE / "apps" / "sdk_by_hand.py", port]
    sidecar = sideray(f"http://127.0.0.1:{port}", command=command, env=ENVIRONMENT, relay=RELAY)
    waiting.until(lambda: waiting.accepts(port), "the service listening")
    return sidecar


def passed(sidecar):
    """How many documents the relay has had, by outcome."""
    outcomes = ("joined", "forwarded", "unread", "rejected")
    name = "sideray_relay_documents_total"
    metrics = sidecar.metrics()
    counts = {one: metrics.sum(name, outcome=one) for one in outcomes}
    return {outcome: count for outcome, count in counts.items() if count}


def query(entity):
    """The one call of SQLite in a subsegment."""
    (call,) = entity["subsegments"]
    assert call["sql"]["database_type"] == "sqlite3"
    assert call["namespace"] == "remote"
    return call


def insides(daemon, segment):
    """The SDK's part of the request of `segment`."""

    def choose(known):
        return [
            one
            for one in known
            if one.get("type") == "subsegment" and one["parent_id"] == segment["id"]
        ]

    (inside,) = daemon.wait(choose, "subsegment of the SDK")
    assert inside["trace_id"] == segment["trace_id"]
    return inside


def test_a_query_that_the_sdk_saw_is_in_the_trace_of_the_request(sideray, daemon, curl):
    sidecar = flask(sideray)
    assert curl(f"{sidecar.ingress}/orders/21").body.strip() == b'{"twice":42}'
    segment = daemon.segment("/orders/21")
    inside = insides(daemon, segment)
    assert (segment["name"], inside["name"]) == ("checkout", "shop-inside")
    assert query(inside)["parent_id"] == inside["id"]
    assert inside["annotations"] == {"order": 21}
    assert documents.status(inside) == 200
    for field in ("user", "service", "origin", "aws"):
        assert field not in inside
    aside = documents.notes(inside)["segment"]
    assert "bob" in (segment.get("user"), aside.get("user")), "the user is not lost"
    assert aside["service"]["runtime"] == "CPython"
    assert passed(sidecar) == {"joined": 1}


def test_a_segment_made_by_hand_and_ended_late_joins_too(sideray, daemon, curl):
    sidecar = by_hand(sideray)
    for path in ("/1", "/2", "/3"):
        assert curl(f"{sidecar.ingress}{path}").status == 200
        inside = insides(daemon, daemon.segment(path))
        assert inside["name"] == "by-hand"
        query(inside)
    assert passed(sidecar) == {"joined": 3}


def test_the_collector_shows_it_as_one_trace(sideray, curl):
    sidecar = flask(sideray, emit={"daemon": None})
    answer = curl(f"{sidecar.ingress}/orders/21")
    trace = documents.header(answer.headers["x-amzn-trace-id"])["Root"]

    def shown():
        status, body = sidecar.admin(f"/traces/{trace}")
        return status == 200 and all(one in body for one in ("sqlite3", "checkout")) and body

    assert "shop-inside" in waiting.until(shown, "the request and the query in one trace")
    assert passed(sidecar) == {"joined": 1}


def test_of_a_request_that_is_not_sampled_the_sdk_sends_nothing(sideray, daemon, curl):
    sidecar = flask(sideray, sampling={"default": {"fixed_target": 0, "rate": 0.0}})
    answer = curl(f"{sidecar.ingress}/orders/21")
    assert answer.status == 200
    sidecar.drain()
    daemon.settle()
    assert daemon.documents() == []


def test_what_the_sdk_asks_about_sampling_goes_to_the_daemon(sideray, daemon, backend, curl):
    both = f"tcp:127.0.0.1:{backend.port} udp:{daemon.address}"
    sidecar = flask(sideray, emit={"daemon": both})

    def decided():
        return json.loads(curl(f"{sidecar.ingress}/rule").body)["decided"]

    # The first question starts the SDK's poller; until it has an answer the local rules decide.
    waiting.until(lambda: decided() == "everything", "the SDK decides by the daemon's rule")
    path, headers = backend.asked[0]
    assert path == "/GetSamplingRules"
    assert headers["host"] == f"127.0.0.1:{backend.port}"
    assert "x-amzn-trace-id" not in headers
    metrics = sidecar.metrics()
    assert metrics.sum("sideray_relay_calls_total", outcome="answered") == len(backend.asked)
    assert metrics.sum("sideray_relay_calls_total", outcome="unanswered") == 0
    sidecar.drain()
    daemon.settle()
    for call in documents.calls(daemon.documents()):
        assert "GetSamplingRules" not in documents.request(call.entity).get("url", "")


def test_where_there_is_no_daemon_the_sdk_keeps_its_rules_without_a_word(sideray, curl):
    sidecar = flask(sideray, emit={"daemon": None})
    assert curl(f"{sidecar.ingress}/rule").status == 200

    def asked():
        return sidecar.metrics().sum("sideray_relay_calls_total", outcome="alone") == 1

    waiting.until(asked, "the SDK has asked")
    assert json.loads(curl(f"{sidecar.ingress}/rule").body)["decided"] in (True, False)
    sidecar.drain()
    assert "polling" not in sidecar.program.output()
