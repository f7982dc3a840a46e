"""curl through the ingress port: what the client gets, what the service gets, what is recorded."""

import hashlib

import pytest

from support import documents
from support.documents import header

ROOT = "1-5759e988-bd862e3fe1be46a994272793"


def test_get_is_one_segment_and_the_service_is_told_its_id(sideray, origin, curl, daemon):
    sidecar = sideray(origin.url)
    answer = curl(f"{sidecar.ingress}/orders/7?token=secret#part")
    assert (answer.status, answer.body) == (200, b"hello")

    segment = daemon.segment("/orders/7")
    assert segment["name"] == "checkout"
    assert "parent_id" not in segment
    assert documents.request(segment)["method"] == "GET"
    assert documents.request(segment)["url"] == f"{sidecar.ingress}/orders/7"
    assert documents.request(segment)["client_ip"] == "127.0.0.1"
    assert documents.request(segment)["user_agent"].startswith("curl/")
    assert documents.response(segment) == {"status": 200, "content_length": 5}
    assert documents.flags(segment) == set()

    seen = origin.request("/orders/7")
    assert seen.target == "/orders/7?token=secret"
    assert header(seen.headers["x-amzn-trace-id"]) == {
        "Root": segment["trace_id"],
        "Parent": segment["id"],
        "Sampled": "1",
    }
    assert answer.headers["x-amzn-trace-id"] == f"Root={segment['trace_id']}"
    assert seen.headers["host"] == sidecar.addresses["ingress"]
    assert seen.headers["x-forwarded-for"] == "127.0.0.1"
    assert seen.headers["x-forwarded-proto"] == "http"
    assert seen.headers["x-forwarded-host"] == sidecar.addresses["ingress"]


def test_a_question_about_sampling_is_answered(sideray, origin, curl, daemon):
    sidecar = sideray(origin.url)
    answer = curl("-H", f"X-Amzn-Trace-Id: Root={ROOT};Sampled=?", f"{sidecar.ingress}/asked")
    assert answer.headers["x-amzn-trace-id"] == f"Root={ROOT};Sampled=1"
    assert daemon.segment("/asked")["trace_id"] == ROOT
    assert header(origin.request("/asked").headers["x-amzn-trace-id"])["Sampled"] == "1"


def test_a_no_is_passed_on_with_its_root_and_leaves_no_document(sideray, origin, curl, daemon):
    sidecar = sideray(origin.url)
    value = f"Self=1-x; Root={ROOT}; Sampled=0; Lineage=25:a87bd80c:1|3;"
    answer = curl("-H", f"X-Amzn-Trace-Id: {value}", f"{sidecar.ingress}/silent")
    assert answer.headers["x-amzn-trace-id"] == f"Root={ROOT}"
    sent = header(origin.request("/silent").headers["x-amzn-trace-id"])
    assert (sent["Root"], sent["Sampled"]) == (ROOT, "0")
    assert sent["Lineage"] == "25:a87bd80c:1|3"
    assert "Self" not in sent
    sidecar.drain()
    daemon.settle()
    assert daemon.documents() == []


@pytest.mark.parametrize(
    ("status", "flags"),
    [(204, set()), (304, set()), (404, {"error"}), (429, {"error", "throttle"}), (503, {"fault"})],
)
def test_the_status_is_passed_on_and_flagged(sideray, origin, curl, daemon, status, flags):
    sidecar = sideray(origin.url)
    assert curl(f"{sidecar.ingress}/status/{status}").status == status
    segment = daemon.segment(f"/status/{status}")
    assert documents.status(segment) == status
    assert documents.flags(segment) == flags


