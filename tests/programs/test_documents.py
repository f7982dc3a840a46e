"""Judges every document of the whole run, after every other test has made its own."""

import os
import sys

import pytest

from conftest import DOCUMENTS
from support.programs import run

#: The two ends of a call are recorded by two processes, each when it saw the last byte; on a busy
#: machine the callee's record may be this many seconds later than its caller's.
TOLERANCE = "0.25"

VALIDATOR = os.environ.get("SEGMENT_VALIDATOR")


@pytest.mark.last
@pytest.mark.skipif(not VALIDATOR, reason="SEGMENT_VALIDATOR names no validator of documents")
def test_a_validator_finds_nothing_in_the_documents_of_the_run():
    if not DOCUMENTS.read_bytes():
        pytest.skip("the tests that were chosen made no document")
    flags = ["--tree", "--closed", "--werror", "--tolerance", TOLERANCE]
    done = run(sys.executable, VALIDATOR, *flags, DOCUMENTS, timeout=300)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
