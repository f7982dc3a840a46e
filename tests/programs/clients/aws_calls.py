"""How the program `with_aws.py` calls: one call after the other, each told of in a line of JSON."""

import random

# The SDK waits before a retry for a random part of a bound; this program is lucky every time. The
# SDK takes the function when it is imported.
random.random = lambda: 0.01

import json  # noqa: E402

import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.exceptions import BotoCoreError  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

CLIENTS = {}


def client(service, retries=None):
    """The client of a service, with so many retries, else with boto's own habit."""
    key = (service, retries)
    if key not in CLIENTS:
        config = Config(retries={"max_attempts": retries, "mode": "standard"}) if retries else None
        CLIENTS[key] = boto3.client(service, config=config)
    return CLIENTS[key]


def call(service, operation, /, retries=None, **parameters):
    """Calls, prints what came of it, and returns the response; `{}` if the call failed."""
    caller = client(service, retries)
    told = {"service": service, "operation": caller.meta.method_to_api_mapping[operation]}
    if service == "s3":
        told |= {name: parameters[name] for name in ("Bucket", "Key") if name in parameters}
    response = {}
    try:
        response = getattr(caller, operation)(**parameters)
        if hasattr(response.get("Body"), "read"):
            response["Body"] = response["Body"].read()
        meta = response["ResponseMetadata"]
    except ClientError as error:
        meta = error.response["ResponseMetadata"]
        told["code"] = error.response["Error"].get("Code")
    except BotoCoreError as error:
        meta = {}
        told["code"] = type(error).__name__
    told["status"] = meta.get("HTTPStatusCode")
    told["request_id"] = meta.get("RequestId")
    headers = meta.get("HTTPHeaders", {})
    told["header_id"] = headers.get("x-amzn-requestid") or headers.get("x-amz-request-id")
    told["retries"] = meta.get("RetryAttempts")
    print(json.dumps(told), flush=True)
    return response


def table(name):
    """The parameters of a small table."""
    return {
        "TableName": name,
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "who", "AttributeType": "S"},
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-who",
                "KeySchema": [{"AttributeName": "who", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
                "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2},
            }
        ],
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
    }
