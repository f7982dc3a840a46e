"""The program `with_aws.py` as AWS's own SDK traces it: patched, in a segment of its own.

python with_aws_patched.py DAEMON [PART…]"""

import runpy
import sys
from pathlib import Path

import aws_calls  # noqa: F401 # before the SDK
from aws_xray_sdk.core import patch
from aws_xray_sdk.core import xray_recorder

daemon, *sys.argv[1:] = sys.argv[1:]

xray_recorder.configure(service="checkout", sampling=False, daemon_address=daemon)
patch(["botocore"])
with xray_recorder.in_segment("checkout"):
    runpy.run_path(str(Path(__file__).with_name("with_aws.py")), run_name="__main__")
