"""An unmodified boto3 program beside sideray, held against the same program patched by AWS's own
SDK: each of its calls must be recorded as the SDK has it, or better for a reason."""

import json

import pytest

from conftest import DOCUMENTS
from support import aws
from support import documents
from support import faults
from support import likeness
from support.catcher import Catcher
from support.programs import HERE
from support.programs import PYTHON
from support.programs import run

PROGRAM = HERE / "clients" / "with_aws.py"
PATCHED = HERE / "clients" / "with_aws_patched.py"
#: A cold moto loads each service when it is first called.
PATIENCE = 100


@pytest.fixture
def sdk():
    """A daemon for the SDK's documents."""
    catcher = Catcher(compact=False)
    yield catcher
    catcher.close()
    catcher.save(DOCUMENTS)
    assert not catcher.faults, "\n".join(catcher.faults)


def told(lines):
    """What the program printed of each call; sideray's log may stand between its lines."""
    entries = (json.loads(line) for line in lines if line and line.startswith("{"))
    return [entry for entry in entries if "header_id" in entry]


def without_ids(line):
    """What is the same in every run: whether there was an id, but not which."""
    return {name: bool(value) if name[-3:] == "_id" else value for name, value in line.items()}


def ordered(catcher):
    """The subsegments of everything that was sent, in the order of the calls."""
    catcher.settle()
    calls = [call.entity for call in documents.calls(catcher.documents())]
    return sorted(calls, key=lambda entity: entity["start_time"])


def as_the_sdk_has_it(cloud, sdk, part):
    """The subsegments of the SDK, and what the patched program was told."""
    cloud.reset(faults.FAULTS)
    proxy = aws.Connector(cloud.port)
    env = {"HTTPS_PROXY": proxy.url, "AWS_CA_BUNDLE": str(cloud.certificate.authority)}
    done = run(
        PYTHON, PATCHED, sdk.address, part, env={**aws.ENVIRONMENT, **env}, timeout=PATIENCE
    )
    proxy.close()
    assert done.returncode == 0, done.stderr[-4000:]
    return ordered(sdk), told(done.stdout.splitlines())


def as_sideray_has_it(cloud, sideray, daemon, part):
    """Sideray's subsegments, and what the unmodified program was told."""
    cloud.reset(faults.FAULTS)
    sidecar = sideray(
        "http://127.0.0.1:1",
        command=[PYTHON, PROGRAM, part],
        env=aws.ENVIRONMENT,
        egress=cloud.egress(),
    )
    assert sidecar.program.wait(PATIENCE) == 0, sidecar.program.output()[-4000:]
    return ordered(daemon), told(sidecar.program.lines)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("part", ["services", "parameters", "failures"])
def test_each_call_is_what_the_sdk_makes_of_it(cloud, sideray, daemon, sdk, capsys, part):
    reference = as_the_sdk_has_it(cloud, sdk, part)
    recorded = as_sideray_has_it(cloud, sideray, daemon, part)
    answers, same = ([without_ids(line) for line in run[1]] for run in (reference, recorded))
    assert same == answers, "the program saw another AWS through sideray"
    services = {line["service"] for line in answers}
    assert part != "services" or len(services) >= 40
    found = likeness.compare(reference, recorded)
    with capsys.disabled():
        print(f"\n{part}: {len(answers)} calls of {len(services)} services")
        print(likeness.table(found))
    assert not [one for one in found if one.reason is None]


def test_failures_of_one_kind_are_the_same_in_every_protocol(cloud, sideray, daemon):
    """The flags and the code, named one by one rather than by a rule."""
    recorded, _ = as_sideray_has_it(cloud, sideray, daemon, "failures")
    seen = {}
    for entity in recorded:
        flags = sorted(documents.flags(entity))
        kind = documents.exception(entity)["type"] if "cause" in entity else None
        key = (entity["name"], entity["aws"]["operation"])
        seen.setdefault(key, []).append((flags, kind, entity["aws"].get("retries", 0)))
    error, throttled, fault = ["error"], ["error", "throttle"], ["fault"]
    assert seen["dynamodb", "GetItem"][:4] == [
        ([], None, 2),
        (throttled, "ProvisionedThroughputExceededException", 2),
        (error, "AccessDeniedException", 0),
        (fault, "InternalServerError", 2),
    ]
    assert seen["dynamodb", "GetItem"][4][::2] == (fault, 2)
    assert seen["ssm", "GetParameter"] == [
        ([], None, 1),
        (throttled, "ThrottlingException", 2),
    ]
    assert seen["sns", "Publish"] == [
        (throttled, "Throttling", 2),
        (error, "AuthorizationError", 0),
        (fault, "503", 2),
    ]
    assert seen["sqs", "SendMessage"] == [
        (throttled, "RequestThrottled", 2),
        (error, "AccessDenied", 0),
    ]
    assert seen["eventsv2", "DescribeEventBus"] == [
        (throttled, "ThrottlingException", 2),
        ([], None, 1),
        (error, "AccessDeniedException", 0),
        (fault, "InternalException", 2),
    ]
    assert seen["lambda", "Invoke"][:3] == [
        (throttled, "TooManyRequestsException", 2),
        (error, "AccessDeniedException", 0),
        (fault, "ServiceException", 2),
    ]
    assert seen["ec2", "DescribeVolumes"][1:] == [
        (error, "UnauthorizedOperation", 0),
        (fault, "InternalError", 2),
    ]
    assert seen["s3", "HeadObject"] == [(error, "403", 0), (fault, "500", 2)]
    assert seen["s3", "CopyObject"] == [([], None, 1)], "an error in a 200 is an error"
