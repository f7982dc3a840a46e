"""The program `clients/with_aws.py`, as AWS's own SDK records it: what sideray is held against."""

import json

from support import aws
from support import documents
from support import faults
from support.programs import HERE
from support.programs import PYTHON
from support.programs import run

PROGRAM = HERE / "clients" / "with_aws.py"
PATCHED = HERE / "clients" / "with_aws_patched.py"
#: For the program to end: a cold moto loads each service when it is first called.
PATIENCE = 100


def told(lines):
    """What the program printed of each call; sideray's log may stand between its lines."""
    entries = (json.loads(line) for line in lines if line and line.startswith("{"))
    return [entry for entry in entries if "header_id" in entry]


def without_ids(lines):
    """What is the same in every run: whether there was an id, but not which."""
    return [
        {name: bool(value) if name[-3:] == "_id" else value for name, value in line.items()}
        for line in lines
    ]


def ordered(catcher):
    """The subsegments of everything that was sent, in the order of the calls."""
    catcher.settle()
    calls = [call.entity for call in documents.calls(catcher.documents())]
    return sorted(calls, key=lambda entity: entity["start_time"])


def run_patched(cloud, sdk, part):
    """Runs a part of the patched program against a clean account; returns the subsegments of the
    SDK, which come to the catcher `sdk`, and what the program was told."""
    cloud.reset(faults.FAULTS)
    proxy = aws.Connector(cloud.port)
    env = {"HTTPS_PROXY": proxy.url, "AWS_CA_BUNDLE": str(cloud.certificate.authority)}
    command = (PYTHON, PATCHED, sdk.address, part)
    done = run(*command, env={**aws.ENVIRONMENT, **env}, timeout=PATIENCE)
    proxy.close()
    assert done.returncode == 0, done.stderr[-4000:]
    return ordered(sdk), told(done.stdout.splitlines())
