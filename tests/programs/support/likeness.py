"""Holds sideray's subsegments of AWS calls against those of AWS's own SDK for Python, field by
field. Whatever differs must be on the list of `RULES`, each with its reason; X-Ray's developer
guide and the other SDKs are what the reasons lean on."""

import ast
import difflib
import re
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import unquote

from support import documents

MISSING = "(nothing)"
ACCOUNT = "123456789012"

#: Throttling at a status other than 429; the SDK for Python looks at the status alone.
THROTTLING = {
    "ProvisionedThroughputExceededException",
    "RequestThrottled",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
#: The SDKs for Java and Node.js call these throttling too, by their code and at a status of 5xx.
BUSY = {"RequestLimitExceeded", "SlowDown"}

#: Keys that the parameter tables of the other SDKs have and Python's has not.
UNION = {
    "bucket_count": {"ListBuckets"},
    "copy_source": {"UploadPartCopy"},
    "delete_marker": {"DeleteObject"},
    "deleted_object_count": {"DeleteObjects"},
    "destination_bucket_name": {"CopyObject", "UploadPartCopy"},
    "destination_key": {"CopyObject", "UploadPartCopy"},
    "object_count": {"ListObjects", "ListObjectsV2"},
    "policy": {"PutBucketPolicy"},
    "prefix": {"ListObjectVersions"},
    "source_bucket_name": {"CopyObject", "UploadPartCopy"},
    "source_key": {"CopyObject", "UploadPartCopy"},
    "version_id": {"DeleteObject", "HeadObject", "PutObjectAcl"},
}

ERROR = re.compile(
    r"An error occurred \((.*?)\) when calling the \w+ operation(?: \(.*?\))?: (.*)", re.S
)


class Pair(NamedTuple):
    """One call: what the SDK recorded, what sideray recorded, what the program was told."""

    sdk: dict
    ours: dict
    told: dict

    def wire(self):
        """The code and the message of the error, as the SDK found them in the response."""
        match = ERROR.match(self.sdk.get("cause.message", ""))
        return match.groups() if match else (None, None)


class Difference(NamedTuple):
    """A field that is not the same; `reason` says why it may be so, if it may."""

    call: str
    field: str
    sdk: object
    ours: object
    reason: str | None


#: How much of a body sideray looks at.
LOOKED_AT = 64 * 1024


def flat(entity):
    """What can be compared of a subsegment: everything but ids and times, by name."""
    aws = {f"aws.{key}": value for key, value in entity.get("aws", {}).items()}
    http = {
        f"http.{half}.{key}": value
        for half, fields in entity.get("http", {}).items()
        for key, value in fields.items()
    }
    told = {"name": entity["name"], "namespace": entity.get("namespace"), **aws, **http}
    told["flags"] = sorted(documents.flags(entity))
    if "cause" in entity:
        exception = documents.exception(entity)
        for key in ("type", "message", "remote"):
            told[f"cause.{key}"] = exception.get(key, MISSING)
    return told


def compare(reference, recorded):
    """Every `Difference` between two runs, each a list of subsegments in the order of the calls and
    a list of what the program was told of them; calls that one run alone has are differences
    too. The ids of requests are not the same in two runs: each must be what its own was told."""
    (reference, answers), (recorded, told) = reference, recorded
    reference, recorded = [flat(one) for one in reference], [flat(one) for one in recorded]
    assert len(reference) == len(answers), "the SDK did not record what the program was told"
    for one, before, after in zip(reference, answers, told, strict=True):
        if one.get("aws.request_id", MISSING) == before["request_id"]:
            one["aws.request_id"] = after["request_id"]
    names = [[(one["name"], one.get("aws.operation")) for one in s] for s in (reference, recorded)]
    found = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, *names, autojunk=False).get_opcodes():
        if tag == "equal":
            for sdk, ours, line in zip(reference[a:b], recorded[c:d], told[a:b], strict=True):
                found.extend(_fields(Pair(sdk, ours, line)))
        else:
            found.append(
                Difference(str(names[0][a:b]), "calls", names[0][a:b], names[1][c:d], None)
            )
    return found


def _fields(pair):
    sdk, ours = dict(pair.sdk), pair.ours
    # The SDKs for Java and Node.js record what Python's only knows.
    if pair.told["retries"]:
        sdk["aws.retries"] = pair.told["retries"]
    call = f"{sdk['name']} {sdk['aws.operation']} {pair.told.get('Key', '')}"
    for field in sorted({*sdk, *ours}):
        one, other = sdk.get(field, MISSING), ours.get(field, MISSING)
        if one != other:
            reasons = (reason for rule, reason in RULES.items() if rule(field, one, other, pair))
            yield Difference(call, field, one, other, next(reasons, None))


