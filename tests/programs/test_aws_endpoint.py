"""The second way in: `AWS_ENDPOINT_URL` names the egress port, no certificate plays a part, and what
was signed for us is signed anew for AWS. The program's own key is none that AWS knows."""

import base64
import http.client
import zlib

import pytest

from support import aws
from support import documents
from support import likeness
from support import reference
from support.programs import PYTHON
from support.programs import run

LOCAL = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
LIST_TABLES = [
    "--aws-sigv4", "aws:amz:us-east-1:dynamodb", "--user", "local:local",
    "-H", "X-Amz-Target: DynamoDB_20120810.ListTables",
    "-H", "Content-Type: application/x-amz-json-1.0", "-d", "{}",
]  # fmt: skip


def program(sidecar, part):
    """Runs a part of the program, which knows of the egress port by that variable alone; returns
    what it was told."""
    env = {**aws.ENVIRONMENT, **LOCAL, "AWS_ENDPOINT_URL": sidecar.egress, "no_proxy": "*"}
    done = run(PYTHON, reference.PROGRAM, part, env=env, timeout=reference.PATIENCE)
    assert done.returncode == 0, done.stderr[-4000:]
    return reference.told(done.stdout.splitlines())


def test_it_is_off_and_says_what_to_do(cloud, sideray, curl, daemon):
    sidecar = sideray("http://127.0.0.1:1", env=aws.ENVIRONMENT, egress=cloud.egress())
    answer = curl(*LIST_TABLES, f"{sidecar.egress}/")
    assert answer.status == 421
    text = answer.body.decode()
    for word in ("[egress.aws]", "resign", "HTTPS_PROXY"):
        assert word in text, text
    assert cloud.front.requests == [], "nothing was sent to AWS"
    sidecar.drain()
    daemon.settle()
    assert "local" not in str(daemon.documents()), "nobody's key is recorded"


@pytest.mark.timeout(240)
def test_calls_are_signed_anew_and_recorded_as_the_sdk_has_them(
    cloud, sideray, daemon, sdk, capsys
):
    """Every row of the parameter table, by way of the routes that lead to the cloud."""
    expected = reference.run_patched(cloud, sdk, "parameters")
    cloud.reset()
    sidecar = sideray(
        "http://127.0.0.1:1",
        env=aws.ENVIRONMENT,
        egress=cloud.egress(aws={"resign": True}),
    )
    answers = program(sidecar, "parameters")
    assert reference.without_ids(answers) == reference.without_ids(expected[1])
    sidecar.drain()
    found = likeness.compare(expected, (reference.ordered(daemon), answers))
    with capsys.disabled():
        print(f"\nby AWS_ENDPOINT_URL: {len(answers)} calls")
        print(likeness.table(found))
    assert not [one for one in found if one.reason is None]
    assert {one["service"] for one in cloud.requests()} >= {"dynamodb", "s3", "sqs", "lambda"}


def signed_chunks(data, size):
    """What the SDK for Java makes of an upload to an address in clear: the headers, and the body in
    chunks. Nobody looks at the signatures, which are of a key that AWS does not know."""
    sizes = [min(size, len(data) - at) for at in range(0, len(data), size)]
    body, at = bytearray(), 0
    for length in [*sizes, 0]:
        body += b"%x;chunk-signature=%b\r\n" % (length, b"0" * 64)
        body += data[at : at + length] + b"\r\n" if length else b""
        at += length
    checksum = base64.b64encode(zlib.crc32(data).to_bytes(4, "big"))
    body += b"x-amz-checksum-crc32:%b\r\nx-amz-trailer-signature:%b\r\n\r\n" % (checksum, b"0" * 64)
    headers = {
        "Content-Encoding": "aws-chunked",
        "Content-Length": str(len(body)),
        "X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "X-Amz-Date": "20260101T000000Z",
        "X-Amz-Decoded-Content-Length": str(len(data)),
        "X-Amz-Trailer": "x-amz-checksum-crc32",
    }
    signed = ";".join(sorted(["host", *(name.lower() for name in headers)]))
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential=local/20260101/{aws.REGION}/s3/aws4_request, "
        f"SignedHeaders={signed}, Signature={'0' * 64}"
    )
    return headers, bytes(body)


