"""An unmodified program that calls many AWS services with boto3, one call after the other.

    python with_aws.py [services | parameters | failures]…

It prints a JSON line for each call: what the SDK told it. The calls are always the same, so two
runs against two clean accounts differ in nothing but the time. (The patched run is
`with_aws_patched.py`.)"""

import sys

import aws_failures
import aws_parameters
import aws_services

PARTS = {**vars(aws_services), **vars(aws_parameters), **vars(aws_failures)}

if __name__ == "__main__":
    for part in sys.argv[1:] or ["services", "parameters", "failures"]:
        PARTS[part]()
