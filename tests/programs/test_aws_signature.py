"""The signature is sacred: whatever arrives has arrived as it was signed, and the trace header is
only put where no signature covers it. `cloud` checks every signature of every test; here are the
shapes that a signature takes."""

import os
import time

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from conftest import DOCUMENTS
from support import aws
from support import connect
from support import documents
from support import reference
from support.documents import header
from support.programs import HERE
from support.programs import PYTHON

BUCKET = "https://receipts.s3.amazonaws.com"
KEY = Credentials(aws.ACCESS_KEY, aws.SECRET_KEY)


def caller():
    """A trace header of the program's own, without a parent that somebody would have to record."""
    return f"Root=1-{int(time.time()):08x}-{os.urandom(12).hex()};Sampled=1"


@pytest.fixture
def asking(cloud, sideray, tmp_path):
    """Starts a sidecar; the result sends signed requests to a bucket through it, as
    `asking(method, path, body, headers, by=…)`."""
    ca_dir = tmp_path / "ca"
    sidecar = sideray("http://127.0.0.1:1", egress=cloud.egress(intercept={"ca_dir": ca_dir}))

    def ask(method, path, body=None, headers=(), by=auth.S3SigV4Auth):
        # What signs a URL would put the body into it.
        data = None if by is auth.S3SigV4QueryAuth else body
        request = AWSRequest(method, BUCKET + path, dict(headers), data)
        by(KEY, "s3", aws.REGION).add_auth(request)
        sent = request.prepare()
        fields = dict(sent.headers.items())
        return connect.ask(
            sidecar.addresses["egress"], ca_dir / "ca.pem", method, sent.url, fields, body
        )

    ask.sidecar, ask.authority = sidecar, ca_dir / "ca.pem"
    assert ask("PUT", "/").status == 200, "the bucket is made"
    return ask


def arrived(cloud):
    """The trace header of the last request as it came to AWS."""
    return cloud.front.requests[-1].headers.get("x-amzn-trace-id")


def call(daemon, method, path):
    """The one call with that method and path."""

    def choose(known):
        return [
            found
            for found in documents.calls(known)
            if documents.at(found.entity, path)
            and documents.request(found.entity)["method"] == method
        ]

    (found,) = daemon.wait(choose, f"{method} of {path}")
    return found


def test_a_trace_header_is_put_beside_a_signature(cloud, asking, daemon):
    assert asking("PUT", "/a", b"1").status == 200
    found = call(daemon, "PUT", "/a")
    sent = header(arrived(cloud))
    assert (sent["Root"], sent["Parent"]) == (found.trace_id, found.entity["id"])


def test_a_trace_header_that_is_not_signed_is_replaced(cloud, asking, daemon):
    """As the program's own SDK puts it, after signing."""
    told = caller()
    assert asking("PUT", "/b", b"1", {"X-Amzn-Trace-Id": told}).status == 200
    found = call(daemon, "PUT", "/b")
    sent = header(arrived(cloud))
    assert sent["Root"] == found.trace_id == header(told)["Root"]
    assert sent["Parent"] == found.entity["id"]


def test_a_trace_header_that_is_signed_stays(cloud, asking, daemon, monkeypatch):
    monkeypatch.setattr(auth, "SIGNED_HEADERS_BLACKLIST", [])
    told = caller()
    assert asking("PUT", "/c", b"1", {"X-Amzn-Trace-Id": told}).status == 200
    assert "x-amzn-trace-id" in cloud.front.requests[-1].headers["authorization"].lower()
    assert arrived(cloud) == told
    assert call(daemon, "PUT", "/c").trace_id == header(told)["Root"]


def test_a_trace_header_that_a_url_signs_stays(cloud, asking, monkeypatch):
    monkeypatch.setattr(auth, "SIGNED_HEADERS_BLACKLIST", [])
    told = caller()
    answer = asking("PUT", "/d", b"1", {"X-Amzn-Trace-Id": told}, by=auth.S3SigV4QueryAuth)
    assert answer.status == 200
    assert "x-amzn-trace-id" in cloud.front.requests[-1].target.lower()
    assert arrived(cloud) == told


