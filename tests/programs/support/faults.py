"""What AWS answers when it throttles, refuses or breaks, in the words of each protocol; the calls
that meet it are in `clients/with_aws.py`. The shapes are those of the services' documentation:
smithy.io/2.0/aws/protocols for the codes, the "Error Responses" pages of Amazon S3, EC2 and SNS."""

import gzip
import json
import struct
import zlib

from support.aws import Fault

ALWAYS = 1_000_000
ID = "8b2f2b3c-0000-4000-8000-00000000f417"
UNHANDLED = {"x-amzn-RequestId": ID, "X-Amz-Function-Error": "Unhandled"}
CBOR = {
    "Content-Type": "application/cbor",
    "smithy-protocol": "rpc-v2-cbor",
    "x-amzn-RequestId": ID,
}


def _json(operation, word, times, status, code, message, version="1.0", extra=None):
    kind = f"com.amazonaws.fault#{code}"
    body = json.dumps({"__type": kind, "message": message}).encode()
    headers = {"Content-Type": f"application/x-amz-json-{version}", "x-amzn-RequestId": ID}
    return Fault(operation, word, times, status, {**headers, **(extra or {})}, body)


def _rest_json(operation, word, times, status, code, message):
    headers = {
        "Content-Type": "application/json",
        "x-amzn-RequestId": ID,
        "x-amzn-ErrorType": f"{code}:http://internal.amazon.com/coral/{code}",
    }
    body = json.dumps({"Type": "User", "message": message}).encode()
    return Fault(operation, word, times, status, headers, body)


def _query(operation, word, times, status, code, message):
    text = (
        '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error>"
        f"<RequestId>{ID}</RequestId></ErrorResponse>"
    )
    headers = {"Content-Type": "text/xml", "x-amzn-RequestId": ID}
    return Fault(operation, word, times, status, headers, text.encode())


def _ec2(operation, word, times, status, code, message):
    """EC2 tells its request's id in the body alone."""
    text = (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<Response><Errors><Error><Code>{code}</Code>"
        f"<Message>{message}</Message></Error></Errors><RequestID>{ID}</RequestID></Response>"
    )
    return Fault(operation, word, times, status, {"Content-Type": "text/xml"}, text.encode())


def _s3(word, times, status, code, message, extra=None):
    text = (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>{code}</Code>"
        f"<Message>{message}</Message><RequestId>{ID}</RequestId><HostId>host</HostId></Error>"
    )
    headers = {"Content-Type": "application/xml", "x-amz-request-id": ID, "x-amz-id-2": "host"}
    return Fault("", word, times, status, {**headers, **(extra or {})}, text.encode())


def _cbor(operation, word, times, status, code, message):
    """A map of two texts, as RFC 8949 has it: small lengths are part of the first byte."""

    def text(value):
        raw = value.encode()
        return (bytes([0x60 + len(raw)]) if len(raw) < 24 else bytes([0x78, len(raw)])) + raw

    body = b"\xa2" + text("__type") + text(f"com.amazonaws.fault#{code}")
    body += text("message") + text(message)
    return Fault(operation, word, times, status, CBOR, body)


def _html(operation, word, times):
    """What a load balancer says for a service that is not there."""
    body = b"<html><head><title>503 Service Unavailable</title></head><body></body></html>"
    return Fault(operation, word, times, 503, {"Content-Type": "text/html"}, body)


def _closed(operation, word, times):
    return Fault(operation, word, times, 0, {}, b"")


SLOW = ("SlowDown", "Please reduce your request rate.")
RATE = "Rate exceeded"
CAPACITY = ("ProvisionedThroughputExceededException", "The level of configured throughput")
SQS_SLOW = {"x-amzn-query-error": "RequestThrottled;Sender"}
SQS_DENIED = {"x-amzn-query-error": "AccessDenied;Sender"}

