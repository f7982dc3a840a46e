#!/usr/bin/env python3
"""Every operation botocore knows, as the request botocore makes of it.

    python3 tests/aws/every_operation.py [--endpoint-url URL] [--region REGION] [SERVICE...]

prints one JSON object a line: service, prefix, region, operation, method, url, headers, body_base64.
Nothing is sent: a hook takes each request where botocore would. Parameters are the least that the
operation's shape asks for, and the credentials are Amazon's examples.

`requests()` gives the same to a test, and `told()` what a request must be recognised as. What botocore
itself refuses to serialise is on stderr, or given to `refused`. With an endpoint of one's own the host
does not tell services apart that sign alike, so some fifty operations more are ambiguous there.
"""

import argparse
import base64
import dataclasses
import datetime
import io
import json
import sys
import types
import unittest.mock

import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.session
import botocore.tokens

ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ACCOUNT = "123456789012"

# What shapes do not say, and botocore or its endpoint rules ask for, by member; first those that are so
# in one service only.
SERVICES = {
    "cloudfront-keyvaluestore": {
        "KvsARN": f"arn:aws:cloudfront::{ACCOUNT}:key-value-store/4d7b2c3e-aaaa-bbbb-cccc-1234567890ab",
    },
    "kinesis": {
        "ChannelARN": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:channel/name",
        "ConsumerARN": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/name/consumer/name:1",
        "QueueARN": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:queue/name",
        "ResourceARN": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/name",
        "StreamARN": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/name",
    },
    "machinelearning": {
        "PredictEndpoint": "https://realtime.machinelearning.us-east-1.amazonaws.com",
    },
}
MEMBERS = {
    "AccountId": ACCOUNT,
    "Bucket": "bucket",
    "ChecksumAlgorithm": "CRC32",
    "CopySource": "other/key",
    "QueueUrl": f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/queue",
    "RequestRoute": "route",
}

# Requests that are the same to the byte as those of another operation, as which they are recognised: the
# old names of S3's calls, and a service whose one call is also one of another's, on the same host.
AMBIGUOUS = {
    ("s3", "GetBucketLifecycle"): ("s3", "GetBucketLifecycleConfiguration"),
    ("s3", "GetBucketNotification"): ("s3", "GetBucketNotificationConfiguration"),
    ("s3", "PutBucketLifecycle"): ("s3", "PutBucketLifecycleConfiguration"),
    ("s3", "PutBucketNotification"): ("s3", "PutBucketNotificationConfiguration"),
    ("signer-data", "GetRevocationStatus"): ("signer", "GetRevocationStatus"),
}

# Where clients are sent that ask for their endpoint.
CELLS = {"timestream-query": "query-cell1.timestream", "timestream-write": "ingest-cell1.timestream"}

# The only ones that must be called with a token. Others would take one before a signature.
WITH_TOKEN = ("account-access-runtime", "codecatalyst")
# Needs the asymmetric signature, for which botocore needs a library of its own.
WITH_V4A = ("cloudfront-keyvaluestore",)


@dataclasses.dataclass
class Request:
    """What botocore would have sent."""

    service: str
    prefix: str
    region: str
    operation: str
    method: str
    url: str
    headers: dict
    body: bytes

    def as_dict(self):
        fields = dataclasses.asdict(self)
        fields["body_base64"] = base64.b64encode(fields.pop("body")).decode()
        return fields


def told(request):
    """The endpoint prefix and the operation that a request must be recognised as."""
    own = (request.prefix, request.operation)
    return AMBIGUOUS.get((request.service, request.operation), own)


class SigV4A(botocore.auth.SigV4Auth):
    """What the asymmetric signature looks like; it verifies nothing."""

    def _inject_signature_to_request(self, request, signature):
        when = request.context["timestamp"]
        scope = f"{self.credentials.access_key}/{when[:8]}/{self._service_name}/aws4_request"
        headers = self.signed_headers(self.headers_to_sign(request))
        request.headers["X-Amz-Region-Set"] = "*"
        request.headers["Authorization"] = (
            f"AWS4-ECDSA-P256-SHA256 Credential={scope}, SignedHeaders={headers};x-amz-region-set, "
            f"Signature={signature}"
        )


class Taken(Exception):
    """The request is here: the rest of the call has no meaning."""


