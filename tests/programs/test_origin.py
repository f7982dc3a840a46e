"""What machine this is, and what the service runs in, held against what AWS's own SDK for Python
finds by its plugins."""

import time

import pytest
from aws_xray_sdk.core import recorder as sdk
from aws_xray_sdk.core.plugins import ec2_plugin
from aws_xray_sdk.core.plugins import ecs_plugin

from support import metadata
from support.aws import ENVIRONMENT
from support.curl import curl as run_curl
from support.programs import PYTHON
from support.waiting import DEADLINE

CALL = """
import boto3
from botocore.config import Config
config = Config(retries={"total_max_attempts": 1})
sqs = boto3.client("sqs", endpoint_url="http://sqs.us-east-1.amazonaws.com", config=config)
try:
    sqs.list_queues()
except Exception as error:
    print(error)
"""


@pytest.fixture
def machine():
    """The metadata services."""
    server = metadata.Metadata()
    yield server
    server.close()


def segment_with(sidecar, daemon, tmp_path, wanted):
    """The first segment, of requests one after the other, that is as wanted."""
    end = time.monotonic() + DEADLINE
    for number in range(10_000):
        run_curl(tmp_path, f"{sidecar.ingress}/{number}")
        segment = daemon.segment(f"/{number}")
        if wanted(segment):
            return segment
        assert time.monotonic() < end, f"still {segment}"
    raise AssertionError("too many requests")


def test_the_machine_is_what_the_sdk_says_and_more(
    sideray, origin, daemon, machine, tmp_path, monkeypatch
):
    monkeypatch.setattr(ec2_plugin, "IMDS_URL", f"{machine.url}/latest/")
    for plugin in (ec2_plugin, ecs_plugin):
        plugin.initialize()
    of_sdk = {one.SERVICE_NAME: one.runtime_context for one in (ec2_plugin, ecs_plugin)}
    assert of_sdk["ec2"] and of_sdk["ecs"]

    sidecar = sideray(
        origin.url,
        env=machine.variables,
        origin={"plugins": ["ec2", "ecs"]},
        service={"version": "2.1"},
    )
    segment = segment_with(
        sidecar,
        daemon,
        tmp_path,
        lambda one: "ec2" in one["aws"] and "container_arn" in one["aws"].get("ecs", {}),
    )

    found = segment["aws"]
    for kind, block in of_sdk.items():
        ours = {key: found[kind].get(key) for key in block}
        assert ours == block, f"aws.{kind} as the SDK has it"
    assert segment["origin"] == ecs_plugin.ORIGIN
    assert segment["service"] == {"version": "2.1"}
    assert found["account_id"] == "123456789012"
    assert found["ec2"]["instance_size"] == "m7g.large"
    assert found["ecs"]["container_arn"] == metadata.ARN
    logs = "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/shop"
    assert found["cloudwatch_logs"] == [{"log_group": "/ecs/shop", "arn": logs}]


def test_the_runtime_is_what_the_sdk_says(sideray, origin, daemon, start, curl):
    route = [{"host": "*.amazonaws.com", "connect_to": origin.url}]
    sidecar = sideray(origin.url, egress={"route": route})
    curl(f"{sidecar.ingress}/before")
    assert "service" not in daemon.segment("/before")

    program = start([PYTHON, "-c", CALL], env={**ENVIRONMENT, **sidecar.proxies})
    assert program.wait() == 0, program.output()

    curl(f"{sidecar.ingress}/after")
    assert daemon.segment("/after")["service"] == sdk.SERVICE_INFO
