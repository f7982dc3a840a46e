"""An unmodified boto3 program beside sideray, held against the same program patched by AWS's own
SDK: each of its calls must be recorded as the SDK has it, or better for a reason."""

import pytest

from support import aws
from support import documents
from support import faults
from support import likeness
from support import reference
from support.programs import PYTHON


def as_sideray_has_it(cloud, sideray, daemon, part):
    """Sideray's subsegments, and what the unmodified program was told."""
    cloud.reset(faults.FAULTS)
    sidecar = sideray(
        "http://127.0.0.1:1",
        command=[PYTHON, reference.PROGRAM, part],
        env=aws.ENVIRONMENT,
        egress=cloud.egress(),
    )
    assert sidecar.program.wait(reference.PATIENCE) == 0, sidecar.program.output()[-4000:]
    return reference.ordered(daemon), reference.told(sidecar.program.lines)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("part", ["services", "parameters", "failures"])
def test_each_call_is_what_the_sdk_makes_of_it(cloud, sideray, daemon, sdk, capsys, part):
    expected = reference.run_patched(cloud, sdk, part)
    recorded = as_sideray_has_it(cloud, sideray, daemon, part)
    answers, same = (reference.without_ids(lines) for _, lines in (expected, recorded))
    assert same == answers, "the program saw another AWS through sideray"
    services = {line["service"] for line in answers}
    assert part != "services" or len(services) >= 40
    found = likeness.compare(expected, recorded)
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
