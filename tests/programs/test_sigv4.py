"""The front that checks AWS signatures, held against AWS's own examples and SDK: what is right
passes, and every single thing that can be wrong is found."""

import base64
import io
import json
import sys
import zlib
from http.client import HTTPConnection

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from support import waiting
from support.aws_body import EMPTY
from support.aws_body import AwsChunked
from support.aws_body import Checksum
from support.aws_body import Fault
from support.aws_signature import Key
from support.aws_signature import Signature
from support.programs import HERE
from support.programs import Program
from support.programs import tool

EXAMPLE = Key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SCOPE = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"


def example(signed, signature, **headers):
    """One of the examples of S3's API reference."""
    authorization = f"Credential={SCOPE},SignedHeaders={signed},Signature={signature}"
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers |= {"authorization": f"AWS4-HMAC-SHA256 {authorization}"}
    headers |= {"x-amz-date": "20130524T000000Z"}
    return Signature.of("", headers), headers


def test_the_example_of_a_request_without_body():
    signature, headers = example(
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        host="examplebucket.s3.amazonaws.com",
        range="bytes=0-9",
        x_amz_content_sha256=EMPTY,
    )
    signature.check(EXAMPLE, "GET", "/test.txt", "", headers, EMPTY)
    with pytest.raises(Fault):
        signature.check(EXAMPLE, "GET", "/text.txt", "", headers, EMPTY)


