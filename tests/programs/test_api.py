"""What a program tells of its own requests, by the local API that `SIDERAY_API` names: a plain
http.server that is changed by a few lines, and one that tells far too much."""

import contextlib
import http.client
import json

from support import documents
from support import waiting
from support.memory import Peak
from support.programs import HERE
from support.programs import PYTHON

MIB = 1 << 20


def telling(sideray, origin, **overrides):
    """The shop with a sidecar beside it."""
    port = waiting.free_port()
    command = [PYTHON, HERE / "apps" / "tells.py", port]
    env = {"STOCK": origin.url}
    sidecar = sideray(f"http://127.0.0.1:{port}", command=command, env=env, **overrides)
    waiting.until(lambda: waiting.accepts(port), "the shop listening")
    return sidecar


def test_a_service_says_what_nobody_sees(sideray, origin, daemon, curl):
    sidecar = telling(sideray, origin)
    answer = curl(f"{sidecar.ingress}/order")
    assert (answer.status, json.loads(answer.body)) == (200, {"price": 0})
    segment = daemon.segment("/order")
    assert segment["annotations"] == {"order_id": 17, "shop": "Zürich"}
    assert segment["user"] == "ann"
    assert segment["fault"] is True
    (exception,) = segment["cause"]["exceptions"]
    assert (exception["type"], exception["message"]) == ("KeyError", "'apples'")
    assert exception["stack"][0]["label"] == "do_GET"

    query, group = segment["subsegments"]
    assert query["name"] == "shop.db"
    assert query["sql"]["sanitized_query"] == "SELECT name FROM orders WHERE id = ?"
    assert (group["name"], group["annotations"]) == ("gather items", {"items": 2})
    for path in ("/apples", "/pears"):
        call = daemon.call(path)
        assert call.parent_id == group["id"]
        assert call.trace_id == segment["trace_id"]
    # What it told is no call of the service's.
    urls = [
        documents.request(call.entity).get("url") for call in documents.calls(daemon.documents())
    ]
    assert sorted(url for url in urls if url) == [f"{origin.url}/apples", f"{origin.url}/pears"]


def test_it_tells_in_vain_where_nothing_is_traced(sideray, origin, daemon, curl):
    sidecar = telling(sideray, origin, sampling={"default": {"fixed_target": 0, "rate": 0.0}})
    assert curl(f"{sidecar.ingress}/order").status == 200
    assert daemon.documents() == []


def test_memory_is_bounded_whatever_is_told(sideray, origin):
    sidecar = sideray(origin.url)
    with Peak(sidecar.program.process.pid) as memory, asked(sidecar, origin) as trace:
        metadata = f"/v1/traces/{trace}/metadata"
        flood(sidecar, "PUT", metadata, b" " * MIB, {413})
        flood(sidecar, "PUT", metadata, told({"k": "x" * 60_000}), {422})
        flood(sidecar, "PUT", metadata, told({"k": [0] * 16_000}), {200})
        flood(sidecar, "PUT", metadata, b'{"k":' + b"[" * 120 + b"]" * 120 + b"}", {200})
        for key in range(2_000):
            body = told({f"key_{key}": key})
            flood(sidecar, "PUT", f"/v1/traces/{trace}/annotations", body, {200, 422}, times=1)
        group = {"trace_id": trace, "name": "n", "metadata": {"d": {"k": [0] * 16_000}}}
        statuses = flood(sidecar, "POST", "/v1/subsegments", told(group), {201, 503}, times=700)
        group["metadata"]["d"] = {f"{key}": 0 for key in range(3_000)}
        flood(sidecar, "POST", "/v1/subsegments", told(group), {201, 503}, times=100)
        assert 503 in statuses
    print(f"grew by {memory.growth / MIB:.1f} MiB")
    assert memory.growth < 64 * MIB, f"grew by {memory.growth / MIB:.1f} MiB"


def told(value):
    """A body of JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


@contextlib.contextmanager
def asked(sidecar, origin):
    """A request that is open as long as the `with` lasts; gives its trace."""
    client = http.client.HTTPConnection("127.0.0.1", sidecar.port("ingress"))
    client.request("GET", "/gate")
    yield documents.header(origin.request("/gate").headers["x-amzn-trace-id"])["Root"]
    origin.gate.set()
    assert client.getresponse().status == 200
    client.close()


def flood(sidecar, method, path, body, expected, times=300):
    """Tells the same over and over, over a connection each time; gives what was answered."""
    statuses = set()
    for _ in range(times):
        connection = http.client.HTTPConnection("127.0.0.1", sidecar.port("admin"))
        connection.request(method, path, body)
        statuses.add(connection.getresponse().status)
        connection.close()
    assert statuses <= expected, statuses
    return statuses
