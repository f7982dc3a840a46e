"""Interception as its clients see it: who is shown which certificate, what is seen of HTTP/1.1 and
HTTP/2 inside, and that whatever is not for us passes as if we were not there."""

import pytest

from support import aws
from support import connect
from support import documents
from support import faults
from support import nginx
from support import waiting
from support.documents import header
from support.echo import Echo
from support.origin import Origin
from support.programs import run

HOST = "dynamodb.us-east-1.amazonaws.com"
LIST_TABLES = [
    "--aws-sigv4", "aws:amz:us-east-1:dynamodb", "--user", f"{aws.ACCESS_KEY}:{aws.SECRET_KEY}",
    "-H", "X-Amz-Target: DynamoDB_20120810.ListTables",
    "-H", "Content-Type: application/x-amz-json-1.0",
    "-d", '{"Limit": 3}', f"https://{HOST}/",
]  # fmt: skip
#: So many refusals are more than a bounded number.
TOO_MANY = 20


@pytest.fixture
def ca_dir(tmp_path):
    """Where sideray writes its authority's certificate."""
    return tmp_path / "ca"


@pytest.fixture
def intercepting(sideray, cloud, ca_dir):
    """Starts a sidecar that finds AWS on loopback, with tables that override its `[egress]`."""

    def begin(**egress):
        tables = {"intercept": {"ca_dir": ca_dir}, **egress}
        return sideray("http://127.0.0.1:1", egress=cloud.egress(**tables))

    return begin


def tunnels(known):
    """The tunnels among the documents."""
    return [call for call in documents.calls(known) if "tunnel" in documents.notes(call.entity)]


def calls(known):
    """The calls of AWS's services among the documents."""
    return [call for call in documents.calls(known) if call.entity.get("namespace") == "aws"]


def listed(daemon):
    """The one call, which is `ListTables`."""
    (call,) = daemon.wait(calls, "call of DynamoDB")
    assert (call.entity["name"], call.entity["aws"]["operation"]) == ("dynamodb", "ListTables")
    assert call.entity["aws"]["limit"] == 3
    return call


@pytest.mark.parametrize(("flag", "version"), [("--http2", "2"), ("--http1.1", "1.1")])
def test_curl_over_both_versions(
    cloud, intercepting, ca_dir, curl, daemon, start, tmp_path, aws_certificate, flag, version
):
    port = waiting.free_port()
    upstream = cloud.plain().rsplit(":", 1)[1]
    start(nginx.config(tmp_path, nginx.front(port, aws_certificate, upstream))).wait_port(port)
    route = [{"host": "*.amazonaws.com", "connect_to": f"https://127.0.0.1:{port}"}]
    sidecar = intercepting(route=route)
    answer = curl(flag, "-x", sidecar.egress, "--cacert", ca_dir / "ca.pem", *LIST_TABLES)
    assert (answer.code, answer.status, answer.version) == (0, 200, version), answer.error
    assert answer.body == b'{"TableNames": []}'
    if version == "2":
        assert answer.headers["x-front-protocol"] == "h2", "HTTP/2 goes all the way"
    call = listed(daemon)
    assert call.entity["aws"]["request_id"] == answer.headers["x-amzn-requestid"]
    assert documents.request(call.entity) == {"method": "POST", "url": f"https://{HOST}/"}
    sent = header(cloud.front.requests[-1].headers["x-amzn-trace-id"])
    assert (sent["Root"], sent["Parent"]) == (call.trace_id, call.entity["id"])


def test_a_server_of_http_1_alone(intercepting, ca_dir, curl, daemon):
    """A client may offer HTTP/2, but it gets what the server speaks."""
    sidecar = intercepting()
    answer = curl("--http2", "-x", sidecar.egress, "--cacert", ca_dir / "ca.pem", *LIST_TABLES)
    assert (answer.code, answer.status, answer.version) == (0, 200, "1.1"), answer.error
    listed(daemon)


def test_openssl_finds_nothing_wrong(intercepting, ca_dir):
    sidecar = intercepting()
    for host in (HOST, "receipts.s3.us-east-1.amazonaws.com"):
        done = run(
            "openssl", "s_client", "-proxy", sidecar.addresses["egress"], "-connect",
            f"{host}:443", "-servername", host, "-CAfile", ca_dir / "ca.pem", "-verify_hostname",
            host, "-verify_return_error", "-x509_strict", "-alpn", "http/1.1", stdin="",
        )  # fmt: skip
        assert "Verify return code: 0 (ok)" in done.stdout, done.stdout + done.stderr
        assert "ALPN protocol: http/1.1" in done.stdout