def test_ten_mebibytes_up_with_100_continue_and_back(sideray, origin, curl, daemon, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(range(256)) * 4096 * 10)
    digest = hashlib.sha256(upload.read_bytes()).hexdigest()
    sidecar = sideray(origin.url)
    answer = curl(
        "-X", "POST", "-H", "Expect: 100-continue", "-H", "Content-Type: image/raw",
        "--data-binary", f"@{upload}", f"{sidecar.ingress}/echo/large",
    )  # fmt: skip
    assert (answer.status, answer.headers["content-type"]) == (200, "image/raw")
    assert hashlib.sha256(answer.body).hexdigest() == digest
    assert origin.request("/echo/large").digest == digest
    assert documents.response(daemon.segment("/echo/large"))["content_length"] == 10 * 1024 * 1024


def test_head_has_a_length_and_no_body(sideray, origin, curl, daemon):
    sidecar = sideray(origin.url)
    answer = curl("--head", f"{sidecar.ingress}/bytes/1234")
    assert (answer.status, answer.headers["content-length"]) == (200, "1234")
    segment = daemon.segment("/bytes/1234")
    assert documents.request(segment)["method"] == "HEAD"
    assert documents.status(segment) == 200


@pytest.mark.parametrize(
    ("flag", "version"),
    [("--http1.0", "1"), ("--http1.1", "1.1"), ("--http2-prior-knowledge", "2")],
)
def test_every_version_of_http(sideray, origin, curl, daemon, flag, version):
    sidecar = sideray(origin.url)
    answer = curl(flag, "--data", "x=1", f"{sidecar.ingress}/echo/v{version}")
    assert (answer.code, answer.status, answer.body) == (0, 200, b"x=1"), answer.error
    assert answer.version.startswith(version)
    assert origin.request(f"/echo/v{version}").version == "HTTP/1.1"
    assert documents.status(daemon.segment(f"/echo/v{version}")) == 200


def test_a_chunked_upload_stays_chunked(sideray, origin, curl, daemon):
    sidecar = sideray(origin.url)
    answer = curl(
        "-H", "Transfer-Encoding: chunked", "--data-binary", "y" * 100_000,
        f"{sidecar.ingress}/echo/chunked",
    )  # fmt: skip
    assert answer.body == b"y" * 100_000
    seen = origin.request("/echo/chunked")
    assert seen.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in seen.headers
    daemon.segment("/echo/chunked")


@pytest.mark.parametrize("flag", ["--http1.1", "--http2-prior-knowledge"])
def test_trailers_come_through(sideray, origin, curl, daemon, flag):
    sidecar = sideray(origin.url)
    answer = curl(flag, "-H", "TE: trailers", f"{sidecar.ingress}/trailers/x")
    assert (answer.code, answer.body) == (0, b"hello"), answer.error
    assert answer.trailers == {"x-checksum": "abc123"}
    assert "content_length" not in documents.response(daemon.segment("/trailers/x"))


def test_hop_by_hop_headers_end_here(sideray, origin, curl, daemon):
    sidecar = sideray(origin.url)
    curl(
        "-H", "Connection: keep-alive, X-Private", "-H", "X-Private: 1", "-H", "Keep-Alive: 5",
        "-H", "Proxy-Connection: keep-alive", "-H", "X-Forwarded-For: 203.0.113.9",
        f"{sidecar.ingress}/hops",
    )  # fmt: skip
    seen = origin.request("/hops").headers
    assert not {"x-private", "keep-alive", "proxy-connection"} & set(seen)
    assert seen["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"
    request = documents.request(daemon.segment("/hops"))
    assert (request["client_ip"], request["x_forwarded_for"]) == ("203.0.113.9", True)


def test_nobody_listening_is_a_503_and_a_fault(sideray, curl, daemon, origin):
    origin.close()
    sidecar = sideray(origin.url)
    answer = curl(f"{sidecar.ingress}/nobody")
    assert answer.status == 503
    segment = daemon.segment("/nobody")
    assert "response" not in segment["http"] or documents.status(segment) == 503
    assert documents.flags(segment) == {"fault"}
    assert documents.exception(segment)["message"]
