"""The AWS SDK for JavaScript beside sideray, over HTTP/1.1 and over HTTP/2. Skipped where there is
no Node.js, or no package that `tests/setup` would have installed."""

import json
import shutil

import pytest

from support import aws
from support import documents
from support import faults
from support import nginx
from support import waiting
from support.programs import HERE

NODE = HERE / "node"
LAGS = [3000, 7, 0]

pytestmark = pytest.mark.skipif(
    not shutil.which("node") or not (NODE / "node_modules" / "@aws-sdk").exists(),
    reason="Node.js or the AWS SDK for JavaScript is not installed: run tests/setup",
)


@pytest.fixture
def http2_url(cloud, start, tmp_path, aws_certificate):
    """The cloud behind a server that speaks HTTP/2."""
    port = waiting.free_port()
    upstream = cloud.plain().rsplit(":", 1)[1]
    start(nginx.config(tmp_path, nginx.front(port, aws_certificate, upstream))).wait_port(port)
    return f"https://127.0.0.1:{port}"


def program(cloud, sideray, part, **egress):
    """Runs a part of the program under `sideray exec`; returns what it was told of each call, and
    the line it printed at the end."""
    cloud.reset([*faults.FAULTS, faults.subscription(LAGS)])
    sidecar = sideray(
        "http://127.0.0.1:1",
        command=["node", NODE / "aws.mjs", part],
        env=aws.ENVIRONMENT,
        egress=cloud.egress(**egress),
    )
    assert sidecar.program.wait(60) == 0, sidecar.program.output()[-4000:]
    entries = [json.loads(line) for line in sidecar.program.lines if line and line[0] == "{"]
    told = [entry for entry in entries if "attempts" in entry]
    last = next(entry for entry in entries if {"QueueUrl", "lags"} & set(entry))
    return told, last


def recorded(daemon):
    """The subsegments of everything that was sent, in the order of the calls."""
    daemon.settle()
    calls = [call.entity for call in documents.calls(daemon.documents())]
    return sorted(calls, key=lambda entity: entity["start_time"])


def agree(entities, told):
    """Each call is recorded as the SDK told it."""
    assert [one["aws"]["operation"] for one in entities] == [one["operation"] for one in told]
    for entity, line in zip(entities, told, strict=True):
        block = entity["aws"]
        assert (entity["namespace"], block["region"]) == ("aws", "us-east-1")
        assert documents.status(entity) == line["status"]
        assert block["request_id"] == line["request_id"]
        assert block.get("retries", 0) == line["attempts"] - 1
        assert ("cause" in entity) == ("code" in line)


def test_five_services_over_http_1(cloud, sideray, daemon):
    told, last = program(cloud, sideray, "http11")
    assert last["same"], "an object came back as it was sent"
    entities = recorded(daemon)
    agree(entities, told)
    names = [one["name"] for one in entities]
    assert names == ["dynamodb"] * 5 + ["s3"] * 5 + ["sqs"] * 4 + ["sns"] * 2 + ["lambda"] * 2

    blocks = [one["aws"] for one in entities]
    assert [one.get("table_name") for one in blocks[:5]] == ["orders"] * 4 + ["throttled-always"]
    assert [one.get("bucket_name") for one in blocks[5:10]] == ["receipts"] * 5
    keys = [None, "a b/é", "a b/é", "missing", "missing"]
    assert [one.get("key") for one in blocks[5:10]] == keys
    url = last["QueueUrl"]
    queues = [one.get("queue_url") for one in blocks[11:14]]
    assert queues == [url, url, f"{url}-missing"]
    assert blocks[12]["message_count"] == 1
    assert blocks[15]["topic_arn"] == last["TopicArn"]
    assert [one["function_name"] for one in blocks[16:]] == ["unhandled", "denied"]
    assert blocks[16]["function_error"] == "Unhandled"

    failed = {
        n: (documents.exception(one)["type"], documents.flags(one))
        for n, one in enumerate(entities)
        if "cause" in one
    }
    assert failed == {
        3: ("ConditionalCheckFailedException", {"error"}),
        4: ("ProvisionedThroughputExceededException", {"error", "throttle"}),
        8: ("NoSuchKey", {"error"}),
        9: ("404", {"error"}),
        13: ("AWS.SimpleQueueService.NonExistentQueue", {"error"}),
        17: ("AccessDeniedException", {"error"}),
    }


def test_kinesis_over_http_2(cloud, sideray, daemon, http2_url):
    """The program, sideray and the server speak HTTP/2; one call answers with a stream of events.
    The SDK signs `:authority` here, which no other protocol has."""
    routes = [{"host": "*.amazonaws.com", "connect_to": http2_url}]
    told, last = program(cloud, sideray, "http2", route=routes)
    assert last["lags"] == LAGS
    entities = recorded(daemon)
    agree(in_parallel(entities), in_parallel(told))
    assert {one["name"] for one in entities} == {"kinesis"}
    operations = [one["aws"]["operation"] for one in entities]
    assert sorted(operations) == ["CreateStream", "ListShards", "ListShards"] + [
        "PutRecord"
    ] * 3 + ["SubscribeToShard"]
    fronts = {one.headers.get("x-front-protocol") for one in cloud.front.requests}
    assert fronts == {"h2"}, "HTTP/2 goes all the way"


def in_parallel(calls):
    """Three of the calls were made at once, so only their ids tell which is which."""

    def key(call):
        return call.get("request_id") or call["aws"]["request_id"]

    puts = [call for call in calls if "PutRecord" in json.dumps(call)]
    puts.sort(key=key)
    return [call if "PutRecord" not in json.dumps(call) else puts.pop(0) for call in calls]