def test_a_program_with_awss_own_sdk_is_continued(cloud, sideray, daemon, sdk):
    """What the SDK records of a call is the parent of what sideray records of it."""
    sidecar = sideray(
        "http://127.0.0.1:1",
        command=[PYTHON, reference.PATCHED, sdk.address, "sns"],
        env=aws.ENVIRONMENT,
        egress=cloud.egress(),
    )
    assert sidecar.program.wait(60) == 0, sidecar.program.output()
    theirs, ours = reference.ordered(sdk), reference.ordered(daemon)
    sdk.save(DOCUMENTS)  # The trees of ours begin there.
    assert [one["parent_id"] for one in ours] == [one["id"] for one in theirs]
    assert {one["trace_id"] for one in ours} == {one["trace_id"] for one in theirs}
    sent = [header(one.headers["x-amzn-trace-id"])["Parent"] for one in cloud.front.requests]
    assert sent == [one["id"] for one in ours]


def test_presigned_urls_by_a_client_that_knows_no_aws(cloud, sideray, daemon):
    """Not an AWS call to the SDK, and the signature in the URL is nobody's business."""
    sidecar = sideray(
        "http://127.0.0.1:1",
        command=[PYTHON, HERE / "clients" / "with_presigned.py"],
        env=aws.ENVIRONMENT,
        egress=cloud.egress(),
    )
    assert sidecar.program.wait(60) == 0, sidecar.program.output()
    assert [line for line in sidecar.program.lines if line in ("200", "presigned", "404")] == [
        "200",
        "presigned",
        "404",
    ]
    daemon.settle()
    found = list(documents.calls(daemon.documents()))
    assert [one.entity["namespace"] for one in found] == ["aws", "remote", "remote", "remote"]
    for one in found[1:]:
        assert one.entity["name"] == "receipts.s3.amazonaws.com"
        assert "aws" not in one.entity
    assert [documents.request(one.entity)["url"] for one in found[1:]] == [
        f"{BUCKET}/a%20b/7.txt",
        f"{BUCKET}/a%20b/7.txt",
        f"{BUCKET}/missing",
    ]
    assert [documents.status(one.entity) for one in found[1:]] == [200, 200, 404]
    assert "X-Amz-Signature" not in str(daemon.documents())
    sent = [header(one.headers["x-amzn-trace-id"]) for one in cloud.front.requests[-3:]]
    assert [one["Parent"] for one in sent] == [one.entity["id"] for one in found[1:]]


def head(fields, path, size):
    """A PUT that waits to be told to go on."""
    lines = [f"PUT {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    lines += [f"Content-Length: {size}", "Expect: 100-continue", "", ""]
    return "\r\n".join(lines).encode()


def waits(asking, path, body, spoil=False):
    """A PUT with `Expect`: the connection, its reader, and the first line of what comes before a
    byte of the body has been sent."""
    request = AWSRequest("PUT", BUCKET + path, {}, body)
    auth.S3SigV4Auth(KEY, "s3", aws.REGION).add_auth(request)
    fields = {"Host": BUCKET.removeprefix("https://"), **dict(request.headers.items())}
    if spoil:
        fields["Authorization"] = fields["Authorization"][:-4] + "beef"
    host = fields["Host"]
    client = connect.secure(asking.sidecar.addresses["egress"], host, asking.authority)
    client.sendall(head(fields, path, len(body)))
    reader = client.makefile("rb")
    return client, reader, reader.readline()


def test_who_waits_for_100_gets_it_from_aws(asking, cloud, daemon):
    body = b"e" * 100_000
    client, reader, line = waits(asking, "/expected", body)
    with client, reader:
        assert line.split()[1] == b"100", line
        assert reader.readline() == b"\r\n"
        client.sendall(body)
        assert reader.readline().split()[1] == b"200"
    assert cloud.front.requests[-1].size == len(body)
    assert documents.status(call(daemon, "PUT", "/expected").entity) == 200


def test_who_is_refused_never_sends_the_body(asking, cloud, daemon):
    """The refusal comes from AWS, before any 100, so a large body stays where it is."""
    client, reader, line = waits(asking, "/refused", b"r" * 100_000, spoil=True)
    with client, reader:
        assert line.split()[1] == b"403", line
    found = call(daemon, "PUT", "/refused")
    assert (documents.status(found.entity), documents.flags(found.entity)) == (403, {"error"})
    assert documents.exception(found.entity)["type"] == "SignatureDoesNotMatch"
    assert [one["target"] for one in cloud.refused()] == ["/refused"]
    cloud.forget()
