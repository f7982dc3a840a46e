"""A caller that AWS's own SDK traces: its subsegment must become our segment's parent."""

import sys

import requests
from aws_xray_sdk.core import patch
from aws_xray_sdk.core import xray_recorder

url, daemon = sys.argv[1:]

xray_recorder.configure(service="caller", sampling=False, daemon_address=daemon)
patch(["requests"])
with xray_recorder.in_segment("caller"):
    print(requests.get(url).headers["x-amzn-trace-id"])