def flags(pair):
    """The sets of flags that are right for a call."""
    status, code = pair.told["status"], pair.wire()[0]
    if status is None or status >= 500:
        return [["fault"], ["fault", "throttle"]] if code in BUSY else [["fault"]]
    if status == HTTPStatus.NOT_MODIFIED:
        return [[]]
    if status == HTTPStatus.TOO_MANY_REQUESTS or code in THROTTLING:
        return [["error", "throttle"]]
    return [["error"]]


def _asked(field, sdk, _ours, _pair):
    return sdk == MISSING and field.startswith("http.request.")


def _length(field, sdk, _ours, _pair):
    return sdk == MISSING and field == "http.response.content_length"


def _flags(field, _sdk, ours, pair):
    return field == "flags" and ours in flags(pair)


def _keys(_field, sdk, ours, _pair):
    match = re.fullmatch(r"dict_keys\((\[.*\])\)", sdk, re.S) if isinstance(sdk, str) else None
    return match is not None and ast.literal_eval(match[1]) == ours


def _union(field, sdk, ours, pair):
    key, operation = field.removeprefix("aws."), pair.sdk["aws.operation"]
    if sdk != MISSING or pair.sdk["name"] != "s3":
        return False
    if key in ("bucket_name", "key"):
        return ours == pair.told.get({"bucket_name": "Bucket", "key": "Key"}[key])
    return operation in UNION.get(key, ())


def _no_id(field, sdk, ours, pair):
    absent = sdk in ("", None) and ours in (MISSING, pair.told["header_id"])
    return field == "aws.request_id" and absent


def _two_ids(field, _sdk, ours, pair):
    return field == "aws.request_id" and ours == pair.told["header_id"]


def _second_id(field, sdk, _ours, pair):
    return field == "aws.id_2" and sdk == MISSING and "cause.type" in pair.sdk


def _code(field, _sdk, ours, pair):
    return field == "cause.type" and ours == pair.wire()[0]


def _message(field, _sdk, ours, pair):
    return field == "cause.message" and ours == pair.wire()[1]


def _no_message(field, _sdk, _ours, pair):
    return field == "cause.message" and (pair.wire()[0] or "").isdigit()


def _not_modified(field, _sdk, ours, pair):
    unchanged = pair.told["status"] == HTTPStatus.NOT_MODIFIED
    return unchanged and field.startswith("cause.") and ours == MISSING


def _unanswered(field, sdk, _ours, pair):
    fields = ("cause.type", "cause.message", "cause.remote", "aws.retries")
    return pair.told["status"] is None and sdk == MISSING and field in fields


def _account(field, sdk, ours, _pair):
    return field == "aws.account_id" and sdk == MISSING and ours == ACCOUNT


def _copy_source(field, sdk, ours, _pair):
    if field != "aws.copy_source" or not isinstance(sdk, dict) or not isinstance(ours, str):
        return False
    return unquote(ours).lstrip("/") == f"{sdk['Bucket']}/{sdk['Key']}"


def _moved(field, _sdk, ours, pair):
    return field == "aws.region" and ours == "us-west-2" and pair.told.get("Key") == "moved"


def _far_behind(field, _sdk, ours, pair):
    counts = ("aws.count", "aws.scanned_count")
    length = pair.ours.get("http.response.content_length", 0)
    return field in counts and ours == MISSING and length > LOOKED_AT


#: When a field may differ, and why.
RULES = {
    _asked: "the SDK never records what was asked for; the guide has method and url",
    _length: "the guide has the length of the response",
    _flags: "error or fault by whose it was, throttle by code; the SDK adds fault to every error",
    _keys: "the SDK writes Python's text of a list of keys",
    _union: "the tables of the other SDKs have the row",
    _no_id: "the SDK writes an empty id, or overlooks that of a response without a body",
    _two_ids: "moto says one id in its headers and another in its body; AWS says the same",
    _second_id: "the SDK looks at the second id of a success only",
    _code: "the class of an exception is the program's; on the wire there is its code",
    _message: "the SDK wraps the message in a sentence of its own",
    _no_message: "there is no message on the wire",
    _not_modified: "304 says that the client has the object: no failure, although boto raises it",
    _unanswered: "the SDK records nothing of a call that nobody answered",
    _account: "the account is seen in a host or an ARN; the SDK for Java records it too",
    _copy_source: "what the program gives as a dict is a text on the wire",
    _far_behind: "it stands behind the first 64 KiB of the body, which is all that is looked at",
    _moved: "after a redirect the region is that of the bucket; the SDK goes on with its own",
}


def table(found):
    """The differences for a reader: the reasons with their numbers, then what has no reason."""
    lines = []
    for reason in RULES.values():
        same = [one for one in found if one.reason == reason]
        if same:
            example = f"{same[0].call}: {same[0].field} {same[0].sdk!r} / {same[0].ours!r}"
            lines.append(f"{len(same):5} {reason}\n        {example[:150]}")
    for one in found:
        if one.reason is None:
            lines.append(
                f"WRONG {one.call}: {one.field}\n  SDK   {one.sdk!r}\n  ours  {one.ours!r}"
            )
    return "\n".join(lines)