FAULTS = [
    _json("GetItem", "throttled-twice", 2, 400, *CAPACITY),
    _json("GetItem", "throttled-always", ALWAYS, 400, *CAPACITY),
    _json("GetItem", "denied", ALWAYS, 400, "AccessDeniedException", "not authorized"),
    _json("GetItem", "broken-always", ALWAYS, 500, "InternalServerError", "it broke"),
    _closed("GetItem", "closed-always", ALWAYS),
    _json("GetParameter", "throttled-once", 1, 400, "ThrottlingException", RATE, "1.1"),
    _json("GetParameter", "throttled-always", ALWAYS, 400, "ThrottlingException", RATE, "1.1"),
    _json("DescribeKey", "denied", ALWAYS, 400, "AccessDeniedException", "no", "1.1"),
    _query("Publish", "throttled-always", ALWAYS, 400, "Throttling", RATE),
    _query("Publish", "denied", ALWAYS, 403, "AuthorizationError", "not authorized"),
    _html("Publish", "html-always", ALWAYS),
    _json("SendMessage", "throttled-always", ALWAYS, 400, "RequestThrottled", RATE, extra=SQS_SLOW),
    _json("SendMessage", "denied", ALWAYS, 403, "AccessDeniedException", "no", extra=SQS_DENIED),
    _ec2("DescribeVolumes", "vol-throttled-always", ALWAYS, 503, "RequestLimitExceeded", RATE),
    _ec2("DescribeVolumes", "vol-denied", ALWAYS, 403, "UnauthorizedOperation", "not authorized"),
    _ec2("DescribeVolumes", "vol-broken-always", ALWAYS, 500, "InternalError", "it broke"),
    _rest_json("/functions/throttled-always", "", ALWAYS, 429, "TooManyRequestsException", RATE),
    _rest_json("/functions/denied", "", ALWAYS, 403, "AccessDeniedException", "not authorized"),
    _rest_json("/functions/broken-always", "", ALWAYS, 500, "ServiceException", "it broke"),
    Fault("/functions/unhandled", "", 1, 200, UNHANDLED, b'{"errorMessage": "it broke"}'),
    Fault("/functions/later", "", 1, 202, {"x-amzn-RequestId": ID}, b""),
    _rest_json("/functions", "MaxItems=7", 1, 500, "ServiceException", "it broke"),
    _json("ListMetrics", "throttled-once", 1, 400, "ThrottlingException", RATE),
    _cbor("DescribeEventBus", "throttled-always", ALWAYS, 400, "ThrottlingException", RATE),
    _cbor("DescribeEventBus", "throttled-once", 1, 400, "ThrottlingException", RATE),
    _cbor("DescribeEventBus", "denied", ALWAYS, 403, "AccessDeniedException", "not authorized"),
    _cbor("DescribeEventBus", "broken-always", ALWAYS, 500, "InternalException", "it broke"),
    # moto does not know this service, the only kind that boto calls in CBOR: the rest is well.
    Fault("AWSEventsV2", "", ALWAYS, 200, CBOR, b"\xa0"),
    _s3("/slow-always", ALWAYS, 503, *SLOW),
    _s3("/slow-once", 1, 503, *SLOW),
    _s3("failing.s3.amazonaws.com/denied", ALWAYS, 403, "AccessDenied", "Access Denied"),
    _s3("/broken-always", ALWAYS, 500, "InternalError", "it broke"),
    _s3("prefix=broken-once", 1, 500, "InternalError", "it broke"),
    _closed("/closed-once", "", 1),
    _s3("/error-200", 1, 200, "InternalError", "it broke"),
    _s3(
        "GET failing.s3.amazonaws.com/moved", 1, 301, "PermanentRedirect", "elsewhere",
        {"x-amz-bucket-region": "us-west-2"},
    ),
    _query("/2013-04-01/hostedzone/ZTHROTTLED", "", ALWAYS, 400, "Throttling", RATE),
    _query("/2013-04-01/hostedzone/ZDENIED", "", ALWAYS, 403, "AccessDenied", "no"),
]  # fmt: skip


def zipped(operation, word):
    """A refusal in gzip, which boto never asks for and curl does."""
    fault = _json(operation, word, ALWAYS, 400, "ResourceInUseException", "zipped up")
    headers = {**fault.headers, "Content-Encoding": "gzip"}
    return fault._replace(headers=headers, body=gzip.compress(fault.body))


def _event(headers, payload):
    """A message of an event stream: lengths, headers and payload between checksums, as "Event
    stream encoding" in the guide of Amazon Transcribe has it."""
    packed = b""
    for name, value in headers.items():
        packed += bytes([len(name)]) + name.encode()
        packed += b"\x07" + struct.pack("!H", len(value)) + value.encode()
    start = struct.pack("!II", len(packed) + len(payload) + 16, len(packed))
    start += struct.pack("!I", zlib.crc32(start))
    return start + packed + payload + struct.pack("!I", zlib.crc32(start + packed + payload))


def subscription(lags):
    """Kinesis's answer to `SubscribeToShard`, which moto has not: an event for each of `lags`, the
    milliseconds that it is behind."""
    kind = {":message-type": "event", ":content-type": "application/x-amz-json-1.1"}
    body = _event({":event-type": "initial-response", **kind}, b"{}")
    for lag in lags:
        told = {"ContinuationSequenceNumber": "1", "MillisBehindLatest": lag, "Records": []}
        event = {":event-type": "SubscribeToShardEvent", **kind}
        body += _event(event, json.dumps(told).encode())
    headers = {"Content-Type": "application/vnd.amazon.eventstream", "x-amzn-RequestId": ID}
    return Fault("SubscribeToShard", "", ALWAYS, 200, headers, body)
