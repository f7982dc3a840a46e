"""The second way in: `AWS_ENDPOINT_URL` names the egress port, no certificate plays a part, and what
was signed for us is signed anew for AWS. The program's own key is none that AWS knows."""

import pytest

from support import aws
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