def test_a_client_that_refuses_is_tunnelled_after_a_while(
    cloud, intercepting, ca_dir, curl, daemon, authority
):
    """It trusts the server's own authority and not ours, as do programs that bring a bundle."""
    sidecar = intercepting()
    answers = []

    def served():
        answers.append(curl("-x", sidecar.egress, "--cacert", authority.cert, *LIST_TABLES))
        assert len(answers) < TOO_MANY, "the number of refusals is bounded"
        return answers[-1].status == 200

    waiting.until(served, "the call goes through a tunnel")
    refused = answers[:-1]
    assert refused, "the first was shown our certificate"
    assert {answer.code for answer in refused} == {60}, "curl cannot authenticate the peer"
    warned = sidecar.wait_log(
        lambda entry: entry if "_CA_BUNDLE" in str(entry) else None, "the variable to set"
    )
    assert warned["level"].lower() == "warn"
    assert HOST in str(warned)
    assert sidecar.metrics().sum("sideray_tunnels_total", outcome="refused") == len(refused)
    assert daemon.wait(tunnels, "tunnel")[-1].entity["name"] == HOST
    assert "x-amzn-trace-id" not in cloud.front.requests[-1].headers

    other = "sqs.us-east-1.amazonaws.com"
    with connect.secure(sidecar.addresses["egress"], other, ca_dir / "ca.pem") as client:
        assert client.getpeercert(), "other hosts are intercepted as before"


def test_other_hosts_are_tunnels(intercepting, tls_origin, curl, daemon, authority):
    sidecar = intercepting()
    answer = curl("-x", sidecar.egress, "--cacert", authority.cert, f"{tls_origin.url}/blind")
    assert (answer.code, answer.status) == (0, 200), answer.error
    (tunnel,) = daemon.wait(tunnels, "tunnel")
    assert tunnel.entity["name"] == "localhost"


def test_a_route_moves_a_tunnel_too(intercepting, authority, curl, daemon):
    server = Origin(authority.issue("shop", ["shop.example"]))
    try:
        route = [{"host": "shop.example", "connect_to": server.url}]
        sidecar = intercepting(route=route)
        answer = curl("-x", sidecar.egress, "--cacert", authority.cert, "https://shop.example/7")
        assert (answer.code, answer.status) == (0, 200), answer.error
        assert server.request("/7").headers["host"] == "shop.example"
        (tunnel,) = daemon.wait(tunnels, "tunnel")
        assert tunnel.entity["name"] == "shop.example"
    finally:
        server.close()


def test_every_host_is_intercepted_for_those_who_want_it(
    intercepting, authority, ca_dir, curl, daemon
):
    server = Origin(authority.issue("shop", ["shop.example"]))
    try:
        sidecar = intercepting(
            intercept={"ca_dir": ca_dir, "hosts": ["*"]},
            route=[{"host": "shop.example", "connect_to": server.url}],
        )
        url = "https://shop.example/orders/7"
        answer = curl("-x", sidecar.egress, "--cacert", ca_dir / "ca.pem", f"{url}?key=secret")
        assert (answer.code, answer.status) == (0, 200), answer.error
        call = daemon.call("/orders/7")
        assert (call.entity["name"], call.entity["namespace"]) == ("shop.example", "remote")
        assert documents.request(call.entity) == {"method": "GET", "url": url}
        sent = header(server.request("/orders/7").headers["x-amzn-trace-id"])
        assert (sent["Root"], sent["Parent"]) == (call.trace_id, call.entity["id"])
    finally:
        server.close()


def test_a_server_that_nobody_vouches_for_shows_its_own_certificate(
    intercepting, curl, daemon, authority
):
    """Sideray does not trust it, but it is not for sideray to say: the program may."""
    sidecar = intercepting(tls=None)
    answer = curl("-x", sidecar.egress, "--cacert", authority.cert, *LIST_TABLES)
    assert (answer.code, answer.status) == (0, 200), answer.error
    (tunnel,) = daemon.wait(tunnels, "tunnel")
    assert tunnel.entity["name"] == HOST


@pytest.mark.parametrize("inside", ["plain", "tls"])
def test_what_is_not_http_passes(intercepting, aws_certificate, ca_dir, daemon, inside):
    """Bytes that are not TLS after CONNECT, and bytes inside TLS that are not HTTP."""
    echo = Echo(aws_certificate if inside == "tls" else None)
    try:
        sidecar = intercepting(route=[{"host": "*.amazonaws.com", "connect_to": echo.url}])
        address = sidecar.addresses["egress"]
        if inside == "tls":
            client = connect.secure(address, HOST, ca_dir / "ca.pem")
        else:
            client = connect.tunnel(address, HOST)
        with client:
            for size in (1, 70_000):
                said = b"\x00\x01\x02not HTTP" + b"\xff" * size
                client.sendall(said)
                heard = b""
                while len(heard) < len(said):
                    piece = client.recv(65536)
                    assert piece, f"closed after {len(heard)} bytes"
                    heard += piece
                assert heard == said
        daemon.wait(tunnels, "tunnel")
    finally:
        echo.close()


def test_the_error_in_a_zipped_answer_is_read_and_the_answer_left_alone(
    cloud, intercepting, ca_dir, curl, daemon
):
    fault = faults.zipped("ListTables", "")
    cloud.reset([fault])
    sidecar = intercepting()
    accepting = ["-H", "Accept-Encoding: gzip"]
    answer = curl("-x", sidecar.egress, "--cacert", ca_dir / "ca.pem", *accepting, *LIST_TABLES)
    assert (answer.status, answer.body) == (400, fault.body)
    call = listed(daemon)
    assert documents.flags(call.entity) == {"error"}
    exception = documents.exception(call.entity)
    assert exception["type"] == "ResourceInUseException"
    assert (exception["message"], exception["remote"]) == ("zipped up", True)
