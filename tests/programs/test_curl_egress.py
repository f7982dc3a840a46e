"""curl as the service's own outbound call: as a proxy client, through a tunnel, by a base URL."""

import pytest

from support import documents
from support.documents import header


@pytest.fixture
def sidecar(sideray, origin, authority):
    """A sidecar that trusts the tests' authority; its upstream plays no part."""
    return sideray(origin.url, egress={"tls": {"roots": authority.cert}})


def test_an_absolute_form_call_is_a_remote_subsegment(sidecar, origin, curl, daemon):
    url = f"http://user:pass@{origin.authority}/stock/7?key=secret"
    answer = curl("-x", sidecar.egress, url)
    assert (answer.status, answer.body) == (200, b"hello")

    call = daemon.call("/stock/7")
    assert (call.entity["name"], call.entity["namespace"]) == ("127.0.0.1", "remote")
    assert documents.request(call.entity)["url"] == f"{origin.url}/stock/7"
    assert documents.request(call.entity)["method"] == "GET"
    assert documents.response(call.entity) == {"status": 200, "content_length": 5}
    assert documents.method(call.entity) in ("background", "unknown")
    assert call.holder["name"] == "checkout", "a call of nobody starts a trace of the service"
    assert "parent_id" not in call.holder

    seen = origin.request("/stock/7")
    assert (seen.target, seen.headers["host"]) == ("/stock/7?key=secret", origin.authority)
    assert "proxy-connection" not in seen.headers
    assert header(seen.headers["x-amzn-trace-id"]) == {
        "Root": call.trace_id,
        "Parent": call.entity["id"],
        "Sampled": "1",
    }


def test_an_unknown_call_can_be_left_alone(sideray, origin, curl, daemon):
    sidecar = sideray(origin.url, attribution={"unknown": "none"})
    assert curl("-x", sidecar.egress, f"{origin.url}/alone").status == 200
    assert "x-amzn-trace-id" not in origin.request("/alone").headers
    sidecar.drain()
    daemon.settle()
    assert daemon.documents() == []


@pytest.mark.parametrize(
    ("status", "flags"), [(404, {"error"}), (429, {"error", "throttle"}), (500, {"fault"})]
)
def test_the_status_of_a_call_is_flagged(sidecar, origin, curl, daemon, status, flags):
    assert curl("-x", sidecar.egress, f"{origin.url}/status/{status}").status == status
    call = daemon.call(f"/status/{status}")
    assert documents.status(call.entity) == status
    assert documents.flags(call.entity) == flags
    assert documents.flags(call.holder) == flags & {"fault"}


def test_a_base_url_that_points_at_the_port(sidecar, origin, curl, daemon):
    answer = curl("-H", f"Host: {origin.authority}", f"{sidecar.egress}/based")
    assert (answer.status, answer.body) == (200, b"hello")
    assert documents.request(daemon.call("/based").entity)["url"] == f"{origin.url}/based"


def test_a_request_for_ourselves_is_refused_and_does_not_loop(sidecar, curl, daemon):
    assert 400 <= curl(f"{sidecar.egress}/ourselves").status < 600
    sidecar.drain()
    daemon.settle()


def test_a_call_to_nobody_is_a_503_and_says_why(sidecar, origin, curl, daemon):
    origin.close()
    assert curl("-x", sidecar.egress, f"{origin.url}/gone").status == 503
    call = daemon.call("/gone")
    assert documents.flags(call.entity) == {"fault"}
    assert "response" not in call.entity["http"]
    assert documents.exception(call.entity)["remote"] is False


def test_a_reset_is_a_502_and_a_fault(sidecar, origin, curl, daemon):
    answer = curl("-X", "POST", "-d", "x=1", "-x", sidecar.egress, f"{origin.url}/reset/once")
    assert answer.status == 502
    assert documents.flags(daemon.call("/reset/once").entity) == {"fault"}
    assert origin.request("/reset/once"), "a POST is not sent twice"


def test_a_tunnel_carries_tls_and_says_what_passed(sidecar, tls_origin, curl, daemon, certificate):
    answer = curl(
        "-x", sidecar.egress, "--cacert", certificate.authority, f"{tls_origin.url}/bytes/50000"
    )
    assert (answer.code, answer.status, len(answer.body)) == (0, 200, 50_000), answer.error
    assert "x-amzn-trace-id" not in tls_origin.request("/bytes/50000").headers

    def tunnels(known):
        return [c for c in documents.calls(known) if "tunnel" in documents.notes(c.entity)]

    (call,) = daemon.wait(tunnels, "subsegment of a tunnel")
    assert (call.entity["name"], call.entity["namespace"]) == ("localhost", "remote")
    assert tls_origin.authority in documents.request(call.entity)["url"]
    tunnel = documents.notes(call.entity)["tunnel"]
    assert tunnel["bytes_received"] > 50_000
    assert tunnel["bytes_sent"] > 200
    assert documents.flags(call.entity) == set()


def test_a_tunnel_to_nobody_is_a_503(sidecar, tls_origin, curl, daemon):
    tls_origin.close()
    answer = curl("-x", sidecar.egress, "-k", f"{tls_origin.url}/")
    assert answer.code == 56, f"curl says that the tunnel failed: {answer.error}"
    assert "503" in answer.error

    def failed(known):
        return [c for c in documents.calls(known) if "fault" in documents.flags(c.entity)]

    daemon.wait(failed, "failed tunnel")


def test_an_https_url_in_absolute_form(sidecar, tls_origin, curl, daemon):
    """curl always tunnels https, so the request line is written by hand."""
    target = f"{tls_origin.url}/upgraded"
    answer = curl(
        "--request-target", target, "-H", f"Host: {tls_origin.authority}", f"{sidecar.egress}/"
    )
    assert (answer.status, answer.body) == (200, b"hello")
    call = daemon.call("/upgraded")
    assert documents.request(call.entity)["url"] == target
    sent = header(tls_origin.request("/upgraded").headers["x-amzn-trace-id"])
    assert sent["Parent"] == call.entity["id"]


def test_uploads_stream_through(sidecar, origin, curl, daemon, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(b"z" * 3_000_000)
    answer = curl(
        "-x", sidecar.egress, "-H", "Expect: 100-continue", "-T", upload, f"{origin.url}/echo/up"
    )
    assert (answer.status, len(answer.body)) == (200, 3_000_000)
    assert origin.request("/echo/up").size == 3_000_000
    assert documents.request(daemon.call("/echo/up").entity)["method"] == "PUT"


def test_hosts_on_the_list_pass_untraced(sideray, origin, curl, daemon):
    sidecar = sideray(origin.url, egress={"no_trace": ["127.0.0.*"]})
    assert curl("-x", sidecar.egress, f"{origin.url}/untraced").status == 200
    assert "x-amzn-trace-id" not in origin.request("/untraced").headers
    sidecar.drain()
    daemon.settle()
    assert daemon.documents() == []
