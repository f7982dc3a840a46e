"""The program `with_aws.py` as AWS's own SDK traces it: patched, in a segment of its own.

    python with_aws_patched.py DAEMON [PART…]"""

import random

random.random = lambda: 0.01  # as `with_aws.py` says; here boto is imported sooner

import runpy  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from aws_xray_sdk.core import patch  # noqa: E402
from aws_xray_sdk.core import xray_recorder  # noqa: E402

daemon, *sys.argv[1:] = sys.argv[1:]

xray_recorder.configure(service="checkout", sampling=False, daemon_address=daemon)
patch(["botocore"])
with xray_recorder.in_segment("checkout"):
    runpy.run_path(str(Path(__file__).with_name("with_aws.py")), run_name="__main__")