def send(sidecar, method, target, body=b"", headers=None):
    """Sends one request to the egress port as if that were the server."""
    connection = http.client.HTTPConnection(sidecar.egress.removeprefix("http://"), timeout=60)
    try:
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_chunks_of_an_upload_are_signed_anew(cloud, sideray, daemon, curl):
    cloud.reset()
    egress = cloud.egress(aws={"resign": True})
    sidecar = sideray("http://127.0.0.1:1", env=aws.ENVIRONMENT, egress=egress)
    mine = ["--aws-sigv4", f"aws:amz:{aws.REGION}:s3", "--user", "local:local"]
    assert curl(*mine, "-X", "PUT", f"{sidecar.egress}/bucket").status == 200
    data = bytes(range(256)) * 4096
    headers, body = signed_chunks(data, 128 * 1024)
    assert send(sidecar, "PUT", "/bucket/key", body, headers) == (200, b"")
    assert curl(*mine, f"{sidecar.egress}/bucket/key").body == data
    assert cloud.refused() == []
    broken = body.replace(b";chunk-signature", b";signature-of-chunk")
    assert send(sidecar, "PUT", "/bucket/broken", broken, headers)[0] == 400
    sidecar.drain()
    recorded = [(one["aws"]["operation"], documents.flags(one)) for one in reference.ordered(daemon)]
    whole = [("CreateBucket", set()), ("PutObject", set()), ("GetObject", set())]
    assert [(name, set(flags)) for name, flags in recorded[:3]] == whole
    assert recorded[3][0] == "PutObject" and recorded[3][1]


def test_what_cannot_be_signed_anew_is_told_why(cloud, sideray):
    egress = cloud.egress(aws={"resign": True, "max_body": 1000})
    sidecar = sideray("http://127.0.0.1:1", env=aws.ENVIRONMENT, egress=egress)
    scope = f"Credential=local/20260101/{aws.REGION}/dynamodb/aws4_request"
    signed = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00"}
    chunks = iter([b"x" * 600, b"x" * 600])
    for body, headers, status, words in [
        (b"", {}, 421, "AWS_ENDPOINT_URL_STS"),
        (b"x" * 1001, signed, 413, "max_body"),
        (chunks, signed, 413, "max_body"),
        (b"", {"Authorization": signed["Authorization"].replace("HMAC", "HMAD")}, 421, "signed"),
    ]:
        found = send(sidecar, "POST", "/", body, headers)
        assert found[0] == status and words in found[1].decode(), found
    assert cloud.front.requests == []
    assert sidecar.metrics().sum("sideray_resigned_total", outcome="refused") == 4


def test_without_credentials_the_call_fails_and_says_so(cloud, sideray):
    env = {**aws.ENVIRONMENT, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    sidecar = sideray("http://127.0.0.1:1", env=env, egress=cloud.egress(aws={"resign": True}))
    scope = f"Credential=local/20260101/{aws.REGION}/sqs/aws4_request"
    signed = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00"}
    status, text = send(sidecar, "POST", "/", b"", signed)
    assert status == 503 and b"AWS credentials" in text


def test_an_endpoint_of_ones_own(cloud, sideray, daemon):
    """DynamoDB somewhere else, in clear; what is signed is its address there."""
    url = cloud.plain()
    sidecar = sideray(
        "http://127.0.0.1:1",
        env=aws.ENVIRONMENT,
        egress={"aws": {"resign": True, "endpoints": {"dynamodb": url}}},
    )
    answers = program(sidecar, "dynamodb")
    assert len(answers) > 20
    assert {one.host for one in cloud.front.requests} == {url.removeprefix("http://")}
    assert all("Credential=test/" in one.headers["authorization"] for one in cloud.front.requests)
    sidecar.drain()
    recorded = reference.ordered(daemon)
    names = [(one["name"], one["aws"]["operation"]) for one in recorded]
    assert names == [("dynamodb", line["operation"]) for line in answers]