def requests(services=(), region="us-east-1", endpoint_url=None, refused=None):
    """Yields a `Request` for every operation of `services`, or of all there are."""
    known = botocore.session.get_session().get_available_services()
    for service in services or known:
        more = {"v4a": SigV4A} if service in WITH_V4A else {}
        with unittest.mock.patch.dict(botocore.auth.AUTH_TYPE_MAPS, more):
            yield from of_service(service, region, endpoint_url, refused)


def of_service(service, region, endpoint_url, refused):
    # A session keeps all it has loaded: one for each service.
    session = botocore.session.Session()
    session.set_credentials(ACCESS_KEY, SECRET_KEY, "token")
    if service in WITH_TOKEN:
        session._auth_token = botocore.tokens.FrozenAuthToken("token")
    client = session.create_client(
        service,
        region_name=region,
        endpoint_url=endpoint_url,
        config=botocore.config.Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )
    taken = []

    def take(request, event_name, **_):
        if event_name.endswith(".DescribeEndpoints") and operation != "DescribeEndpoints":
            return discovered(service, region)
        taken.append(request)
        raise Taken

    client.meta.events.register("before-send", take)
    for operation in client.meta.service_model.operation_names:
        model = client.meta.service_model.operation_model(operation)
        taken.clear()
        problem = "it was never sent"
        try:
            client._make_api_call(operation, parameters(service, model))
        except Taken:
            pass
        except Exception as error:  # what botocore refuses, for whatever reason, is told
            problem = f"{type(error).__name__}: {error}"
        if taken:
            yield request_of(client, service, operation, taken[-1])
        elif refused is not None:
            refused.append((service, operation, problem))
        else:
            print(f"{service} {operation}: {problem}", file=sys.stderr)


def discovered(service, region):
    """The answer to a client that asks where to call before it calls."""
    address = f"{CELLS.get(service, service)}.{region}.amazonaws.com"
    body = json.dumps({"Endpoints": [{"Address": address, "CachePeriodInMinutes": 1440}]})
    raw = types.SimpleNamespace(stream=lambda **_: iter([body.encode()]))
    return botocore.awsrequest.AWSResponse("https://" + address, 200, {}, raw)


def request_of(client, service, operation, sent):
    body = sent.body or b""
    if hasattr(body, "read"):
        body = body.read()
    headers = {
        name: value.decode() if isinstance(value, bytes) else str(value)
        for name, value in sent.headers.items()
    }
    return Request(
        service=service,
        prefix=client.meta.service_model.endpoint_prefix,
        region=client.meta.region_name,
        operation=operation,
        method=sent.method,
        url=sent.url,
        headers=headers,
        body=body.encode() if isinstance(body, str) else bytes(body),
    )


def parameters(service, model):
    if model.input_shape is None:
        return {}
    return structure(model.input_shape, SERVICES.get(service, {}), ())


def structure(shape, known, above):
    wanted = [name for name in shape.members if name in shape.required_members]
    # A payload is a body, and an empty one changes the headers; one of a union must be there.
    payload = shape.serialization.get("payload")
    if payload in shape.members and payload not in wanted:
        wanted.append(payload)
    if getattr(shape, "is_tagged_union", False) and not wanted:
        wanted = list(shape.members)[:1]
    given = {}
    for name in wanted:
        member = shape.members[name]
        if member.name in above:
            continue
        given[name] = value(name, member, known, (*above, shape.name))
    return given


def value(name, shape, known, above):
    if shape.type_name == "structure":
        return structure(shape, known, above)
    if shape.type_name == "list":
        return [value(name, shape.member, known, above)] if shape.member.name not in above else []
    if shape.type_name == "map":
        if shape.value.name in above:
            return {}
        return {value("key", shape.key, known, above): value(name, shape.value, known, above)}
    if shape.type_name == "string":
        return text(name, shape, known)
    if shape.type_name == "blob":
        return io.BytesIO(b"bytes") if shape.serialization.get("streaming") else b"bytes"
    return {
        "integer": 1,
        "long": 1,
        "float": 1.5,
        "double": 1.5,
        "boolean": True,
        "timestamp": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
    }.get(shape.type_name, {})


def text(name, shape, known):
    if name in known:
        return known[name]
    if name in MEMBERS:
        return MEMBERS[name]
    if shape.enum:
        return shape.enum[0]
    return (name + "-" * 40)[: max(len(name), shape.metadata.get("min", 1))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("services", nargs="*")
    parser.add_argument("--endpoint-url")
    parser.add_argument("--region", default="us-east-1")
    options = parser.parse_args()
    for request in requests(options.services, options.region, options.endpoint_url):
        print(json.dumps(request.as_dict()))


if __name__ == "__main__":
    main()