def chunked_example():
    """The example of a body in signed chunks: what checks it, and its bytes."""
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    signature, headers = example(
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
        "x-amz-decoded-content-length;x-amz-storage-class",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        content_encoding="aws-chunked",
        content_length="66824",
        host="s3.amazonaws.com",
        x_amz_content_sha256=kind,
        x_amz_decoded_content_length="66560",
        x_amz_storage_class="REDUCED_REDUNDANCY",
    )
    signature.check(EXAMPLE, "PUT", "/examplebucket/chunkObject.txt", "", headers, kind)
    chunks = (
        (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
        (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    )
    body = "".join(f"{size:x};chunk-signature={sig}\r\n{'a' * size}\r\n" for size, sig in chunks)

    def sign(algorithm, *rest):
        return signature.sign(EXAMPLE, algorithm, *rest)

    return AwsChunked(kind, headers, signature.signature, sign), body.encode()


@pytest.mark.parametrize("step", [1000, 65536, 100_000])
def test_the_example_of_signed_chunks(step):
    checker, body = chunked_example()
    assert len(body) == 66824
    for at in range(0, len(body), step):
        checker.feed(body[at : at + step])
    checker.end()


@pytest.mark.parametrize("wrong", [
    lambda body: body.replace(b"aaa", b"aab", 1),
    lambda body: body.replace(b"ad80", b"ad81", 1),
    lambda body: body.replace(b"\r\n\r\n", b"\r\nx: y\r\n\r\n", 1),
    lambda body: body[:-2],
    lambda body: body + b"x",
])  # fmt: skip
def test_a_chunk_that_is_not_what_was_signed_is_found(wrong):
    checker, body = chunked_example()
    with pytest.raises(Fault):
        checker.feed(wrong(body))
        checker.end()


@pytest.mark.parametrize(("name", "expected"), [
    ("x-amz-checksum-crc32", "cbf43926"),
    ("x-amz-checksum-crc32c", "e3069283"),
    ("x-amz-checksum-crc64nvme", "ae8b14860a799888"),
])  # fmt: skip
def test_checksums(name, expected):
    checksum = Checksum(name, base64.b64encode(bytes.fromhex(expected)).decode())
    checksum.feed(b"12345")
    checksum.feed(b"6789")
    checksum.check()


@pytest.fixture(scope="module")
def moto():
    """The port of an emulator of AWS."""
    port = waiting.free_port()
    program = Program([tool("moto_server"), "-H", "127.0.0.1", "-p", port])
    yield program.wait_port(port) and port
    program.stop()


@pytest.fixture
def front(start, moto, tmp_path):
    """Starts the front, with further arguments; gives its port and its log."""

    def begin(*words):
        log = tmp_path / "sigv4.jsonl"
        words = ("--listen", "127.0.0.1:0", "--upstream", f"127.0.0.1:{moto}", "--log", log, *words)
        program = start([sys.executable, HERE / "support" / "sigv4.py", *words])
        ready = program.wait_line(lambda line: line.startswith("ready ") and line, "ready")
        return int(ready.split()[1]), log

    return begin


def client(service, endpoint, secret="test", **more):
    return boto3.client(
        service, endpoint_url=endpoint, region_name="eu-central-1",
        aws_access_key_id="test", aws_secret_access_key=secret, **more,
    )  # fmt: skip


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_the_sdk_signs_passes(front, certificate, scheme):
    tls = ("--cert", certificate.cert, "--key", certificate.key)
    port, log = front(*(tls if scheme == "https" else ()))
    endpoint, verify = f"{scheme}://localhost:{port}", str(certificate.authority)
    s3 = client("s3", endpoint, verify=verify)
    bucket, key = f"signed-{scheme}", "a b/../ü+%2F//x"
    s3.create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        body = io.BytesIO(b"z" * 300_000)
        s3.put_object(Bucket=bucket, Key=key, Body=body, ChecksumAlgorithm=algorithm)
    assert len(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) == 300_000
    assert s3.list_objects_v2(Bucket=bucket, Prefix="a b/")["KeyCount"] == 1
    assert client("dynamodb", endpoint, verify=verify).list_tables()["TableNames"] == []
    with pytest.raises(ClientError, match="ResourceNotFound"):
        arn = "arn:aws:lambda:eu-central-1:123456789012:function:none"
        client("lambda", endpoint, verify=verify).get_function(FunctionName=arn)
    requests = [json.loads(line) for line in log.read_text().splitlines()]
    assert not [one for one in requests if one["fault"]]
    trailers = [one for one in requests if one["payload"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"]
    # Only where TLS protects the body does it leave the hash out.
    assert len(trailers) == (3 if scheme == "https" else 0)


@pytest.mark.parametrize("service", ["sqs", "iam", "s3"])
def test_another_key_is_told_as_aws_tells_it(front, service):
    port, _ = front()
    wrong = client(service, f"http://localhost:{port}", secret="wrong")
    call = {"sqs": "list_queues", "iam": "list_users", "s3": "list_buckets"}[service]
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        getattr(wrong, call)()


def signed(port, url, body, payload=None, **headers):
    """A request to `port` that is signed as it should be."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if payload:
        headers["X-Amz-Content-SHA256"] = payload
    request = AWSRequest("PUT", f"http://localhost:{port}{url}", headers, body)
    SigV4Auth(Credentials("test", "test"), "sqs", "eu-central-1").add_auth(request)
    return dict(request.headers)


@pytest.mark.parametrize(("url", "body", "changed", "status"), [
    ("/a?b=c", b"hello", {}, True),
    ("/a?b=d", b"hello", {}, False),
    ("/A?b=c", b"hello", {}, False),
    ("/a?b=c", b"jello", {}, False),
    ("/a?b=c", b"hello", {"X-Extra": "other"}, False),
    ("/a?b=c", b"hello", {"X-Unsigned": "anything"}, True),
    ("/a?b=c", b"hello", {"X-Amz-Date": "20200101T000000Z"}, False),
    ("/a?b=c", b"hello", {"Authorization": ""}, False),
])  # fmt: skip
def test_what_was_changed_on_the_way_is_found(front, url, body, changed, status):
    port, _ = front()
    headers = signed(port, "/a?b=c", b"hello", X_Extra="same") | changed
    connection = HTTPConnection("localhost", port)
    connection.request("PUT", url, body, headers)
    answer = connection.getresponse()
    assert (answer.headers["x-sigv4-fault"] is None) == status, answer.headers["x-sigv4-fault"]
    assert status or answer.status == 403


@pytest.mark.parametrize(("data", "checksum", "status"), [
    (b"hello", b"hello", True), (b"hello", b"jello", False),
])  # fmt: skip
def test_a_trailing_checksum_is_held_against_the_body(front, data, checksum, status):
    port, _ = front()
    crc = base64.b64encode(zlib.crc32(checksum).to_bytes(4, "big")).decode()
    body = b"5\r\n%b\r\n0\r\nx-amz-checksum-crc32:%b\r\n\r\n" % (data, crc.encode())
    headers = signed(
        port, "/a", b"", "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        X_Amz_Trailer="x-amz-checksum-crc32", X_Amz_Decoded_Content_Length="5",
    )  # fmt: skip
    connection = HTTPConnection("localhost", port)
    connection.request("PUT", "/a", iter([body[:20], body[20:]]), headers, encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.headers["x-sigv4-fault"] is None) == status, answer.headers["x-sigv4-fault"]
